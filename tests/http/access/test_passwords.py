"""Password files, as Apache's program writes them and as this library does."""

from __future__ import annotations

import os
import stat
import subprocess
from collections.abc import Callable
from hashlib import md5, sha256
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from galidia.http.access import passwords
from galidia.http.access.passwords import FolderPasswords, PasswordFile, remove_user, set_password


def hashes(user: str, realm: str, password: str) -> tuple[str, str]:
    text = f"{user}:{realm}:{password}".encode()
    return md5(text).hexdigest(), sha256(text).hexdigest()


def read(path: Path) -> PasswordFile:
    file = PasswordFile(path)
    file.refresh()
    return file


def htdigest(path: Path, realm: str, user: str, password: str, *options: str) -> None:
    """Apache's program, which asks twice and takes what is piped into it."""
    subprocess.run(
        ["htdigest", *options, path, realm, user],
        input=f"{password}\n{password}\n".encode(),
        check=True,
        capture_output=True,
    )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "users"


def test_a_file_of_apache(path: Path) -> None:
    htdigest(path, "a realm", "ann", "secret", "-c")
    htdigest(path, "a realm", "bob", "p:w")
    file = read(path)
    for user, password in (("ann", "secret"), ("bob", "p:w")):
        want = hashes(user, "a realm", password)[0]
        assert file.secret(user.encode(), b"a realm", "md5") == want
        assert file.secret(user.encode(), b"a realm", "sha-256") is None
    assert file.secret(b"ann", b"another", "md5") is None
    assert file.algorithms(b"a realm") == ["md5"]


def test_apache_takes_what_is_written_here(path: Path) -> None:
    set_password(path, "r", "ann", "one")
    set_password(path, "r", "bob", "two")
    htdigest(path, "r", "ann", "three")  # says "Changing password" and fails if it finds no line
    file = read(path)
    assert file.secret(b"ann", b"r", "md5") == hashes("ann", "r", "three")[0]
    assert file.secret(b"bob", b"r", "md5") == hashes("bob", "r", "two")[0]


def test_what_else_may_be_in_a_file(path: Path) -> None:
    one, other = hashes("a", "r", "1")
    path.write_bytes(
        f"# comment\n\n#a:r:{'0' * 32}\na:r\na:r:{'0' * 31}\na:r:{'g' * 32}\nx:a:r:{one}\n"
        f"a:r:{one.upper()}\r\na:r:{'0' * 32}\na:r:{other}\n\xff:r:{one}".encode("latin-1")
    )
    file = read(path)
    assert file.secret(b"a", b"r", "md5") == one
    assert file.secret(b"a", b"r", "sha-256") == other
    assert file.secret(b"\xff", b"r", "md5") == one
    assert len(file._users) == 2


@given(st.binary(max_size=300) | st.text(":ab\n#0").map(str.encode))
def test_any_bytes_are_a_file(content: bytes) -> None:
    for (user, realm), known in passwords._parse(content).items():
        assert b":" not in user + realm
        assert known.keys() <= {"md5", "sha-256"}


@pytest.mark.parametrize(
    ("lines", "offered"),
    [
        ([], ["sha-256", "md5"]),
        ([("a", 0)], ["md5"]),
        ([("a", 1)], ["sha-256"]),
        ([("a", 0), ("a", 1)], ["sha-256", "md5"]),
        ([("a", 0), ("a", 1), ("b", 0)], ["md5"]),
        ([("a", 0), ("b", 1)], ["sha-256", "md5"]),
    ],
)
def test_algorithms_that_all_users_have(
    lines: list[tuple[str, int]], offered: list[str], path: Path
) -> None:
    path.write_text("".join(f"{u}:r:{hashes(u, 'r', 'x')[which]}\n" for u, which in lines))
    assert read(path).algorithms(b"r") == offered


def test_a_file_that_changes(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    set_password(path, "r", "a", "one")
    file = read(path)
    set_password(path, "r", "a", "two")
    file.refresh()
    assert file.secret(b"a", b"r", "md5") == hashes("a", "r", "two")[0]
    # In place, with the same size and times: nothing tells, but the file is too young to be sure.
    status = path.stat()
    two, new = (hashes("a", "r", password)[0] for password in ("two", "new"))
    path.write_text(path.read_text().replace(two, new))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    file.refresh()
    assert file.secret(b"a", b"r", "md5") == hashes("a", "r", "new")[0]
    # One that has been there for a while is not read again for nothing.
    monkeypatch.setattr(passwords, "SETTLED", -1e9)
    file.refresh()
    monkeypatch.setattr(passwords, "_parse", lambda content: pytest.fail("read again"))
    file.refresh()


def test_a_file_that_goes_knows_nobody(
    path: Path, tmp_path: Path, logged: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    set_password(path, "r", "a", "one")
    file = read(path)
    known = hashes("a", "r", "one")[0]

    def becomes_a_folder() -> None:
        path.unlink()
        path.mkdir()

    changes: list[tuple[Callable[[], object], Callable[[], object]]] = [
        (lambda: path.rename(tmp_path / "away"), lambda: (tmp_path / "away").rename(path)),
        (lambda: monkeypatch.setattr(passwords, "FILE_LIMIT", 9), monkeypatch.undo),
        (becomes_a_folder, lambda: None),
    ]
    for spoil, restore in changes:
        assert file.secret(b"a", b"r", "md5") == known
        logged.clear()
        spoil()
        for _ in range(3):
            file.refresh()
            assert file.secret(b"a", b"r", "md5") is None
        assert [r.levelname for r in logged] == ["WARNING"]  # once
        assert "nobody is let in" in logged[0].getMessage()
        restore()
        file.refresh()


# -- writing -----------------------------------------------------------------------------------


def test_others_stay_as_they_are(path: Path) -> None:
    path.write_bytes(b"# mine\nann:r:xyz\nbob:r:1\nbob:other:2\nbob:r:3\nlast:r:4")
    path.chmod(0o644)
    assert set_password(path, "r", "bob", "new")
    md5_line, sha_line = (f"bob:r:{h}\n".encode() for h in hashes("bob", "r", "new"))
    assert path.read_bytes() == (
        b"# mine\nann:r:xyz\n" + md5_line + sha_line + b"bob:other:2\nlast:r:4\n"
    )
    assert stat.S_IMODE(path.stat().st_mode) == 0o640  # the server's group may still read it
    assert not set_password(path, "r", "eve", "x", ("sha-256",))
    assert path.read_bytes().endswith(b"last:r:4\neve:r:%b\n" % hashes("eve", "r", "x")[1].encode())
    assert remove_user(path, "r", "bob")
    assert not remove_user(path, "r", "bob")
    assert b"bob:r" not in path.read_bytes()
    assert os.listdir(path.parent) == ["users"]


def test_a_link_is_followed(path: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(path)
    set_password(tmp_path / "link", "r", "a", "b")
    assert (tmp_path / "link").is_symlink()
    assert read(path).secret(b"a", b"r", "md5")
    with pytest.raises(FileNotFoundError):
        remove_user(tmp_path / "none", "r", "a")


def test_what_fails_leaves_the_file_alone(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    set_password(path, "r", "a", "b")
    before = path.read_bytes()

    def fail(*args: object) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="no space"):
        set_password(path, "r", "a", "c")
    assert path.read_bytes() == before
    assert os.listdir(path.parent) == ["users"]


@pytest.mark.parametrize(
    ("realm", "user", "password"),
    [
        ("r", "", "p"),
        ("", "u", "p"),
        ("r", "a:b", "p"),
        ("r:s", "u", "p"),
        ("r", "a\nb", "p"),
        ("r", "#u", "p"),
        ("r", "u", ""),
        ("r", "u", "a\x7f"),
    ],
)
def test_what_cannot_be_in_a_file(path: Path, realm: str, user: str, password: str) -> None:
    with pytest.raises(ValueError):
        set_password(path, realm, user, password)
    assert not path.exists()


# -- files in folders --------------------------------------------------------------------------


def test_the_nearest_file_counts(tmp_path: Path) -> None:
    root = tmp_path / "root"
    (root / "free").mkdir(parents=True)
    (root / "team" / "open" / "deep").mkdir(parents=True)
    (root / "team" / "boss").mkdir()
    for folder in ("team", "team/boss"):
        set_password(root / folder / ".htdigest", "r", "a", "b")
    (root / "free" / "way").symlink_to(root / "team")
    (root / "free" / "page").write_text("x")
    (root / "broken").mkdir()
    (root / "broken" / ".htdigest").symlink_to("nowhere")
    folders = FolderPasswords(root)
    default = FolderPasswords(root, file=tmp_path / "all")
    for target, where in {
        "/": None,
        "/none": None,
        "/free/": None,
        "/free/page": None,
        "/free/page/more": None,
        "/team": "team",
        "/team/": "team",
        "/team/x": "team",
        "/team/open/deep/x": "team",
        "/team/none/x": "team",
        "/team/boss": "team/boss",
        "/team/boss/x": "team/boss",
        "/team/.htdigest": "team",
        "/free/way": "team",  # a link is no way round
        "/free/way/x": "team",
        "/free/way/boss/x": "team/boss",
        "/broken/x": "broken",
        "/../x": None,
        "//team/x": None,
        "/team/../free": None,
        "/a\0b": None,
    }.items():
        req: Any = SimpleNamespace(subpath=target)
        file = folders.of(req)
        assert (file and file.path) == (where and str(root / where / ".htdigest")), target
        file = default.of(req)
        assert file is not None
        assert file.path == str(root / where / ".htdigest" if where else tmp_path / "all"), target
    req = SimpleNamespace(subpath="/team/x")
    assert folders.of(req) is folders.of(req)


def test_files_of_folders_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "MAX_FOLDERS", 3)
    folders = FolderPasswords(tmp_path)
    for n in range(5):
        (tmp_path / str(n)).mkdir()
        (tmp_path / str(n) / ".htdigest").touch()
        assert folders.of(SimpleNamespace(subpath=f"/{n}/")) is not None  # type: ignore[arg-type]
    assert len(folders._files) == 3


@pytest.mark.parametrize("name", ["htdigest", "", "./x", ".a/b"])
def test_a_name_that_would_be_served(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="dot"):
        FolderPasswords(tmp_path, name)

"""The hosts file, and files that are read again when they have changed."""

import os

import pytest

from galidia.core.hosts import HostsFile, Reread

HOSTS = """
# a comment
192.0.2.1   first.example first   # the rest is a comment
192.0.2.2   FIRST.example
2001:db8::1 first.example
192.0.2.1   first.example
fe80::1%lo  scoped
not.an.ip   first.example
192.0.2.9
"""


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "hosts"
    path.write_text(HOSTS)
    return path


@pytest.mark.parametrize(
    ("name", "addresses"),
    [
        ("first.example", ["192.0.2.1", "192.0.2.2", "2001:db8::1"]),
        ("FIRST.EXAMPLE", ["192.0.2.1", "192.0.2.2", "2001:db8::1"]),
        ("first.example.", ["192.0.2.1", "192.0.2.2", "2001:db8::1"]),
        ("first", ["192.0.2.1"]),
        ("scoped", ["fe80::1%lo"]),
        ("rest", []),
        ("192.0.2.9", []),
        ("", []),
    ],
)
def test_names(path, name, addresses):
    assert HostsFile(str(path)).addresses(name) == addresses


def test_what_is_found_belongs_to_the_caller(path):
    hosts = HostsFile(str(path))
    hosts.addresses("first").clear()
    assert hosts.addresses("first") == ["192.0.2.1"]


def test_a_file_that_comes_changes_and_goes(tmp_path):
    path = tmp_path / "file"
    read = Reread(str(path), str.split)
    assert read() == []
    path.write_text("one")
    assert read() == ["one"]
    path.write_text("other")
    assert read() == ["other"]
    replacement = tmp_path / "new"
    replacement.write_text("again")
    os.replace(replacement, path)  # as package managers and editors do
    assert read() == ["again"]
    path.unlink()
    assert read() == []


def test_a_file_that_stays_is_read_once(tmp_path):
    path = tmp_path / "file"
    path.write_text("a b")
    read = Reread(str(path), str.split)
    assert read() is read()


def test_no_path_is_no_file():
    assert Reread("", str.split)() == []

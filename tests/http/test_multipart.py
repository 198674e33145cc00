"""Multipart forms: the parser against raw bodies however they are split, and the encoder."""

import io
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from galidia.http.multipart import (
    MAX_IGNORED,
    MAX_PART_HEAD,
    MAX_PARTS,
    MESSAGE_END,
    NEED_MORE,
    PART_BEGIN,
    PART_DATA,
    PART_END,
    PIECE,
    MultipartParser,
    Part,
    boundary_of,
    encode_parts,
)
from galidia.http.parameters import FormError

FIELD = b'Content-Disposition: form-data; name="a"\r\n'


def run(parser: MultipartParser, pieces: list[bytes]) -> list[Any]:
    """Parts and what became of them, when a buffer is filled with `pieces` and emptied."""
    found: list[Any] = []
    buf = bytearray()
    for piece in pieces:
        buf += piece
        at = 0
        while event := parser.next(buf, at):
            at = parser.position
            if event == PART_BEGIN:
                part = parser.part
                found.append([part.name, part.filename, part.headers, b"", False])
            elif event == PART_DATA:
                assert parser.data_start < parser.data_end == at
                found[-1][3] += bytes(buf[parser.data_start : parser.data_end])
            elif event == PART_END:
                assert not found[-1][4]
                found[-1][4] = True
            else:
                assert event == MESSAGE_END
                found.append("end")
        del buf[: parser.position]
    parser.finish()
    return found


def read(body: bytes, boundary: str = "B", **limits: Any) -> list[Any]:
    """As `run`, the same for the body whole, byte by byte, and in two pieces at each byte."""
    results = []
    ways = [[body], [body[i : i + 1] for i in range(len(body))]]
    if len(body) < 1000:
        ways += [[body[:i], body[i:]] for i in range(1, len(body))]
    for pieces in ways:
        parser = MultipartParser(boundary, **limits)
        try:
            results.append(run(parser, pieces))
        except FormError as e:
            results.append([e.name, e.status, str(e)])
            for call in (lambda p: p.next(b"\r\n--B--"), lambda p: p.finish()):
                with pytest.raises(FormError, match=re.escape(str(e))):
                    call(parser)
    assert all(result == results[0] for result in results)
    return results[0]


def contents(found: list[Any]) -> list[Any]:
    return [(part[0], part[1], part[3]) for part in found[:-1]]


def test_the_example_of_rfc_7578() -> None:
    body = (
        b"--AaB03x\r\n"
        b'content-disposition: form-data; name="field1"\r\n'
        b"content-type: text/plain;charset=UTF-8\r\n"
        b"content-transfer-encoding: 8bit\r\n"
        b"\r\n"
        b"Joe owes \xe2\x82\xac100.\r\n"
        b"--AaB03x--\r\n"
    )
    [part, end] = read(body, "AaB03x")
    assert end == "end"
    assert part[0] == "field1"
    assert part[1] is None
    assert part[2][1] == ("content-type", "text/plain;charset=UTF-8")
    assert part[3].decode() == "Joe owes \u20ac100."


def test_the_example_of_html_4() -> None:
    body = (
        b"--AaB03x\r\n"
        b'Content-Disposition: form-data; name="submit-name"\r\n'
        b"\r\n"
        b"Larry\r\n"
        b"--AaB03x\r\n"
        b'Content-Disposition: form-data; name="files"; filename="file1.txt"\r\n'
        b"Content-Type: text/plain\r\n"
        b"\r\n"
        b"... contents of file1.txt ...\r\n"
        b"--AaB03x--\r\n"
    )
    assert contents(read(body, "AaB03x")) == [
        ("submit-name", None, b"Larry"),
        ("files", "file1.txt", b"... contents of file1.txt ..."),
    ]


def test_preamble_and_epilogue_of_rfc_2046_are_ignored() -> None:
    body = (
        b"This is the preamble.  It is to be ignored, though it\r\n"
        b"is a handy place.\r\n"
        b"\r\n--simple boundary  \t\r\n" + FIELD + b"\r\n"
        b"This is implicitly typed plain US-ASCII text.\r\n"
        b"It does NOT end with a linebreak.\r\n"
        b"--simple boundary\r\n" + FIELD + b"Content-type: text/plain; charset=us-ascii\r\n\r\n"
        b"It DOES end with a linebreak.\r\n"
        b"\r\n--simple boundary-- \r\n"
        b"This is the epilogue.  It is also to be ignored.\r\n--simple boundary\r\n"
    )
    first, second, end = read(body, "simple boundary")
    assert first[3].endswith(b"text.\r\nIt does NOT end with a linebreak.")
    assert second[3] == b"It DOES end with a linebreak.\r\n"
    assert end == "end"


@pytest.mark.parametrize(
    "body",
    [b"--B--", b"--B--\r\n", b"\r\n--B--", b"--B-- \t", b"x\r\n--B--\r\nx", b"--A\r\n--B--"],
)
def test_no_parts(body: bytes) -> None:
    assert read(body) == ["end"]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\r",
        b"\n",
        b"\r\n",
        b"\r\n\r\n",
        b"--B",
        b"\n--B",
        b"\n--B--",
        b"\r--B",
        b"\r\r\n",
        b"\r\n-",
        b"\r\n--",
        b"\r\n-B",
        b"\r\n--b",
        b"\r\n\r--B",
        b"\r\n--\r\n--\r\n",
        b"x--B\r\n",
        b"\r\n --B",
        bytes(range(256)) * 2,
    ],
)
def test_data_is_what_was_sent(data: bytes) -> None:
    if data.startswith(b"--B"):
        data = b"-" + data
    body = b"--B\r\n" + FIELD + b"\r\n" + data + b"\r\n--B\r\n" + FIELD + b"\r\n" + data
    found = read(body + b"\r\n--B--\r\n")
    assert contents(found) == [("a", None, data)] * 2


def test_a_part_may_end_with_its_fields() -> None:
    body = b"--B\r\n" + FIELD + b"\r\n--B\r\n" + FIELD + b"\r\n--B--"
    assert contents(read(body)) == [("a", None, b"")] * 2


@pytest.mark.parametrize(
    ("sent", "name", "filename"),
    [
        (b'name="a"', "a", None),
        (b"name=a", "a", None),
        (b'NAME="a"; FileName="b"', "a", "b"),
        (b'name=""; filename=""', "", ""),
        (b'filename="b";name="a";', "a", "b"),
        (b'name="a;b=c"; filename="d;name=e"', "a;b=c", "d;name=e"),
        (
            'name="\u00fc\u20ac"; filename="\U0001f600.png"'.encode(),
            "\u00fc\u20ac",
            "\U0001f600.png",
        ),
        (rb'name="say \"hi\""', 'say "hi"', None),
        (rb'name="a"; filename="C:\dir\new.txt"', "a", r"C:\dir\new.txt"),
        (rb'name="a"; filename="back\\slash"', "a", r"back\slash"),
        (b'name="a%22b"; filename="%0D%0a%25%41"', 'a"b', "\r\n%25%41"),
        (b'name="a"; other="b"', "a", None),
    ],
)
def test_names(sent: bytes, name: str, filename: str | None) -> None:
    body = b"--B\r\nContent-Disposition: form-data; " + sent + b"\r\n\r\nx\r\n--B--"
    assert contents(read(body)) == [(name, filename, b"x")]


DISPOSITION = b"Content-Disposition: form-data"


@pytest.mark.parametrize(
    ("head", "fault", "status"),
    [
        (b"", "no-disposition", 400),
        (b"Content-Type: text/plain\r\n", "no-disposition", 400),
        (DISPOSITION + b"\r\n", "no-name", 400),
        (DISPOSITION + b'; filename="a"\r\n', "no-name", 400),
        (FIELD + FIELD, "disposition-repeated", 400),
        (b'Content-Disposition: attachment; name="a"\r\n', "disposition", 400),
        (b'Content-Disposition: "form-data"; name="a"\r\n', "parameters", 400),
        (b"Content-Disposition:\r\n", "parameters", 400),
        (DISPOSITION + b'; name="a"; name="b"\r\n', "parameters", 400),
        (DISPOSITION + b'; name="a"; NAME="b"\r\n', "parameters", 400),
        (DISPOSITION + b'; name="a\r\n', "parameters", 400),
        (DISPOSITION + b'; name="a\\"\r\n', "parameters", 400),
        (DISPOSITION + b'; name="a"b\r\n', "parameters", 400),
        (DISPOSITION + b'; name="a" filename="b"\r\n', "parameters", 400),
        (DISPOSITION + b"; name=a b\r\n", "parameters", 400),
        (DISPOSITION + b"; name='a b'\r\n", "parameters", 400),
        (DISPOSITION + b"; name =a\r\n", "parameters", 400),
        (DISPOSITION + b"; name\r\n", "parameters", 400),
        (DISPOSITION + b', name="a"\r\n', "parameters", 400),
        (DISPOSITION + b"; name=a; filename*=UTF-8''b\r\n", "extended-parameter", 400),
        (DISPOSITION + b"; name=a; name*=UTF-8''b\r\n", "extended-parameter", 400),
        (DISPOSITION + b';\r\n name="a"\r\n', "folded", 400),
        (b"\tx: y\r\n" + FIELD, "folded", 400),
        (b"no colon\r\n" + FIELD, "part-field", 400),
        (b": no name\r\n" + FIELD, "part-field", 400),
        (b"x : y\r\n" + FIELD, "part-field", 400),
        (b"x: a\nb: c\r\n" + FIELD, "part-field", 400),
        (b"x: a\rb\r\n" + FIELD, "part-field", 400),
        (b"x: a\0b\r\n" + FIELD, "part-field", 400),
        (DISPOSITION + b'; name="\xff"\r\n', "encoding", 400),
        (FIELD + b"Content-Transfer-Encoding: base64\r\n", "transfer-encoding", 415),
        (FIELD + b"content-transfer-encoding: quoted-printable\r\n", "transfer-encoding", 415),
        (b"x: " + b"y" * MAX_PART_HEAD + b"\r\n" + FIELD, "part-head", 413),
    ],
)
def test_faults_in_the_fields_of_a_part(head: bytes, fault: str, status: int) -> None:
    good = b"--B\r\n" + FIELD + b"\r\nx\r\n"
    found = read(good + b"--B\r\n" + head + b"\r\nx\r\n--B--\r\n")
    assert found[:2] == [fault, status]
    assert len(found[2]) < 200


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        (b"", "truncated"),
        (b"-", "truncated"),
        (b"--B", "truncated"),
        (b"--B-", "truncated"),
        (b"--B\r", "truncated"),
        (b"--B\r\n", "truncated"),
        (b"--B\r\n" + FIELD, "truncated"),
        (b"--B\r\n" + FIELD + b"\r\n", "truncated"),
        (b"--B\r\n" + FIELD + b"\r\nx", "truncated"),
        (b"--B\r\n" + FIELD + b"\r\nx\r\n--B", "truncated"),
        (b"--B\r\n" + FIELD + b"\r\nx\r\n--B-", "truncated"),
        (b"--B\r\n" + FIELD + b"\r\nx\r\n--B\r\n", "truncated"),
        (b"--B\r\n" + FIELD + b"\r\nx\n--B--\n", "truncated"),
        (b"--B\n" + FIELD, "delimiter"),
        (b"--B--\r", "truncated"),
        (b"--B--\n", "delimiter"),
        (b"--B--x", "delimiter"),
        (b"--B---", "delimiter"),
        (b"--B-- \rx", "delimiter"),
        (b"--B \r \n", "delimiter"),
        (b"--B -- ", "delimiter"),
        (b"--BB\r\n", "delimiter"),
        (b"preamble\r\n--BB\r\n", "delimiter"),
        (b"preamble", "truncated"),
        (b"--B\r\n" + FIELD + b"\r\nx\r\n--BB\r\n--B--", "delimiter"),
        (b"--B\r\n" + FIELD + b"\r\nx\r\n--B-x\r\n--B--", "delimiter"),
        (b"--B\r\n" + FIELD + b"\r\n--Bx\r\n--B--", "delimiter"),
    ],
)
def test_faults_of_the_frame(body: bytes, fault: str) -> None:
    assert read(body)[0] == fault


def test_a_part_does_not_end_at_a_lookalike() -> None:
    parser = MultipartParser("B")
    body = b"--B\r\n" + FIELD + b"\r\nx\r\n--BB\r\n"
    assert parser.next(body) == PART_BEGIN
    assert parser.next(body, parser.position) == PART_DATA
    with pytest.raises(FormError, match="boundary"):
        parser.next(body, parser.position)


def test_part_head_limit_is_exact() -> None:
    head = FIELD + b"\r\n"
    body = b"--B\r\n" + head + b"\r\n--B--"
    assert read(body, max_part_head=len(head))[-1] == "end"
    assert read(body, max_part_head=len(head) - 1)[:2] == ["part-head", 413]
    assert read(b"--B\r\n" + b"x" * len(head), max_part_head=len(head))[0] == "part-head"


def test_part_count_limit_is_exact() -> None:
    body = (b"--B\r\n" + FIELD + b"\r\n\r\n") * 3 + b"--B--"
    assert len(read(body, max_parts=3)) == 4
    assert read(body, max_parts=2)[:2] == ["too-many-parts", 413]


@pytest.mark.parametrize(
    ("before", "after"), [(b"%b\r\n--B--", b""), (b"--B--\r\n%b", b""), (b"--B--%b\r\n", b" ")]
)
def test_ignored_bytes_are_limited(before: bytes, after: bytes) -> None:
    filler = (after or b"x") * 50
    assert read(before % filler, max_ignored=50) == ["end"]
    assert read(before % filler, max_ignored=49)[:2] == ["ignored", 400]


def test_default_limits() -> None:
    parser = MultipartParser("B")
    assert parser.max_parts == MAX_PARTS == 1000
    assert parser.max_part_head == MAX_PART_HEAD == 8192
    assert parser.max_ignored == MAX_IGNORED == 4096


def test_what_is_given_again_is_found_again() -> None:
    body = b"--B\r\n" + FIELD + b"\r\n0123456789\r\n--B--"
    parser = MultipartParser("B")
    assert parser.next(body) == PART_BEGIN
    at = parser.position
    seen = []
    while parser.next(body, at) == PART_DATA:
        seen.append(body[parser.data_start : parser.data_end])
        at = parser.data_start + 3 if len(seen) < 3 else parser.data_end
    assert seen == [b"0123456789", b"3456789", b"6789"]
    assert parser.next(body, parser.position) == MESSAGE_END
    assert parser.complete
    parser.finish()


def test_bytes_outside_of_the_given_range_are_not_looked_at() -> None:
    body = b"--B\r\n" + FIELD + b"\r\nxyz\r\n--B--"
    junk = b"\r\n--B\r\n"
    parser = MultipartParser("B")
    at, events = len(junk), []
    while event := parser.next(junk + body + junk, at, len(junk) + len(body)):
        events.append(event)
        at = parser.position
    assert events == [PART_BEGIN, PART_DATA, PART_END, MESSAGE_END]
    assert at == len(junk + body)


@pytest.mark.parametrize(
    "boundary",
    ["", " ", "a ", "x" * 71, "a\r\n", "\u00e4", 'a"b', "a*b", "a\0"],
)
def test_not_a_boundary(boundary: str) -> None:
    with pytest.raises(FormError) as e:
        MultipartParser(boundary)
    assert e.value.name == "boundary"


def test_longest_boundary() -> None:
    boundary = "'()+_,-./:=? " + "x" * 57
    body = f"--{boundary}\r\n".encode() + FIELD + f"\r\n1\r\n--{boundary}--".encode()
    assert contents(read(body, boundary)) == [("a", None, b"1")]


@pytest.mark.parametrize(
    ("content_type", "boundary", "fault"),
    [
        ("multipart/form-data; boundary=AaB03x", "AaB03x", None),
        ('Multipart/Form-Data;Boundary="a b=c"', "a b=c", None),
        ("multipart/form-data; charset=utf-8; boundary=----WebKitFormBoundaryX;", None, None),
        ("multipart/form-data", None, "boundary"),
        ("multipart/form-data; boundary=", None, "parameters"),
        ('multipart/form-data; boundary=""', None, "boundary"),
        ("multipart/form-data; boundary=a; boundary=b", None, "parameters"),
        ("multipart/form-data, boundary=a", None, "parameters"),
        ("multipart/mixed; boundary=a", None, "not-multipart"),
        ("text/plain", None, "not-multipart"),
        ("", None, "not-multipart"),
        (None, None, "not-multipart"),
    ],
)
def test_boundary_of_a_content_type(content_type: str, boundary: str, fault: str | None) -> None:
    if fault is None:
        assert boundary_of(content_type) == (boundary or "----WebKitFormBoundaryX")
        return
    with pytest.raises(FormError) as e:
        boundary_of(content_type)
    assert e.value.name == fault
    assert e.value.status == (415 if fault == "not-multipart" else 400)


def test_a_part() -> None:
    part = Part("n", "f", [("Content-Type", "image/png"), ("X-A", "1"), ("x-a", "2")])
    assert part.content_type == "image/png"
    assert part.header("X-a") == "1"
    assert part.header("none") is None
    part.data = b"123"
    assert part.user_data is None
    assert repr(part) == "Part(name='n', filename='f', 3 bytes)"
    assert Part("n", None, []).content_type == "text/plain"


def test_parts_can_be_made_by_the_caller() -> None:
    parser = MultipartParser("B", make=lambda *what: what)
    assert parser.next(b"--B\r\n" + FIELD + b"\r\n\r\n") == PART_BEGIN
    assert parser.part == ("a", None, [("Content-Disposition", 'form-data; name="a"')])


@pytest.mark.parametrize(
    ("filename", "safe"),
    [
        (None, ""),
        ("", ""),
        ("a.txt", "a.txt"),
        ("/etc/passwd", "passwd"),
        ("../../x", "x"),
        ("..", ""),
        ("...", ""),
        ("C:\\dir\\a.txt", "a.txt"),
        ("a/..", ""),
        (".bashrc", "bashrc"),
        ("a\r\nb\0c\u202e.txt", "abc.txt"),
        ("\u00fc b.txt ", "\u00fc b.txt"),
    ],
)
def test_safe_filename(filename: str | None, safe: str) -> None:
    assert Part("a", filename, []).safe_filename == safe


class Counted(bytearray):
    """Counts the bytes that are searched."""

    work = 0

    def find(self, sub: Any, start: Any = 0, end: Any = None) -> int:
        found = super().find(sub, start, len(self) if end is None else end)
        self.work += (end if found < 0 else found) - start
        return found

    def rfind(self, sub: Any, start: Any = 0, end: Any = None) -> int:
        self.work += end - start
        return super().rfind(sub, start, end)


def work(body: bytes, step: int, boundary: str = "B" * 70) -> int:
    """Bytes searched when `body` comes `step` bytes at a time, plus 1 for each event."""
    parser = MultipartParser(boundary, max_parts=200_000, max_part_head=1 << 20)
    buf = Counted(body)
    at = done = events = 0
    while done < len(body):
        done = min(done + step, len(body))
        while parser.next(buf, at, done):
            events += 1
            at = parser.position
        at = parser.position
    return buf.work + events


LONG = b"B" * 70
PART = b"--" + LONG + b"\r\n" + FIELD + b"\r\n"
SHAPES = {
    "parts": (PART + b"x\r\n") * 100_000,
    "data": PART + b"x" * 1_000_000,
    "line ends": PART + b"\r\n" * 500_000,
    "begun delimiters": PART + (b"\r\n--" + LONG[:-1] + b"\r") * 10_000,
    "carriage returns": PART + b"\r" * 500_000,
    "one long head": b"--" + LONG + b"\r\n" + b"x" * 500_000,
    "line ends in a head": b"--" + LONG + b"\r\n" + b"a:\r\n" * 100_000,
    "preamble": b"\r\n-" * 1000,
}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("step", [1, 1000, 10**9])
def test_work_grows_with_the_bytes(shape: str, step: int) -> None:
    body = SHAPES[shape]
    if step == 1:
        body = body[: len(body) // 20]
    # For each piece a delimiter's length is searched again, by `find` and by `rfind`.
    assert work(body, step) <= 2 * len(body) + (len(body) // step + 1) * 160


def test_a_hundred_thousand_parts() -> None:
    body = SHAPES["parts"] + b"--" + LONG + b"--"
    found = run(MultipartParser("B" * 70, max_parts=100_000), [body])
    assert len(found) == 100_001
    with pytest.raises(FormError, match="over 1000 parts"):
        run(MultipartParser("B" * 70), [body])


PIECES = st.sampled_from(
    [b"\r\n--B", b"--B", b"--", b"\r\n", b"\r", b"\n", b" ", b"-", b"B", FIELD, b"\r\n\r\n", b"x"]
)


@given(st.lists(PIECES | st.binary(max_size=3), max_size=25), st.booleans())
def test_any_bytes_are_a_message_or_a_fault_however_split(pieces: list[bytes], begun: bool) -> None:
    body = b"".join(pieces)
    read(b"--B\r\n" + FIELD + b"\r\n" + body if begun else body, max_ignored=10, max_part_head=80)


@given(st.lists(st.binary(max_size=40), max_size=5), st.data())
def test_parts_survive_any_split(contents_: list[bytes], data: Any) -> None:
    parts = [re.sub(rb"\r\n--B|^--B", b"", content) for content in contents_]
    parts = [part for part in parts if b"\r\n--B" not in part and not part.startswith(b"--B")]
    body = b"".join(b"--B\r\n" + FIELD + b"\r\n" + part + b"\r\n" for part in parts) + b"--B--\r\n"
    cuts = sorted(data.draw(st.lists(st.integers(0, len(body)), max_size=6)))
    pieces = [body[a:b] for a, b in zip([0, *cuts], [*cuts, len(body)], strict=True)]
    found = run(MultipartParser("B"), pieces)
    assert contents(found) == [("a", None, part) for part in parts]


def test_nothing_given_is_nothing_found() -> None:
    assert MultipartParser("B").next(b"") == NEED_MORE


# -- the encoder


def encoded(*given_: Any) -> tuple[bytes, list[Any]]:
    """The body, and what the parser reads of it."""
    body = encode_parts(*given_)
    pieces = list(body)
    data = b"".join(pieces)
    assert body.length is None or body.length == len(data)
    return data, run(MultipartParser(boundary_of(body.content_type)), pieces)


def test_bytes_of_an_encoded_form() -> None:
    body = encode_parts({"a": "1"}, {"f": ("x.txt", b"hello")}, "B")
    assert body.content_type == "multipart/form-data; boundary=B"
    assert b"".join(body) == (
        b'--B\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n'
        b'--B\r\nContent-Disposition: form-data; name="f"; filename="x.txt"\r\n'
        b"Content-Type: text/plain\r\n\r\nhello\r\n"
        b"--B--\r\n"
    )
    assert list(encode_parts(None, None, "B")) == [b"--B--\r\n"]


def test_fields() -> None:
    fields = [("a", "\u00fc"), ("b", ["1", "2"]), ("c", 3), ("d", 0.5), ("a", ""), ("e", ())]
    _, found = encoded(fields)
    assert contents(found) == [
        ("a", None, "\u00fc".encode()),
        ("b", None, b"1"),
        ("b", None, b"2"),
        ("c", None, b"3"),
        ("d", None, b"0.5"),
        ("a", None, b""),
    ]


def test_files(tmp_path: Path) -> None:
    path = tmp_path / "big.png"
    path.write_bytes(b"0123456789" * 20_000)
    with path.open("rb") as file:
        file.seek(199_990)
        files = {
            "path": path,
            "open": file,
            "bytes": bytearray(b"abc"),
            "named": ("other.html", path),
            "typed": ("x", io.BytesIO(b"in memory"), "text/csv; charset=utf-8"),
        }
        body = encode_parts({"a": "1"}, files)
        for _ in range(2):  # it can be sent again
            pieces = list(body)
            assert max(map(len, pieces)) <= PIECE
            assert len(b"".join(pieces)) == body.length
            found = run(MultipartParser(body.boundary), pieces)
    assert [(part[0], part[1], dict(part[2]).get("Content-Type")) for part in found[:-1]] == [
        ("a", None, None),
        ("path", "big.png", "image/png"),
        ("open", "big.png", "image/png"),
        ("bytes", "bytes", "application/octet-stream"),
        ("named", "other.html", "text/html"),
        ("typed", "x", "text/csv; charset=utf-8"),
    ]
    data = path.read_bytes()
    assert [part[3] for part in found[1:-1]] == [data, b"0123456789", b"abc", data, b"in memory"]


class Pipe(io.RawIOBase):
    """A file that cannot seek and does not know its length."""

    def __init__(self, data: bytes) -> None:
        self._data = io.BytesIO(data)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return self._data.readinto(buffer)


def test_a_file_of_unknown_length() -> None:
    body = encode_parts({"a": "1"}, {"f": Pipe(b"x" * 100_000)})
    assert body.length is None
    found = run(MultipartParser(body.boundary), list(body))
    assert found[1][3] == b"x" * 100_000
    with pytest.raises(ValueError, match="only once"):
        list(body)


def test_a_file_that_changes_while_it_is_sent(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"12345")
    body = encode_parts(None, {"f": path})
    path.write_bytes(b"1234567")
    assert b"\r\n12345\r\n" in b"".join(body)
    path.write_bytes(b"123")
    with pytest.raises(ValueError, match="shorter by 2 bytes"):
        list(body)
    path.unlink()
    with pytest.raises(FileNotFoundError):
        list(body)
    with pytest.raises(FileNotFoundError):
        encode_parts(None, {"f": path})


def test_a_file_is_closed_when_sending_ends_early(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(bytes(PIECE * 3))
    pieces: Any = iter(encode_parts(None, {"f": path}))
    next(pieces)
    assert len(next(pieces)) == PIECE
    pieces.close()


@pytest.mark.parametrize(
    ("fields", "files", "error"),
    [
        ({"a": None}, None, TypeError),
        ({"a": True}, None, TypeError),
        ({"a": b"x"}, None, TypeError),
        ({"a": [["x"]]}, None, TypeError),
        ({"a\0": "x"}, None, ValueError),
        ({1: "x"}, None, ValueError),
        ({"a": "\ud800"}, None, ValueError),
        ({"\ud800": "x"}, None, ValueError),
        (None, {"f": "text"}, TypeError),
        (None, {"f": None}, TypeError),
        (None, {"f": ("x",)}, TypeError),
        (None, {"f": ("x", b"", "a/b", 4)}, TypeError),
        (None, {"f": (None, b"")}, TypeError),
        (None, {"f": io.StringIO()}, TypeError),
        (None, {"f": ("x\x1b", b"")}, ValueError),
        (None, {"f": ("x", b"", "a/b\r\nX: y")}, ValueError),
        (None, {"f": ("x", b"", "\u00fc")}, ValueError),
    ],
)
def test_what_cannot_be_encoded(fields: Any, files: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        encode_parts(fields, files)


def test_boundaries_of_the_encoder() -> None:
    assert encode_parts(None).boundary != encode_parts(None).boundary
    body = encode_parts({"a": "1"}, None, "a b:c")
    assert body.content_type == 'multipart/form-data; boundary="a b:c"'
    assert contents(run(MultipartParser(boundary_of(body.content_type)), list(body)))
    with pytest.raises(ValueError, match="not a boundary"):
        encode_parts(None, None, "a\r\n")


TEXTS = st.text(st.characters(blacklist_categories=["Cs"]), max_size=10).filter(
    lambda text: not re.search(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|%(22|0[AaDd])", text)
)


@given(
    st.lists(st.tuples(TEXTS, TEXTS), max_size=4),
    st.lists(st.tuples(TEXTS, st.tuples(TEXTS.filter(bool), st.binary(max_size=30))), max_size=4),
)
def test_what_is_encoded_is_read(fields: list[Any], files: list[Any]) -> None:
    _, found = encoded(fields, files)
    assert contents(found) == [(name, None, text.encode()) for name, text in fields] + [
        (name, filename, data) for name, (filename, data) in files
    ]


def test_a_hundred_thousand_fields_are_encoded() -> None:
    body = encode_parts([(f"n{i}", i) for i in range(100_000)])
    assert len(b"".join(body)) == body.length

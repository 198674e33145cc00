"""Basic and digest credentials."""

from contextlib import suppress
from hashlib import md5, sha256
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from galidia.http.auth import (
    MAX_CHALLENGES,
    Digest,
    basic,
    parse_basic,
    parse_challenges,
)
from galidia.http.parameters import FormError, parameter

TEXTS = st.text(st.characters(blacklist_categories=["Cs", "Cc"]), max_size=12)


@pytest.mark.parametrize(
    ("user", "password", "value"),
    [
        ("Aladdin", "open sesame", "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="),
        ("test", "123\u00a3", "Basic dGVzdDoxMjPCow=="),
        ("", "", "Basic Og=="),
        ("a", "b:c", "Basic YTpiOmM="),
    ],
)
def test_basic_as_in_rfc_7617(user: str, password: str, value: str) -> None:
    assert basic(user, password) == value
    assert parse_basic(value) == (user, password)


@given(TEXTS.filter(lambda user: ":" not in user), TEXTS)
def test_basic_both_ways(user: str, password: str) -> None:
    assert parse_basic(basic(user, password)) == (user, password)


@pytest.mark.parametrize(
    ("user", "password"), [("a:b", ""), ("a\nb", ""), ("a", "\0"), ("\x7f", "")]
)
def test_what_basic_cannot_carry(user: str, password: str) -> None:
    with pytest.raises(ValueError, match="cannot have"):
        basic(user, password)


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("basic  QTpi ", ("A", "b")),
        ("BASIC /Dr8", ("\u00fc", "\u00fc")),
        (None, None),
        ("", None),
        ("Basic", None),
        ("Basic ", None),
        ("Bearer QTpi", None),
        ("BasicQTpi", None),
        ("Basic QTpi!", None),
        ("Basic QTp", None),
        ("Basic QT pi", None),
        ("Basic QQ==", None),
        ("Basic QTpi\u00fc", None),
        ("Basic QQo6Yg==", None),
    ],
)
def test_parsing_basic(value: str | None, found: Any) -> None:
    assert parse_basic(value) == found


@pytest.mark.parametrize(
    ("values", "found"),
    [
        ("", []),
        (" , ,", []),
        ("Basic", [("basic", {}, "")]),
        ('Basic realm="simple"', [("basic", {"realm": "simple"}, "")]),
        (
            r'Basic realm="simple", Newauth realm="apps", type=1, title="Login to \"apps\""',
            [
                ("basic", {"realm": "simple"}, ""),
                ("newauth", {"realm": "apps", "type": "1", "title": 'Login to "apps"'}, ""),
            ],
        ),
        (
            ["Basic realm=a", "Digest realm=b"],
            [("basic", {"realm": "a"}, ""), ("digest", {"realm": "b"}, "")],
        ),
        ("Negotiate", [("negotiate", {}, "")]),
        ("Negotiate YWJj", [("negotiate", {}, "YWJj")]),
        (
            "Negotiate YWJj==, Basic realm=a",
            [("negotiate", {}, "YWJj=="), ("basic", {"realm": "a"}, "")],
        ),
        (
            "NTLM, Negotiate , Basic realm=a",
            [("ntlm", {}, ""), ("negotiate", {}, ""), ("basic", {"realm": "a"}, "")],
        ),
        ("A b=", [("a", {}, "b=")]),
        ('A b = "c" , d\t=e', [("a", {"b": "c", "d": "e"}, "")]),
        (",A b=c,,d=e,,B,", [("a", {"b": "c", "d": "e"}, ""), ("b", {}, "")]),
        ('A b=""', [("a", {"b": ""}, "")]),
        ('A b="c, D e=f"', [("a", {"b": "c, D e=f"}, "")]),
    ],
)
def test_challenges(values: Any, found: Any) -> None:
    assert parse_challenges(values) == found


@pytest.mark.parametrize(
    "value",
    [
        "realm=a",
        "=a",
        '"a"',
        "A b=c d=e",
        "A b=c; d=e",
        'A b="c',
        'A b="c" D',
        'A b="c"d=e',
        "A b=c, b=d",
        "A b=c, B=d",
        "A b c",
        "A YWJj= d=e",
        "A YWJj=, d=e",
        "A b=@",
        "A, =",
        "A\tb=c",
        "A b=\n",
        "A b=c\n",
        "\u00fc",
        'A b="\0"',
    ],
)
def test_malformed_challenges(value: str) -> None:
    with pytest.raises(FormError, match="malformed challenge") as e:
        parse_challenges(value)
    assert e.value.name == "challenge"


def test_challenges_are_limited() -> None:
    assert MAX_CHALLENGES == 100
    assert len(parse_challenges(["A b=c"] * 100)) == 100
    with pytest.raises(FormError, match="over 100 challenges"):
        parse_challenges(["A b=c"] * 101)
    with pytest.raises(FormError):
        parse_challenges("A," * 100_000)
    with pytest.raises(FormError):
        parse_challenges('A b="' + "\\" * 1_000_000)
    [found] = parse_challenges("A " + ",".join(f"b{i}=c" for i in range(100_000)))
    assert len(found.parameters) == 100_000


@given(st.text('Aa b=,"\\=\t.\u00fc'))
def test_any_text_is_challenges_or_a_fault(text: str) -> None:
    with suppress(FormError):
        parse_challenges(text)


RFC_7616_3_9_1 = [
    'Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm=SHA-256, '
    'nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", '
    'opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"',
    'Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm=MD5, '
    'nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", '
    'opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"',
]


@pytest.mark.parametrize(
    ("offered", "algorithm", "response"),
    [
        (
            RFC_7616_3_9_1,
            "SHA-256",
            "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1",
        ),
        (
            RFC_7616_3_9_1[::-1],
            "SHA-256",
            "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1",
        ),
        (RFC_7616_3_9_1[1:], "MD5", "8ca523f5e9506fed4657c9700eebdbec"),
    ],
)
def test_rfc_7616_section_3_9_1(offered: list[str], algorithm: str, response: str) -> None:
    digest = Digest(
        "Mufasa", "Circle of Life", lambda: "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"
    )
    assert digest.challenged(offered)
    assert digest.answer("GET", "/dir/index.html") == (
        'Digest username="Mufasa", realm="http-auth@example.org", uri="/dir/index.html", '
        'nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", nc=00000001, '
        'cnonce="f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ", qop=auth, '
        f'response="{response}", algorithm={algorithm}, '
        'opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"'
    )


def test_rfc_7616_section_3_9_2_as_corrected() -> None:
    """By erratum 4897: the RFC's own values are of SHA-512 cut off."""
    digest = Digest(
        "J\u00e4s\u00f8n Doe",
        "Secret, or not?",
        lambda: "NTg6RKcb9boFIAS3KrFK9BGeh+iDa/sm6jUMp2wds69v",
    )
    assert digest.challenged(
        'Digest realm="api@example.org", qop="auth", algorithm=SHA-512-256, '
        'nonce="5TsQWLVdgBdmrQ0XsxbDODV+57QdFR34I9HAbC/RVvkK", '
        'opaque="HRPCssKJSGjCrkzDg8OhwpzCiGPChXYjwrI2QmXDnsOS", charset=UTF-8, userhash=true'
    )
    value = digest.answer("GET", "/doe.json")
    assert parameter(value, "username") == (
        "793263caabb707a56211940d90411ea4a575adeccb7e360aeb624ed06ece9b0b"
    )
    assert ", userhash=true, " in value
    assert parameter(value, "response") == (
        "3798d4131c277846293534c3edc11bd8a5e4cdcbff78b05db9d95eeb1cec68a5"
    )


def test_the_example_of_rfc_2617() -> None:
    digest = Digest("Mufasa", "Circle Of Life", lambda: "0a4f113b")
    assert digest.challenged(
        'Digest realm="testrealm@host.com", qop="auth,auth-int", '
        'nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", opaque="5ccc069c403ebaf9f0171e9517f40e41"'
    )
    value = digest.answer("GET", "/dir/index.html")
    assert parameter(value, "response") == "6629fae49393a05397450978507c4ef1"
    assert "algorithm" not in value


CHALLENGE = 'Digest realm="r", nonce="n", qop="auth"'


@pytest.mark.parametrize(("name", "h"), [("MD5-sess", md5), ("sha-256-SESS", sha256)])
def test_sessions(name: str, h: Any) -> None:
    def hashed(text: str) -> str:
        found: str = h(text.encode()).hexdigest()
        return found

    digest = Digest("u", "p", lambda: "c")
    assert digest.challenged(CHALLENGE + f", algorithm={name}")
    secret = hashed(hashed("u:r:p") + ":n:c")
    for count in (1, 2):
        value = digest.answer("PUT", "/x")
        assert parameter(value, "response") == hashed(
            f"{secret}:n:{count:08}:c:auth:{hashed('PUT:/x')}"
        )
        assert parameter(value, "algorithm") == name


@pytest.mark.parametrize(
    ("values", "algorithm"),
    [
        (["MD5", "SHA-256"], "SHA-256"),
        (["SHA-256", "SHA-512-256", "MD5"], "SHA-512-256"),
        (["MD5", "MD5-sess"], "MD5-sess"),
        (["SHA-256", "MD5-sess"], "SHA-256"),
        (["SHA-1024", "MD5"], "MD5"),
    ],
)
def test_the_strongest_wins(values: list[str], algorithm: str) -> None:
    digest = Digest("u", "p")
    assert digest.challenged(["Basic realm=r"] + [f"{CHALLENGE}, algorithm={v}" for v in values])
    assert parameter(digest.answer("GET", "/"), "algorithm") == algorithm


def test_the_first_of_equals_wins() -> None:
    digest = Digest("u", "p")
    assert digest.challenged([CHALLENGE, CHALLENGE.replace('"n"', '"m"')])
    assert parameter(digest.answer("GET", "/"), "nonce") == "n"


@pytest.mark.parametrize(
    "value",
    [
        "",
        'Basic realm="r"',
        "Negotiate",
        "Digest",
        'Digest realm="r", nonce="n"',
        'Digest realm="r", nonce="n", qop="auth-int"',
        'Digest realm="r", qop="auth"',
        'Digest nonce="n", qop="auth"',
        CHALLENGE + ", algorithm=SHA-1",
        CHALLENGE + ", algorithm=sess",
    ],
)
def test_what_is_not_answered(value: str) -> None:
    digest = Digest("u", "p")
    assert not digest.challenged(value)
    assert digest.answer("GET", "/") == ""


def test_malformed_challenges_raise() -> None:
    with pytest.raises(FormError):
        Digest("u", "p").challenged('Digest realm="r')


def test_answers_are_counted_and_a_wrong_password_is_not_tried_again() -> None:
    nonces = iter("abcd")
    digest = Digest("u", "p", lambda: next(nonces))
    assert digest.challenged(CHALLENGE)
    assert parameter(digest.answer("GET", "/"), "nc") == "00000001"
    assert not digest.challenged(CHALLENGE.replace('"n"', '"m"'))
    # Another realm is another password's, a stale nonce is no refusal.
    assert digest.challenged(CHALLENGE.replace('"n"', '"m"') + ", stale=TRUE")
    value = digest.answer("GET", "/")
    assert (parameter(value, "nonce"), parameter(value, "cnonce")) == ("m", "b")
    assert digest.challenged(CHALLENGE.replace('"r"', '"q"'))
    assert parameter(digest.answer("GET", "/"), "nc") == "00000001"
    assert parameter(digest.answer("GET", "/"), "nc") == "00000002"
    # It was right before, so a new nonce is worth an answer.
    assert digest.challenged(CHALLENGE.replace('"r"', '"q"').replace('"n"', '"o"'))
    assert parameter(digest.answer("GET", "/"), "nonce") == "o"
    assert not digest.challenged(CHALLENGE.replace('"r"', '"q"'))


def test_the_next_nonce() -> None:
    digest = Digest("u", "p", lambda: "c")
    digest.proven('nextnonce="early"')
    assert digest.answer("GET", "/") == ""
    digest.challenged(CHALLENGE + ', opaque="o"')
    digest.answer("GET", "/")
    digest.proven('qop=auth, nextnonce="second", rspauth="x"')
    value = digest.answer("GET", "/")
    assert parameter(value, "nonce") == "second"
    assert parameter(value, "nc") == "00000001"
    assert parameter(value, "opaque") == "o"
    digest.proven('xnextnonce="third"')
    digest.proven("")
    assert parameter(digest.answer("GET", "/"), "nonce") == "second"


def test_names_that_are_not_ascii() -> None:
    digest = Digest("J\u00e4s\u00f8n Doe", "p", lambda: "c")
    digest.challenged(CHALLENGE)
    value = digest.answer("GET", "/")
    assert "username*=UTF-8''J%C3%A4s%C3%B8n%20Doe, " in value
    assert value.isascii()


def test_quotes_and_bytes_of_the_server_come_back_as_they_were() -> None:
    digest = Digest('a"b\\c', "p", lambda: "c")
    assert digest.challenged('Digest realm="say \\"\xc3\xbc\\"", nonce="n", qop=auth')
    value = digest.answer("GET", '/?"')
    assert 'username="a\\"b\\\\c", realm="say \\"\xc3\xbc\\"", uri="/?\\""' in value
    a1 = md5(b'a"b\\c:say "\xc3\xbc":p').hexdigest()
    a2 = md5(b'GET:/?"').hexdigest()
    assert parameter(value, "response") == md5(f"{a1}:n:00000001:c:auth:{a2}".encode()).hexdigest()


@pytest.mark.parametrize(("user", "password"), [("a\nb", "p"), ("a", "p\0")])
def test_control_characters(user: str, password: str) -> None:
    with pytest.raises(ValueError, match="control"):
        Digest(user, password)


def test_nonces_of_the_client_differ() -> None:
    found = set()
    for _ in range(10):
        digest = Digest("u", "p")
        digest.challenged(CHALLENGE)
        found.add(parameter(digest.answer("GET", "/"), "cnonce"))
    assert len(found) == 10

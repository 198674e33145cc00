"""The arithmetic of digest, by the examples of the RFCs."""

from hashlib import md5

import pytest

from galidia.http.digest import ALGORITHMS, proof, secret, session_secret


def test_the_algorithms_from_the_weakest_to_the_strongest() -> None:
    assert list(ALGORITHMS)[:2] == ["md5", "sha-256"]
    assert ALGORITHMS["md5"](b"a") == md5(b"a").hexdigest()


@pytest.mark.parametrize(
    ("algorithm", "response"),
    [
        ("md5", "8ca523f5e9506fed4657c9700eebdbec"),
        ("sha-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ],
)
def test_rfc_7616_section_3_9_1(algorithm: str, response: str) -> None:
    h = ALGORITHMS[algorithm]
    known = secret(h, b"Mufasa", b"http-auth@example.org", b"Circle of Life")
    nonce = b"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v"
    cnonce = b"f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"
    assert proof(h, known, nonce, b"00000001", cnonce, "GET", "/dir/index.html") == response


def test_a_session() -> None:
    h = ALGORITHMS["md5"]
    known = secret(h, b"u", b"r", b"p")
    assert session_secret(h, known, b"n", b"c") == h(h(b"u:r:p").encode() + b":n:c")

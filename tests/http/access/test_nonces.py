"""Nonces of the server: signed, ageing, and each count of one good for one request."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from galidia.http.access.nonces import WINDOW, Nonces

KEY = b"k" * 32


def count(n: int) -> str:
    return f"{n:08x}"


def salt(n: int) -> bytes:
    return n.to_bytes(8, "big")


def test_a_nonce_is_for_a_while() -> None:
    nonces = Nonces(KEY, 300, 10)
    nonce = nonces.make(1000, salt(1))
    assert nonces.use(nonce, count(1), 1000)
    assert nonces.use(nonce, count(2), 1300)
    assert not nonces.use(nonce, count(3), 1300.1)
    assert not nonces.use(nonce, count(3), 999.9)  # the clock of somebody else
    assert nonces.is_ours(nonce)


def test_what_was_not_made_here() -> None:
    nonces = Nonces(KEY, 300, 10)
    nonce = nonces.make(1000, salt(1))
    others = ["", "x", "A" * 40, nonce[:-1], nonce + "A", nonce[:39] + "=", "\u00fc" * 40]
    others += [nonce[:i] + ("B" if nonce[i] != "B" else "C") + nonce[i + 1 :] for i in range(40)]
    others.append(Nonces(b"j" * 32, 300, 10).make(1000, salt(1)))
    for other in others:
        assert not nonces.is_ours(other), other
        assert not nonces.use(other, count(1), 1000), other
    for wrong in ("1", "0000000g", "000000001", "+0000001", "", "\u0661" * 8):
        assert not nonces.use(nonce, wrong, 1000)


@given(st.lists(st.integers(0, 4 * WINDOW) | st.sampled_from([2**32 - 1, 2**32 - WINDOW])))
def test_no_count_is_taken_twice_and_none_near_the_highest_is_refused(counts: list[int]) -> None:
    nonces = Nonces(KEY, 300, 10)
    nonce = nonces.make(0, salt(1))
    taken: set[int] = set()
    for n in counts:
        took = nonces.use(nonce, count(n), 0)
        assert took == (n not in taken and n > max(taken, default=-1) - WINDOW)
        if took:
            taken.add(n)


def test_the_table_is_bounded_and_what_falls_out_is_not_taken_again() -> None:
    nonces = Nonces(KEY, 300, 10)
    made = [nonces.make(n, salt(n)) for n in range(100)]
    unused = nonces.make(50, salt(1000))
    for nonce in made:
        assert nonces.use(nonce, count(1), 100)
    assert len(nonces._used) == 10
    assert [nonces.use(nonce, count(2), 100) for nonce in made] == [False] * 90 + [True] * 10
    assert not nonces.use(unused, count(1), 100)
    assert nonces.use(nonces.make(100, salt(2000)), count(1), 100)

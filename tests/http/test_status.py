"""Reason phrases."""

import pytest

from galidia.http.status import REASONS, reason
from galidia.http.violations import VIOLATIONS


@pytest.mark.parametrize(
    ("status", "phrase"),
    [
        (100, "Continue"),
        (200, "OK"),
        (206, "Partial Content"),
        (304, "Not Modified"),
        (413, "Content Too Large"),
        (422, "Unprocessable Content"),
        (505, "HTTP Version Not Supported"),
        (511, "Network Authentication Required"),
    ],
)
def test_phrase(status: int, phrase: str) -> None:
    assert reason(status) == phrase


@pytest.mark.parametrize("status", [0, 99, 306, 418, 299, 599, 600, -1])
def test_code_without_phrase(status: int) -> None:
    assert reason(status) == ""


def test_table_is_in_order_and_fits_a_status_line() -> None:
    assert list(REASONS) == sorted(REASONS)
    assert len(REASONS) == 61
    for status, phrase in REASONS.items():
        assert 100 <= status <= 599
        assert phrase.isascii()
        assert phrase.isprintable()
        assert phrase


def test_every_violation_has_a_status_with_a_phrase() -> None:
    assert all(reason(violation.status) for violation in VIOLATIONS)

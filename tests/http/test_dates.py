"""HTTP dates to and from epoch seconds."""

import math
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from galidia.http.dates import format_date, parse_date

NOW = 1_784_540_000.0  # July 2026
FIRST, LAST = -62135596800, 253402300799  # years 1 and 9999
EXAMPLE = 784111777


@pytest.mark.parametrize(
    "text",
    [
        "Sun, 06 Nov 1994 08:49:37 GMT",
        "Sunday, 06-Nov-94 08:49:37 GMT",
        "Sun Nov  6 08:49:37 1994",
    ],
)
def test_the_three_formats_of_the_rfc(text: str) -> None:
    assert parse_date(text, NOW) == EXAMPLE


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
        (EXAMPLE, "Sun, 06 Nov 1994 08:49:37 GMT"),
        (-1, "Wed, 31 Dec 1969 23:59:59 GMT"),
        (951782400, "Tue, 29 Feb 2000 00:00:00 GMT"),
        (2**31, "Tue, 19 Jan 2038 03:14:08 GMT"),
        (FIRST, "Mon, 01 Jan 0001 00:00:00 GMT"),
        (LAST, "Fri, 31 Dec 9999 23:59:59 GMT"),
    ],
)
def test_both_directions(seconds: int, text: str) -> None:
    assert format_date(seconds) == text
    assert parse_date(text, NOW) == seconds


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.999, "Thu, 01 Jan 1970 00:00:00 GMT"),
        (-0.001, "Wed, 31 Dec 1969 23:59:59 GMT"),
    ],
)
def test_fractions_are_cut_off_towards_the_past(seconds: float, text: str) -> None:
    assert format_date(seconds) == text


@pytest.mark.parametrize("seconds", [FIRST - 1, LAST + 1, 1e300, -1e300, math.inf, math.nan])
def test_no_date_for_these_seconds(seconds: float) -> None:
    with pytest.raises(ValueError):
        format_date(seconds)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0",
        "Sun, 06 Nov 1994 08:49:37",
        "Sun, 06 Nov 1994 08:49:37 UTC",
        "Sun, 06 Nov 1994 08:49:37 +0000",
        "Sun, 06 Nov 1994 08:49:37 GMT ",
        " Sun, 06 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 08:49:37 GMT\n",
        "Sun, 06  Nov 1994 08:49:37 GMT",
        "Sun, 6 Nov 1994 08:49:37 GMT",
        "sun, 06 nov 1994 08:49:37 gmt",
        "Mon, 06 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 94 08:49:37 GMT",
        "Sun, 06 Nov 0000 08:49:37 GMT",
        "Sun, 00 Nov 1994 08:49:37 GMT",
        "Wed, 30 Feb 2000 00:00:00 GMT",
        "Thu, 29 Feb 1900 00:00:00 GMT",
        "Sun, 06 Nov 1994 24:00:00 GMT",
        "Sun, 06 Nov 1994 08:60:00 GMT",
        "Sun, 06 Nov 1994 08:49:61 GMT",
        "Sun, 06 Nov 1994 8:49:37 GMT",
        "Sun, \u0660\u0666 Nov 1994 08:49:37 GMT",
        "Sun, 06-Nov-94 08:49:37 GMT",
        "Sunday, 06-Nov-1994 08:49:37 GMT",
        "Monday, 06-Nov-94 08:49:37 GMT",
        "Sun Nov 6 08:49:37 1994",
        "Sun Nov  6 08:49:37 1994 GMT",
        "Sun Nov    08:49:37 1994",
        "Sun Nov 6  08:49:37 1994",
    ],
)
def test_anything_else_is_no_date(text: str) -> None:
    assert parse_date(text, NOW) is None


def test_leap_second_is_the_next_minute() -> None:
    assert parse_date("Sat, 31 Dec 2016 23:59:60 GMT", NOW) == 1483228800


@pytest.mark.parametrize(
    ("now", "text", "year"),
    [
        ("2026-07-20T10:00:00", "Monday, 20-Jul-76 10:00:00 GMT", 2076),  # 50 years, not more
        ("2026-07-20T10:00:00", "Tuesday, 20-Jul-76 10:00:01 GMT", 1976),
        ("2026-07-20T10:00:00", "Tuesday, 21-Jul-76 09:00:00 GMT", None),  # it was a Wednesday
        ("2026-07-20T10:00:00", "Saturday, 01-Jan-77 00:00:00 GMT", 1977),
        ("2026-07-20T10:00:00", "Sunday, 06-Nov-94 08:49:37 GMT", 1994),
        ("1999-06-01T00:00:00", "Saturday, 01-Jan-05 00:00:00 GMT", 2005),
        ("1999-06-01T00:00:00", "Sunday, 02-Jan-49 00:00:00 GMT", None),  # 2049: a Saturday
        ("2024-02-29T12:00:00", "Friday, 28-Feb-74 12:00:00 GMT", None),  # 2074: a Wednesday
        ("2024-02-29T12:00:00", "Friday, 01-Mar-74 12:00:00 GMT", 1974),
    ],
)
def test_century_of_a_two_digit_year(now: str, text: str, year: int | None) -> None:
    seconds = parse_date(text, datetime.fromisoformat(now).replace(tzinfo=UTC).timestamp())
    assert (seconds if seconds is None else datetime.fromtimestamp(seconds, UTC).year) == year


@given(st.integers(FIRST, LAST))
def test_what_is_written_is_read(seconds: int) -> None:
    text = format_date(seconds)
    assert parse_date(text, NOW) == seconds
    asctime = f"{text[:3]} {text[8:11]} {int(text[5:7]):2} {text[17:25]} {text[12:16]}"
    assert parse_date(asctime, NOW) == seconds


@given(st.text())
def test_no_text_raises(text: str) -> None:
    assert parse_date(text, NOW) is None or len(text) >= 24

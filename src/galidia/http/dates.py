"""HTTP dates (RFC 9110 section 5.6.7) to and from epoch seconds, without locale or clock.

Writes IMF-fixdate, reads all three formats. Reading is strict: case, spacing, ranges and the name
of the day must all be right, because a date that is misread is worse than one that is ignored.
"""

import re
from datetime import date

_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_DAY = tuple(name[:3] for name in _DAYS)
_MONTH = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_EPOCH = date(1970, 1, 1).toordinal()

_months = "(?P<month>" + "|".join(_MONTH) + ")"
_day = "(?P<day>" + "|".join(_DAY) + ")"
_time = "(?P<hour>[01][0-9]|2[0-3]):(?P<minute>[0-5][0-9]):(?P<second>[0-5][0-9]|60)"
_IMF_FIXDATE = re.compile(
    f"{_day}, (?P<mday>[0-9]{{2}}) {_months} (?P<year>[0-9]{{4}}) {_time} GMT"
)
_RFC850 = re.compile(
    f"(?P<day>{'|'.join(_DAYS)}), (?P<mday>[0-9]{{2}})-{_months}-(?P<year>[0-9]{{2}}) {_time} GMT"
)
_ASCTIME = re.compile(f"{_day} {_months} (?P<mday>[0-9 ][0-9]) {_time} (?P<year>[0-9]{{4}})")


def format_date(seconds: float) -> str:
    """IMF-fixdate of `seconds` since 1970-01-01 UTC, a fraction cut off towards the past.

    Raises ValueError outside of the years 1 to 9999.
    """
    try:
        days, rest = divmod(int(seconds // 1), 86400)
        d = date.fromordinal(days + _EPOCH)
    except OverflowError:
        raise ValueError(f"no date for {seconds!r}") from None
    minutes, second = divmod(rest, 60)
    hour, minute = divmod(minutes, 60)
    return (
        f"{_DAY[d.weekday()]}, {d.day:02} {_MONTH[d.month - 1]} {d.year:04} "
        f"{hour:02}:{minute:02}:{second:02} GMT"
    )


def parse_date(text: str, now: float) -> int | None:
    """Seconds since 1970-01-01 UTC, or None for anything but one of the three formats.

    `now`, in the same unit, settles the century of an RFC 850 date: the latest one that is not
    more than 50 years ahead. A leap second is the first second of the next minute.
    """
    m = _IMF_FIXDATE.fullmatch(text) or _RFC850.fullmatch(text) or _ASCTIME.fullmatch(text)
    if m is None:
        return None
    year, month, mday = int(m["year"]), _MONTH.index(m["month"]) + 1, int(m["mday"])
    in_day = int(m["hour"]) * 3600 + int(m["minute"]) * 60 + int(m["second"])
    if m.re is _RFC850:
        year = _full_year(year, (month, mday, in_day), now)
    try:
        d = date(year, month, mday)
    except ValueError:
        return None
    if not _DAYS[d.weekday()].startswith(m["day"]):
        return None
    return (d.toordinal() - _EPOCH) * 86400 + in_day


def _full_year(year: int, in_year: tuple[int, int, int], now: float) -> int:
    days, in_day = divmod(int(now // 1), 86400)
    today = date.fromordinal(days + _EPOCH)
    latest = today.year + 50
    full = latest - (latest - year) % 100
    if full == latest and in_year > (today.month, today.day, in_day):
        full -= 100
    return full

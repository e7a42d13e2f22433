"""Read from an answer's headers when to come again: by strict rules, because any value may come. Pure."""

from __future__ import annotations

import re
from datetime import UTC, datetime

_SECONDS = re.compile(rb"[0-9]{1,9}")
_MONTHS = (b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec")
# IMF-fixdate (RFC 9110, 5.6.7): the one form in which servers may send a date today.
_DATE = re.compile(
    rb"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), ([0-9]{2}) ([A-Z][a-z]{2}) ([0-9]{4}) ([0-9]{2}):([0-9]{2}):([0-9]{2}) GMT"
)
_EPOCH_YEAR = 1970


def retry_after_s(value: bytes | None, date: bytes | None, now: datetime) -> float | None:
    """Return how long a server asks to wait, or `None`.

    `value` is up to nine digits of seconds or a date (RFC 9110, 10.2.3); anything else, and a past date, count as none.
    `date` is the server's own clock: it is used if it is valid, because our clock may not be set yet.
    """
    if value is None:
        return None
    if _SECONDS.fullmatch(value):
        return float(value)
    until = date_of(value)
    if until is None:
        return None
    wait_s = (until - (date_of(date) or now)).total_seconds()
    return wait_s if wait_s > 0 else None


def date_of(value: bytes | None) -> datetime | None:
    """Return the time that a header names, in UTC; `None` if it has another form, or is not a date."""
    found = _DATE.fullmatch(value or b"")
    if found is None or found[2] not in _MONTHS or int(found[3]) < _EPOCH_YEAR:
        return None
    day, year, hour, minute, second = (int(found[number]) for number in (1, 3, 4, 5, 6))
    try:
        return datetime(year, _MONTHS.index(found[2]) + 1, day, hour, minute, second, tzinfo=UTC)
    except ValueError:
        return None

"""When a server asks to come again: a number or a date, strictly, and anything else is no wish."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iot_onboard.core.retry_after import date_of, retry_after_s

NOW = datetime(2026, 11, 2, 10, 0, 0, tzinfo=UTC)
LATER = b"Mon, 02 Nov 2026 10:10:00 GMT"


@pytest.mark.parametrize(
    ("value", "date", "wait_s"),
    [
        (b"0", None, 0.0),
        (b"120", None, 120.0),
        (b"999999999", None, 999_999_999.0),
        (b"9999999999", None, None),
        (LATER, None, 600.0),
        (LATER, b"Mon, 02 Nov 2026 10:09:00 GMT", 60.0),
        (LATER, b"Mon, 02 Nov 2026 10:11:00 GMT", None),
        (LATER, b"yesterday", 600.0),
        (LATER, b"Mon, 31 Feb 2026 10:09:00 GMT", 600.0),
        (b"Mon, 01 Jan 1970 00:00:00 GMT", None, None),
        (b"Fri, 31 Dec 9999 23:59:59 GMT", b"Thu, 01 Jan 1970 00:00:00 GMT", 253_402_300_799.0),
        (None, LATER, None),
    ],
)
def test_a_wish(value: bytes | None, date: bytes | None, wait_s: float | None) -> None:
    """By the server's own clock where it shows a good one, else by ours; the past is no wish."""
    assert retry_after_s(value, date, NOW) == wait_s


@pytest.mark.parametrize(
    "value",
    [
        b"", b" ", b"-1", b"+1", b"1.5", b"1e3", b"1,2", "\u0661".encode(), b"soon",
        b"Mon, 01 Jan 99999999999 00:00:00 GMT", b"Mon, 02 Nov 2026 10:10:00 +99999999999999",
        b"Mon, 02 Nov 2026 10:10:00 UTC", b"Mon, 02 Nov 1969 10:10:00 GMT", b"Mon, 02 Nov 0000 10:10:00 GMT",
        b"Mon, 02 Nof 2026 10:10:00 GMT", b"Mon, 31 Feb 2026 10:10:00 GMT", b"Mon, 02 Nov 2026 24:00:00 GMT",
        b"Mon, 02 Nov 2026 10:10:60 GMT", b"Mon, 2 Nov 2026 10:10:00 GMT", b"Monday, 02-Nov-26 10:10:00 GMT",
        b"Mon Nov  2 10:10:00 2026", LATER + b" ", LATER + b"\n", LATER + b"\0",
    ],
)  # fmt: skip
def test_no_wish(value: bytes) -> None:
    """No form but those, and nothing is guessed."""
    assert retry_after_s(value, None, NOW) is None
    assert date_of(value) is None


@given(st.binary(max_size=60) | st.from_regex(rb"Mon, [0-9]{2} [A-Z][a-z]{2} [0-9]{4} [0-9:]{8} GMT", fullmatch=True))
def test_any_value_is_a_wish_or_none(value: bytes) -> None:
    """Nothing raises, and a wish is never below zero."""
    wait_s = retry_after_s(value, value, NOW)
    assert wait_s is None or wait_s >= 0

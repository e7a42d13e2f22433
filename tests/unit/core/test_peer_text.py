"""What somebody else says is shown short and plain."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iot_onboard.core.peer_text import MAX_SHOWN, printable


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        (b"Forbidden", "Forbidden"),
        ("\u683c\u5f0f\u9519\u8bef", "\u683c\u5f0f\u9519\u8bef"),
        (b"a\x1b[2J\r\nb\0\t\x9bc", "a[2Jb\ufffdc"),
        ("\u202egnp.exe\u2066\u2028\u200b\ufeff\x9b\ud800", "gnp.exe"),
        (b"\xff", "\ufffd"),
        ("x" * 1000, "x" * MAX_SHOWN),
        ("\0" * 500 + "x", "x"),
    ],
)
def test_escapes_and_marks_of_direction_go(words: str | bytes, shown: str) -> None:
    """What is left is text."""
    assert printable(words) == shown


@given(st.text() | st.binary(), st.integers(0, 200))
def test_it_is_always_short_and_printable(words: str | bytes, most: int) -> None:
    """One line, whatever came."""
    shown = printable(words, most)
    assert len(shown) <= most
    assert shown.isprintable()

"""Text for people: lines that fit, colours where there are any."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iot_onboard.system.text_style import Style, lines_of, painted, printable, uses_utf8


def test_colours() -> None:
    """Where there are any, the words stand between the colour and the end of it."""
    assert painted("down", "1;31", Style(colour=True)) == "\x1b[1;31mdown\x1b[0m"
    assert painted("down", "1;31", Style()) == "down"


def test_what_a_terminal_would_obey_is_shown_as_a_question_mark() -> None:
    """An escape, a line end, a direction mark; letters of any language stay, and so does the length."""
    assert printable("a\x1b[31mb\nc\u202ed \u7f51\u5173") == "a?[31mb?c?d \u7f51\u5173"


@given(st.text(max_size=200), st.integers(0, 30), st.none() | st.integers(1, 120))
def test_any_words_are_lines_that_a_terminal_shows(words: str, margin: int, width: int | None) -> None:
    """One at least, none with a character that would move the cursor, and no word is lost or broken."""
    lines = lines_of(words, margin, Style(width=width))
    assert lines
    assert all(line.isprintable() for line in lines)
    assert " ".join(lines).split() == printable(words).split()
    if width is None:
        assert lines == [printable(words)]


def test_lines_fit_beside_their_margin() -> None:
    """Down to 24 columns; a longer command stays whole, to be copied."""
    words = "the firewall lets nobody out on port 8883: ask whoever runs it"
    assert max(map(len, lines_of(words, 20, Style(width=60)))) <= 40
    assert max(map(len, lines_of(words, 70, Style(width=80)))) <= 24
    command = "/usr/bin/a-long-command-with-hyphens-in-its-name"
    assert command in lines_of(f"run {command} now", 0, Style(width=30))


@pytest.mark.parametrize(
    ("environ", "encoding", "utf8"),
    [
        ({"LANG": "en_US.UTF-8"}, "utf-8", True),
        ({"LANG": "C.UTF-8"}, "utf-8", True),
        ({"LANG": "de_DE.utf8"}, "utf-8", True),
        ({}, "utf-8", False),
        ({"LC_CTYPE": "C.UTF-8"}, "utf-8", False),
        ({"LANG": "C", "LC_CTYPE": "C.UTF-8"}, "utf-8", False),
        ({"LANG": "C", "LC_CTYPE": "en_US.UTF-8"}, "utf-8", True),
        ({"LANG": "en_US.UTF-8", "LC_ALL": "C"}, "utf-8", False),
        ({"LANG": "C", "LC_ALL": "C.UTF-8"}, "utf-8", True),
        ({"LANG": "de_DE.ISO-8859-1"}, "iso8859-1", False),
        ({"LANG": "en_US.UTF-8"}, "ascii", False),
    ],
)
def test_who_shows_blocks(environ: dict[str, str], encoding: str, utf8: bool) -> None:
    """Locales of UTF-8; one that Python made up does not count."""
    assert uses_utf8(environ, encoding) == utf8

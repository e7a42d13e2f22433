"""How text for people is laid out: with colour and a width, or plain. Pure."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping

from ..fast_start.fast_dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Style:
    """Say how text is laid out; without a width, lines are as long as they are."""

    colour: bool = False
    width: int | None = None


def painted(words: str, colour: str, style: Style) -> str:
    """Return words in a colour, where there are colours (ECMA-48, select graphic rendition)."""
    return f"\x1b[{colour}m{words}\x1b[0m" if style.colour else words


def printable(words: str) -> str:
    """Return words that a terminal shows; what it would obey becomes a question mark."""
    return "".join(character if character.isprintable() else "?" for character in words)


def lines_of(words: str, margin: int, style: Style) -> list[str]:
    """Break words into lines that fit beside a margin."""
    # A certificate or a portal may say anything.
    words = printable(words)
    if style.width is None:
        return [words]
    # Commands are to be copied: a long one is not broken at its hyphens.
    room = max(24, style.width - margin)
    return textwrap.wrap(words, room, break_long_words=False, break_on_hyphens=False) or [""]


def says_utf8(environ: Mapping[str, str], encoding: str) -> bool:
    """Say whether the locale is one of UTF-8.

    Python takes UTF-8 for granted where there is no locale, and puts C.UTF-8 into LC_CTYPE (PEP 538); a serial console
    may not think so.
    """
    types = environ.get("LC_CTYPE", "").removeprefix("C.UTF-8")
    locale = environ.get("LC_ALL") or types or environ.get("LANG", "")
    return all("utf8" in words.lower().replace("-", "") for words in (locale, encoding))

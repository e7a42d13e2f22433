"""How text for people is printed: with colour and a width, or plain. Pure."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping

from ..fast_start.fast_dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Style:
    """Hold how text is printed; without a width, lines are not wrapped."""

    colour: bool = False
    width: int | None = None


def painted(words: str, colour: str, style: Style) -> str:
    """Return words in a colour, if the style has colours (ECMA-48, select graphic rendition)."""
    return f"\x1b[{colour}m{words}\x1b[0m" if style.colour else words


def printable(words: str) -> str:
    """Return words for a terminal; control characters become question marks."""
    return "".join(character if character.isprintable() else "?" for character in words)


def lines_of(words: str, margin: int, style: Style) -> list[str]:
    """Wrap words into lines that fit beside a margin."""
    # The text may come from a certificate or a captive portal, and contain anything.
    words = printable(words)
    if style.width is None:
        return [words]
    # Users copy commands: do not break a long one at its hyphens.
    room = max(24, style.width - margin)
    return textwrap.wrap(words, room, break_long_words=False, break_on_hyphens=False) or [""]


def uses_utf8(environ: Mapping[str, str], encoding: str) -> bool:
    """Say whether the locale uses UTF-8.

    Without a locale Python assumes UTF-8, and puts C.UTF-8 into LC_CTYPE (PEP 538); a serial console may not support
    it.
    """
    types = environ.get("LC_CTYPE", "").removeprefix("C.UTF-8")
    locale = environ.get("LC_ALL") or types or environ.get("LANG", "")
    return all("utf8" in words.lower().replace("-", "") for words in (locale, encoding))

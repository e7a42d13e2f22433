"""What somebody else said, as far as a line may show it: short, and of printable characters alone. Pure."""

from __future__ import annotations

MAX_SHOWN = 120


def printable(words: str | bytes, max_count: int = MAX_SHOWN) -> str:
    """Return the beginning of some words without what is no character of a text.

    Escapes of terminals, line ends and the marks that turn the direction of writing go; what is no UTF-8 is replaced.
    """
    text = words.decode("utf-8", "replace") if isinstance(words, bytes) else words
    return "".join(character for character in text[: 8 * max_count] if character.isprintable())[:max_count]

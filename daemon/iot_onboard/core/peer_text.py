"""Make text of a peer fit to be shown: short, and only printable characters. Pure."""

from __future__ import annotations

MAX_SHOWN = 120


def printable(words: str | bytes, max_count: int = MAX_SHOWN) -> str:
    """Return the beginning of a text without the characters that cannot be printed.

    Terminal escapes, line ends and marks of writing direction are removed; bytes that are not UTF-8 are replaced.
    """
    text = words.decode("utf-8", "replace") if isinstance(words, bytes) else words
    return "".join(character for character in text[: 8 * max_count] if character.isprintable())[:max_count]

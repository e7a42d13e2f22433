"""Mask known secrets in a text in every form: plain, escaped, hexadecimal, base64. Pure."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable

MASK = b"[secret]"
# A shorter secret would match in half of every text; in the configuration it is masked by its key.
MIN_BYTES = 4
# How many secrets and characters are searched for: each character costs time to prepare, and each secret time in every
# text. No gateway has as many secrets, but a damaged file may hold ten thousand words that look like one.
MAX_SECRETS = 150
MAX_CHARACTERS = 12_000
# From one file that cannot be parsed.
MAX_OF_ONE = 30
_LIKELY = re.compile(r"(?=[A-Za-z]*\d)(?=\d*[A-Za-z])[A-Za-z0-9]{16,128}")
# Lines may be folded within base64.
_FOLD = rb"(?:\r?\n)?"


def most_likely(words: Iterable[str], max_count: int, max_characters: int = MAX_CHARACTERS) -> frozenset[str]:
    """Return as many words as may be searched for; those that look like a secret of the platform come first."""
    chosen: set[str] = set()
    left = max_characters
    for word in sorted(set(words), key=lambda word: (_LIKELY.fullmatch(word) is None, len(word), word)):
        if len(chosen) < max_count and len(word) <= left:
            chosen.add(word)
            left -= len(word)
    return frozenset(chosen)


class SecretMasker:
    """Mask secrets wherever they stand in a text.

    A secret is found as it is, and with any of its characters escaped as in URLs, JSON or C; as hexadecimal digits or
    as decimal numbers, one for each byte; and as base64 of either alphabet, at any place of the encoded data. `omitted`
    counts the secrets beyond the limit.
    """

    def __init__(self, secrets: Iterable[str]) -> None:
        wanted = {secret for secret in secrets if len(secret.encode("utf-8", "surrogateescape")) >= MIN_BYTES}
        chosen = most_likely(wanted, MAX_SECRETS)
        self.omitted = len(wanted) - len(chosen)
        # The longest first: one secret may be a part of another.
        known = sorted(chosen, key=len, reverse=True)
        self._patterns = [re.compile(pattern, re.DOTALL) for secret in known for pattern in _patterns(secret)]

    def mask(self, data: bytes) -> bytes:
        """Return the data with every known secret masked."""
        for pattern in self._patterns:
            data = pattern.sub(MASK, data)
        return data


def _patterns(secret: str) -> list[bytes]:
    data = secret.encode()
    return [
        b"".join(_character(character) for character in secret),
        rb"(?i:" + rb"[ :,-]?(?:0x)?".join(b"%02x" % byte for byte in data) + rb")",
        rb"\s*,\s*".join(b"%d" % byte for byte in data),
        *(_base64(data, offset) for offset in range(3)),
    ]


def _character(character: str) -> bytes:
    """Match one character: plain, or escaped as in URLs (any number of times), JSON, or C and systemd (`\\x2d`)."""
    data = character.encode()
    ways = [re.escape(data), b"".join(rb"%%(?:25)*(?i:%02x)" % byte for byte in data)]
    ways.append(b"".join(rb"\\+x(?i:%02x)" % byte for byte in data))
    units = character.encode("utf-16-be", "surrogatepass")
    ways.append(b"".join(rb"\\+u(?i:%s)" % units[at : at + 2].hex().encode() for at in range(0, len(units), 2)))
    if character in "\"'\\/":
        ways.append(rb"\\+" + re.escape(data))
    if character == " ":
        ways.append(rb"\+")
    return rb"(?:" + rb"|".join(ways) + rb")"


def _base64(data: bytes, offset: int) -> bytes:
    """Match the base64 of the data if `offset` bytes come before it, for any bytes before and after.

    The digits at both ends also hold bits of the neighbours, and are not matched: they show less than a byte of the
    secret.
    """
    digits = base64.b64encode(b"\0" * offset + data)
    first, last = -(-offset * 8 // 6), (offset + len(data)) * 8 // 6
    ways = {ord("+"): rb"(?:\+|-|%2[bB])", ord("/"): rb"(?:/|_|%2[fF]|\\/)"}
    return _FOLD.join(ways.get(digit, bytes((digit,))) for digit in digits[first:last])

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
# Of those that come in thousands: what they look like, and at which places in a text one of their forms may be.
_PLAIN = re.compile(r"[A-Za-z0-9]{16,128}")
_RUN = re.compile(rb"[A-Za-z0-9+/_-]{16,}")
_KEY_BYTES = 8
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

    A secret is looked for as it is, with any of its characters escaped as URLs, JSON or C do it; as hexadecimal
    digits or as numbers, one a byte; and as base64 of either alphabet, wherever it stands in what was encoded.
    `omitted` counts those that are too many to be looked for.

    `many` may be thousands: the secrets of sub-devices. They are letters and digits. They are searched for as plain
    text, hexadecimal digits and base64, but not escaped or folded. One with other characters counts as a normal secret.
    """

    def __init__(self, secrets: Iterable[str], many: Iterable[str] = ()) -> None:
        known_many = frozenset(many)
        self._many = frozenset(secret for secret in known_many if _PLAIN.fullmatch(secret))
        self._forms: dict[bytes, tuple[bytes, ...]] = {}
        secrets = {*secrets, *(known_many - self._many)}
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
        return _RUN.sub(self._mask_run, data) if self._many else data

    def _mask_run(self, run: re.Match[bytes]) -> bytes:
        """Mask the forms of many secrets in a run of digits: what they begin with is looked up at each place."""
        if not self._forms:
            # Made here: most texts have no such run.
            self._forms = _forms_by_key(self._many)
        data, masked, kept_to, at = run[0], bytearray(), 0, 0
        while at <= len(data) - _KEY_BYTES:
            forms = self._forms.get(data[at : at + _KEY_BYTES], ())
            found = next((form for form in forms if data.startswith(form, at)), None)
            if found is None:
                at += 1
                continue
            masked += data[kept_to:at] + MASK
            kept_to = at = at + len(found)
        return bytes(masked) + data[kept_to:]


def _patterns(secret: str) -> list[bytes]:
    data = secret.encode()
    return [
        b"".join(_character(character) for character in secret),
        rb"(?i:" + rb"[ :,-]?(?:0x)?".join(b"%02x" % byte for byte in data) + rb")",
        rb"\s*,\s*".join(b"%d" % byte for byte in data),
        *(_base64(data, offset) for offset in range(3)),
    ]


def _forms_by_key(secrets: Iterable[str]) -> dict[bytes, tuple[bytes, ...]]:
    """Return the forms of plain secrets by their first bytes, the longest first."""
    found: dict[bytes, tuple[bytes, ...]] = {}
    for secret in secrets:
        data = secret.encode()
        digits = data.hex().encode()
        encoded = [_digits(data, offset) for offset in range(3)]
        for form in {data, digits, digits.upper(), *encoded}:
            key = form[:_KEY_BYTES]
            found[key] = tuple(sorted((*found.get(key, ()), form), key=len, reverse=True))
    return found


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

    The digits at both ends hold bits of the neighbours too, and stay: they reveal less than a byte of the secret.
    """
    ways = {ord("+"): rb"(?:\+|-|%2[bB])", ord("/"): rb"(?:/|_|%2[fF]|\\/)"}
    return _FOLD.join(ways.get(digit, bytes((digit,))) for digit in _digits(data, offset))


def _digits(data: bytes, offset: int) -> bytes:
    """Return the digits of base64 that are the data's alone, if `offset` bytes stand before it."""
    first, last = -(-offset * 8 // 6), (offset + len(data)) * 8 // 6
    return base64.b64encode(b"\0" * offset + data)[first:last]

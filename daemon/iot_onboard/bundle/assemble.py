"""Mask the secrets of every part, and list what is in the bundle and what is not. Pure."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..core.masking import MAX_OF_ONE, MIN_BYTES, SecretMasker, most_likely
from .mask import mask_configuration, mask_text

MANIFEST = "MANIFEST.txt"


class Kind(enum.Enum):
    """Name the origin of a part's text, which decides how unknown secrets in it are masked."""

    OURS = "ours"
    FOREIGN = "foreign"
    CONFIGURATION = "configuration"


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Hold a part as it was collected, or why it could not be."""

    name: str
    about: str
    kind: Kind
    data: bytes | None = None
    why_not: str = ""


def assemble(
    parts: Sequence[Part],
    *,
    secrets: frozenset[str],
    many: frozenset[str] = frozenset(),
    unread: Sequence[str],
    headline: str,
    omitted: int = 0,
) -> Mapping[str, bytes]:
    """Return the files of the bundle, the manifest first; `unread` names unreadable files that may hold secrets.

    `omitted` counts possible secrets that were too many to search for.
    """
    covered = [(part, *_covered(part)) for part in parts]
    found = {secret for _, _, of_part in covered for secret in most_likely(of_part, MAX_OF_ONE)}
    seen = {secret for _, _, of_part in covered for secret in of_part}
    masker = SecretMasker(secrets | found, many)
    omitted += len(seen - found - secrets - many) + masker.omitted
    texts = {part.name: text for part, text, _ in covered if text is not None}
    files = {MANIFEST: _manifest(parts, len(secrets | found), len(many), unread, headline, omitted).encode(), **texts}
    return {_text(masker.mask(name.encode())): masker.mask(data) for name, data in files.items()}


def _covered(part: Part) -> tuple[bytes | None, tuple[str, ...]]:
    """Return a part with everything masked that looks like a secret, and the masked values."""
    if part.data is None or part.kind is Kind.OURS:
        return part.data, ()
    # Bytes that are not UTF-8 stay as they are.
    text = part.data.decode("utf-8", "surrogateescape")
    if part.kind is Kind.FOREIGN:
        return mask_text(text).encode("utf-8", "surrogateescape"), ()
    masked = mask_configuration(text)
    return masked.text.encode("utf-8", "surrogateescape"), masked.covered


def _manifest(parts: Sequence[Part], known: int, many: int, unread: Sequence[str], headline: str, omitted: int) -> str:
    width = max((len(part.name) for part in parts), default=0)

    def rows(some: Sequence[tuple[str, str]]) -> list[str]:
        return [f"  {name:<{width}}  {words}".rstrip() for name, words in some] or ["  nothing"]

    lines = [
        headline,
        "",
        "Included",
        *rows([(part.name, part.about) for part in parts if part.data is not None]),
        "",
        "Not included",
        *rows([(part.name, part.why_not) for part in parts if part.data is None]),
        "",
        "Never included: product secret, device secrets, passwords, credentials, the machine id.",
        f"{known} of them are known on this gateway. Each was masked in every part: plain, escaped, in hexadecimal and",
        f"in base64. Those shorter than {MIN_BYTES} characters are masked only in the configuration.",
    ]
    if many:
        lines.append(f"So was each of {many} more, of sub-devices: in plain, in hexadecimal and in base64.")
    if omitted:
        lines.append(f"{omitted} more words look like secrets; they are too many to search for in every part.")
    if unread:
        title = "Not readable for the user who made it; secrets in these files could not be masked"
        lines += ["", title, *rows([(name, "") for name in unread])]
    return "\n".join([*lines, ""])


def _text(name: bytes) -> str:
    return name.decode("utf-8", "surrogateescape")

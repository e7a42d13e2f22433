"""Cover the secrets of every part, and write down what is in the bundle and what is not. Pure."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..core.masking import MAX_OF_ONE, MIN_BYTES, SecretMasker, most_likely
from .mask import mask_configuration, mask_text

MANIFEST = "MANIFEST.txt"


class Kind(enum.Enum):
    """Say whose words a part holds, and so how its secrets are covered besides the known ones."""

    OURS = "ours"
    FOREIGN = "foreign"
    CONFIGURATION = "configuration"


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Hold a part as it was brought, or why it could not be."""

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
    """Return the files of the bundle, the manifest first; `unread` names what may hold secrets that nobody knows.

    `omitted` counts what was found and is too much to be looked for.
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
    """Return a part with what looks like a secret covered, and what that was."""
    if part.data is None or part.kind is Kind.OURS:
        return part.data, ()
    # What is no UTF-8 stays what it is.
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
        "In it",
        *rows([(part.name, part.about) for part in parts if part.data is not None]),
        "",
        "Not in it",
        *rows([(part.name, part.why_not) for part in parts if part.data is None]),
        "",
        "Never in it: product secret, device secrets, passwords, credentials, the machine id.",
        f"{known} of them are known here; each was looked for in every part, in plain, escaped, in hexadecimal and in",
        f"base64, and covered. Those shorter than {MIN_BYTES} characters are covered in the configuration alone.",
    ]
    if many:
        lines.append(f"So was each of {many} more, of sub-devices: in plain, in hexadecimal and in base64.")
    if omitted:
        lines.append(f"{omitted} more words look like secrets, too many to be looked for in every part.")
    if unread:
        title = "Not readable by whoever made it: secrets in them could not be looked for"
        lines += ["", title, *rows([(name, "") for name in unread])]
    return "\n".join([*lines, ""])


def _text(name: bytes) -> str:
    return name.decode("utf-8", "surrogateescape")

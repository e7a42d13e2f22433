"""Mask what looks like a secret by its shape or by the name before it; lines keep their numbers. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

MASK = "[secret]"
_WORDS = r"(?:secret|passw(?:or)?d|passphrase|token|credential|private[_-]?key|api[_-]?key|authorization|psk)"
# The key of a line of YAML, also in a comment, also without a space after the colon.
_YAML_KEY = re.compile(
    rf"^(?P<head>[\s#-]*+[\"']?[\w .-]{{0,40}}?{_WORDS}[\w.-]{{0,40}}[\"']?\s*+[:=]\s*+)(?P<value>\S.*)$", re.IGNORECASE
)
# In other texts: a name, a sign, and one word. Lengths are bounded, because a long line must not take minutes.
_PAIR = re.compile(
    rf"(?P<head>{_WORDS}[\w.-]{{0,40}}(?<!file)[\\\"']{{0,4}}\s*+[:=]\s*+(?:(?:basic|bearer)\s++)?[\\\"']{{0,4}})"
    r"(?P<value>[^\s\"'\\,;}]{4,})",
    re.IGNORECASE,
)
_USERINFO = re.compile(r"(?P<head>://[^\s/:@\"']{0,128}:)(?P<value>[^\s\"']{1,512})(?=@)")
# The shape of a product secret or a device secret: only letters and digits, both kinds, and many.
_SHAPE = re.compile(r"(?<![\w/.-])(?=[A-Za-z]*\d)(?=\d*[A-Za-z])[A-Za-z0-9]{16,128}(?![\w/.-])")
_NAMES = re.compile(r"^\s*[\"']?(?:product_key|device_name|instance_id|region|host|url)\b[^#]*", re.IGNORECASE)
# A block after a key: its lines are the value.
_BLOCK = re.compile(r"^[|>][+-]?\d?\s*(?:#.*)?$")
# A path, also after a credential's name; an empty value; or a value that is masked already.
_HARMLESS = re.compile(
    r"^[\"']?(?:(?:[\w.-]+:)?/.*|[\w.-]+:|~|null|none|true|false|\[secret\])?[\"']?\s*(?:#.*)?$", re.IGNORECASE
)
# Words from examples: as secrets they would be masked in every text.
PLACEHOLDERS = {"password", "passwd", "secret", "token", "user", "username"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Masked:
    """Hold a text with its secrets masked, and the masked values, because other texts may hold them too."""

    text: str
    covered: tuple[str, ...] = ()


def mask_configuration(text: str) -> Masked:
    """Mask secrets in a configuration file, also in an invalid one; every line keeps its number."""
    lines: list[str] = []
    covered: list[str] = []
    block_indent: int | None = None
    for line in text.split("\n"):
        indent = len(line) - len(line.lstrip())
        if block_indent is not None and line.strip():
            if indent > block_indent:
                covered.append(line.strip())
                lines.append(line[:indent] + MASK)
                continue
            block_indent = None
        made, found = _line(line)
        if found and _BLOCK.match(found[0]):
            block_indent, made, found = indent, line, []
        lines.append(made)
        covered += found
    return Masked(text="\n".join(lines), covered=tuple(covered))


def mask_text(text: str) -> str:
    """Mask secrets in any other text: passwords in URLs, and words after a name such as `password`."""
    covered: list[str] = []
    return _substituted(_PAIR, _substituted(_USERINFO, text, covered), covered)


def _line(line: str) -> tuple[str, list[str]]:
    covered: list[str] = []
    line = _substituted(_USERINFO, line, covered)
    key = _YAML_KEY.match(line)
    if key is not None and not _HARMLESS.match(key["value"]):
        return key["head"] + MASK, [*covered, _plain(key["value"])]
    names = _NAMES.match(line)
    kept, rest = (names[0], line[names.end() :]) if names is not None else ("", line)
    if key is None:
        rest = _substituted(_PAIR, rest, covered)
        covered += _SHAPE.findall(rest)
        rest = _SHAPE.sub(MASK, rest)
    return kept + rest, covered


def _substituted(pattern: re.Pattern[str], text: str, covered: list[str]) -> str:
    def cover(match: re.Match[str]) -> str:
        if _HARMLESS.match(match["value"]):
            return match[0]
        if match["value"].lower() not in PLACEHOLDERS:
            covered.append(match["value"])
        return match["head"] + MASK

    return pattern.sub(cover, text)


def _plain(value: str) -> str:
    """Return a value without its quotes and without a comment after it."""
    value = value.strip()
    if value[:1] in {'"', "'"} and value.rfind(value[0]) > 0:
        return value[1 : value.rfind(value[0])]
    return value.partition(" #")[0].rstrip()

"""Read single values of the configuration: each reader returns a value or raises `Bad`. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import SplitResult, unquote, urlsplit

from ..aliyun.signing import SignMethod
from ..core.secret import Secret
from ..fast_start.typing_names import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..core.proxy import ProxyAddress

_ENCODE = "write special characters of a user name or password as %40, %23, ..."
_LABEL = r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
HOST = rf"(?!.{{254}}){_LABEL}(\.{_LABEL})*|[0-9A-Fa-f:]+"

# Far above the platform's 16 or 32: a longer text is not a secret, but some other file.
MAX_SECRET_CHARACTERS = 1024
# The same for a file, with what may follow the secret.
MAX_SECRET_BYTES = 4096

# Of any value: the longest path, and far above everything else that a key takes.
MAX_CHARACTERS = 4096

_KINDS = {
    "str": "text",
    "bool": "true or false",
    "int": "a number",
    "float": "a number",
    "list": "a list",
    "dict": "a mapping",
    "date": "a date",
    "datetime": "a date",
}


class Bad(ValueError):
    """Say what is wrong with a value, and how to correct it."""

    def __init__(self, problem: str, hint: str = "") -> None:
        super().__init__(problem)
        self.hint = hint

    @property
    def advice(self) -> str:
        """Return both as one text."""
        return f"{self} ({self.hint})" if self.hint else str(self)


def text(value: Any) -> str:
    """Take text."""
    if isinstance(value, str):
        return bounded(value)
    # An unquoted {serial} is a mapping to YAML, and a bare yes is a boolean.
    raise Bad(f"is {_kind(value)}, must be text", "" if isinstance(value, list) else "put it in quotes")


def bounded(value: str) -> str:
    """Take what is written, unless it is longer than any value of any key."""
    if len(value) > MAX_CHARACTERS:
        raise Bad(f"has {len(value)} characters; at most {MAX_CHARACTERS} are allowed")
    return value


def _kind(value: Any) -> str:
    return _KINDS.get(type(value).__name__, "of an unknown kind")


def unless(problem_of: Callable[[str], str | None]) -> Callable[[Any], str]:
    """Return a reader of text that refuses what `problem_of` finds a problem in."""

    def read(value: Any) -> str:
        if problem := problem_of(text(value)):
            raise Bad(problem)
        return text(value)

    return read


def secret(value: str) -> Secret:
    """Take a secret, as the console shows it; nothing of it enters a problem."""
    if not value:
        raise Bad("is empty")
    if len(value) > MAX_SECRET_CHARACTERS or not value.isascii() or not value.isprintable() or " " in value:
        raise Bad("does not hold a secret", "write the secret alone, one line, as the console shows it")
    return Secret(value)


def secret_in(data: bytes) -> Secret:
    """Take what a file holds as a secret; of a longer one it is enough to read a byte too much."""
    # A text that is too long is no secret, even if it begins like one.
    return secret(data.decode("ascii", "replace").strip("\r\n") if len(data) <= MAX_SECRET_BYTES else " ")


def path(value: Any) -> Path:
    """Take an absolute path."""
    if not text(value).startswith("/") or "\0" in value:
        raise Bad("must be an absolute path")
    return Path(value)


def matching(pattern: str, what: str) -> Callable[[Any], str]:
    """Return a reader of text that matches the whole pattern."""

    def read(value: Any) -> str:
        if not re.fullmatch(pattern, text(value), re.ASCII):
            raise Bad(f"is not {what}")
        return text(value)

    return read


def one_of(*choices: str) -> Callable[[Any], str]:
    """Return a reader of one of some words."""

    def read(value: Any) -> str:
        if text(value) not in choices:
            import difflib

            close = difflib.get_close_matches(value.lower(), choices, 1)
            raise Bad(f"must be one of {', '.join(choices)}", f"did you mean {close[0]}?" if close else "")
        return text(value)

    return read


def sign_method(value: Any) -> SignMethod:
    """Take a sign method."""
    return SignMethod(one_of(*(method.value for method in SignMethod))(value))


def between(lowest: int, highest: int, *, whole: bool = True) -> Callable[[Any], Any]:
    """Return a reader of a number within bounds."""

    def read(value: Any) -> Any:
        if isinstance(value, bool) or not isinstance(value, int if whole else int | float):
            raise Bad(f"is {_kind(value)}, must be a {'whole ' if whole else ''}number from {lowest} to {highest}")
        if not lowest <= value <= highest:
            raise Bad(f"must be from {lowest} to {highest}")
        return value

    return read


def boolean(value: Any) -> bool:
    """Take true or false."""
    if not isinstance(value, bool):
        raise Bad(f"is {_kind(value)}, must be true or false")
    return value


def https(value: Any) -> str:
    """Take an address of TLS."""
    parts = _split(value)
    if parts.scheme != "https" or not parts.hostname:
        raise Bad("must be an address that starts with https://", "TLS is always verified; there is no switch")
    if not re.fullmatch(HOST, parts.hostname, re.ASCII):
        raise Bad("does not name a host")
    if parts.username is not None:
        raise Bad("must not hold a user name or a password")
    return text(value)


def proxy(value: Any) -> ProxyAddress:
    """Take a proxy's address, with or without a password."""
    # Imported here: only a gateway behind a proxy needs it.
    from ..core.proxy import ProxyAddress

    parts = _split(value)
    host = parts.hostname or ""
    if parts.scheme != "http" or parts.path.strip("/") or not re.fullmatch(HOST, host, re.ASCII):
        raise Bad("must be http://host:port or http://user:password@host:port", _ENCODE)
    return ProxyAddress(
        host=host,
        port=3128 if parts.port is None else parts.port,
        username=unquote(parts.username) if parts.username else None,
        password=Secret(unquote(parts.password)) if parts.password else None,
    )


def _split(value: Any) -> SplitResult:
    """Split an address; it never enters a problem, because it may contain a password."""
    address = text(value)
    # urlsplit drops line ends and leaves blanks in the host: what is reached would not be what is written.
    if not address.isascii() or not address.isprintable() or " " in address:
        raise Bad("is not an address", "no blanks; " + _ENCODE)
    try:
        parts = urlsplit(address)
        port = parts.port
    except ValueError:
        raise Bad("is not an address", _ENCODE) from None
    if port == 0:
        raise Bad("must not name port 0")
    return parts

"""A secret that is masked wherever it is printed."""

from __future__ import annotations

import hmac
from collections.abc import Iterable

from ..fast_start.typing_names import NoReturn

# How many characters of a peer's text are searched for secrets.
_MAX_SEARCHED = 2000
# How much is cut off the end of a longer text, because it may hold a part of a secret: 64 characters, each written as
# `\\u0041`.
_CUT_AT_END = 384
# Shown in place of a text that may hold a secret, if no descriptor is left to load the module that finds it.
_NOT_SEARCHED = "details are not shown, because this gateway has no file descriptor left"


class Secret:
    """Hold a secret whose `repr` and `str` are masked; only `reveal()` gives the value."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        if not value:
            raise ValueError("a secret cannot be empty")
        self._value = value

    def reveal(self) -> str:
        """Return the value; only for signing and for the store."""
        return self._value

    def __repr__(self) -> str:
        return "Secret(********)"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and hmac.compare_digest(self._value.encode(), other._value.encode())

    def __hash__(self) -> int:
        return hash((Secret, self._value))

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is not pickled")


class KnownSecrets:
    """Collect the secrets that this process meets, so that none of them is logged: a peer may send one back."""

    def __init__(self, *secrets: Secret | None) -> None:
        self._values: set[str] = set()
        self._many: set[str] = set()
        self._for_now: set[str] = set()
        self.add(*secrets)

    def add(self, *secrets: Secret | None) -> None:
        """Add secrets; none is ever removed."""
        self._values |= {secret.reveal() for secret in secrets if secret is not None}

    def add_many(self, secrets: Iterable[Secret]) -> None:
        """Add those of sub-devices, which may be thousands; none is ever removed."""
        self._many |= {secret.reveal() for secret in secrets}

    def add_for_now(self, *secrets: Secret) -> None:
        """Keep these until the next call replaces them: for secrets that are made for each attempt."""
        self._for_now = {secret.reveal() for secret in secrets}

    def shown(self, words: str | bytes, max_count: int) -> str:
        """Return the beginning of a text in the form that a line may show: printable, with every known secret masked.

        Characters that cannot be printed are removed first, because one may stand inside a secret. The text is cut
        last, because a part of a secret is a secret too.
        """
        try:
            # Imported here: a start without failures needs none of it.
            from .masking import SecretMasker
            from .peer_text import printable
        except OSError:
            return _NOT_SEARCHED

        text = printable(words, _MAX_SEARCHED)
        masked = SecretMasker(self._values | self._for_now, self._many).mask(text.encode()).decode("utf-8", "replace")
        return (masked if len(text) < _MAX_SEARCHED else masked[:-_CUT_AT_END])[:max_count]

"""A secret that does not show itself."""

from __future__ import annotations

import hmac

from ..fast_start.typing_names import NoReturn

# What is looked through for secrets of what somebody said.
_MAX_LOOKED_THROUGH = 2000
# Of longer words, an end that may hold a piece of one: as long as 64 characters are, each written `\\u0041`.
_UNSURE = 384
# For words that may hold a secret, where no descriptor is left to load what finds it.
_NOT_LOOKED_THROUGH = "details are not shown, because this gateway has no file descriptor left"


class Secret:
    """Hold a secret whose `repr` and `str` are masked; only `reveal()` gives the value."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        if not value:
            raise ValueError("a secret cannot be empty")
        self._value = value

    def reveal(self) -> str:
        """Return the value, for signing and for the store alone."""
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
    """Collect the secrets that this process meets, so that none of them is told: a peer may say one back."""

    def __init__(self, *secrets: Secret | None) -> None:
        self._values: set[str] = set()
        self._passing: set[str] = set()
        self.add(*secrets)

    def add(self, *secrets: Secret | None) -> None:
        """Know more of them; none is forgotten."""
        self._values |= {secret.reveal() for secret in secrets if secret is not None}

    def add_for_now(self, *secrets: Secret) -> None:
        """Know some until others take their place: there is no end to such as are made anew each time."""
        self._passing = {secret.reveal() for secret in secrets}

    def shown(self, words: str | bytes, max_count: int) -> str:
        """Return the beginning of some words as a line may show them: printable, and with every known secret covered.

        Covered before they are cut, for a piece of a secret is one, too; and after what is not printable has gone, for
        it may have parted one.
        """
        try:
            # Imported here: a start without trouble needs none.
            from .peer_words import printable
            from .scrub import Scrubber
        except OSError:
            return _NOT_LOOKED_THROUGH

        text = printable(words, _MAX_LOOKED_THROUGH)
        covered = Scrubber(self._values | self._passing).clean(text.encode()).decode("utf-8", "replace")
        return (covered if len(text) < _MAX_LOOKED_THROUGH else covered[:-_UNSURE])[:max_count]

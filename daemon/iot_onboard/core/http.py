"""The request and the answer of HTTP, before anything in the answer is interpreted."""

from __future__ import annotations

from ..fast_start.fast_dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """Describe one form POST; `form` is in the order of sending, values not yet escaped."""

    url: str
    form: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpAnswer:
    """Hold an answer; `repr` leaves out the body, because it may hold a secret."""

    status: int
    body: bytes
    retry_after_s: float | None = None

    def __repr__(self) -> str:
        return f"HttpAnswer(status={self.status!r}, retry_after_s={self.retry_after_s!r})"

"""An HTTP proxy that both legs go through."""

from __future__ import annotations

from dataclasses import dataclass

from .secret import Secret


@dataclass(frozen=True, slots=True, kw_only=True)
class ProxyAddress:
    """Name a proxy, and what it asks of us."""

    host: str
    port: int
    username: str | None = None
    password: Secret | None = None

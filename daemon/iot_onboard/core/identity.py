"""The identity of a device, and the secret that proves it."""

from __future__ import annotations

from datetime import datetime

from ..fast_start.fast_dataclasses import dataclass
from .secret import Secret


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Name a device within the platform."""

    product_key: str
    device_name: str

    def __str__(self) -> str:
        return f"{self.product_key}.{self.device_name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """Hold a device's secret; `issued_at` is the UTC time of the registration, `None` for a secret given by hand."""

    identity: Identity
    device_secret: Secret
    issued_at: datetime | None = None

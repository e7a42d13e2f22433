"""A gateway that registered earlier: its secret is on disk."""

from __future__ import annotations

from pathlib import Path

from iot_onboard.core.identity import Credentials, Identity
from iot_onboard.core.secret import Secret
from iot_onboard.disk.credentials_format import encode

from .gateway import PRODUCT_KEY, Gateway

DEVICE = Credentials(
    identity=Identity(product_key=PRODUCT_KEY, device_name="gw-0001"), device_secret=Secret("s3cr3tS3CR3Ts3cr3t")
)


def point(gateway: Gateway, port: int, ca_file: Path, host: str = "127.0.0.1") -> None:
    """Give the gateway a stored secret and an MQTT server; registration goes nowhere."""
    gateway.write_config("https://127.0.0.1:9/auth/register/device", port, ca_file)
    gateway.config.write_text(gateway.config.read_text().replace("host: 127.0.0.1", f"host: {host}"))
    store(gateway)


def store(gateway: Gateway) -> None:
    """Give the gateway a stored secret."""
    gateway.credentials.parent.mkdir(mode=0o700)
    gateway.credentials.write_bytes(encode(DEVICE))
    gateway.credentials.chmod(0o600)

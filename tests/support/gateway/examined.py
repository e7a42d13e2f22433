"""Directories that look like a gateway's, for the doctor to look at."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from iot_onboard.core.identity import Credentials, Identity
from iot_onboard.core.secret import Secret
from iot_onboard.disk.credentials_format import encode
from support.platform.tlsserver import certificates

IDENTITY = Identity(product_key="a1b2c3d4e5f", device_name="gw-0001")


SECRET = "s3cr3tS3CR3Ts3cr3t"


ISSUED = datetime(2026, 11, 2, 10, tzinfo=UTC)


def laid_out(directory: Path) -> Path:
    (directory / "config.yaml").write_text(
        f"product_key: a1b2c3d4e5f\ndevice_name: gw-0001\nstate_dir: {directory}/state\nruntime_dir: {directory}/run\n"
    )
    kept(directory / "product-secret", b"pr0ductS3cret\n")
    store = directory / "state/credentials"
    store.mkdir(parents=True, mode=0o700)
    kept(store / f"{IDENTITY}.json", whole())
    return directory


def whole(secret: str = SECRET) -> bytes:
    return encode(Credentials(identity=IDENTITY, device_secret=Secret(secret), issued_at=ISSUED))


def kept(path: Path, data: bytes, mode: int = 0o600) -> Path:
    path.write_bytes(data)
    path.chmod(mode)
    return path


def configured(directory: Path, *, https: int = 9, mqtt: int = 9, ca_file: Path | None = None, extra: str = "") -> Path:
    config = directory / "config.yaml"
    config.write_text(
        "product_key: a1b2c3d4e5f\ndevice_name: gw-0001\n"
        f"registration: {{url: 'https://localhost:{https}/auth/register/device'}}\n"
        f"mqtt: {{host: localhost, port: {mqtt}}}\n"
        f"tls: {{ca_file: {ca_file or certificates('ours')[0]}}}\n{extra}"
    )
    return config


def write(path: Path, text: str = "") -> None:
    path.write_text(f"product_key: a1b2c3d4e5f\ndevice_name: gw-0001\nruntime_dir: {path.parent}/run\n{text}")

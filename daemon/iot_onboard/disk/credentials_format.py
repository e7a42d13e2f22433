"""The file format of a stored device secret. Pure."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime

from ..core.identity import Credentials, Identity
from ..core.secret import Secret

FORMAT = 1
# Below the state directory: the secret of the gateway, and those of the devices that it speaks for.
DIRECTORY = "credentials"
SUBDEVICES = "subdevices"
MAX_BYTES = 65_536


class Damaged(ValueError):
    """Say what is wrong with a credentials file, without its content."""


class NewerFormat(ValueError):
    """The file is complete, and in a format that only a later version of this program reads."""


def encode(credentials: Credentials) -> bytes:
    """Return the file's bytes: JSON with a checksum, so that a changed bit cannot give another secret."""
    identity = credentials.identity
    record: dict[str, object] = {
        "format": FORMAT,
        "product_key": identity.product_key,
        "device_name": identity.device_name,
        "device_secret": credentials.device_secret.reveal(),
        "issued_at": credentials.issued_at.astimezone(UTC).isoformat() if credentials.issued_at else None,
    }
    return json.dumps({**record, "sha256": _checksum(record)}, indent=1).encode() + b"\n"


def decode(data: bytes, identity: Identity) -> Credentials:
    """Read credentials back, or raise `Damaged`: empty, truncated, changed, or of another device.

    A later format is read as far as it goes: it keeps the checksum and, if an earlier version may use it, the names
    (docs/decisions/0006). Where it does not hold them, `NewerFormat`: the file is good, and not ours to judge.
    """
    if not data.strip(b"\0 \n"):
        raise Damaged("empty")
    if len(data) > MAX_BYTES:
        raise Damaged("too large")
    try:
        record = json.loads(data)
        if not isinstance(record, dict) or not _is_format(record.get("format")):
            raise Damaged("not a credentials file")
        checksum = record.pop("sha256", None)
        whole = checksum == _checksum(record)
    except Damaged:
        raise
    except (ValueError, RecursionError):
        # The parser's exception holds the text, and the text is a secret: not chained.
        raise Damaged("not JSON") from None
    if not whole:
        raise Damaged("checksum does not match")
    if (record.get("product_key"), record.get("device_name")) != (identity.product_key, identity.device_name):
        raise Damaged("of another device")
    try:
        return _credentials(record, identity)
    except Damaged:
        if record["format"] == FORMAT:
            raise
        raise NewerFormat(f"in format {record['format']}, which a newer iot-onboard has written") from None


def _credentials(record: dict[str, object], identity: Identity) -> Credentials:
    secret, issued_at = record.get("device_secret"), record.get("issued_at")
    if not isinstance(secret, str) or not secret or not isinstance(issued_at, str | None):
        raise Damaged("without a secret")
    try:
        issued = datetime.fromisoformat(issued_at) if issued_at else None
    except ValueError:
        raise Damaged("with a strange date") from None
    return Credentials(identity=identity, device_secret=Secret(secret), issued_at=issued)


def _is_format(value: object) -> bool:
    return type(value) is int and value >= FORMAT


def _checksum(record: dict[str, object]) -> str:
    return hashlib.sha256(json.dumps(record, sort_keys=True).encode()).hexdigest()

"""The file format in which a gateway remembers its own name. Pure."""

from __future__ import annotations

import hashlib
import json

from ..aliyun.names import device_name_problem, product_key_problem
from ..fast_start.fast_dataclasses import dataclass
from ..fast_start.typing_names import Any

FILE_NAME = "identity.json"
FORMAT = 1
MAX_BYTES = 16_384


@dataclass(frozen=True, slots=True, kw_only=True)
class Remembered:
    """Hold the name under which this gateway last had a secret, its template, and the values of the placeholders.

    `board` is the board's own serial number; `made_of` pairs each placeholder with its value.
    """

    product_key: str
    device_name: str
    template: str
    board: str | None
    made_of: tuple[tuple[str, str], ...] = ()


def encode(remembered: Remembered) -> bytes:
    """Return the file's bytes: JSON with a checksum, so that a changed bit cannot give another name."""
    record: dict[str, Any] = {
        "format": FORMAT,
        "product_key": remembered.product_key,
        "device_name": remembered.device_name,
        "template": remembered.template,
        "board": remembered.board,
        "made_of": dict(remembered.made_of),
    }
    return json.dumps({**record, "sha256": _checksum(record)}, indent=1).encode() + b"\n"


def decode(data: bytes) -> Remembered | None:
    """Decode the file's bytes, or return `None` if they are invalid: then no name is remembered."""
    try:
        record = json.loads(data)
        if not isinstance(record, dict) or record.pop("sha256", None) != _checksum(record):
            return None
    except (ValueError, RecursionError):
        return None
    # Of a later format the known keys are read.
    board, parts = record.get("board"), record.get("made_of")
    names = [record.get(key) for key in ("product_key", "device_name", "template")]
    if not all(isinstance(name, str) for name in names) or not isinstance(board, str | None):
        return None
    product_key, device_name, template = map(str, names)
    if product_key_problem(product_key) or device_name_problem(device_name):
        return None
    made_of = tuple((str(name), str(value)) for name, value in parts.items()) if isinstance(parts, dict) else ()
    return Remembered(product_key=product_key, device_name=device_name, template=template, board=board, made_of=made_of)


def _checksum(record: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(record, sort_keys=True).encode()).hexdigest()

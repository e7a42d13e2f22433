"""The shape of what a gateway remembers of its own name. Pure."""

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
    """Hold the name under which this gateway last had a secret, the template that gave it, and what that stood for.

    `board` is the board's own serial number; `made_of` pairs a placeholder with what stood for it.
    """

    product_key: str
    device_name: str
    template: str
    board: str | None
    made_of: tuple[tuple[str, str], ...] = ()


def encode(remembered: Remembered) -> bytes:
    """Return the file's bytes: JSON with a checksum, so that a flipped bit is not taken for another name."""
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
    """Read it back, or return `None` for what makes no sense: nothing is remembered then."""
    try:
        record = json.loads(data)
        if not isinstance(record, dict) or record.pop("sha256", None) != _checksum(record):
            return None
    except (ValueError, RecursionError):
        return None
    # A later format is read as far as it goes.
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

"""The forms in which a secret may slip out, made by other code than that which covers them."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable
from urllib.parse import quote, quote_plus

_AROUND = (b"", b"a", b"user:")


def _escaped(secret: str, digits: str) -> bytes:
    return "".join(f"%{byte:{digits}}" for byte in secret.encode()).encode()


WRITTEN: dict[str, Callable[[str], bytes]] = {
    "plain": str.encode,
    "hex": lambda secret: binascii.hexlify(secret.encode()),
    "HEX": lambda secret: binascii.hexlify(secret.encode()).upper(),
    "hex with colons": lambda secret: binascii.hexlify(secret.encode(), ":"),
    "hex with blanks": lambda secret: binascii.hexlify(secret.encode(), " "),
    "numbers": lambda secret: json.dumps(list(secret.encode())).strip("[]").encode(),
    "URL": lambda secret: quote(secret, safe="").encode(),
    "URL of a form": lambda secret: quote_plus(secret).encode(),
    "URL throughout": lambda secret: _escaped(secret, "02X"),
    "url throughout": lambda secret: _escaped(secret, "02x"),
    "URL twice": lambda secret: quote(quote(secret, safe=""), safe="").encode(),
    "JSON": lambda secret: json.dumps(secret)[1:-1].encode(),
    "JSON as it is": lambda secret: json.dumps(secret, ensure_ascii=False)[1:-1].encode(),
    "JSON within JSON": lambda secret: json.dumps(json.dumps(secret)[1:-1])[1:-1].encode(),
    "C": lambda secret: "".join(f"\\x{byte:02x}" for byte in secret.encode()).encode(),
}
ENCODED: dict[str, Callable[[bytes], bytes]] = {
    "base64": base64.b64encode,
    "base64 of URLs": base64.urlsafe_b64encode,
    "base64 in a URL": lambda data: quote(base64.b64encode(data), safe="").encode(),
    "base64 in lines": base64.encodebytes,
}


def slips(secret: str) -> list[bytes]:
    """Return every form, base64 at each of its three places."""
    plain = [write(secret) for write in WRITTEN.values()]
    return plain + [encode(around + secret.encode() + b"xy") for encode in ENCODED.values() for around in _AROUND]


def traces(secret: str) -> list[bytes]:
    """Return what must be found nowhere: the forms, and of base64 the digits that are the secret's alone."""
    found = [write(secret) for write in WRITTEN.values()]
    data = secret.encode()
    for offset in range(3):
        digits = base64.b64encode(b"\0" * offset + data)
        inner = digits[-(-offset * 8 // 6) : (offset + len(data)) * 8 // 6]
        found += [inner, inner.replace(b"+", b"-").replace(b"/", b"_"), quote(inner, safe="").encode()]
    return found

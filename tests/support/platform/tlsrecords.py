"""The sending half of a TLS 1.3 server, record by record: what no library sends by itself."""

from __future__ import annotations

import hmac
import os
import socket
import ssl
import tempfile
from pathlib import Path

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from .tlsserver import TlsServer

HANDSHAKE, APPLICATION_DATA = 22, 23
_MAX_RECORD = 16_384


class Records:
    """Write records on a connection whose handshake is done, in the place of its TLS library, which may go on reading.

    Nothing may have been sent yet: take `num_tickets = 0`.
    """

    def __init__(self, connection: ssl.SSLSocket, keylog: Path) -> None:
        cipher = connection.cipher()
        assert cipher is not None
        assert cipher[0] == "TLS_AES_256_GCM_SHA384", cipher
        lines = [line.split() for line in keylog.read_text().splitlines()]
        secret = [bytes.fromhex(words[2]) for words in lines if words[0] == "SERVER_TRAFFIC_SECRET_0"][-1]
        self._secret = secret
        self._rekey(secret)
        self.raw = socket.socket(fileno=os.dup(connection.fileno()))

    def seal(self, content: bytes, kind: int = APPLICATION_DATA) -> bytes:
        """Return the next record."""
        inner = content + bytes((kind,))
        header = b"\x17\x03\x03" + (len(inner) + 16).to_bytes(2, "big")
        nonce = (int.from_bytes(self._iv, "big") ^ self._sequence).to_bytes(12, "big")
        self._sequence += 1
        return header + self._key.encrypt(nonce, inner, header)

    def send(self, content: bytes, kind: int = APPLICATION_DATA) -> None:
        """Send one record, whole."""
        self.raw.sendall(self.seal(content, kind))

    def key_update(self, *, asks: bool = False) -> bytes:
        """Return the record that announces new keys, and take them; it may ask the peer for new ones of its own."""
        record = self.seal(b"\x18\x00\x00\x01" + bytes((asks,)), HANDSHAKE)
        self._rekey(_expand(self._secret, b"traffic upd", 48))
        return record

    def _rekey(self, secret: bytes) -> None:
        self._secret = secret
        self._key = AESGCM(_expand(secret, b"key", 32))
        self._iv = _expand(secret, b"iv", 12)
        self._sequence = 0


def tickets() -> bytes:
    """Return as many session tickets (RFC 8446, 4.6.1) as one record holds."""
    body = bytes(8) + b"\x01\x00" + b"\x00\x01t" + b"\x00\x00"
    ticket = b"\x04" + len(body).to_bytes(3, "big") + body
    return ticket * (_MAX_RECORD // len(ticket))


class RecordServer(TlsServer):
    """Speak TLS 1.3 with one cipher, no tickets, and the keys written down."""

    def __init__(self, *args: object, **options: object) -> None:
        super().__init__(*args, **options)  # type: ignore[arg-type]  # those of the base
        self.context.num_tickets = 0
        self.context.minimum_version = ssl.TLSVersion.TLSv1_3
        self._home = tempfile.TemporaryDirectory(prefix="keylog-")
        self.keylog = Path(self._home.name) / "keys"
        self.context.keylog_filename = str(self.keylog)


def _expand(secret: bytes, label: bytes, size: int) -> bytes:
    """Return HKDF-Expand-Label of RFC 8446, 7.1, with SHA-384 and no context."""
    name = b"tls13 " + label
    info = size.to_bytes(2, "big") + bytes((len(name),)) + name + b"\0"
    return hmac.digest(secret, info + b"\x01", "sha384")[:size]

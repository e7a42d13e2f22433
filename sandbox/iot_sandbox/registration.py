"""The HTTPS side: dynamic registration, and the faults that can be put in its way."""

from __future__ import annotations

import json
import socket
import socketserver
import ssl
import struct
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from . import rules
from .devices import Devices, new_secret

PATH = "/auth/register/device"
_MOST_FORM_BYTES = 65_536
_IDLE_S = 15.0
_MESSAGES = {
    200: "success",
    429: "request too frequent",
    460: "request parameter error",
    6100: "device not found",
    6204: "device is disabled",
    6250: "product not found",
    6288: "dynamic register is not allowed",
    6289: "device is already activated",
    6292: "sign method is not supported",
    6600: "signature error",
}
# Answers that a platform would give after it had made a new secret; before all others nothing happened.
_AFTER_REGISTERING = {"no-data", "other-device", "code-string", "cut-off", "reset", "slow"}


class Registration(ThreadingHTTPServer):
    """Serve registrations over TLS, a thread a connection, the handshake in that thread."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], context: ssl.SSLContext, devices: Devices) -> None:
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        self.context = context
        self.devices = devices
        self._open: set[ssl.SSLSocket] = set()
        self._lock = threading.Lock()
        super().__init__(address, _Handler)

    def server_bind(self) -> None:
        """Bind without the look-up of our own name, which may wait for a name server."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])

    def drop_all(self) -> None:
        """End every connection."""
        with self._lock:
            for connection in self._open:
                try:
                    # Not the TLS socket's own way, which takes its state away under the thread that uses it.
                    socket.socket.shutdown(connection, socket.SHUT_RDWR)
                except OSError:
                    continue

    def finish_request(self, request: Any, client_address: Any) -> None:
        """Serve one connection, in its thread."""
        if self.devices.fault("outage-https") is not None:
            return
        request.settimeout(_IDLE_S)
        with self.context.wrap_socket(request, server_side=True, do_handshake_on_connect=False) as connection:
            with self._lock:
                self._open.add(connection)
            try:
                connection.do_handshake()
                _Handler(connection, client_address, self)
            finally:
                with self._lock:
                    self._open.discard(connection)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Pass over clients that go away; anything else is our fault and is shown."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Registration

    def do_POST(self) -> None:
        self.server.devices.count("registration_requests")
        length = self.headers.get("Content-Length", "0")
        if not (length.isascii() and length.isdecimal()) or int(length) > _MOST_FORM_BYTES:
            self.close_connection = True
            self._answer({"code": 460, "message": _MESSAGES[460]})
            return
        body = self.rfile.read(int(length)).decode("utf-8", "replace")
        if self.path.partition("?")[0] != PATH:
            self.send_error(404)
            return
        devices = self.server.devices
        fault, throttle = devices.fault("answer"), devices.fault("throttle")
        verdict = rules.judge(body, devices.product, devices.device)
        if fault is not None:
            self._strange(fault, verdict)
        elif throttle is not None:
            self._see(verdict, 429)
            self._throttled(throttle)
        else:
            self._answer(self._register(verdict))

    def _register(self, verdict: tuple[int, str, str], fault: str = "") -> dict[str, object]:
        code, product_key, device_name = verdict
        secret = None
        if code == 200:
            secret = self.server.devices.issue_secret(product_key, device_name)
            # Activated, disabled or deleted since it was looked up.
            code = 200 if secret else 6289
        self._see((code, product_key, device_name), code, fault)
        answer: dict[str, object] = {"code": code, "message": _MESSAGES[code]}
        if secret:
            answer["data"] = {"productKey": product_key, "deviceName": device_name, "deviceSecret": secret}
        return answer

    def _see(self, verdict: tuple[int, str, str], code: int | None, fault: str = "") -> None:
        devices, identity = self.server.devices, verdict[1:]
        devices.see("https", *identity, "register", fault or str(code), code=code)
        devices.count("registrations" if code == 200 else "refused", *identity)

    def _throttled(self, retry_after: str) -> None:
        body = _compact({"code": 429, "message": _MESSAGES[429]})
        if retry_after:
            self._send(body, status=429, headers={"Retry-After": retry_after})
        else:
            self._send(body)

    def _strange(self, fault: str, verdict: tuple[int, str, str]) -> None:
        kind, _, number = fault.partition(":")
        if kind in _AFTER_REGISTERING:
            self._spoil(kind, self._register(verdict, fault))
            return
        self._see(verdict, int(number) if number else None, fault)
        match kind:
            case "code":
                self._answer({"code": int(number), "message": _MESSAGES.get(int(number), f"error {number}")})
            case "not-object":
                self._send(b"[]")
            case "huge":
                self._send(b" " * 3_000_000)
            case "http-500":
                self._send(b"oops", status=500)
            case "redirect":
                self._send(b"", status=302, headers={"Location": "https://portal.invalid/"})
            case "not-json":
                self._send(b'{"code":200,"message":"success"')
            case _:
                page = b"<html><body>Please log in to the network</body></html>"
                self._send(page, content_type="text/html")

    def _spoil(self, kind: str, good: dict[str, Any]) -> None:
        match kind:
            case "code-string":
                self._answer({**good, "code": str(good["code"])})
            case "other-device":
                data = good.get("data") or {"productKey": "a1somebody", "deviceSecret": new_secret()}
                self._answer({"code": 200, "message": "success", "data": {**data, "deviceName": "somebody-else"}})
            case "no-data":
                self._answer({"code": 200, "message": "success"})
            case "cut-off":
                self._send(_compact(good)[:-30], announce=30)
            case "reset":
                # Closed like this, a connection ends with RST and not with FIN.
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self._send(_compact(good)[:-30], announce=30)
            case _:
                self._drip(_compact(good))

    def _answer(self, value: dict[str, object]) -> None:
        self._send(_compact(value))

    def _send(
        self,
        body: bytes,
        *,
        status: int = 200,
        headers: dict[str, str] | None = None,
        announce: int = 0,
        content_type: str = "application/json;charset=UTF-8",
    ) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body) + announce))
        self.end_headers()
        self.wfile.write(body)
        self.close_connection = bool(announce) or self.close_connection

    def _drip(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        for byte in body:
            self.wfile.write(bytes((byte,)))
            time.sleep(1)

    def log_message(self, *_: object) -> None:
        """Keep quiet: what was seen is in the table."""


def _compact(value: dict[str, object]) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()

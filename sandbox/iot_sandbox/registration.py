"""The HTTPS side: dynamic registration, and the faults that can be put in its way."""

from __future__ import annotations

import json
import socketserver
import ssl
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl

from . import rules
from .devices import Devices

PATH = "/auth/register/device"
_MOST_FORM_BYTES = 65_536
_MESSAGES = {200: "success", 429: "request too frequent", 460: "param error", 6289: "device is already activated"}


class Registration(ThreadingHTTPServer):
    """Serve registrations over TLS, a thread a connection, the handshake in that thread."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, address: tuple[str, int], context: ssl.SSLContext, devices: Devices) -> None:
        self.context = context
        self.devices = devices
        super().__init__(address, _Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Pass over clients that go away."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Registration

    def setup(self) -> None:
        self.request.settimeout(15)
        if self.server.devices.fault("outage-https"):
            raise ConnectionAbortedError("outage")
        self.request = self.server.context.wrap_socket(self.request, server_side=True)
        socketserver.StreamRequestHandler.setup(self)

    def do_POST(self) -> None:
        length = self.headers.get("Content-Length", "0")
        if not length.isdecimal() or int(length) > _MOST_FORM_BYTES:
            self.send_error(413)
            return
        text = self.rfile.read(int(length)).decode("utf-8", "replace")
        if self.path.partition("?")[0] != PATH:
            self.send_error(404)
            return
        form = dict(parse_qsl(text, keep_blank_values=True))
        fault = self.server.devices.fault("answer")
        if fault is not None:
            self._strange(fault, form)
            return
        throttle = self.server.devices.fault("throttle")
        if throttle is not None:
            self._answer({"code": 429, "message": _MESSAGES[429]}, retry_after=throttle)
            return
        self._answer(self._register(form))

    def _register(self, form: dict[str, str]) -> dict[str, object]:
        devices = self.server.devices
        product_key, device_name = form.get("productKey", ""), form.get("deviceName", "")
        code = rules.registration_code(form, devices.product(product_key), devices.device(product_key, device_name))
        devices.see("https", product_key, device_name, "register", str(code))
        answer: dict[str, object] = {"code": code, "message": _MESSAGES.get(code, f"error {code}")}
        if code == 200:
            secret = devices.issue_secret(product_key, device_name)
            answer["data"] = {"productKey": product_key, "deviceName": device_name, "deviceSecret": secret}
        return answer

    def _strange(self, fault: str, form: dict[str, str]) -> None:
        self.server.devices.see("https", form.get("productKey", ""), form.get("deviceName", ""), "register", fault)
        good: dict[str, Any] = {**self._register(form), "code": 200, "message": "success"}
        names = {"productKey": form.get("productKey"), "deviceName": form.get("deviceName"), "deviceSecret": "x" * 32}
        data = {**names, **good.get("data", {})}
        kind, _, number = fault.partition(":")
        match kind:
            case "code":
                self._answer({"code": int(number), "message": f"error {number}"})
            case "code-string":
                self._answer({**good, "code": "200", "data": data})
            case "other-device":
                self._answer({**good, "data": {**data, "deviceName": "somebody-else"}})
            case "no-data":
                self._answer({"code": 200, "message": "success"})
            case "not-object":
                self._send(b"[]")
            case "huge":
                self._send(b" " * 3_000_000)
            case "http-500":
                self._send(b"oops", status=500)
            case "redirect":
                self._send(b"", status=302, headers={"Location": "https://portal.invalid/"})
            case "cut-off":
                self._send(json.dumps({**good, "data": data}).encode()[:-30], announce=30)
            case "slow":
                self._drip(json.dumps({**good, "data": data}).encode())
            case _:
                self._send(b"<html><body>Please log in to the network</body></html>")

    def _answer(self, value: dict[str, object], retry_after: str = "") -> None:
        headers = {"Retry-After": retry_after} if retry_after else {}
        self._send(json.dumps(value, separators=(",", ":")).encode(), headers=headers)

    def _send(self, body: bytes, status: int = 200, headers: dict[str, str] | None = None, announce: int = 0) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Type", "application/json;charset=UTF-8")
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
            self.wfile.flush()
            time.sleep(1)

    def log_message(self, *_: object) -> None:
        """Keep quiet: what was seen is in the table."""

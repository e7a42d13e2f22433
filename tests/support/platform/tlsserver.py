"""A server over TLS on loopback: what it says on each connection is a function."""

from __future__ import annotations

import socket
import ssl
import tempfile
import threading
from collections.abc import Callable
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Self

from iot_sandbox.authority import make_certificates

Speak = Callable[[ssl.SSLSocket], None]
_HOME = tempfile.TemporaryDirectory(prefix="certificates-")
_A_DAY = timedelta(days=1)


@cache
def certificates(
    authority: str, names: tuple[str, ...] = ("localhost",), lasts: timedelta = _A_DAY, begins: timedelta = -_A_DAY
) -> tuple[Path, Path]:
    """Return the CA file and the chain with its key; made once a process, for keys take their time."""
    directory = Path(_HOME.name) / authority
    directory.mkdir(exist_ok=True)
    ca_file, chain = make_certificates(directory, names, lasts, begins)
    return ca_file, chain.rename(Path(tempfile.mkdtemp(dir=directory)) / chain.name)


class TlsServer:
    """Shake hands and call `speak` with each connection, in a thread; close it when that returns.

    `lasts` below zero makes an expired certificate, `begins` above zero one that is not valid yet; `chain` is shown in
    place of a certificate of its own.
    """

    def __init__(
        self,
        speak: Speak = lambda _: None,
        *,
        authority: str = "ours",
        names: tuple[str, ...] = ("localhost", "127.0.0.1"),
        lasts: timedelta = _A_DAY,
        begins: timedelta = -_A_DAY,
        chain: Path | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        receives_bytes: int | None = None,
    ) -> None:
        if chain is None:
            self.ca_file, chain = certificates(authority, names, lasts, begins)
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(chain)
        self.context.sni_callback = self._note_name
        self.names_asked: list[str | None] = []
        self.closed = threading.Event()
        self._speak = speak
        self._threads: list[threading.Thread] = []
        # So that whoever has shaken hands is among the threads.
        self._starting = threading.Lock()
        self._listener = socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
        if receives_bytes is not None:
            # So that a peer that reads nothing is full soon.
            self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receives_bytes)
        self.port: int = self._listener.getsockname()[1]

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.closed.set()
        # A close alone would not wake the thread that accepts.
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def join(self) -> None:
        """Wait until every connection so far has ended, and forget them: who measures memory would count them."""
        with self._starting:
            threads, self._threads = self._threads, []
        for thread in threads:
            thread.join(10)
            assert not thread.is_alive(), "a connection was left behind"

    def welcome(self, raw: socket.socket) -> None:
        """Serve one connection."""
        with self.context.wrap_socket(raw, server_side=True) as connection:
            self._speak(connection)

    def _accept(self) -> None:
        while not self.closed.is_set():
            try:
                raw, _ = self._listener.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._serve, args=(raw,), daemon=True)
            with self._starting:
                thread.start()
                self._threads.append(thread)

    def _serve(self, raw: socket.socket) -> None:
        with raw:
            try:
                self.welcome(raw)
            except OSError:
                return

    def _note_name(self, _: ssl.SSLObject, name: str | None, __: ssl.SSLContext) -> None:
        self.names_asked.append(name)

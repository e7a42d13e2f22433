"""A mosquitto as a gateway has one for its applications: without TLS, over TCP and a Unix socket, and over TLS too."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import ssl
import subprocess
import time
from pathlib import Path
from typing import Self

from .tlsserver import certificates

_PROGRAM = shutil.which("mosquitto") or "/usr/sbin/mosquitto"


class LocalBroker:
    """Keep one port, one socket and one database over all its lives; `extra` are more lines of configuration."""

    def __init__(self, directory: Path, extra: str = "") -> None:
        self.socket_path = directory / "mosquitto.sock"
        self.port, self.tls_port = _free_ports(2)
        self.ca_file, chain = certificates("ours", ("localhost", "127.0.0.1"))
        self._database = directory / "mosquitto.db"
        self._config = directory / "mosquitto.conf"
        self._config.write_text(
            f"user root\nallow_anonymous true\npersistence true\npersistence_location {directory}/\n"
            f"listener {self.port} 127.0.0.1\nlistener 0 {self.socket_path}\n"
            f"listener {self.tls_port} 127.0.0.1\ncertfile {chain}\nkeyfile {chain}\n{extra}"
        )
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def start(self) -> None:
        """Start it, and wait until it listens everywhere."""
        self.socket_path.unlink(missing_ok=True)
        self._process = subprocess.Popen([_PROGRAM, "-c", str(self._config)], stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 10
        for link in ("unix", "tcp", "tls"):
            while True:
                try:
                    self._connect(link).close()
                    break
                except OSError:
                    assert time.monotonic() < deadline, f"no {link}"
                    time.sleep(0.02)

    def kill(self) -> None:
        """End it as a crash does: nothing is written any more."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(10)
            self._process = None

    def save(self) -> None:
        """Have it write its database, and wait until that is there."""
        assert self._process is not None
        before = self._database.stat().st_mtime_ns if self._database.exists() else 0
        self._process.send_signal(signal.SIGUSR1)
        deadline = time.monotonic() + 10
        while not self._database.exists() or self._database.stat().st_mtime_ns == before:
            assert time.monotonic() < deadline, "no database"
            time.sleep(0.02)

    def dial(self, link: str) -> socket.socket:
        """Connect over `unix`, `tcp` or `tls`."""
        sock = self._connect(link)
        if link != "tls":
            return sock
        return ssl.create_default_context(cafile=os.fspath(self.ca_file)).wrap_socket(sock, server_hostname="localhost")

    def _connect(self, link: str) -> socket.socket:
        if link != "unix":
            return socket.create_connection(("127.0.0.1", self.tls_port if link == "tls" else self.port), timeout=5)
        sock = socket.socket(socket.AF_UNIX)
        try:
            sock.connect(os.fspath(self.socket_path))
        except OSError:
            sock.close()
            raise
        return sock


def _free_ports(count: int) -> list[int]:
    probes = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [probe.getsockname()[1] for probe in probes]
    for probe in probes:
        probe.close()
    return ports

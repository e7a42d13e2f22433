"""The mosquitto behind the gate: a child that listens on a unix socket alone and never outlives the server."""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import Self

from . import packets

_PR_SET_PDEATHSIG = 1
_START_S = 10.0


class Broker:
    """Run mosquitto in a directory of its own; `path` is where it listens.

    A unix socket, because a port found free may be somebody else's a moment later. Its path goes through a descriptor:
    a socket's path is limited to 107 bytes, a directory's is not. `lock` is inherited, so that a next server waits
    until this one's messages are on the disk. A server that is killed within milliseconds of starting mosquitto can
    still leave it behind.
    """

    def __init__(self, directory: Path, lock: int) -> None:
        directory.mkdir(exist_ok=True, mode=0o700)
        for stale in directory.glob("*.sock"):
            stale.unlink()
        # A name of its own: a mosquitto that is still ending removes its socket by name.
        name = f"{os.getpid()}.sock"
        config = directory / "mosquitto.conf"
        config.write_text("\n".join(_config(name)) + "\n")
        program = shutil.which("mosquitto") or "/usr/sbin/mosquitto"
        self._directory = os.open(directory, os.O_PATH | os.O_DIRECTORY)
        self.path = f"/proc/self/fd/{self._directory}/{name}"
        self._process = subprocess.Popen(
            [program, "-c", config.name],
            cwd=directory,
            preexec_fn=_die_with_parent,  # noqa: PLW1509 - no threads run yet
            pass_fds=(lock,),
        )

    def __enter__(self) -> Self:
        deadline = time.monotonic() + _START_S
        while self.is_running() and time.monotonic() < deadline:
            if self._answers():
                return self
            time.sleep(0.005)
        self.__exit__()
        raise RuntimeError("mosquitto did not start")

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        os.close(self._directory)

    def _answers(self) -> bool:
        # Until its loop runs mosquitto forgets a SIGTERM, though it listens already: only a CONNACK shows the loop.
        with socket.socket(socket.AF_UNIX) as probe:
            probe.settimeout(1.0)
            try:
                probe.connect(self.path)
                probe.sendall(packets.build_connect("sandbox-probe", keepalive_s=60, clean_session=True))
                return bool(probe.recv(4))
            except OSError:
                return False

    def is_running(self) -> bool:
        """Say whether mosquitto is still there."""
        return self._process.poll() is None


def _config(socket_name: str) -> list[str]:
    return [
        f"listener 0 {socket_name}",
        "allow_anonymous true",
        "persistence true",
        "persistence_location ./",
        "persistent_client_expiration 7d",
        "log_type error",
        "log_dest stderr",
        *(["user root"] if os.geteuid() == 0 else []),
    ]


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)

"""The mosquitto behind the gate: a child that listens on a unix socket alone and never outlives the server."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from pathlib import Path
from typing import Self

from . import packets, rules

_START_S = 10.0
_END_S = 10.0
# Started between the server and mosquitto. Its standard input ends with the server, however that comes about and from
# the first moment on; then mosquitto is asked to end until it does, for it forgets a SIGTERM while it starts. Nobody is
# left to ask a number that is no longer mosquitto's.
_KEEPER = """
exec 3<&0
"$@" </dev/null 3<&- &
broker=$!
{ read -r _; while kill -TERM "$broker" 2>/dev/null; do sleep 0.05; done; } <&3 &
keeper=$!
exec 3<&- </dev/null
wait "$broker"
code=$?
kill "$keeper" 2>/dev/null
exit "$code"
"""


class BrokerEnded(Exception):
    """Say in mosquitto's own last words why it is gone."""


class Broker:
    """Run mosquitto in a directory of its own; `path` is where it listens.

    A unix socket, because a port found free may be somebody else's a moment later. Its path goes through a descriptor:
    a socket's path is limited to 107 bytes, a directory's is not. `lock` is inherited, so that a next server waits
    until this one's messages are on the disk.
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
        self._log = directory / "mosquitto.log"
        self._directory = os.open(directory, os.O_PATH | os.O_DIRECTORY)
        self.path = f"/proc/self/fd/{self._directory}/{name}"
        # Not our standard error: some releases warn there of running as root, whatever log_type says.
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                ["sh", "-c", _KEEPER, "sh", program, "-c", config.name],
                cwd=directory,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                pass_fds=(lock,),
            )

    def __enter__(self) -> Self:
        deadline = time.monotonic() + _START_S
        try:
            while not self._answers():
                self.check()
                if time.monotonic() > deadline:
                    raise BrokerEnded(f"mosquitto does not answer: {self._last_words()}")
                time.sleep(0.005)
        except BrokerEnded:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._process.wait(_END_S)
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

    def check(self) -> None:
        """Raise `BrokerEnded` where mosquitto is gone."""
        if self._process.poll() is not None:
            raise BrokerEnded(f"mosquitto ended: {self._last_words()}")

    def _last_words(self) -> str:
        return self._log.read_text(errors="replace").strip() or f"no word of it in {self._log}"


def _config(socket_name: str) -> list[str]:
    return [
        f"listener 0 {socket_name}",
        "allow_anonymous true",
        "persistence true",
        "persistence_location ./",
        "persistent_client_expiration 7d",
        # What is over waits until the device acknowledges; upwards the pace never lets so many be under way.
        f"max_inflight_messages {rules.MOST_UNACKED}",
        "log_type error",
        "log_dest stderr",
        *(["user root"] if os.geteuid() == 0 else []),
    ]

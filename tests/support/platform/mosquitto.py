"""A mosquitto that takes the login of one device over TLS: an independent broker."""

from __future__ import annotations

import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from iot_onboard.aliyun.login import login
from iot_onboard.aliyun.signing import SignMethod
from iot_onboard.core.identity import Credentials

from .tlsserver import certificates


@contextmanager
def mosquitto(directory: Path, device: Credentials, extra: str = "") -> Iterator[tuple[int, Path]]:
    """Run one with further lines of configuration; give its port and the CA file of its certificate."""
    ca_file, chain = certificates("ours", ("127.0.0.1",))
    triple = login(device, SignMethod.HMACSHA256)
    passwords = directory / "passwords"
    command = ["mosquitto_passwd", "-b", "-c", str(passwords), triple.username, triple.password.reveal()]
    subprocess.run(command, check=True)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    config = directory / "mosquitto.conf"
    config.write_text(
        f"user root\nlistener {port} 127.0.0.1\ncertfile {chain}\nkeyfile {chain}\n"
        f"allow_anonymous false\npassword_file {passwords}\n{extra}"
    )
    program = shutil.which("mosquitto") or "/usr/sbin/mosquitto"
    with subprocess.Popen([program, "-c", str(config)], stderr=subprocess.DEVNULL) as broker:
        try:
            yield port, ca_file
        finally:
            broker.terminate()

"""A platform at the far end of a cable: it logs devices in, takes their requests, and says nothing more.

It waits for its end of the cable, then leaves `ca.pem` and `ready` in its directory; `asked` tells of a request.
"""

from __future__ import annotations

import shutil
import socket
import ssl
import subprocess
import sys
import threading
import time
from pathlib import Path

from .fakebroker import CONNACK_OK
from .tlsserver import TlsServer

ADDRESS = "10.9.9.2"


def main() -> None:
    directory = Path(sys.argv[1])

    def log_in(connection: ssl.SSLSocket) -> None:
        connection.recv(4096)
        connection.sendall(CONNACK_OK)
        while connection.recv(4096):
            pass

    def take(connection: ssl.SSLSocket) -> None:
        while connection.recv(4096):
            (directory / "asked").touch()

    while "v1" not in {name for _, name in socket.if_nameindex()}:
        time.sleep(0.02)
    subprocess.run(["ip", "link", "set", "v1", "up"], check=True)
    subprocess.run(["ip", "addr", "add", f"{ADDRESS}/24", "dev", "v1"], check=True)
    with (
        TlsServer(log_in, names=(ADDRESS,), host=ADDRESS, port=8883) as mqtt,
        TlsServer(take, names=(ADDRESS,), host=ADDRESS, port=443),
    ):
        shutil.copy(mqtt.ca_file, directory / "ca.pem")
        (directory / "ready").touch()
        threading.Event().wait()


if __name__ == "__main__":
    main()

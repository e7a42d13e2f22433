"""A name server on 127.0.0.1 that knows nobody; it makes a file `ready` when it listens."""

import socket
from pathlib import Path

with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
    server.bind(("127.0.0.1", 53))
    Path("ready").touch()
    while True:
        query, client = server.recvfrom(512)
        # The question comes back with QR, RD and RA set, and NXDOMAIN (RFC 1035, section 4.1.1).
        server.sendto(query[:2] + b"\x81\x83" + query[4:6] + bytes(6) + query[12:], client)

"""Readers that take nothing: a pipe, a terminal or a socket that is full, and a service manager that hangs."""

from __future__ import annotations

import os
import select
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

KINDS = ("pipe", "terminal", "socket")


@contextmanager
def deaf(kind: str) -> Iterator[tuple[int, int]]:
    """Give a writer's and a reader's descriptor, of which nobody reads."""
    if kind == "pipe":
        reader, writer = os.pipe()
    elif kind == "terminal":
        reader, writer = os.openpty()
    else:
        ends = socket.socketpair()
        reader, writer = (end.detach() for end in ends)
    try:
        yield writer, reader
    finally:
        os.close(reader)
        os.close(writer)


def fill(writer: int) -> None:
    """Write until a write would wait; the descriptor stays one that waits."""
    os.set_blocking(writer, False)
    for size in (4096, 1):
        try:
            while os.write(writer, b"-" * size):
                pass
        except BlockingIOError:
            continue
    os.set_blocking(writer, True)


def drain(reader: int) -> str:
    """Read what is there now."""
    found = b""
    while select.select([reader], [], [], 0)[0]:
        found += os.read(reader, 65536)
    return found.decode(errors="replace")


@contextmanager
def hanging_manager(path: Path) -> Iterator[socket.socket]:
    """Give the socket of a service manager that reads nothing, with its queue full."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(path))
        while True:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
                sender.setblocking(False)
                sent = 0
                try:
                    sender.connect(str(path))
                    while True:
                        sender.send(b"X=1")
                        sent += 1
                except BlockingIOError:
                    if not sent:
                        break
        yield listening

"""A line between a site's host and its machines that does to frames what bad lines do: delay, lose, or drop large ones.

For a kernel without netem: two TAP devices, and a thread that carries frames from one to the other.
"""

from __future__ import annotations

import contextlib
import fcntl
import heapq
import itertools
import os
import random
import select
import struct
import threading
import time
from collections.abc import Iterator

_TUNSETIFF = 0x400454CA
_IFF_TAP = 0x0002
_IFF_NO_PI = 0x1000
_ETHERNET_BYTES = 14
_ARP = b"\x08\x06"


class Line:
    """Carry frames between the TAP devices `near` and `far`; make it where they are to be.

    What the line does may be changed at any time: `delay_s` one way, `loss` of packets (0 to 1), and `max_bytes` of an
    IP packet, above which it is dropped without a word. ARP passes as it is: the first hop is seldom what is bad.
    """

    def __init__(self, near: str, far: str, seed: int = 20261125) -> None:
        self.delay_s = 0.0
        self.loss = 0.0
        self.max_bytes = 65_535
        self.dropped = 0
        self._chance = random.Random(seed)
        self._ends = {_tap(near): _tap(far)}
        self._ends |= {far_end: near_end for near_end, far_end in self._ends.items()}
        self._under_way: list[tuple[float, int, int, bytes]] = []
        self._number = itertools.count()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._carry, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Let both devices go."""
        self._over.set()
        self._thread.join()
        for end in self._ends:
            os.close(end)

    def _carry(self) -> None:
        while not self._over.is_set():
            wait_s = self._under_way[0][0] - time.monotonic() if self._under_way else 0.2
            for end in select.select(list(self._ends), [], [], min(0.2, max(0.0, wait_s)))[0]:
                for frame in _frames(end):
                    self._take(frame, self._ends[end])
            while self._under_way and self._under_way[0][0] <= time.monotonic():
                _, _, end, frame = heapq.heappop(self._under_way)
                # A device that is down takes nothing, as a cable that is out.
                with contextlib.suppress(OSError):
                    os.write(end, frame)

    def _take(self, frame: bytes, end: int) -> None:
        delay_s = self.delay_s
        if frame[12:14] == _ARP:
            delay_s = 0.0
        elif len(frame) - _ETHERNET_BYTES > self.max_bytes or self._chance.random() < self.loss:
            self.dropped += 1
            return
        heapq.heappush(self._under_way, (time.monotonic() + delay_s, next(self._number), end, frame))


def _tap(name: str) -> int:
    end = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(end, _TUNSETIFF, struct.pack("16sH22x", name.encode(), _IFF_TAP | _IFF_NO_PI))
    return end


def _frames(end: int) -> Iterator[bytes]:
    with contextlib.suppress(OSError):
        while True:
            yield os.read(end, 65_535)

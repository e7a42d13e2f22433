"""A name server as there are in the field: it lies, dawdles, fails, or falls silent, and all of that by turns."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections import defaultdict
from ipaddress import ip_address
from typing import Self

_A, _AAAA = 1, 28
_SERVFAIL = 2


class FickleDns:
    """Answer each look-up of a name by the next word; the last one repeats.

    `right` gives `host`, `wrong` gives `other`, `servfail` says that the server failed, `mute` says nothing. Every
    answer comes `delay_s` late. Whoever asks for IPv6 gets `host6`, where there is one.
    """

    def __init__(self, host: str, *words: str, other: str = "", host6: str = "", delay_s: float = 0.0) -> None:
        self._host, self._other, self._host6 = host, other, host6
        self._words: dict[bytes, list[str]] = defaultdict(lambda: list(words))
        self._delay_s = delay_s
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((host, 53))
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        # A close alone would not wake the thread that waits.
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        # Until it has ended, the port is not free.
        self._thread.join(5)

    def _serve(self) -> None:
        word = ""
        with contextlib.suppress(OSError):
            while True:
                query, client = self._socket.recvfrom(512)
                if not query:
                    return
                kind = _kind(query)
                # A resolver asks for both kinds at once, IPv4 first: one turn for the two.
                words = self._words[_question(query)[:-4]]
                if kind == _A:
                    word = words.pop(0) if len(words) > 1 else words[0]
                answer = self._answer(word, query, kind)
                if answer:
                    threading.Timer(self._delay_s, self._say, (answer, client)).start()

    def _answer(self, word: str, query: bytes, kind: int) -> bytes:
        address = {_A: self._other if word == "wrong" else self._host, _AAAA: self._host6}.get(kind, "")
        match word:
            case "mute":
                return b""
            case "servfail":
                return _reply(query, _SERVFAIL, "", kind)
            case _:
                return _reply(query, 0, address, kind)

    def _say(self, answer: bytes, client: tuple[str, int]) -> None:
        with contextlib.suppress(OSError):
            self._socket.sendto(answer, client)


def _question(query: bytes) -> bytes:
    return query[12 : query.index(b"\0", 12) + 5]


def _kind(query: bytes) -> int:
    return int.from_bytes(_question(query)[-4:-2])


def _reply(query: bytes, code: int, address: str, kind: int) -> bytes:
    """Return an answer by RFC 1035, section 4.1: with one address, or none."""
    packed = ip_address(address).packed if address else b""
    found = b"\xc0\x0c" + kind.to_bytes(2) + b"\0\1\0\0\0\0" + len(packed).to_bytes(2) + packed if packed else b""
    head = query[:2] + bytes((0x81, 0x80 | code)) + b"\0\1" + bytes((0, bool(found))) + bytes(4)
    return head + _question(query) + found

"""Read an answer from a connection: with one time limit for all of it, and no more bytes than `AnswerReader` takes."""

from __future__ import annotations

import socket
import time

from ..core.http_reader import AnswerReader

_MAX_AT_ONCE = 16_384


def read_answer(connection: socket.socket, reader: AnswerReader, deadline: float) -> AnswerReader:
    """Return the reader when it has the whole answer, read before `deadline` (monotonic seconds).

    Raise `TimeoutError`, any other `OSError` of the connection, `InvalidAnswer` or `AnswerCutOff`. New bytes do not
    extend the deadline.
    """
    while not reader.complete:
        left_s = deadline - time.monotonic()
        if left_s <= 0:
            raise TimeoutError("timed out")
        connection.settimeout(left_s)
        reader.feed(connection.recv(_MAX_AT_ONCE))
    return reader

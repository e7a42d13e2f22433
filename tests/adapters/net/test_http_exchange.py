"""An answer off a real connection: one time limit for all of it."""

from __future__ import annotations

import socket
import threading
import time

import pytest

from iot_onboard.core.http_reader import MAX_EXCHANGE_BYTES, AnswerCutOff, AnswerReader, InvalidAnswer
from iot_onboard.net.http_exchange import read_answer
from support.process.stopwatch import Stopwatch

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


def test_an_answer_and_nothing_after_it_is_read() -> None:
    """What follows stays in the connection."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(ANSWER)
        reader = read_answer(ours, AnswerReader(), time.monotonic() + 5)
        assert (reader.status, reader.body) == (200, b"{}")
        theirs.sendall(b"more")
        assert ours.recv(10) == b"more"


def test_a_close_is_no_answer() -> None:
    """It says nothing and goes."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.close()
        with pytest.raises(AnswerCutOff):
            read_answer(ours, AnswerReader(), time.monotonic() + 5)


@pytest.mark.realtime
def test_bytes_that_drip_restart_no_clock() -> None:
    """The limit is for the whole answer."""
    ours, theirs = socket.socketpair()
    done = threading.Event()

    def drip() -> None:
        theirs.sendall(ANSWER[:20])
        while not done.wait(0.05):
            theirs.sendall(b"x")

    with ours, theirs:
        thread, watch = threading.Thread(target=drip), Stopwatch()
        thread.start()
        with pytest.raises(TimeoutError):
            read_answer(ours, AnswerReader(), time.monotonic() + 0.4)
        duration_s = watch.duration_s()
        done.set()
        thread.join()
    assert duration_s <= 1.0


def test_a_deadline_that_has_passed_reads_nothing() -> None:
    """Also where bytes wait."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(ANSWER)
        with pytest.raises(TimeoutError):
            read_answer(ours, AnswerReader(), time.monotonic() - 1)


def test_an_endless_server_is_left() -> None:
    """Long before its time is over, and little more than the bound was taken from it."""
    ours, theirs = socket.socketpair()
    sent = 0

    def send() -> None:
        nonlocal sent
        try:
            theirs.sendall(b"HTTP/1.1 200 OK\r\n")
            while True:
                sent += theirs.send(b"X: " + b"y" * 8_000 + b"\r\n")
        except OSError:
            return

    thread = threading.Thread(target=send)
    thread.start()
    with ours, pytest.raises(InvalidAnswer):
        read_answer(ours, AnswerReader(), time.monotonic() + 30)
    thread.join(10)
    theirs.close()
    assert sent <= 8 * MAX_EXCHANGE_BYTES

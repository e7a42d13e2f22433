"""What is written to does not read: no write waits, whatever stands behind the descriptor."""

from __future__ import annotations

import fcntl
import os
import socket
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from iot_onboard.system.sinks import DatagramSink, NonblockingStderr, StreamSink
from support.process.deaf import KINDS, deaf
from support.process.descriptors import none_left

LINE = b"x" * 99 + b"\n"


@pytest.mark.parametrize("kind", KINDS)
def test_a_reader_that_does_not_read_holds_nobody_up(kind: str) -> None:
    """It takes what there is room for, and then nothing; whoever shares the descriptor finds it as it was."""
    with deaf(kind) as (writer, reader):
        flags = fcntl.fcntl(writer, fcntl.F_GETFL)
        sink = StreamSink(writer)
        began = time.monotonic()
        while sink.send(LINE):
            assert time.monotonic() - began < 20
        assert fcntl.fcntl(writer, fcntl.F_GETFL) == flags
        os.read(reader, 65536)
        os.set_blocking(reader, False)
        with suppress(BlockingIOError):
            while os.read(reader, 65536):
                pass
        assert sink.send(LINE) == len(LINE)
        sink.close()


def test_a_pipe_that_cannot_be_opened_again() -> None:
    """Without a descriptor, without /proc, or as another user: it is polled first, and given no more than it takes."""
    with deaf("pipe") as (writer, reader):
        with none_left():
            sink = StreamSink(writer)
        while sink.send(LINE * 100):
            pass
        assert os.read(reader, 100) == LINE
        sink.close()


def test_a_file_is_appended_to(tmp_path: Path) -> None:
    """Where its writers stand, not at its beginning."""
    with (tmp_path / "log").open("wb", buffering=0) as log:
        log.write(b"before\n")
        sink = StreamSink(log.fileno())
        assert sink.send(LINE) == len(LINE)
        log.write(b"after\n")
    assert (tmp_path / "log").read_bytes() == b"before\n" + LINE + b"after\n"


def test_nobody_reads_any_more() -> None:
    """The reader has gone: that is an error, and no signal."""
    reader, writer = os.pipe()
    os.close(reader)
    with pytest.raises(BrokenPipeError):
        StreamSink(writer).send(LINE)
    os.close(writer)


def test_a_datagram_goes_whole_or_waits(tmp_path: Path) -> None:
    """A full queue, nobody there, and no descriptor left: 0. Too long: an error."""
    sink = DatagramSink(str(tmp_path / "socket"))
    assert sink.send(LINE) == 0
    with none_left():
        assert sink.send(LINE) == 0
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "socket"))
        taken = 0
        while sink.send(LINE):
            taken += 1
        for _ in range(taken):
            assert listening.recv(4096) == LINE
        assert sink.send(LINE) == len(LINE)
        with pytest.raises(OSError, match="Message too long"):
            sink.send(b"x" * 10_000_000)
    assert sink.send(LINE) == 0
    sink.close()


def test_whoever_prints_does_not_wait_either(monkeypatch: pytest.MonkeyPatch) -> None:
    """A library, a warning, a traceback: what is not taken is lost, and nothing is raised."""
    with deaf("pipe") as (writer, reader), os.fdopen(os.dup(writer), "w") as stderr:
        monkeypatch.setattr(sys, "stderr", NonblockingStderr(stderr))
        for _ in range(3000):
            sys.stderr.write("x" * 99 + "\n")
        sys.stderr.flush()
        assert os.read(reader, 100) == LINE
        assert sys.stderr.fileno() == stderr.fileno()
        assert not sys.stderr.isatty()
        assert sys.stderr.writable()

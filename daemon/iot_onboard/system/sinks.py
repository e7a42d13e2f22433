"""Write to a socket, a pipe or a terminal without ever waiting for its reader.

The libraries for the journal and for sd_notify(3) wait if the reader's queue is full, and block every thread of Python
meanwhile. So both protocols are implemented here, with datagrams that are sent at once or not at all.
"""

from __future__ import annotations

import errno
import io
import os
import select
import socket
import stat

from ..fast_start.typing_names import TextIO

# A writable pipe takes this much at once (pipe(7), PIPE_BUF).
_MAX_WRITE = 4096
# Temporary errors: the same message may be sent later.
_TEMPORARY = frozenset({errno.EAGAIN, errno.EINTR, errno.ENOBUFS, errno.ENOMEM, errno.EMFILE, errno.ENFILE})


class Sink:
    """Write bytes without waiting."""

    def send(self, data: bytes) -> int:
        """Return how many bytes were written, 0 to try later; raise `OSError` if they can never be written."""
        raise NotImplementedError

    def close(self) -> None:
        """Free the resources."""


class DatagramSink(Sink):
    """Send datagrams to a Unix socket by its address; `@` at the start means an abstract one."""

    def __init__(self, address: str) -> None:
        self._address = "\0" + address[1:] if address.startswith("@") else address
        self._socket: socket.socket | None = None

    def send(self, data: bytes) -> int:
        """Send a datagram, whole or not at all."""
        # The receiver may have been restarted at the same address.
        for _ in range(2):
            try:
                if self._socket is None:
                    self._socket = self._connect()
                return self._socket.send(data)
            except OSError as error:
                if error.errno == errno.EMSGSIZE:
                    raise
                if error.errno in _TEMPORARY:
                    return 0
                self.close()
        return 0

    def close(self) -> None:
        """Close the descriptor; the next message opens a new one."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _connect(self) -> socket.socket:
        found = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            found.setblocking(False)
            found.connect(self._address)
        except OSError:
            found.close()
            raise
        return found


class StreamSink(Sink):
    """Write to a descriptor that other processes may share: so its O_NONBLOCK flag is not changed."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        mode = os.fstat(fd).st_mode
        self._waits = stat.S_ISFIFO(mode) or stat.S_ISCHR(mode)
        self._socket = socket.socket(fileno=os.dup(fd)) if stat.S_ISSOCK(mode) else None
        self._own_fd = _opened_anew(fd) if self._waits else None

    def send(self, data: bytes) -> int:
        """Write as much as the reader takes at once."""
        try:
            if self._socket is not None:
                return self._socket.send(data, socket.MSG_DONTWAIT)
            if self._own_fd is not None:
                return os.write(self._own_fd, data)
            if self._waits and not _is_writable(self._fd):
                return 0
            return os.write(self._fd, data[:_MAX_WRITE] if self._waits else data)
        except OSError as error:
            if error.errno in _TEMPORARY:
                return 0
            raise

    def close(self) -> None:
        """Close what this object opened; the descriptor itself stays open."""
        if self._socket is not None:
            self._socket.close()
        if self._own_fd is not None:
            os.close(self._own_fd)
        self._socket = self._own_fd = None


class TextSink(Sink):
    """Print to a stream without a descriptor."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def send(self, data: bytes) -> int:
        """Print all."""
        print(data.decode(), end="", file=self._stream, flush=True)
        return len(data)


class NonblockingStderr(io.TextIOBase):
    """Replace `sys.stderr`: text that the reader does not take at once is lost."""

    encoding = "utf-8"
    errors = "backslashreplace"

    def __init__(self, stderr: TextIO) -> None:
        self._fd = stderr.fileno()
        self._sink: StreamSink | None = None

    def fileno(self) -> int:
        """Return the descriptor."""
        return self._fd

    def isatty(self) -> bool:
        """Say whether it is a terminal."""
        return os.isatty(self._fd)

    def writable(self) -> bool:
        """Say that this stream can be written."""
        return True

    def write(self, text: str) -> int:
        """Write a text, or drop it."""
        try:
            if self._sink is None:
                self._sink = StreamSink(self._fd)
            self._sink.send(text.encode(self.encoding, self.errors))
        except OSError:
            pass
        return len(text)


def _opened_anew(fd: int) -> int | None:
    """Open the same pipe or terminal again, with flags of our own; `None` if that is not allowed."""
    try:
        return os.open(f"/proc/self/fd/{fd}", os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError:
        return None


def _is_writable(fd: int) -> bool:
    poll = select.poll()
    poll.register(fd, select.POLLOUT)
    return bool(poll.poll(0))

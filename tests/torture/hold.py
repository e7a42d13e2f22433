"""Hold a program at every system call that touches files, sockets or processes, and decide there what happens.

By seccomp's user notification: the kernel stops the calling thread and asks us. In place of `strace` because that
counts calls for each thread and each name apart: the first of two threads that reaches a number is hit, so calls of the
worker thread, which writes the secret, cannot be chosen. Here one count runs over all threads of the process.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import os
import platform
import select
import signal
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_libc = ctypes.CDLL(None, use_errno=True)
_MACHINES = {
    # machine: audit architecture, seccomp(2), pidfd_getfd(2)
    "x86_64": (0xC000003E, 317, 438),
    "aarch64": (0xC00000B7, 277, 438),
}
_CALLS: dict[str, dict[str, int]] = {
    "x86_64": {
        "read": 0, "write": 1, "open": 2, "close": 3, "stat": 4, "fstat": 5, "lstat": 6, "poll": 7, "lseek": 8,
        "ioctl": 16, "pread64": 17, "access": 21, "dup": 32, "dup2": 33, "getpid": 39, "socket": 41, "connect": 42,
        "accept": 43, "sendto": 44, "recvfrom": 45, "sendmsg": 46, "recvmsg": 47, "shutdown": 48, "bind": 49,
        "getsockname": 51, "getpeername": 52, "socketpair": 53, "setsockopt": 54, "getsockopt": 55, "clone": 56,
        "fork": 57, "vfork": 58, "execve": 59, "uname": 63, "fcntl": 72, "flock": 73, "fsync": 74, "fdatasync": 75,
        "ftruncate": 77, "getdents64": 217, "getcwd": 79, "rename": 82, "mkdir": 83, "rmdir": 84, "link": 86,
        "unlink": 87, "symlink": 88, "readlink": 89, "chmod": 90, "fchmod": 91, "chown": 92, "fchown": 93,
        "umask": 95, "prctl": 157, "openat": 257, "mkdirat": 258, "newfstatat": 262, "unlinkat": 263,
        "renameat": 264, "linkat": 265, "readlinkat": 267, "fchmodat": 268, "epoll_ctl": 233, "epoll_wait": 232,
        "eventfd2": 290, "epoll_create1": 291, "dup3": 292, "pipe2": 293, "sendmmsg": 307, "statx": 332,
        "clone3": 435, "renameat2": 316, "close_range": 436, "kill": 62, "wait4": 61, "statfs": 137,
    },
    "aarch64": {
        "read": 63, "write": 64, "close": 57, "fstat": 80, "lseek": 62, "ioctl": 29, "pread64": 67, "dup": 23,
        "socket": 198, "connect": 203, "accept": 202, "sendto": 206, "recvfrom": 207, "sendmsg": 211, "recvmsg": 212,
        "shutdown": 210, "bind": 200, "getsockname": 204, "getpeername": 205, "socketpair": 199, "setsockopt": 208,
        "getsockopt": 209, "clone": 220, "execve": 221, "uname": 160, "fcntl": 25, "flock": 32, "fsync": 82,
        "fdatasync": 83, "ftruncate": 46, "getdents64": 61, "getcwd": 17, "fchmod": 52, "fchown": 55, "umask": 166,
        "prctl": 167, "openat": 56, "mkdirat": 34, "newfstatat": 79, "unlinkat": 35, "renameat": 38, "linkat": 37,
        "readlinkat": 78, "fchmodat": 53, "epoll_ctl": 21, "eventfd2": 19, "epoll_create1": 20, "dup3": 24,
        "pipe2": 59, "sendmmsg": 269, "statx": 291, "clone3": 435, "renameat2": 276, "close_range": 436, "kill": 129,
        "wait4": 260, "statfs": 43, "faccessat": 48,
    },
}  # fmt: skip
# A wait for the world, or a look at oneself, touches nothing. The program's own start is held too: until we answer, the
# listener stays open in its table of descriptors.
_LET_PASS = {"poll", "epoll_wait", "umask", "prctl", "getpid", "uname"}
_PATH_FIRST = {
    "open", "stat", "lstat", "access", "rename", "mkdir", "rmdir", "link", "unlink", "symlink", "readlink", "chmod",
    "chown", "statfs",
}  # fmt: skip
_PATH_SECOND = {
    "openat", "mkdirat", "newfstatat", "unlinkat", "renameat", "linkat", "readlinkat", "fchmodat", "statx", "renameat2",
    "faccessat",
}  # fmt: skip
_NO_DESCRIPTOR = {
    "execve", "socket", "socketpair", "clone", "clone3", "fork", "vfork", "pipe2", "eventfd2", "epoll_create1",
}  # fmt: skip
_RECV, _SEND = 0xC0502100, 0xC0182101
_NOTIFICATION = struct.Struct("<QIIiIQ6Q")
_ANSWER = struct.Struct("<QqiI")
_AT_FDCWD = -100


def why_not() -> str | None:
    """Say why nothing can be held here, or None."""
    if platform.machine() not in _MACHINES:
        return f"no table of system calls for {platform.machine()}"
    try:
        available = Path("/proc/sys/kernel/seccomp/actions_avail").read_text()
    except OSError:
        return "this kernel has no seccomp"
    return None if "user_notif" in available.split() else "this kernel has no seccomp user notification"


@dataclass(slots=True, kw_only=True)
class Call:
    """One call at which the program stands still; `number` counts all of them from 1, `pid` is the thread."""

    number: int
    name: str
    process: int
    pid: int
    arguments: tuple[int, ...]

    def path(self) -> str:
        """Return what the call is about: a path, or what a descriptor stands for; empty where it is neither."""
        if self.name in _PATH_FIRST:
            return self._absolute(_AT_FDCWD, self._text(self.arguments[0]))
        if self.name in _PATH_SECOND:
            directory = ctypes.c_int(self.arguments[0] & 0xFFFFFFFF).value
            return self._absolute(directory, self._text(self.arguments[1]))
        if self.name in _NO_DESCRIPTOR:
            return ""
        return self._link(f"fd/{self.arguments[0] & 0xFFFFFFFF}")

    def _absolute(self, directory: int, name: str) -> str:
        if name.startswith("/"):
            return name
        base = self._link("cwd" if directory == _AT_FDCWD else f"fd/{directory}")
        return f"{base}/{name}" if name else base

    def _link(self, name: str) -> str:
        try:
            return str(Path(f"/proc/{self.pid}/{name}").readlink())
        except OSError:
            return ""

    def _text(self, address: int) -> str:
        return self.memory(address, 4096).split(b"\0", 1)[0].decode(errors="replace")

    def memory(self, address: int, size: int) -> bytes:
        """Read the program's memory, up to the end of a page that is not there."""
        try:
            with open(f"/proc/{self.pid}/mem", "rb", buffering=0) as memory:
                memory.seek(address)
                first = memory.read(min(size, 4096 - address % 4096))
                return first + (memory.read(size - len(first)) if len(first) < size else b"")
        except OSError:
            return b""

    def write_part(self, most: int) -> int:
        """Do the first bytes of a write(2) in the program's place, and return how many."""
        data = self.memory(self.arguments[1], min(self.arguments[2], most))
        pidfd = os.pidfd_open(self.process)
        try:
            theirs = _libc.syscall(_MACHINES[platform.machine()][2], pidfd, int(self.arguments[0]), 0)
        finally:
            os.close(pidfd)
        if theirs < 0:
            raise OSError(ctypes.get_errno(), "pidfd_getfd")
        try:
            return os.write(theirs, data)
        finally:
            os.close(theirs)


class Kill:
    """Decide: the process ends here, and the call never happens."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Decide: the call does not happen; it fails with `error`, or returns `value`."""

    error: int = 0
    value: int = 0


Decision = Kill | Answer | None
Decide = Callable[[Call], Decision]


@dataclass(slots=True)
class Held:
    """A program that runs under our hands; `turn` serves its calls. Use from one thread alone.

    Signals go by `pidfd`: a number may be another program's by then.
    """

    pid: int
    pidfd: int
    listener: int
    calls: int = 0
    code: int | None = None
    killed: bool = False
    _names: dict[int, str] = field(default_factory=lambda: {n: name for name, n in _CALLS[platform.machine()].items()})

    def turn(self, decide: Decide, seconds: float) -> bool:
        """Serve the calls of `seconds`; say whether the program still runs."""
        end = time.monotonic() + seconds
        while self.code is None and (left_s := end - time.monotonic()) > 0:
            ready = select.select([self.listener], [], [], min(left_s, 0.02))[0] if self.listener >= 0 else []
            if ready:
                self._serve(decide)
            else:
                self._reap(os.WNOHANG)
        return self.code is None

    def _serve(self, decide: Decide) -> None:
        request = bytearray(80)
        try:
            fcntl.ioctl(self.listener, _RECV, request)
        except OSError:
            self._reap(os.WNOHANG)
            return
        key, pid, _, number, _, _, *arguments = _NOTIFICATION.unpack(request)
        self.calls += 1
        name = self._names.get(number, f"call{number}")
        call = Call(number=self.calls, name=name, process=self.pid, pid=pid, arguments=tuple(arguments))
        decision = decide(call)
        if isinstance(decision, Kill):
            self.kill()
            return
        if isinstance(decision, Answer):
            answer = _ANSWER.pack(key, decision.value, -decision.error, 0)
        else:
            answer = _ANSWER.pack(key, 0, 0, 1)
        # Gone meanwhile, or interrupted by a signal: then there is nobody to answer.
        with contextlib.suppress(OSError):
            fcntl.ioctl(self.listener, _SEND, bytearray(answer))

    def kill(self) -> None:
        """End the program as a power cut would."""
        self.killed = True
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self.pidfd, signal.SIGKILL)
        self._reap(0)

    def signal(self, number: signal.Signals) -> None:
        """Send a signal."""
        signal.pidfd_send_signal(self.pidfd, number)

    def _reap(self, options: int) -> None:
        if self.code is None:
            pid, status = os.waitpid(self.pid, options)
            if pid:
                self.code = os.waitstatus_to_exitcode(status)

    def close(self) -> None:
        """End the program, if it runs, and give up what leads to it."""
        if self.code is None:
            self.kill()
        if self.listener >= 0:
            os.close(self.listener)
            os.close(self.pidfd)
            self.listener = -1


def start(command: list[str], environment: dict[str, str], log: Path, given: Path | None = None) -> Held:
    """Start a program that is held from its very first call on; its output goes to `log`."""
    program = _program()
    pid = os.fork()
    if pid == 0:
        _become(command, environment, log, given, program)
    pidfd = os.pidfd_open(pid)
    return Held(pid, pidfd, _listener_of(pid, pidfd))


def _become(command: list[str], environment: dict[str, str], log: Path, given: Path | None, program: Any) -> None:
    try:
        os.setsid()
        os.dup2(os.open(given or os.devnull, os.O_RDONLY), 0)
        out = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(out, 1)
        os.dup2(out, 2)
        os.closerange(3, 256)
        _libc.prctl(38, 1, 0, 0, 0)  # PR_SET_NO_NEW_PRIVS
        # SECCOMP_SET_MODE_FILTER with SECCOMP_FILTER_FLAG_NEW_LISTENER; the listener closes itself at the execve.
        if _libc.syscall(_MACHINES[platform.machine()][1], 1, 8, ctypes.byref(program)) < 0:
            os.write(2, f"seccomp: {os.strerror(ctypes.get_errno())}\n".encode())
        else:
            os.execve(command[0], command, environment)
    finally:
        os._exit(127)


def _listener_of(pid: int, pidfd: int) -> int:
    """Take the listener out of the program's own table of descriptors, before it closes at its execve."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        for name in _names(Path(f"/proc/{pid}/fd")):
            with contextlib.suppress(OSError):
                if "seccomp notify" in str(Path(f"/proc/{pid}/fd/{name}").readlink()):
                    found = int(_libc.syscall(_MACHINES[platform.machine()][2], pidfd, int(name), 0))
                    if found >= 0:
                        return found
        time.sleep(0.0005)
    raise AssertionError("no listener: seccomp said no")


def _names(directory: Path) -> list[str]:
    try:
        return os.listdir(directory)  # noqa: PTH208 - names alone, at each call
    except OSError:
        return []


class _Filter(ctypes.Structure):
    _fields_ = (("code", ctypes.c_uint16), ("jt", ctypes.c_uint8), ("jf", ctypes.c_uint8), ("k", ctypes.c_uint32))


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_uint16), ("filter", ctypes.POINTER(_Filter)))


def _program() -> _Program:
    """Write the filter: the calls of the table are asked for, all others pass."""
    names = _CALLS[platform.machine()]
    numbers = sorted(number for name, number in names.items() if name not in _LET_PASS)
    lines = [(0x20, 0, 0, 4), (0x15, 1, 0, _MACHINES[platform.machine()][0]), (0x06, 0, 0, 0x7FFF0000), (0x20, 0, 0, 0)]
    for at, number in enumerate(numbers):
        lines.append((0x15, len(numbers) - at, 0, number))
    lines += [(0x06, 0, 0, 0x7FFF0000), (0x06, 0, 0, 0x7FC00000)]
    array = (_Filter * len(lines))(*[_Filter(*line) for line in lines])
    return _Program(len(lines), array)

"""Keep the device secret so that nothing can lose it.

One file an identity, and the one before it as `.1`. A new secret is written beside, synced, read back, and renamed
over the old one, whose bytes live on as the previous generation: at every moment one of them is whole on the disk.
What cannot be parsed is set aside, never deleted.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import stat
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from ..core.failures import OnboardError, StoreFailure, StoreFault
from ..core.identity import Credentials, Identity
from ..fast_start.fast_dataclasses import dataclass
from .credentials_format import MOST_BYTES, Damaged, NewerFormat, decode, encode

_TEMP_SUFFIX = ".new"
# What a file system without hard links answers (FAT, some network ones).
_NO_LINKS = {errno.EPERM, errno.EOPNOTSUPP, errno.EMLINK, errno.ENOSYS}


class StoreBusy(OnboardError):
    """Say that another process holds this store's lock."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """Hold what the store found; `set_aside` names damaged files, `detail` says why nothing could be written.

    `others` names the devices whose secrets are stored here where this one's is not.
    """

    credentials: Credentials | None = None
    set_aside: tuple[str, ...] = ()
    recovered: bool = False
    writable: bool = True
    detail: str = ""
    others: tuple[str, ...] = ()


class Store:
    """Read and write the secret of one identity.

    No two identities share a file: a product key holds no dot, so the first one ends it; current files end in
    `.json`, and previous generations, temporary files and files set aside never do.
    """

    def __init__(self, state_dir: Path, identity: Identity) -> None:
        self._state_dir = state_dir
        self._directory = state_dir / "credentials"
        self._identity = identity
        self._current = self._directory / f"{identity}.json"
        self._previous = self._directory / f"{identity}.json.1"
        self._temp = self._directory / f"{identity}.json{_TEMP_SUFFIX}"
        self._previous_temp = self._directory / f"{identity}.json.1{_TEMP_SUFFIX}"

    def load(self) -> Stored:
        """Find the secret; raise `OnboardError` where it may be there but cannot be read.

        Writes nothing where the current file is whole.
        """
        aside: list[str] = []
        for path in (self._current, self._previous):
            try:
                credentials = self._read(path)
            except Damaged as damage:
                aside.append(f"{path.name} {damage}")
                # On a read-only file system it stays where it is; the secret is looked for elsewhere.
                with contextlib.suppress(OSError):
                    self._set_aside(path, "corrupt")
                continue
            if credentials is not None:
                recovered = path == self._previous
                if recovered:
                    self._put_back(credentials)
                return Stored(credentials=credentials, set_aside=tuple(aside), recovered=recovered)
        try:
            self._probe()
        except OSError as error:
            return Stored(set_aside=tuple(aside), writable=False, detail=_told(error, self._directory))
        return Stored(set_aside=tuple(aside), others=self._others())

    def save(self, credentials: Credentials) -> None:
        """Make the secret durable and read it back, or raise `OnboardError`; the old one stays until then."""
        data = encode(credentials)
        try:
            wanted = decode(data, self._identity)
            self._make_directory()
            self._remove_temps()
            self._write(self._temp, data)
            self._keep_previous(wanted)
            self._temp.rename(self._current)
            _sync(self._directory)
            if self._read(self._current) != wanted:
                raise OSError(errno.EIO, "what was written reads back different")
        except (OSError, Damaged, OnboardError) as error:
            with contextlib.suppress(OSError):
                self._remove_temps()
            raise OnboardError(_not_writable(error, self._current)) from error

    def forget(self) -> Path | None:
        """Set the stored secret aside, never delete it, and return where it went."""
        newest: Path | None = None
        try:
            # The current one last: were it gone first, a crash in between would bring the previous one back.
            for path in (self._previous, self._current):
                if os.path.lexists(path):
                    newest = self._set_aside(path, "forgotten")
        except OSError as error:
            raise OnboardError(_not_writable(error, self._current)) from error
        return newest

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """Keep every other process off this store; raise `StoreBusy` where one has it.

        The lock is on the directory itself, which works on a read-only file system too. Where there is no directory
        and none can be made there is nothing to protect; where the file system knows no locks, a gateway that runs
        without one is better than a gateway that does not run.
        """
        with contextlib.suppress(OSError):
            self._make_directory()
        try:
            descriptor = os.open(self._directory, os.O_RDONLY | os.O_DIRECTORY)
        except OSError:
            yield
            return
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                detail = f"another iot-onboard process works on {self._directory}; it registers by itself"
                raise StoreBusy(StoreFailure(fault=StoreFault.NOT_WRITABLE, detail=detail)) from error
            except OSError as error:
                if error.errno not in {errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL}:
                    raise OnboardError(_not_writable(error, self._directory)) from error
            yield
        finally:
            os.close(descriptor)

    def _others(self) -> tuple[str, ...]:
        try:
            return tuple(sorted(path.stem for path in self._directory.glob("*.json")))
        except OSError:
            return ()

    def _read(self, path: Path) -> Credentials | None:
        try:
            # Not blocking: a FIFO in this place must not hold up the boot.
            descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise OnboardError(_unreadable(error, path)) from error
        try:
            mode = os.fstat(descriptor).st_mode
            if not stat.S_ISREG(mode):
                raise OSError(errno.EINVAL, "not a regular file")
            if mode & 0o077:
                # On a read-only file system, or as another user, the mode stays; the secret is good all the same.
                with contextlib.suppress(OSError):
                    os.fchmod(descriptor, 0o600)
            with open(descriptor, "rb", closefd=False) as file:
                data = file.read(MOST_BYTES + 1)
        except OSError as error:
            raise OnboardError(_unreadable(error, path)) from error
        finally:
            os.close(descriptor)
        try:
            return decode(data, self._identity)
        except NewerFormat as error:
            # Neither set aside nor replaced: after an upgrade it is as good as ever.
            raise OnboardError(StoreFailure(fault=StoreFault.UNREADABLE, detail=f"{path} is {error}")) from None

    def _write(self, path: Path, data: bytes) -> None:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        with open(descriptor, "wb", buffering=0) as file:
            self._give_to_owner(descriptor)
            rest = memoryview(data)
            while rest:
                rest = rest[file.write(rest) :]
            os.fsync(descriptor)
        if path.read_bytes() != data:
            raise OSError(errno.EIO, "what was written reads back different")

    def _keep_previous(self, successor: Credentials) -> None:
        try:
            stored = self._read(self._current)
        except Damaged:
            # As the previous generation it would push out one that may be good.
            self._set_aside(self._current, "corrupt")
            return
        if stored is None or stored == successor:
            return
        try:
            os.link(self._current, self._previous_temp)
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
            self._write(self._previous_temp, encode(stored))
        self._previous_temp.rename(self._previous)
        # rename(2) between two names of one file does nothing, and leaves the temporary name.
        self._previous_temp.unlink(missing_ok=True)
        _sync(self._directory)

    def _put_back(self, credentials: Credentials) -> None:
        # Best effort: the previous generation is good, and is found again at the next start if this fails.
        with contextlib.suppress(OSError):
            try:
                # A copy, not a link: one bad block must not take both generations.
                if not os.path.lexists(self._current):
                    self._remove_temps()
                    self._write(self._temp, encode(credentials))
                    self._temp.rename(self._current)
                    _sync(self._directory)
            finally:
                self._remove_temps()

    def _set_aside(self, path: Path, why: str) -> Path:
        stamp = f"{datetime.now(UTC):%Y%m%dT%H%M%S}"
        for number in range(100):
            aside = path.with_name(f"{path.name}.{why}-{stamp}" + (f"-{number}" if number else ""))
            if not os.path.lexists(aside):
                path.rename(aside)
                _sync(self._directory)
                return aside
        raise OSError(errno.EEXIST, "too many files were set aside in this second")

    def _remove_temps(self) -> None:
        for temp in (self._temp, self._previous_temp):
            temp.unlink(missing_ok=True)

    def _probe(self) -> None:
        self._make_directory()
        self._remove_temps()
        try:
            self._write(self._temp, b"\0" * 512)
        finally:
            self._temp.unlink(missing_ok=True)

    def _make_directory(self) -> None:
        missing = [path for path in (self._directory, *self._directory.parents) if not path.is_dir()]
        for path in reversed(missing):
            path.mkdir(mode=0o700 if path == self._directory else 0o755, exist_ok=True)
            _sync(path.parent)
        # Looked at each time: a crash may have come between the making and the giving away.
        if os.geteuid() == 0 and self._directory.stat().st_uid != self._state_dir.stat().st_uid:
            descriptor = os.open(self._directory, os.O_RDONLY | os.O_DIRECTORY)
            try:
                self._give_to_owner(descriptor)
            finally:
                os.close(descriptor)

    def _give_to_owner(self, descriptor: int) -> None:
        # `register` run by root must leave files that the service's own user can read.
        if os.geteuid() == 0:
            owner = self._state_dir.stat()
            os.fchown(descriptor, owner.st_uid, owner.st_gid)


def _sync(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _told(error: Exception, path: Path) -> str:
    return f"{path}: {error.strerror if isinstance(error, OSError) else error}"


def _unreadable(error: OSError, path: Path) -> StoreFailure:
    return StoreFailure(fault=StoreFault.UNREADABLE, detail=_told(error, path))


def _not_writable(error: Exception, path: Path) -> StoreFailure:
    detail = str(error) if isinstance(error, OnboardError) else _told(error, path)
    return StoreFailure(fault=StoreFault.NOT_WRITABLE, detail=detail)

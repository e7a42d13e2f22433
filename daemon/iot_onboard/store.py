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
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from .credentials import Credentials, Identity
from .credentials_file import MOST_BYTES, Damaged, decode, encode
from .errors import OnboardError, StoreFailure, StoreFault

_TEMP_SUFFIX = ".new"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """Hold what the store found; `set_aside` names damaged files, `detail` says why nothing could be written."""

    credentials: Credentials | None = None
    set_aside: tuple[str, ...] = ()
    recovered: bool = False
    writable: bool = True
    detail: str = ""


class Store:
    """Read and write the secret of one identity."""

    def __init__(self, state_dir: Path, identity: Identity) -> None:
        self._state_dir = state_dir
        self._directory = state_dir / "credentials"
        self._identity = identity
        # No device name ends in ".json.1" as a *current* file: the previous generation collides with nobody.
        self._current = self._directory / f"{identity}.json"
        self._previous = self._directory / f"{identity}.json.1"

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
                self._set_aside(path, "corrupt")
                continue
            if credentials is not None:
                recovered = path == self._previous
                if recovered:
                    self._put_back()
                return Stored(credentials=credentials, set_aside=tuple(aside), recovered=recovered)
        try:
            self._probe()
        except OSError as error:
            return Stored(set_aside=tuple(aside), writable=False, detail=_told(error, self._directory))
        return Stored(set_aside=tuple(aside))

    def save(self, credentials: Credentials) -> None:
        """Make the secret durable and read it back, or raise `OnboardError`; the old one stays until then."""
        temp = self._current.with_name(self._current.name + _TEMP_SUFFIX)
        data = encode(credentials)
        try:
            self._make_directory()
            temp.unlink(missing_ok=True)
            self._write(temp, data)
            self._keep_previous(data)
            temp.rename(self._current)
            _sync(self._directory)
            if self._read(self._current) != credentials:
                raise OSError(errno.EIO, "what was written reads back different")
        except (OSError, Damaged) as error:
            with contextlib.suppress(OSError):
                temp.unlink(missing_ok=True)
            failure = StoreFailure(fault=StoreFault.NOT_WRITABLE, detail=_told(error, self._current))
            raise OnboardError(failure) from error

    def forget(self) -> Path | None:
        """Set the stored secret aside, never delete it, and return where it went."""
        try:
            moved = [self._set_aside(path, "forgotten") for path in (self._current, self._previous) if path.exists()]
        except OSError as error:
            failure = StoreFailure(fault=StoreFault.NOT_WRITABLE, detail=_told(error, self._current))
            raise OnboardError(failure) from error
        if moved and moved[0] is None:
            detail = f"{self._current} could not be moved"
            raise OnboardError(StoreFailure(fault=StoreFault.NOT_WRITABLE, detail=detail))
        return moved[0] if moved else None

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """Keep every other process off this store; raise `OnboardError` where one has it.

        The lock is on the directory itself, which works on a read-only file system too. Where there is no directory
        and none can be made there is nothing to protect.
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
                raise OnboardError(StoreFailure(fault=StoreFault.NOT_WRITABLE, detail=detail)) from error
            yield
        finally:
            os.close(descriptor)

    def _read(self, path: Path) -> Credentials | None:
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise OnboardError(_unreadable(error, path)) from error
        with open(descriptor, "rb") as file:
            try:
                with contextlib.suppress(PermissionError):
                    if os.fstat(descriptor).st_mode & 0o077:
                        os.fchmod(descriptor, 0o600)
                data = file.read(MOST_BYTES + 1)
            except OSError as error:
                raise OnboardError(_unreadable(error, path)) from error
        return decode(data, self._identity)

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

    def _keep_previous(self, data: bytes) -> None:
        try:
            if self._current.read_bytes() == data:
                return
        except FileNotFoundError:
            return
        link = self._previous.with_name(self._previous.name + _TEMP_SUFFIX)
        link.unlink(missing_ok=True)
        self._copy(self._current, link)
        link.rename(self._previous)

    def _put_back(self) -> None:
        # Best effort: the previous generation is good, and is found again at the next start if this fails.
        with contextlib.suppress(OSError):
            self._copy(self._previous, self._current)
            _sync(self._directory)

    def _copy(self, source: Path, target: Path) -> None:
        try:
            os.link(source, target)
        except OSError as error:
            if error.errno not in {errno.EPERM, errno.EOPNOTSUPP, errno.EMLINK}:
                raise
            # FAT and some network file systems have no links.
            self._write(target, source.read_bytes())

    def _set_aside(self, path: Path, why: str) -> Path | None:
        stamp = f"{datetime.now(UTC):%Y%m%dT%H%M%S}"
        for number in range(100):
            aside = path.with_name(f"{path.name}.{why}-{stamp}" + (f"-{number}" if number else ""))
            if aside.exists():
                continue
            try:
                path.rename(aside)
                _sync(self._directory)
            except OSError:
                # On a read-only file system the damaged file stays where it is; the secret is looked for elsewhere.
                return None
            return aside
        return None

    def _probe(self) -> None:
        self._make_directory()
        probe = self._current.with_name(self._current.name + _TEMP_SUFFIX)
        probe.unlink(missing_ok=True)
        try:
            self._write(probe, b"\0" * 512)
        finally:
            probe.unlink(missing_ok=True)

    def _make_directory(self) -> None:
        if self._directory.is_dir():
            return
        for directory, mode in ((self._state_dir, 0o755), (self._directory, 0o700)):
            if not directory.is_dir():
                directory.mkdir(mode=mode, parents=True, exist_ok=True)
                _sync(directory.parent)
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

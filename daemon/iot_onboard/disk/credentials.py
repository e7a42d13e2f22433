"""Store the device secret so that no crash or power cut can lose it.

One file for each identity, and the previous one as `.1`. A new secret is written to a temporary file, synced, read
back, and renamed over the old one; a copy of the old one stays as the previous generation. At any time one of them is
complete on the disk. A file that cannot be parsed is set aside, never deleted.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from ..core.failures import OnboardError, StoreFailure, StoreFault, is_temporary
from ..core.identity import Credentials, Identity
from ..fast_start.fast_dataclasses import dataclass
from . import files
from .credentials_format import DIRECTORY, MAX_BYTES, SUBDEVICES, Damaged, NewerFormat, decode, encode


class StoreBusy(OnboardError):
    """Another process holds the lock of this store."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """Hold what the store found; `set_aside` names damaged files, `detail` says why nothing could be written.

    `others` names devices with a stored secret, if this device has none.
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
    `.json`, and previous generations, temporary files and files set aside never do. `directory` is that of the gateway
    itself, or `SUBDEVICES`.
    """

    def __init__(self, state_dir: Path, identity: Identity, directory: str = DIRECTORY) -> None:
        self._is_gateways = directory == DIRECTORY
        self._directory = state_dir / directory
        self._identity = identity
        self._current = self._directory / f"{identity}.json"
        self._previous = self._directory / f"{identity}.json.1"

    def load(self) -> Stored:
        """Find the secret; raise `OnboardError` if it may be there but cannot be read.

        Writes nothing if the current file is complete.
        """
        aside: list[str] = []
        for path in (self._current, self._previous):
            try:
                credentials = self._read(path)
            except Damaged as damage:
                aside.append(f"{path.name} {damage}")
                # On a read-only file system the file stays in place; the search goes on with the other file.
                with contextlib.suppress(OSError):
                    self._set_aside(path, "corrupt")
                continue
            if credentials is not None:
                recovered = path == self._previous
                if recovered:
                    self._put_back(credentials)
                return Stored(credentials=credentials, set_aside=tuple(aside), recovered=recovered)
        try:
            files.make_directory(self._directory, 0o700)
            self._remove_temps()
            with files.temporary_file(self._current, b"\0" * 512, 0o600):
                pass
        except OSError as error:
            failed = _failed(StoreFault.NOT_WRITABLE, error, self._directory)
            if failed.temporary:
                raise OnboardError(failed) from error
            return Stored(set_aside=tuple(aside), writable=False, detail=failed.detail)
        return Stored(set_aside=tuple(aside), others=self._others() if self._is_gateways else ())

    def save(self, credentials: Credentials) -> None:
        """Make the secret durable and read it back, or raise `OnboardError`; the old one stays until then."""
        try:
            files.make_directory(self._directory, 0o700)
            self._remove_temps()
            with self._temporary_file(credentials) as temp:
                files.rename_durably(temp, self._current)
        except (OSError, Damaged, OnboardError) as error:
            with contextlib.suppress(OSError):
                self._remove_temps()
            raise OnboardError(_failed(StoreFault.NOT_WRITABLE, error, self._current)) from error

    @contextlib.contextmanager
    def _temporary_file(self, credentials: Credentials) -> Iterator[Path]:
        """Give the file that is to be renamed over the current one, once that is the previous generation."""
        data = encode(credentials)
        wanted = decode(data, self._identity)
        with files.temporary_file(self._current, data, 0o600) as temp:
            self._keep_previous(wanted)
            yield temp

    def forget(self) -> Path | None:
        """Set the stored secret aside, never delete it, and return its new path."""
        newest: Path | None = None
        try:
            # The current one last: otherwise, after a crash in between, the previous one would be used again.
            for path in (self._previous, self._current):
                if os.path.lexists(path):
                    newest = self._set_aside(path, "forgotten")
        except OSError as error:
            raise OnboardError(_failed(StoreFault.NOT_WRITABLE, error, self._current)) from error
        return newest

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """Lock this store; raise `StoreBusy` if another process has the lock."""
        with contextlib.suppress(OSError):
            files.make_directory(self._directory, 0o700)
        with contextlib.ExitStack() as held:
            try:
                held.enter_context(files.locked(self._directory))
            except BlockingIOError as error:
                detail = f"another iot-onboard process works on {self._directory}; it registers by itself"
                raise StoreBusy(StoreFailure(fault=StoreFault.NOT_WRITABLE, detail=detail)) from error
            except OSError:
                # If there is no directory, and none can be created, there is nothing to protect.
                pass
            yield

    def _others(self) -> tuple[str, ...]:
        try:
            return tuple(sorted(path.stem for path in self._directory.glob("*.json")))
        except OSError:
            return ()

    def _read(self, path: Path) -> Credentials | None:
        try:
            with files.open_plain(path, follow=False) as file:
                if os.fstat(file.fileno()).st_mode & 0o077:
                    # On a read-only file system, or as another user, the mode stays; the secret is good all the same.
                    with contextlib.suppress(OSError):
                        os.fchmod(file.fileno(), 0o600)
                data = file.read(MAX_BYTES + 1)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise OnboardError(_failed(StoreFault.UNREADABLE, error, path)) from error
        try:
            return decode(data, self._identity)
        except NewerFormat as error:
            # Neither set aside nor replaced: it can be used again after an upgrade.
            raise OnboardError(StoreFailure(fault=StoreFault.UNREADABLE, detail=f"{path} is {error}")) from None

    def _keep_previous(self, successor: Credentials) -> None:
        try:
            stored = self._read(self._current)
        except Damaged:
            # As the previous generation it would replace one that may be good.
            self._set_aside(self._current, "corrupt")
            return
        if stored is not None and stored != successor:
            # An exact copy: a newer version may have written more than this one reads.
            data = files.read_plain(self._current, MAX_BYTES, follow=False)
            files.write_durably(self._previous, data, 0o600)

    def _put_back(self, credentials: Credentials) -> None:
        # If this fails, the previous generation is still good, and the next start finds it.
        with contextlib.suppress(OSError):
            self._remove_temps()
            # A copy, not a link: one bad block must not take both generations.
            if not os.path.lexists(self._current):
                files.write_durably(self._current, encode(credentials), 0o600)

    def _set_aside(self, path: Path, why: str) -> Path:
        return files.set_aside(path, f"{why}-{datetime.now(UTC):%Y%m%dT%H%M%S}")

    def _remove_temps(self) -> None:
        for path in (self._current, self._previous):
            files.remove_temps(path.parent, path.name)


def save_subdevices(state_dir: Path, batch: Sequence[Credentials]) -> None:
    """Make the secrets of sub-devices durable, all of them with one sync of their directory; or raise `OnboardError`.

    Each is held to the rules of the gateway's own. Where this fails some may be durable all the same: nobody relies on
    one before all are, and the same batch may be saved again.
    """
    directory = state_dir / SUBDEVICES
    stores = [(Store(state_dir, credentials.identity, SUBDEVICES), credentials) for credentials in batch]
    try:
        files.make_directory(directory, 0o700)
        files.remove_temps(directory)
        with contextlib.ExitStack() as written:
            temps = [written.enter_context(store._temporary_file(credentials)) for store, credentials in stores]
            for temp, (store, _) in zip(temps, stores, strict=True):
                temp.rename(store._current)
            files.sync_directory(directory)
    except (OSError, Damaged, OnboardError) as error:
        raise OnboardError(_failed(StoreFault.NOT_WRITABLE, error, directory)) from error


def is_stored(state_dir: Path, identity: Identity) -> bool:
    """Say whether a secret of a device is stored; raise `OSError` if a disk does not answer now."""
    for name in (f"{identity}.json", f"{identity}.json.1"):
        try:
            os.lstat(state_dir / DIRECTORY / name)
        except OSError as error:
            if is_temporary(error):
                raise
        else:
            return True
    return False


def _failed(fault: StoreFault, error: Exception, path: Path) -> StoreFailure:
    return StoreFailure(fault=fault, detail=_describe(error, path), temporary=is_temporary(error))


def _describe(error: Exception, path: Path) -> str:
    # A failure of the store names its file.
    if isinstance(error, OnboardError):
        return str(error)
    return f"{path}: {error.strerror if isinstance(error, OSError) else error}"

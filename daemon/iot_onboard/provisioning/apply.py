"""Give a gateway its product identity: check the whole configuration, then write the files durably."""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
from pathlib import Path

from ..config.files import read_documents
from ..config.schema import Config
from ..core.failures import OnboardError, StoreFailure, StoreFault
from ..core.secret import Secret
from ..disk.files import make_directory, set_aside, write_if_changed
from ..disk.lock_file import Held, lock_file
from ..fast_start.fast_dataclasses import dataclass
from ..system.accounts import service_group
from .plan import NewFile, Plan, ProvisioningRequest, plan, present

# Only root has access to it, and it is in memory; the unit of the boot import makes it too.
LOCKS = Path("/run/iot-onboard-setup")
# Another program writes a few small files: if it takes longer, it hangs. The boot import has a minute in all.
_WAIT_S = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ProvisioningResult:
    """Hold the written files (none if nothing changed), the configuration, and the warnings for the operator."""

    written: tuple[Path, ...]
    config: Config
    warnings: tuple[str, ...]


def current(config_path: Path) -> Config:
    """Return the present configuration, with or without names; raise `ConfigError` for problems in operators' files."""
    return present(*read_documents(config_path), config_path)


def check(config_path: Path, request: ProvisioningRequest) -> Config:
    """Return the configuration that would result, or raise `ConfigError`; write nothing."""
    return plan(*read_documents(config_path), config_path, request).config


def provision(config_path: Path, request: ProvisioningRequest) -> ProvisioningResult:
    """Write the requested values; raise `ConfigError` with every problem before anything is changed.

    The secret is written before the names, so that a gateway never has names without their secret. Raises
    `OnboardError` if the disk fails.
    """
    directory = config_path.parent
    try:
        make_directory(directory)
        with lock_file(lock_path(directory), _WAIT_S):
            # Read under the lock: another program could change the files in between.
            return _carry_out(plan(*read_documents(config_path), config_path, request))
    except Held as holder:
        detail = f"{holder} is changing the configuration in {directory}: try again when it has ended"
        raise OnboardError(StoreFailure(fault=StoreFault.NOT_WRITABLE, detail=detail)) from None
    except OSError as error:
        detail = f"{error.filename or directory} cannot be written: {error.strerror}"
        raise OnboardError(StoreFailure(fault=StoreFault.NOT_WRITABLE, detail=detail)) from error


def lock_path(directory: Path) -> Path:
    """Return the lock file for changes of the configuration in a directory; no other user can reach root's."""
    if os.geteuid() != 0 or not LOCKS.parent.is_dir():
        return directory / ".lock"
    with contextlib.suppress(OSError):
        LOCKS.mkdir(mode=0o700, exist_ok=True)
    return LOCKS / hashlib.sha256(os.fsencode(directory.resolve())).hexdigest()[:16]


def _carry_out(decided: Plan) -> ProvisioningResult:
    written: list[Path] = []
    for file in decided.files:
        make_directory(file.path.parent)
        _open_to_service(file.path.parent)
        if _put(file):
            written.append(file.path)
    warnings = decided.warnings
    if decided.retired is not None and os.path.lexists(decided.retired):
        aside = set_aside(decided.retired, "old")
        warnings = (*warnings, f"{decided.retired} was set aside as {aside.name}: this gateway now registers")
    return ProvisioningResult(written=tuple(written), config=decided.config, warnings=warnings)


def _open_to_service(directory: Path) -> None:
    """Open a directory that the service's user cannot read: an older version made it with the umask of a root shell."""
    found = directory.stat()
    mode = stat.S_IMODE(found.st_mode)
    by_group = mode & 0o050 == 0o050 and found.st_gid == service_group()
    if mode & 0o005 != 0o005 and not by_group and found.st_uid == os.geteuid() == 0:
        directory.chmod(mode | 0o055)


def _put(file: NewFile) -> bool:
    content = file.content.reveal() + "\n" if isinstance(file.content, Secret) else file.content
    gid = service_group() if file.mode == 0o640 else -1
    return write_if_changed(file.path, content.encode(), file.mode, gid)

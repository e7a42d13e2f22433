"""Give a gateway its product identity: check all of the configuration, then write the files, durably."""

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

# Root's alone, and in memory; the unit of the boot import makes it too.
LOCKS = Path("/run/iot-onboard-setup")
# Another one writes some small files: longer than this it hangs, and the boot import has a minute for all that it does.
_WAIT_S = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ProvisioningResult:
    """Hold what was written (nothing where all stood there already), and what the operator is told of it."""

    written: tuple[Path, ...]
    config: Config
    warnings: tuple[str, ...]


def current(config_path: Path) -> Config:
    """Return the configuration as it is, names or not; raise `ConfigError` for what somebody else has to mend."""
    return present(*read_documents(config_path), config_path)


def check(config_path: Path, request: ProvisioningRequest) -> Config:
    """Return what the configuration would be, or raise `ConfigError`; write nothing."""
    return plan(*read_documents(config_path), config_path, request).config


def provision(config_path: Path, request: ProvisioningRequest) -> ProvisioningResult:
    """Write what a gateway is given; raise `ConfigError` with every problem, and nothing has changed then.

    The secret is written before the names: at no moment has a gateway names without what belongs to them. Raises
    `OnboardError` where the disk will not.
    """
    directory = config_path.parent
    try:
        make_directory(directory)
        with lock_file(lock_path(directory), _WAIT_S):
            # Another one would read before this one writes.
            return _carry_out(plan(*read_documents(config_path), config_path, request))
    except Held as holder:
        detail = f"{holder} changes the configuration in {directory}: try again when it has ended"
        raise OnboardError(StoreFailure(fault=StoreFault.NOT_WRITABLE, detail=detail)) from None
    except OSError as error:
        detail = f"{error.filename or directory} cannot be written: {error.strerror}"
        raise OnboardError(StoreFailure(fault=StoreFault.NOT_WRITABLE, detail=detail)) from error


def lock_path(directory: Path) -> Path:
    """Return the lock of whoever changes the configuration in a directory; root's is out of everybody's reach."""
    if os.geteuid() != 0 or not LOCKS.parent.is_dir():
        return directory / ".lock"
    with contextlib.suppress(OSError):
        LOCKS.mkdir(mode=0o700, exist_ok=True)
    return LOCKS / hashlib.sha256(os.fsencode(directory.resolve())).hexdigest()[:16]


def _carry_out(decided: Plan) -> ProvisioningResult:
    written: list[Path] = []
    for file in decided.files:
        make_directory(file.path.parent)
        _let_service_in(file.path.parent)
        if _put(file):
            written.append(file.path)
    warnings = decided.warnings
    if decided.retired is not None and os.path.lexists(decided.retired):
        aside = set_aside(decided.retired, "old")
        warnings = (*warnings, f"{decided.retired} was set aside as {aside.name}: this gateway registers from now on")
    return ProvisioningResult(written=tuple(written), config=decided.config, warnings=warnings)


def _let_service_in(directory: Path) -> None:
    """Open a directory that the service's user may not read: an older version made it by the umask of a root shell."""
    found = directory.stat()
    mode = stat.S_IMODE(found.st_mode)
    by_group = mode & 0o050 == 0o050 and found.st_gid == service_group()
    if mode & 0o005 != 0o005 and not by_group and found.st_uid == os.geteuid() == 0:
        directory.chmod(mode | 0o055)


def _put(file: NewFile) -> bool:
    content = file.content.reveal() + "\n" if isinstance(file.content, Secret) else file.content
    gid = service_group() if file.mode == 0o640 else -1
    return write_if_changed(file.path, content.encode(), file.mode, gid)

"""Find and read the secret files."""

from __future__ import annotations

import contextlib
import stat
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from ..core.failures import Misconfigured, OnboardError, is_temporary, local_fault
from ..core.secret import Secret
from ..disk.files import read_plain
from ..fast_start.fast_dataclasses import dataclass
from ..fast_start.typing_names import TYPE_CHECKING
from .schema import CONFIG_DIR, DEVICE_SECRET, PRODUCT_SECRET, SETUP, Config
from .values import MAX_SECRET_BYTES, Bad, secret_in

# The size of the placeholder that the unit's SetCredential= gives for a missing file: one line end, because systemd
# accepts no empty value there.
PLACEHOLDER_BYTES = 1
# Where systemd keeps the credentials of the packaged service while it runs.
SYSTEMD_CREDENTIALS_DIR = Path("/run/credentials/iot-onboard.service")
_NOTHING: Mapping[str, str] = {}

if TYPE_CHECKING:
    from typing import TypeVar

    Outcome = TypeVar("Outcome", bound=Secret | None)


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretFiles:
    """Read the secret files; `no_registration`: a device secret is in a file, or should be.

    Both functions raise `OnboardError`; without a device secret file, `device` returns `None`.
    """

    device: Callable[[], Secret | None]
    product: Callable[[], Secret]
    no_registration: bool

    def read_now(self) -> SecretFiles:
        """Read the files now, because the process may lose the right to; return functions that repeat the result."""
        device, product = _outcome(self.device), _outcome(self.product)
        return SecretFiles(device=device, product=product, no_registration=self.no_registration)


def secret_files(
    config: Config, config_path: Path, credentials_dir: Path | None, unloadable: Mapping[str, str]
) -> SecretFiles:
    """Return the functions that read the secrets; `unloadable`: the secrets that systemd cannot load."""
    own = device_secret_path(config, config_path, credentials_dir)
    return SecretFiles(
        device=partial(read_device_secret, config, config_path, credentials_dir, unloadable),
        product=partial(read_product_secret, config, config_path, credentials_dir, unloadable),
        no_registration=own is not None or DEVICE_SECRET in unloadable,
    )


def product_secret_path(config: Config, config_path: Path, credentials_dir: Path | None) -> Path:
    """Return the path of the product secret: configured, from systemd, or beside the configuration."""
    usual = config_path.parent / PRODUCT_SECRET
    return _path(config.product_secret_file, usual, credentials_dir) or usual


def device_secret_path(config: Config, config_path: Path, credentials_dir: Path | None) -> Path | None:
    """Return the path of a device secret file, or `None` if registration has to get the secret."""
    return _path(config.device_secret_file, config_path.parent / DEVICE_SECRET, credentials_dir)


def _path(configured: Path | None, usual: Path, credentials_dir: Path | None) -> Path | None:
    if configured not in {None, usual}:
        return configured
    # systemd gives us a readable copy of the usual file; only root may read the file itself.
    return _credential(credentials_dir, usual.name) or configured


def read_product_secret(
    config: Config, config_path: Path, credentials_dir: Path | None, unloadable: Mapping[str, str] = _NOTHING
) -> Secret:
    """Read the product secret, or raise `OnboardError`; `unloadable`: the secrets that systemd cannot load."""
    path = product_secret_path(config, config_path, credentials_dir)
    usual = config_path.parent / PRODUCT_SECRET
    _check_usual_file(path, usual, credentials_dir, unloadable, SETUP)
    return read_secret(path, "product secret", cure=SETUP if path == usual else "")


def read_device_secret(
    config: Config, config_path: Path, credentials_dir: Path | None, unloadable: Mapping[str, str] = _NOTHING
) -> Secret | None:
    """Read the device secret file, or return `None` if registration has to get the secret."""
    path = device_secret_path(config, config_path, credentials_dir)
    usual = config_path.parent / DEVICE_SECRET
    # A secret that systemd cannot load may be this device's only valid one: do not register instead.
    _check_usual_file(path, usual, credentials_dir, unloadable, f"write the device secret to {usual}")
    return None if path is None else read_secret(path, "device secret")


def _check_usual_file(
    path: Path | None, usual: Path, credentials_dir: Path | None, unloadable: Mapping[str, str], cure: str
) -> None:
    """Raise `OnboardError` if others may read the usual file, or if systemd could not load it."""
    if path is not None and path.parent == credentials_dir:
        with contextlib.suppress(OSError):
            _refuse_readable_by_others(usual, usual.stat().st_mode, usual.name.replace("-", " "))
    elif path in {None, usual} and usual.name in unloadable:
        raise _refuse(f"systemd cannot load {unloadable[usual.name]}", cure)


def service_credentials(
    config_path: Path, loaded_dir: Path = SYSTEMD_CREDENTIALS_DIR, service: Path = CONFIG_DIR
) -> Path | None:
    """Return where a command of a person finds the secrets of the service: the plain files, else systemd's copies."""
    if config_path.parent != service:
        return None
    for name in (DEVICE_SECRET, PRODUCT_SECRET):
        if _credential(service, name) is not None:
            return service
        if is_loaded_by_systemd(name, loaded_dir):
            return loaded_dir
    return service


def is_loaded_by_systemd(name: str, directory: Path = SYSTEMD_CREDENTIALS_DIR) -> bool:
    """Say whether systemd has loaded a secret for the running service; no, if this user may not look."""
    try:
        return (directory / name).lstat().st_size > PLACEHOLDER_BYTES
    except OSError:
        return False


def read_secret(path: Path, what: str, cure: str = "") -> Secret:
    """Read a secret file, or raise `OnboardError` with what to do; its content never enters an error."""
    cure = cure or f"write the {what} to it"
    size: int | None = None
    try:
        # Checked before it is opened: a named pipe would block the daemon for ever, and this also finds faults of a
        # file that only root may open.
        found = path.stat()
        size = found.st_size
        _refuse_readable_by_others(path, found.st_mode, what)
        if not stat.S_ISREG(found.st_mode):
            raise _refuse(f"the {what} file {path} is not a regular file", f"write the {what} to a file")
        data = read_plain(path, MAX_SECRET_BYTES + 1)
    except (OSError, MemoryError) as error:
        if is_temporary(error):
            raise local_fault(f"the {what} file {path} cannot be read", error) from error
        reason = "is empty" if size == 0 else f"cannot be read: {getattr(error, 'strerror', None)}"
        raise _refuse(f"the {what} file {path} {reason}", cure) from error
    try:
        return secret_in(data)
    except Bad as bad:
        raise _refuse(f"the {what} file {path} {bad}", bad.hint or cure) from None


def _outcome(read: Callable[[], Outcome]) -> Callable[[], Outcome]:
    try:
        secret = read()
    except OnboardError as error:
        failure = error.failure

        def fail() -> Outcome:
            raise OnboardError(failure)

        return fail
    return lambda: secret


def _credential(credentials_dir: Path | None, name: str) -> Path | None:
    """Return the path of systemd's credential; the placeholder without content counts as none."""
    if credentials_dir is None:
        return None
    path = credentials_dir / name
    try:
        found = path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError:
        # It may exist: reading it will report the error, and no other file is used instead.
        return path
    return None if stat.S_ISREG(found.st_mode) and found.st_size <= PLACEHOLDER_BYTES else path


def _refuse_readable_by_others(path: Path, mode: int, what: str) -> None:
    # Not the bits of the group: systemd gives the service's user access with an access control list, which shows there.
    if stat.S_ISREG(mode) and mode & 0o007:
        raise _refuse(f"the {what} file {path} can be read by other users", f"chmod 600 {path}")


def _refuse(detail: str, cure: str) -> OnboardError:
    return OnboardError(Misconfigured(detail=detail, cure=cure))

"""Read the secret files, and say where they are."""

from __future__ import annotations

import contextlib
import stat
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from ..core.failures import Misconfigured, OnboardError, local_fault, passes
from ..core.secret import Secret
from ..disk.files import read_plain
from ..fast_start.fast_dataclasses import dataclass
from ..fast_start.typing_names import TYPE_CHECKING
from .schema import CONFIG_DIR, DEVICE_SECRET, PRODUCT_SECRET, SETUP, Config
from .values import MAX_SECRET_BYTES, Bad, secret_in

# What the unit's SetCredential= stands in with for a missing file: a line end, for systemd takes no empty value there.
STAND_IN_BYTES = 1
# Where systemd keeps what it hands out to the packaged service while that runs.
HANDED_OUT_DIR = Path("/run/credentials/iot-onboard.service")
_NOTHING: Mapping[str, str] = {}

if TYPE_CHECKING:
    from typing import TypeVar

    Outcome = TypeVar("Outcome", bound=Secret | None)


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretFiles:
    """Read the secrets that are given by file; `no_registration`: a device's own is given, or meant to be.

    Both raise `OnboardError`; without a device's own secret, `device` gives `None`.
    """

    device: Callable[[], Secret | None]
    product: Callable[[], Secret]
    no_registration: bool

    def as_now(self) -> SecretFiles:
        """Read them now, for a process that soon may not, and return what gives, or raises, the same again."""
        device, product = _outcome(self.device), _outcome(self.product)
        return SecretFiles(device=device, product=product, no_registration=self.no_registration)


def secret_files(
    config: Config, config_path: Path, credentials_dir: Path | None, unloadable: Mapping[str, str]
) -> SecretFiles:
    """Return what reads the secrets from where they are; `unloadable`: what systemd cannot hand out."""
    own = device_secret_path(config, config_path, credentials_dir)
    return SecretFiles(
        device=partial(read_device_secret, config, config_path, credentials_dir, unloadable),
        product=partial(read_product_secret, config, config_path, credentials_dir, unloadable),
        no_registration=own is not None or DEVICE_SECRET in unloadable,
    )


def product_secret_path(config: Config, config_path: Path, credentials_dir: Path | None) -> Path:
    """Return where the product secret is: configured, given by systemd, or beside the configuration."""
    usual = config_path.parent / PRODUCT_SECRET
    return _path(config.product_secret_file, usual, credentials_dir) or usual


def device_secret_path(config: Config, config_path: Path, credentials_dir: Path | None) -> Path | None:
    """Return where a device secret is given by hand, or `None` where registration is to get it."""
    return _path(config.device_secret_file, config_path.parent / DEVICE_SECRET, credentials_dir)


def _path(configured: Path | None, usual: Path, credentials_dir: Path | None) -> Path | None:
    if configured not in {None, usual}:
        return configured
    # Of the usual file systemd gives us a copy that we may read; the file itself is root's alone.
    return _credential(credentials_dir, usual.name) or configured


def read_product_secret(
    config: Config, config_path: Path, credentials_dir: Path | None, unloadable: Mapping[str, str] = _NOTHING
) -> Secret:
    """Read the product secret from where it is, or raise `OnboardError`; `unloadable`: what systemd cannot hand out."""
    path = product_secret_path(config, config_path, credentials_dir)
    usual = config_path.parent / PRODUCT_SECRET
    _refuse_original(path, usual, credentials_dir, unloadable, SETUP)
    return read_secret(path, "product secret", cure=SETUP if path == usual else "")


def read_device_secret(
    config: Config, config_path: Path, credentials_dir: Path | None, unloadable: Mapping[str, str] = _NOTHING
) -> Secret | None:
    """Read the device secret that is given by hand, or return `None` where registration is to get it."""
    path = device_secret_path(config, config_path, credentials_dir)
    usual = config_path.parent / DEVICE_SECRET
    # A withheld one may be good and this device's only one: nothing is registered in its place.
    _refuse_original(path, usual, credentials_dir, unloadable, f"write the device secret to {usual}")
    return None if path is None else read_secret(path, "device secret")


def _refuse_original(
    path: Path | None, usual: Path, credentials_dir: Path | None, unloadable: Mapping[str, str], cure: str
) -> None:
    """Refuse what is wrong with the usual file: where systemd copied it, its mode; where it could not, that."""
    if path is not None and path.parent == credentials_dir:
        with contextlib.suppress(OSError):
            _refuse_open(usual, usual.stat().st_mode, usual.name.replace("-", " "))
    elif path in {None, usual} and usual.name in unloadable:
        raise _refuse(f"systemd cannot hand out {unloadable[usual.name]}", cure)


def service_credentials(
    config_path: Path, handed_out: Path = HANDED_OUT_DIR, service: Path = CONFIG_DIR
) -> Path | None:
    """Return where a command run by hand finds what systemd hands the service: its plain files, else their copies."""
    if config_path.parent != service:
        return None
    for name in (DEVICE_SECRET, PRODUCT_SECRET):
        if _credential(service, name) is not None:
            return service
        if is_handed_out(name, handed_out):
            return handed_out
    return service


def is_handed_out(name: str, directory: Path = HANDED_OUT_DIR) -> bool:
    """Say whether systemd has handed the running service a secret; no, where this user may not look."""
    try:
        return (directory / name).lstat().st_size > STAND_IN_BYTES
    except OSError:
        return False


def read_secret(path: Path, what: str, cure: str = "") -> Secret:
    """Read a secret file, or raise `OnboardError` with what the operator does; nothing of it enters an error."""
    cure = cure or f"write the {what} to it"
    size: int | None = None
    try:
        # Looked at before it is opened: a named pipe would hold the daemon for ever, and what is wrong with a file
        # that is root's alone shows all the same.
        found = path.stat()
        size = found.st_size
        _refuse_open(path, found.st_mode, what)
        if not stat.S_ISREG(found.st_mode):
            raise _refuse(f"the {what} file {path} is not a regular file", f"write the {what} to a file")
        data = read_plain(path, MAX_SECRET_BYTES + 1)
    except (OSError, MemoryError) as error:
        if passes(error):
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
    """Return systemd's credential; one without content stands for none."""
    if credentials_dir is None:
        return None
    path = credentials_dir / name
    try:
        found = path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError:
        # It may be there: reading it will say what is wrong, and nothing else is used in its place.
        return path
    return None if stat.S_ISREG(found.st_mode) and found.st_size <= STAND_IN_BYTES else path


def _refuse_open(path: Path, mode: int, what: str) -> None:
    # Not the group's bits: systemd lets a service's user at its credentials by an access control list.
    if stat.S_ISREG(mode) and mode & 0o007:
        raise _refuse(f"the {what} file {path} is open to others", f"chmod 600 {path}")


def _refuse(detail: str, cure: str) -> OnboardError:
    return OnboardError(Misconfigured(detail=detail, cure=cure))

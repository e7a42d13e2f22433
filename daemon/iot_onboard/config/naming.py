"""Find out which device this gateway is: read its hardware and its remembered name, and decide."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path

from ..core.failures import is_temporary
from ..core.identity import Identity
from ..disk.credentials import is_stored
from ..disk.files import read_plain, remove_durably, write_durably
from .hardware import read_hardware
from .identity_decision import Decision, Past, decide
from .identity_memory import FILE_NAME, MAX_BYTES, Remembered, decode, encode
from .identity_rules import facts_of
from .legacy_facts import legacy_facts
from .problems import MissingFact


def decision_of(
    template: str, product_key: str, state_dir: Path, root: Path = Path("/"), *, has_secret_file: bool = False
) -> Decision:
    """Return which device this gateway is; raise `MissingFact`, also if a disk does not answer now.

    `has_secret_file`: a person provided the device secret.
    """
    readings = read_hardware(root)
    past = past_of(product_key, state_dir, has_secret_file=has_secret_file)
    try:
        return decide(template, product_key, facts_of(readings), legacy_facts(readings), past)
    except OSError as error:
        raise MissingFact(f"{state_dir} cannot be read: {error.strerror}") from error


def past_of(product_key: str, state_dir: Path, *, has_secret_file: bool = False) -> Past:
    """Return what is known from before; for a user who may not read the directory, that is nothing."""
    path = state_dir / FILE_NAME
    remembered, unread = None, ""
    try:
        remembered = decode(_read(path))
    except (FileNotFoundError, NotADirectoryError):
        pass
    except OSError as error:
        if is_temporary(error) or not _belongs_to_other_user(state_dir):
            unread = f"{path} cannot be read: {error.strerror}"
    return Past(
        remembered=remembered,
        is_stored=partial(_has_secret, product_key, state_dir),
        has_secret_file=has_secret_file,
        unread=unread,
    )


def remember(state_dir: Path, remembered: Remembered) -> None:
    """Write the remembered name durably; raise `OSError`."""
    write_durably(state_dir / FILE_NAME, encode(remembered), 0o600)


def forget(state_dir: Path) -> None:
    """Remove the remembered name: the configuration has a literal name now; raise `OSError`."""
    remove_durably(state_dir / FILE_NAME)


def _read(path: Path) -> bytes:
    if os.geteuid() != 0:
        return read_plain(path, MAX_BYTES, follow=False)
    # The directory may belong to the service's user: root must not follow links of that user.
    from ..disk.untrusted_path import read_foreign

    return read_foreign(path, MAX_BYTES)


def _has_secret(product_key: str, state_dir: Path, device_name: str) -> bool:
    return is_stored(state_dir, Identity(product_key=product_key, device_name=device_name))


def _belongs_to_other_user(directory: Path) -> bool:
    """Say whether this process is neither root nor the owner of a directory, so that it may not read it."""
    try:
        return os.geteuid() not in {0, directory.stat().st_uid}
    except OSError:
        return False

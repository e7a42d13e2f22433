"""Read the facts about the secrets: their files, and whether they are intact. No value leaves this module."""

from __future__ import annotations

import os
from pathlib import Path

from ...config.schema import CONFIG_DIR, DEVICE_SECRET, PRODUCT_SECRET
from ...config.secrets import (
    SYSTEMD_CREDENTIALS_DIR,
    device_secret_path,
    is_loaded_by_systemd,
    product_secret_path,
    read_secret,
)
from ...config.unloadable import DROP_IN, read_drop_in
from ...core.failures import Misconfigured, OnboardError
from ...core.identity import Identity
from ...disk.credentials_format import DIRECTORY, MAX_BYTES, SUBDEVICES, Damaged, NewerFormat, decode
from ...disk.untrusted_path import list_foreign, read_foreign
from ..checks.files import FileFacts
from ..checks.secrets import SecretFacts, StoredFile, StoreFacts
from ..model import Facts, Probe
from .configuration import CONFIG, IDENTITY
from .files import facts_of, service_account

_MAX_FILES = 10_000
STORAGE = "the disk does not answer: check the SD card, and the kernel's messages: sudo dmesg | tail"


def _product_secret(facts: Facts) -> SecretFacts:
    path = product_secret_path(facts.get(CONFIG), facts.config_path, None)
    return _by_hand(facts, path, "product secret", wanted=own_secret(facts) is None)


def _device_secret(facts: Facts) -> SecretFacts:
    path = own_secret(facts)
    if path is None:
        return SecretFacts(what="device secret", path="", wanted=False)
    return _by_hand(facts, path, "device secret", wanted=True)


def own_secret(facts: Facts) -> Path | None:
    """Return the file of a device secret that is given by hand: the configured one, or the unit's default."""
    beside = facts.config_path.parent
    is_service = beside == facts.root / CONFIG_DIR.relative_to("/")
    return device_secret_path(facts.get(CONFIG), facts.config_path, beside if is_service else None)


def _by_hand(facts: Facts, path: Path, what: str, *, wanted: bool) -> SecretFacts:
    by_manager = path.parent == facts.config_path.parent and path.name in {PRODUCT_SECRET, DEVICE_SECRET}
    found = facts_of(path, follow=True)
    # `None` if this user cannot read it.
    store = facts.get_optional(STORE)
    current = store.file(".json") if store is not None else None
    stored_whole = current is not None and not current.damage and not current.newer
    problem = cure = ""
    unread = False
    try:
        read_secret(path, what)
    except OnboardError as error:
        unread = isinstance(error.__cause__, PermissionError)
        if not unread and isinstance(error.failure, Misconfigured):
            problem, cure = error.failure.detail, error.failure.cure
    return SecretFacts(
        what=what,
        path=str(path),
        wanted=wanted,
        found=found,
        problem=problem,
        cure=cure if found is not None else "",
        unread=unread,
        by_manager=by_manager,
        handed_out=by_manager
        and is_loaded_by_systemd(path.name, facts.root / SYSTEMD_CREDENTIALS_DIR.relative_to("/")),
        unloadable=_unloadable(facts, path.name) if by_manager else "",
        account=service_account(),
        fallback=found is None and path.name == PRODUCT_SECRET and stored_whole,
    )


def _unloadable(facts: Facts, name: str) -> str:
    """Return the credential that systemd could not load, from the drop-in that was written for that case."""
    try:
        return read_drop_in((facts.root / DROP_IN.relative_to("/")).read_text(encoding="utf-8")).get(name, "")
    except (OSError, UnicodeDecodeError):
        return ""


def _store(facts: Facts) -> StoreFacts:
    identity = facts.get(IDENTITY)
    directory = facts.get(CONFIG).state_dir / DIRECTORY
    files: tuple[StoredFile, ...] = ()
    trouble = ""
    try:
        files = tuple(_stored_files(directory, identity))
    except FileNotFoundError:
        pass
    except PermissionError:
        raise
    except OSError as error:
        trouble = error.strerror or str(error)
    return StoreFacts(
        directory=facts_of(directory),
        identity=str(identity),
        wanted=own_secret(facts) is None,
        files=files,
        subdevices=_subdevices(facts.get(CONFIG).state_dir / SUBDEVICES),
        trouble=trouble,
        account=service_account(),
    )


def _subdevices(directory: Path) -> tuple[FileFacts, ...]:
    """Return the directory and what lies in it, nothing if there is none; a gateway without sub-devices has none."""
    found = facts_of(directory)
    if found is None:
        return ()
    try:
        listed = list_foreign(directory, _MAX_FILES)[0]
    except PermissionError:
        raise
    except OSError:
        # It says so of itself: it is no directory, or another user's.
        return (found,)
    return (found, *(_file_facts(directory / name, status) for name, status in listed))


def _file_facts(path: Path, status: os.stat_result) -> FileFacts:
    return FileFacts(path=str(path), mode=status.st_mode, uid=status.st_uid, gid=status.st_gid)


def _stored_files(directory: Path, identity: Identity) -> list[StoredFile]:
    files: list[StoredFile] = []
    for name, found in list_foreign(directory, _MAX_FILES)[0]:
        path = directory / name
        state = _file_state(path, identity) if name in {f"{identity}.json", f"{identity}.json.1"} else {}
        files.append(StoredFile(name=name, facts=_file_facts(path, found), **state))
    return files


def _file_state(path: Path, identity: Identity) -> dict[str, str]:
    """Return the state of a stored secret, without its value."""
    try:
        credentials = decode(read_foreign(path, MAX_BYTES + 1), identity)
    except Damaged as damage:
        return {"damage": str(damage)}
    except NewerFormat as newer:
        return {"newer": str(newer)}
    except PermissionError:
        raise
    except OSError as error:
        return {"damage": f"cannot be read: {error.strerror or error}"}
    issued = credentials.issued_at
    return {"issued_at": issued.isoformat(timespec="seconds") if issued is not None else ""}


STORE = Probe(name="the read of the stored secrets", collect=_store, needs=(CONFIG, IDENTITY), stuck=STORAGE)
PRODUCT_SECRET_FILE = Probe(
    name="the read of the product secret file", collect=_product_secret, needs=(CONFIG,), wants=(STORE,), stuck=STORAGE
)
DEVICE_SECRET_FILE = Probe(
    name="the read of the device secret file", collect=_device_secret, needs=(CONFIG,), stuck=STORAGE
)

"""Look at the secrets: what surrounds them, and whether they are whole. No value leaves this module."""

from __future__ import annotations

import pwd
from pathlib import Path

from ...config.schema import CONFIG_DIR, DEVICE_SECRET, PRODUCT_SECRET
from ...config.secrets import HANDED_OUT_DIR, is_handed_out, product_secret_path, read_secret
from ...config.unloadable import DROP_IN, read_drop_in
from ...core.failures import Misconfigured, OnboardError
from ...core.identity import Identity
from ...disk.credentials_format import MOST_BYTES, Damaged, NewerFormat, decode
from ...disk.files import read_plain
from ..checks.files import Account
from ..checks.secrets import SecretFacts, StoredFile, StoreFacts
from ..model import Denied, Probe, Seen
from .accounts import account_of, service_account
from .configuration import CONFIG
from .files import facts_of
from .identity import NAMED

STORAGE = "the disk does not answer: check the SD card, and the kernel's words: sudo dmesg | tail"


def _account(seen: Seen) -> Account | None:
    """Return the service's user: the package's, else whoever owns the state directory."""
    account = service_account()
    if account is not None:
        return account
    state = facts_of(seen.of(CONFIG).state_dir, follow=True)
    if state is None:
        return None
    try:
        return account_of(pwd.getpwuid(state.uid))
    except KeyError:
        return Account(name=str(state.uid), uid=state.uid, gids=frozenset({state.gid}))


def _product_secret(seen: Seen) -> SecretFacts:
    path = product_secret_path(seen.of(CONFIG), seen.config_path, None)
    return _by_hand(seen, path, "product secret", wanted=_own_secret(seen) is None)


def _device_secret(seen: Seen) -> SecretFacts:
    path = _own_secret(seen)
    return SecretFacts(path="", wanted=False) if path is None else _by_hand(seen, path, "device secret", wanted=True)


def _own_secret(seen: Seen) -> Path | None:
    """Return where a device secret is given by hand: configured, or where the unit looks for one by itself."""
    configured, usual = seen.of(CONFIG).device_secret_file, seen.config_path.parent / DEVICE_SECRET
    if configured is not None or seen.config_path.parent != seen.root / CONFIG_DIR.relative_to("/"):
        return configured
    try:
        return usual if facts_of(usual) is not None else None
    except PermissionError:
        return None


def _by_hand(seen: Seen, path: Path, what: str, *, wanted: bool) -> SecretFacts:
    by_manager = path.parent == seen.config_path.parent and path.name in {PRODUCT_SECRET, DEVICE_SECRET}
    found = facts_of(path, follow=True)
    problem = cure = ""
    unread = False
    try:
        read_secret(path, what)
    except OnboardError as error:
        unread = isinstance(error.__cause__, PermissionError)
        if not unread and isinstance(error.failure, Misconfigured):
            problem, cure = error.failure.detail, error.failure.cure
    return SecretFacts(
        path=str(path),
        wanted=wanted,
        found=found,
        problem=problem,
        cure=cure if found is not None else "",
        unread=unread,
        by_manager=by_manager,
        handed_out=by_manager and is_handed_out(path.name, seen.root / HANDED_OUT_DIR.relative_to("/")),
        withheld=_withheld(seen, path.name) if by_manager else "",
        account=seen.of(ACCOUNT),
        fallback=found is None and path.name == PRODUCT_SECRET and _stored_whole(seen),
    )


def _withheld(seen: Seen, name: str) -> str:
    """Return what systemd could not hand out, by the drop-in that this has led to."""
    try:
        return read_drop_in((seen.root / DROP_IN.relative_to("/")).read_text(encoding="utf-8")).get(name, "")
    except (OSError, UnicodeDecodeError):
        return ""


def _stored_whole(seen: Seen) -> bool:
    """Say whether the gateway could do without the product secret; not where this user may not look."""
    identity = seen.of(NAMED)
    current = seen.of(CONFIG).state_dir / "credentials" / f"{identity}.json"
    try:
        return facts_of(current) is not None and "issued_at" in _verdict(current, identity)
    except (OSError, Denied):
        return False


def _store(seen: Seen) -> StoreFacts:
    identity = seen.of(NAMED)
    directory = seen.of(CONFIG).state_dir / "credentials"
    found = facts_of(directory)
    return StoreFacts(
        directory=found,
        identity=str(identity),
        wanted=_own_secret(seen) is None,
        files=tuple(_stored_files(directory, identity)) if found is not None else (),
        account=seen.of(ACCOUNT),
    )


def _stored_files(directory: Path, identity: Identity) -> list[StoredFile]:
    files: list[StoredFile] = []
    try:
        paths = sorted(directory.iterdir())
    except PermissionError:
        raise Denied(str(directory)) from None
    for path in paths:
        facts = facts_of(path)
        if facts is None:
            continue
        judged = path.name in {f"{identity}.json", f"{identity}.json.1"}
        verdict = _verdict(path, identity) if judged else {}
        files.append(StoredFile(name=path.name, facts=facts, **verdict))
    return files


def _verdict(path: Path, identity: Identity) -> dict[str, str]:
    """Return what there is to say of a stored secret; the secret itself is dropped here."""
    try:
        credentials = decode(read_plain(path, MOST_BYTES + 1, follow=False), identity)
    except Damaged as damage:
        return {"damage": str(damage)}
    except NewerFormat as newer:
        return {"newer": str(newer)}
    except PermissionError:
        raise Denied(str(path)) from None
    except OSError as error:
        return {"damage": f"cannot be read: {error.strerror or error}"}
    issued = credentials.issued_at
    return {"issued_at": issued.isoformat(timespec="seconds") if issued is not None else ""}


ACCOUNT: Probe[Account | None] = Probe(
    name="the look-up of the service's user", look=_account, needs=(CONFIG,), stuck=STORAGE
)
PRODUCT_SECRET_FILE: Probe[SecretFacts] = Probe(
    name="reading the product secret file", look=_product_secret, needs=(CONFIG, NAMED, ACCOUNT), stuck=STORAGE
)
DEVICE_SECRET_FILE: Probe[SecretFacts] = Probe(
    name="reading the device secret file", look=_device_secret, needs=(CONFIG, NAMED, ACCOUNT), stuck=STORAGE
)
STORE: Probe[StoreFacts] = Probe(
    name="reading the stored secrets", look=_store, needs=(CONFIG, NAMED, ACCOUNT), stuck=STORAGE
)

"""Judge the secrets by what surrounds them: whether they are there, whole, and nobody else's to read. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ...config.schema import SETUP
from ..model import Finding, capitalised, fail, ok, skipped, warn
from .files import READ, Account, FileFacts, may

_MAX_NAMES = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretFacts:
    """Hold what is known of a secret file that somebody wrote by hand; `what` is "product secret" or "device secret".

    `problem` and `cure` are what the daemon would say of it. `unread`: it may be good, and this user may not look.
    `by_manager`: the service manager reads it and hands the service a copy; `handed_out`: it has done so; `unloadable`
    says what it cannot hand out.
    """

    what: str
    path: str
    wanted: bool = True
    found: FileFacts | None = None
    problem: str = ""
    cure: str = ""
    unread: bool = False
    by_manager: bool = False
    handed_out: bool = False
    unloadable: str = ""
    account: Account | None = None
    fallback: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredFile:
    """Hold one file of the store; `damage` says what is wrong with what it holds, `issued_at` when it was given.

    `newer` says that it is whole and in a format that only a newer version reads.
    """

    name: str
    facts: FileFacts
    damage: str = ""
    issued_at: str = ""
    newer: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreFacts:
    """Hold what lies in the directory of stored secrets; `wanted` where a registration is to fill it.

    `trouble` says why nobody may look into it. `subdevices` is the directory of the secrets of sub-devices and what
    lies in it, where there is one.
    """

    directory: FileFacts | None
    identity: str
    wanted: bool = True
    files: tuple[StoredFile, ...] = ()
    subdevices: tuple[FileFacts, ...] = ()
    trouble: str = ""
    account: Account | None = None

    def file(self, ending: str) -> StoredFile | None:
        """Return this identity's file with an ending such as `.json`."""
        return next((file for file in self.files if file.name == self.identity + ending), None)


def by_hand(facts: SecretFacts) -> Finding:
    """Judge a secret that somebody wrote: the product's, with which registration is signed, or the device's own."""
    what = facts.what
    if not facts.wanted:
        return skipped(f"Not needed: this device's own secret is {'given by hand' if facts.path else 'registered'}.")
    if facts.found is None:
        return _missing(facts)
    path, rights = facts.path, f"mode {facts.found.permissions}"
    if facts.problem:
        return fail(f"{capitalised(facts.problem)}.", facts.cure or f"write the {what} to it", blocks=False)
    if not facts.by_manager and facts.account is not None and not may(facts.account, facts.found, READ):
        user = facts.account.name
        sentence = f"The {what} file {path} may not be read by the service's user {user} ({rights})."
        return fail(sentence, f"sudo chown {user} {path} && sudo chmod 600 {path}", blocks=False)
    unread = "; what it holds was not read (run with sudo)" if facts.unread else ", and holds one"
    return ok(f"The {what} file {path} is closed to others ({rights}){unread}.")


def _missing(facts: SecretFacts) -> Finding:
    what = facts.what
    if facts.handed_out:
        return ok(f"The service manager hands out the {what} as a credential.")
    why, fix = f"There is no {what}: {facts.path} does not exist.", facts.cure or SETUP
    if facts.unloadable:
        why, fix = f"systemd cannot hand out {facts.unloadable}.", f"bring its key back and restart, or: {SETUP}"
    if facts.fallback:
        return warn(f"{why} The stored secret works, and could not be replaced.", fix)
    return fail(why, fix, blocks=False)


def stored(facts: StoreFacts) -> Finding:
    """Judge the secret that registration brought."""
    current, previous = facts.file(".json"), facts.file(".json.1")
    if facts.trouble and facts.directory is not None:
        path = facts.directory.path
        return fail(f"{path} is not looked into: {facts.trouble}.", f"see what it is: sudo ls -ld {path}", blocks=False)
    if current is not None and current.damage and _is_anothers(facts, current):
        # A consequence: whose it is says stored-permissions.
        return skipped(
            f"{current.facts.path}, or its directory, is another user's than the service's: not looked into."
        )
    if current is not None and current.newer:
        sentence = f"The stored device secret is {current.newer}; it is left alone, and nothing is registered."
        return fail(sentence, "sudo apt install --only-upgrade iot-onboard", blocks=False)
    if current is not None and not current.damage:
        since = f", registered {current.issued_at}" if current.issued_at else ""
        return ok(f"The device secret of {facts.identity} is stored and whole{since}.")
    if not facts.wanted:
        return skipped("Not needed: this device's own secret is given by hand.")
    state = f"is damaged ({current.damage})" if current is not None else "is missing"
    if previous is not None and previous.newer:
        sentence = f"The stored device secret {state}, and its previous generation is {previous.newer}."
        return fail(sentence, "sudo apt install --only-upgrade iot-onboard", blocks=False)
    if previous is not None and not previous.damage:
        sentence = f"The stored device secret {state}; its previous generation is whole, and is used at the next start."
        return warn(sentence, "sudo systemctl restart iot-onboard")
    if current is None and previous is None:
        return ok(f"No device secret is stored for {facts.identity}: the gateway registers.")
    fix = "sudo systemctl restart iot-onboard registers again; where that is refused with 6289, reset it in the console"
    return fail(f"The stored device secret {state}, and no previous generation is whole.", fix, blocks=False)


def previous(facts: StoreFacts) -> Finding | None:
    """Judge the generation before."""
    file = facts.file(".json.1")
    if file is None or not file.damage:
        return None
    sentence = f"The previous generation of the secret is damaged ({file.damage}); it would not help if needed."
    return warn(sentence, "nothing at once; check the SD card: single-bit errors point to a failing one")


def _is_anothers(facts: StoreFacts, current: StoredFile) -> bool:
    owners = {current.facts.uid, *([facts.directory.uid] if facts.directory is not None else [])}
    return facts.account is not None and owners != {facts.account.uid}


def set_aside(facts: StoreFacts) -> Finding | None:
    """Judge what was found damaged earlier."""
    damaged = [file.name for file in facts.files if ".corrupt-" in file.name]
    forgotten = [file.name for file in facts.files if ".forgotten-" in file.name]
    if damaged:
        sentence = f"{len(damaged)} damaged file(s) were set aside, the last one {max(damaged)}."
        return warn(sentence, "check power supply and SD card; the files may be removed once nobody needs them")
    return ok(f"{len(forgotten)} secret file(s) were set aside by `iot-onboard forget`.") if forgotten else None


def others(facts: StoreFacts) -> Finding | None:
    """Judge whether what is stored is this device's: a copied card or a new name shows here."""
    found = sorted({file.name.partition(".json")[0] for file in facts.files} - {facts.identity})
    if not found:
        return None
    names = ", ".join(found[:_MAX_NAMES]) + (f" and {len(found) - _MAX_NAMES} more" if found[_MAX_NAMES:] else "")
    if facts.file(".json") is not None:
        return ok(f"Besides {facts.identity}, secrets of {names} are stored: the device had another name.")
    sentence = f"No secret is stored for {facts.identity}, but for {names}: a new name, or a copied card."
    return warn(sentence, "where the name changed by mistake, set product_key and device_name back")


def permissions(facts: StoreFacts) -> Finding:
    """Judge whose the stored secrets are, and who may read them."""
    own = (facts.directory, *(stored.facts for stored in facts.files)) if facts.directory is not None else ()
    if not own and not facts.subdevices:
        return skipped("Nothing is stored yet.")
    for folder in filter(None, (own, facts.subdevices)):
        if (exposed := _exposed(folder, facts.account)) is not None:
            return exposed
    owner = facts.account.name if facts.account is not None else "its owner"
    return ok(f"What is stored belongs to {owner} alone.")


def _exposed(folder: Sequence[FileFacts], account: Account | None) -> Finding | None:
    """Judge a directory, which comes first, and what lies in it; `None` where it is the service's user's alone."""
    path = folder[0].path
    for file in folder:
        if account is not None and file.uid != account.uid:
            sentence = f"{file.path} does not belong to the service's user {account.name}, who cannot use it."
            return fail(sentence, f"sudo chown -Rh {account.name}: {path}", blocks=False)
        if file.mode & 0o077 and "symbolic" not in file.kind:
            # Not as root, and without a name out of it: what lies there is that user's to choose.
            who = f"sudo -u {account.name} " if account is not None else ""
            return warn(f"{file.path} is open to others (mode {file.permissions}).", f"{who}chmod -R go= {path}")
    return None

"""Check the secrets without their values: whether they exist, are intact, and nobody else can read them. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ...config.schema import SETUP
from ..model import Finding, capitalised, fail, ok, skipped, warn
from .files import READ, Account, FileFacts, is_permitted

_MAX_NAMES = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretFacts:
    """Hold the facts of a secret file that was given by hand; `what` is "product secret" or "device secret".

    `problem` and `cure` are what the daemon would report. `unread`: this user cannot read it, and it may be good.
    `by_manager`: systemd reads it and gives the service a copy; `handed_out`: it has done so; `unloadable` names the
    credential that it cannot load.
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
    """Hold one file of the store; `damage` says what is wrong with its content, `issued_at` when the secret was issued.

    `newer` says that it is intact, in a format that only a newer version can read.
    """

    name: str
    facts: FileFacts
    damage: str = ""
    issued_at: str = ""
    newer: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreFacts:
    """Hold the directory of stored secrets; `wanted` means that this gateway registers.

    `trouble` says why the directory cannot be listed. `subdevices` is the directory of the sub-devices' secrets and
    its files, if there is one.
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


def secret_file(facts: SecretFacts) -> Finding:
    """Check a secret that was given by hand: the product secret, which signs the registration, or the device secret."""
    what = facts.what
    if not facts.wanted:
        return skipped(f"Not needed: this device's own secret is {'given by hand' if facts.path else 'registered'}.")
    if facts.found is None:
        return _missing(facts)
    path, rights = facts.path, f"mode {facts.found.permissions}"
    if facts.problem:
        return fail(f"{capitalised(facts.problem)}.", facts.cure or f"write the {what} to it", blocks=False)
    if not facts.by_manager and facts.account is not None and not is_permitted(facts.account, facts.found, READ):
        user = facts.account.name
        sentence = f"The service's user {user} cannot read the {what} file {path} ({rights})."
        return fail(sentence, f"sudo chown {user} {path} && sudo chmod 600 {path}", blocks=False)
    unread = "; its content was not checked (run with sudo)" if facts.unread else ", and it holds a secret"
    return ok(f"Other users cannot read the {what} file {path} ({rights}){unread}.")


def _missing(facts: SecretFacts) -> Finding:
    what = facts.what
    if facts.handed_out:
        return ok(f"systemd gives the {what} to the service as a credential.")
    why, fix = f"There is no {what}: {facts.path} does not exist.", facts.cure or SETUP
    if facts.unloadable:
        why = f"systemd cannot load {facts.unloadable}."
        fix = f"restore the key that it was encrypted with and restart the service, or: {SETUP}"
    if facts.fallback:
        return warn(f"{why} The stored device secret works, but without the product secret it cannot be replaced.", fix)
    return fail(why, fix, blocks=False)


def stored(facts: StoreFacts) -> Finding:
    """Check the device secret from the registration."""
    current, previous = facts.file(".json"), facts.file(".json.1")
    if facts.trouble and facts.directory is not None:
        path = facts.directory.path
        return fail(f"{path} cannot be listed: {facts.trouble}.", f"see what it is: sudo ls -ld {path}", blocks=False)
    if current is not None and current.damage and _is_foreign(facts, current):
        # A consequence: stored-permissions reports the owner.
        return skipped(f"{current.facts.path} or its directory does not belong to the service's user: not checked.")
    if current is not None and current.newer:
        sentence = f"The stored device secret is {current.newer}; the daemon does not change it, and does not register."
        return fail(sentence, "sudo apt install --only-upgrade iot-onboard", blocks=False)
    if current is not None and not current.damage:
        since = f", registered {current.issued_at}" if current.issued_at else ""
        return ok(f"The device secret of {facts.identity} is stored and intact{since}.")
    if not facts.wanted:
        return skipped("Not needed: this device's own secret is given by hand.")
    state = f"is damaged ({current.damage})" if current is not None else "is missing"
    if previous is not None and previous.newer:
        sentence = f"The stored device secret {state}, and its previous generation is {previous.newer}."
        return fail(sentence, "sudo apt install --only-upgrade iot-onboard", blocks=False)
    if previous is not None and not previous.damage:
        sentence = f"The stored device secret {state}; its previous generation is intact, and the next start uses it."
        return warn(sentence, "sudo systemctl restart iot-onboard")
    if current is None and previous is None:
        return ok(f"No device secret is stored for {facts.identity}: the gateway registers.")
    fix = "sudo systemctl restart iot-onboard registers again; if the platform refuses with 6289, reset the device"
    fix += " in the cloud console"
    return fail(f"The stored device secret {state}, and no previous generation is intact.", fix, blocks=False)


def previous(facts: StoreFacts) -> Finding | None:
    """Check the previous generation of the secret."""
    file = facts.file(".json.1")
    if file is None or not file.damage:
        return None
    sentence = f"The previous generation of the secret is damaged ({file.damage}): there is no good backup."
    return warn(sentence, "check the SD card: damaged files point to a failing card")


def _is_foreign(facts: StoreFacts, current: StoredFile) -> bool:
    owners = {current.facts.uid, *([facts.directory.uid] if facts.directory is not None else [])}
    return facts.account is not None and owners != {facts.account.uid}


def set_aside(facts: StoreFacts) -> Finding | None:
    """Check for files that were set aside earlier, because they were damaged."""
    damaged = [file.name for file in facts.files if ".corrupt-" in file.name]
    forgotten = [file.name for file in facts.files if ".forgotten-" in file.name]
    if damaged:
        sentence = f"{len(damaged)} damaged file(s) were set aside, the last one is {max(damaged)}."
        return warn(sentence, "check power supply and SD card; delete the files when you do not need them any more")
    return ok(f"{len(forgotten)} secret file(s) were set aside by `iot-onboard forget`.") if forgotten else None


def others(facts: StoreFacts) -> Finding | None:
    """Check whether the stored secrets are for this device: after a copied card or a new name they are not."""
    found = sorted({file.name.partition(".json")[0] for file in facts.files} - {facts.identity})
    if not found:
        return None
    names = ", ".join(found[:_MAX_NAMES]) + (f" and {len(found) - _MAX_NAMES} more" if found[_MAX_NAMES:] else "")
    if facts.file(".json") is not None:
        return ok(f"Besides {facts.identity}, secrets of {names} are stored: the device had another name.")
    sentence = (
        f"No secret is stored for {facts.identity}, but secrets of {names} are: the name is new, or the card copied."
    )
    return warn(sentence, "if the name changed by mistake, set product_key and device_name back")


def permissions(facts: StoreFacts) -> Finding:
    """Check the owner of the stored secrets, and who can read them."""
    own = (facts.directory, *(stored.facts for stored in facts.files)) if facts.directory is not None else ()
    if not own and not facts.subdevices:
        return skipped("Nothing is stored yet.")
    for folder in filter(None, (own, facts.subdevices)):
        if (exposed := _exposed(folder, facts.account)) is not None:
            return exposed
    owner = facts.account.name if facts.account is not None else "the owner"
    return ok(f"Only {owner} has access to the stored secrets.")


def _exposed(folder: Sequence[FileFacts], account: Account | None) -> Finding | None:
    """Check a directory, which comes first, and its files; return `None` if only the service's user has access."""
    path = folder[0].path
    for file in folder:
        if account is not None and file.uid != account.uid:
            sentence = f"{file.path} does not belong to the service's user {account.name}: the service cannot use it."
            return fail(sentence, f"sudo chown -Rh {account.name}: {path}", blocks=False)
        if file.mode & 0o077 and "symbolic" not in file.kind:
            # Not as root, and without a file's name: that user can put any file there.
            who = f"sudo -u {account.name} " if account is not None else ""
            return warn(
                f"Other users have access to {file.path} (mode {file.permissions}).", f"{who}chmod -R go= {path}"
            )
    return None

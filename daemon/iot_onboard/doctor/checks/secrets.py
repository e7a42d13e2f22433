"""Judge the secrets by what surrounds them: whether they are there, whole, and nobody else's to read. Pure."""

from __future__ import annotations

from ...config.schema import SETUP
from ...fast_start.fast_dataclasses import dataclass, field
from ..model import Finding, fail, ok, skipped, warn
from .files import READ, Account, FileFacts, may


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretFacts:
    """Hold what is known of a secret file that somebody wrote by hand.

    `problem` and `cure` are what the daemon would say of it. `unread`: it may be good, and this user may not look.
    `by_manager`: the service manager reads it and hands the service a copy; `handed_out`: it has done so; `withheld`
    says what it cannot hand out.
    """

    path: str
    wanted: bool = True
    found: FileFacts | None = None
    problem: str = ""
    cure: str = ""
    unread: bool = False
    by_manager: bool = False
    handed_out: bool = False
    withheld: str = ""
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
    """Hold what lies in the directory of stored secrets; `wanted` where a registration is to fill it."""

    directory: FileFacts | None
    identity: str
    wanted: bool = True
    files: tuple[StoredFile, ...] = field(default=())
    account: Account | None = None

    def file(self, ending: str) -> StoredFile | None:
        """Return this identity's file with an ending such as `.json`."""
        return next((file for file in self.files if file.name == self.identity + ending), None)


def product_secret(facts: SecretFacts) -> Finding:
    """Judge the product secret: registration is signed with it."""
    if not facts.wanted:
        return skipped("Not needed: this device's own secret is given by hand.")
    return _by_hand(facts, "product secret")


def device_secret(facts: SecretFacts) -> Finding:
    """Judge a device secret that is given by hand."""
    if not facts.wanted:
        return skipped("None is given by hand: registration gets it.")
    return _by_hand(facts, "device secret")


def _by_hand(facts: SecretFacts, what: str) -> Finding:
    path = facts.path
    if facts.found is None:
        if facts.handed_out:
            return ok(f"The service manager hands out the {what} as a credential.")
        if facts.withheld:
            sentence, fix = f"systemd cannot hand out {facts.withheld}.", "bring its key back and restart, or: " + SETUP
            if facts.fallback:
                return warn(f"{sentence} The stored secret works, and could not be replaced.", fix)
            return fail(sentence, fix, blocks=False)
        if facts.fallback:
            sentence = f"There is no {what} at {path}. The stored secret works, and could not be replaced."
            return warn(sentence, facts.cure or SETUP)
        return fail(f"There is no {what}: {path} does not exist.", facts.cure or SETUP, blocks=False)
    if facts.problem:
        fix = facts.cure or f"write the {what} to it"
        return fail(f"{facts.problem[:1].upper()}{facts.problem[1:]}.", fix, blocks=False)
    if not facts.by_manager and facts.account is not None and not may(facts.account, facts.found, READ):
        user = facts.account.name
        rights = f"mode {facts.found.permissions}"
        sentence = f"The {what} file {path} may not be read by the service's user {user} ({rights})."
        return fail(sentence, f"sudo chown {user} {path} && sudo chmod 600 {path}", blocks=False)
    unread = "; what it holds was not read (run with sudo)" if facts.unread else ", and holds one"
    return ok(f"The {what} file {path} is closed to others (mode {facts.found.permissions}){unread}.")


def stored(facts: StoreFacts) -> Finding:
    """Judge the secret that registration brought."""
    current, previous = facts.file(".json"), facts.file(".json.1")
    if current is not None and current.newer:
        sentence = f"The stored device secret is {current.newer}; it is left alone, and nothing is registered."
        return fail(sentence, "sudo apt install --only-upgrade iot-onboard")
    if current is not None and not current.damage:
        since = f", registered {current.issued_at}" if current.issued_at else ""
        return ok(f"The device secret of {facts.identity} is stored and whole{since}.")
    if not facts.wanted:
        return skipped("Not needed: this device's own secret is given by hand.")
    previous_good = previous is not None and not previous.damage
    state = f"is damaged ({current.damage})" if current is not None else "is missing"
    if previous_good:
        sentence = f"The stored device secret {state}; its previous generation is whole, and is used at the next start."
        return warn(sentence, "sudo systemctl restart iot-onboard")
    if current is None and previous is None:
        return ok(f"No device secret is stored for {facts.identity}: the gateway registers.")
    fix = "sudo systemctl restart iot-onboard registers again; where that is refused with 6289, reset it in the console"
    return fail(f"The stored device secret {state}, and no previous generation is whole.", fix)


def modes(facts: StoreFacts) -> Finding:
    """Judge whose the stored secrets are, and who may read them."""
    if facts.directory is None:
        return skipped("Nothing is stored yet.")
    for file in (facts.directory, *(stored.facts for stored in facts.files)):
        account = facts.account
        if account is not None and file.uid != account.uid:
            sentence = f"{file.path} does not belong to the service's user {account.name}, who cannot use it."
            return fail(sentence, f"sudo chown -R {account.name}: {facts.directory.path}", blocks=False)
        if file.mode & 0o077 and "symbolic" not in file.kind:
            wanted = "700" if file is facts.directory else "600"
            sentence = f"{file.path} is open to others (mode {file.permissions})."
            return warn(sentence, f"sudo chmod {wanted} {file.path}")
    owner = facts.account.name if facts.account is not None else "its owner"
    return ok(f"What is stored belongs to {owner} alone.")


def previous(facts: StoreFacts) -> Finding:
    """Judge the generation before."""
    file = facts.file(".json.1")
    if file is None:
        return ok("There is no previous generation: the device registered once, or never.")
    if file.damage:
        sentence = f"The previous generation of the secret is damaged ({file.damage}); it would not help if needed."
        return warn(sentence, "nothing at once; check the SD card, for bits do not turn by themselves")
    return ok("The previous generation of the secret is whole.")


def set_aside(facts: StoreFacts) -> Finding:
    """Judge what was found damaged earlier."""
    damaged = [file.name for file in facts.files if ".corrupt-" in file.name]
    forgotten = [file.name for file in facts.files if ".forgotten-" in file.name]
    if damaged:
        sentence = f"{len(damaged)} damaged file(s) were set aside, the last one {max(damaged)}."
        return warn(sentence, "check power supply and SD card; the files may be removed once nobody needs them")
    if forgotten:
        return ok(f"{len(forgotten)} secret file(s) were set aside by `iot-onboard forget`.")
    return ok("Nothing was ever set aside.")


def identity(facts: StoreFacts) -> Finding:
    """Judge whether what is stored is this device's: a copied card or a new name shows here."""
    others = sorted({_identity_of(file.name) for file in facts.files} - {facts.identity})
    if not others:
        return ok(f"Nothing is stored for another device than {facts.identity}.")
    if facts.file(".json") is not None:
        return ok(f"Besides {facts.identity}, secrets of {', '.join(others)} are stored: the device had another name.")
    sentence = f"No secret is stored for {facts.identity}, but for {', '.join(others)}: a new name, or a copied card."
    return warn(sentence, "where the name changed by mistake, set product_key and device_name back")


def _identity_of(name: str) -> str:
    return name.partition(".json")[0]

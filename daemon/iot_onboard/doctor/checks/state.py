"""Judge the directories that the daemon writes to, and the disk below them. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from ...config.schema import RULES
from ...disk.mounts import Mount
from ..model import Finding, fail, ok, skipped, warn
from .files import ENTER, WRITE, Account, FileFacts, impassable_directory, may

# The store writes a file of 400 bytes, twice, in a directory that may have to grow.
MIN_BYTES, SCARCE_BYTES = 256 * 1024, 16 * 1024 * 1024
MIN_INODES, SCARCE_INODES = 4, 100


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectoryFacts:
    """Hold a directory of ours: the chain from `/` to it ends early where it is missing.

    `link` is where the directory leads to, if it is a link itself; `free_bytes` and `free_inodes` are what is left to
    others than root, `None` where the file system has no limit. `errors` counts what ext4 has met, `None` where it does
    not say.
    """

    path: str
    chain: tuple[FileFacts, ...]
    link: str = ""
    account: Account | None = None
    mount: Mount | None = None
    free_bytes: int = 0
    free_inodes: int | None = None
    errors: int | None = None

    @property
    def found(self) -> FileFacts | None:
        """Give the directory itself, where it is there."""
        return self.chain[-1] if self.chain and self.chain[-1].path == self.path else None


@dataclass(frozen=True, slots=True, kw_only=True)
class StorageFacts:
    """Hold whether the state directory outlasts a boot (`disk.storage_kind`), and what hangs on it."""

    path: str
    volatile: str = ""
    unseen: str = ""
    allowed: bool = False
    stored: bool = False
    by_hand: bool = False


def directory(facts: DirectoryFacts) -> Finding:
    """Judge whether the state directory is there, and whose it is; systemd makes the usual one, and follows no link."""
    if facts.link and facts.path == str(RULES["state_dir"].default):
        sentence = f"{facts.path} is a link to {facts.link}: systemd takes a directory only, and starts no service."
        return fail(sentence, f"sudo rm {facts.path} && sudo cp -a {facts.link} {facts.path}", blocks=False)
    found = facts.found
    if found is None:
        fix = "sudo systemctl start iot-onboard makes it; where that fails, state_dir leads to a place that is missing"
        return fail(f"The state directory {facts.path} does not exist.", fix)
    if "directory" not in found.kind:
        return fail(f"{facts.path} is {found.kind}, not a directory.", f"move it away: sudo mv {facts.path}{{,.old}}")
    account = facts.account
    if account is not None and found.uid != account.uid:
        sentence = f"The state directory {facts.path} does not belong to the service's user {account.name}."
        return fail(sentence, f"sudo chown -Rh {account.name}: {facts.path}", blocks=False)
    if found.mode & 0o007:
        sentence = f"The state directory {facts.path} is open to others (mode {found.permissions})."
        return warn(sentence, f"sudo chmod 700 {facts.path}")
    owner = account.name if account is not None else f"user {found.uid}"
    return ok(f"The state directory {facts.path} belongs to {owner}, mode {found.permissions}.")


def writable(facts: DirectoryFacts) -> Finding | None:
    """Judge whether the service's user could write a secret there."""
    if facts.mount is not None and facts.mount.read_only:
        sentence = f"{facts.mount.point} is mounted read-only: no secret can be stored."
        fix = "see why: sudo dmesg | grep -i error (a dying SD card?); then: sudo mount -o remount,rw "
        return fail(sentence, fix + facts.mount.point, blocks=False)
    account, found = facts.account, facts.found
    if account is None or found is None:
        return None
    if (impassable := impassable_directory(account, facts.chain[:-1])) is not None:
        return impassable
    if not may(account, found, WRITE | ENTER):
        sentence = f"The service's user {account.name} may not write to {facts.path} (mode {found.permissions})."
        fix = f"sudo chown {account.name}: {facts.path} && sudo chmod 700 {facts.path}"
        return fail(sentence, fix, blocks=False)
    return ok(f"The service's user {account.name} may write to {facts.path}.")


def space(facts: DirectoryFacts) -> Finding:
    """Judge whether a secret would find room."""
    point = facts.mount.point if facts.mount is not None else facts.path
    free = f"{_size(facts.free_bytes)} free on {point}"
    fix = f"free space there: sudo du -xh {point} | sort -h | tail"
    if facts.free_bytes < MIN_BYTES:
        return fail(f"The disk is full: {free}; a secret cannot be stored.", fix, blocks=False)
    inodes = facts.free_inodes
    if inodes is not None and inodes < MIN_INODES:
        sentence = f"The file system on {point} takes no more files ({inodes} inodes left); a secret cannot be stored."
        return fail(sentence, f"remove small files: sudo du --inodes -xS {point} | sort -n | tail", blocks=False)
    if facts.free_bytes < SCARCE_BYTES or (inodes is not None and inodes < SCARCE_INODES):
        return warn(f"Little room: {free}, {inodes if inodes is not None else 'any number of'} more files.", fix)
    return ok(f"There is room: {free}.")


def filesystem(facts: DirectoryFacts) -> Finding:
    """Judge the file system that keeps the secret."""
    mount = facts.mount
    if mount is None:
        return skipped("The kernel does not say what the state directory lies on.")
    if facts.errors:
        sentence = f"The kernel has met {facts.errors} errors on {mount.source} ({mount.kind} at {mount.point})."
        return warn(sentence, "check it (sudo fsck at the next boot), and have a spare SD card ready")
    return ok(f"The state directory lies on {mount.source} ({mount.kind} at {mount.point}).")


def lasting(facts: StorageFacts) -> Finding:
    """Judge whether a secret that is stored there is still there after a power cut."""
    if not facts.volatile:
        note = f"; {facts.unseen}, so it counts as lasting" if facts.unseen else ""
        return ok(f"What is stored in {facts.path} outlasts a reboot{note}.")
    sentence = f"What is stored in {facts.path} does not outlast a reboot: it is on {facts.volatile}."
    fix = "set state_dir to a directory on a disk or SD card (operator's guide: Keep the secret on another partition)"
    if facts.by_hand:
        return ok(f"{sentence} The device secret is given by hand, and does not need it.")
    if facts.stored:
        return warn(f"{sentence} The secret there is used while it lasts.", fix)
    if facts.allowed:
        return warn(f"{sentence} allow_volatile permits it.", fix)
    return fail(f"{sentence} So no secret is asked for.", fix, blocks=False)


def runtime(facts: DirectoryFacts) -> Finding:
    """Judge the directory of the status file and of the connect count."""
    found, account = facts.found, facts.account
    if found is None:
        return ok(f"{facts.path} is not there: the service makes it when it starts.")
    if account is not None and not may(account, found, WRITE | ENTER):
        sentence = f"The service's user {account.name} may not write to {facts.path} (mode {found.permissions})."
        fix = f"sudo chown -Rh {account.name}: {facts.path} && sudo systemctl restart iot-onboard"
        return fail(sentence, fix, blocks=False)
    if facts.free_bytes < MIN_BYTES:
        sentence = f"There is no room in {facts.path}: status and connect count cannot be kept."
        return warn(sentence, "see what fills /run: sudo du -xh /run | sort -h | tail")
    return ok(f"{facts.path} can be written by the service.")


def _size(number: int) -> str:
    power = max(0, min(4, (number.bit_length() - 1) // 10))
    return f"{number >> 10 * power} {('bytes', 'kB', 'MB', 'GB', 'TB')[power]}"

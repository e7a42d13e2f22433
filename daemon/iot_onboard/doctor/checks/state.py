"""Check the directories that the daemon writes to, and their disk. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from ...config.schema import RULES
from ...disk.mounts import Mount
from ..model import Finding, fail, ok, skipped, warn
from .files import ENTER, WRITE, Account, FileFacts, impassable_directory, is_permitted

# The store writes a file of 400 bytes, twice, and the directory may have to grow.
MIN_BYTES, SCARCE_BYTES = 256 * 1024, 16 * 1024 * 1024
MIN_INODES, SCARCE_INODES = 4, 100


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectoryFacts:
    """Hold one of the daemon's directories: the chain from `/` to it ends early if a part is missing.

    `link` is the target, if the directory itself is a link. `free_bytes` and `free_inodes` are free for other users
    than root; `None` means no limit. `errors` counts the errors that ext4 has recorded; `None` means unknown.
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
        """Return the directory itself, if it exists."""
        return self.chain[-1] if self.chain and self.chain[-1].path == self.path else None


@dataclass(frozen=True, slots=True, kw_only=True)
class StorageFacts:
    """Hold whether the state directory survives a reboot (`disk.storage_kind`), and what depends on that."""

    path: str
    volatile: str = ""
    unseen: str = ""
    allowed: bool = False
    stored: bool = False
    own_secret: bool = False


def directory(facts: DirectoryFacts) -> Finding:
    """Check that the state directory exists, and its owner; systemd makes the default one, and follows no link."""
    if facts.link and facts.path == str(RULES["state_dir"].default):
        sentence = f"{facts.path} is a link to {facts.link}: systemd needs a directory, and does not start the service."
        return fail(sentence, f"sudo rm {facts.path} && sudo cp -a {facts.link} {facts.path}", blocks=False)
    found = facts.found
    if found is None:
        fix = "sudo systemctl start iot-onboard makes it; if that fails, a directory above state_dir is missing"
        return fail(f"The state directory {facts.path} does not exist.", fix)
    if "directory" not in found.kind:
        return fail(f"{facts.path} is {found.kind}, not a directory.", f"move it away: sudo mv {facts.path}{{,.old}}")
    account = facts.account
    if account is not None and found.uid != account.uid:
        sentence = f"The state directory {facts.path} does not belong to the service's user {account.name}."
        return fail(sentence, f"sudo chown -Rh {account.name}: {facts.path}", blocks=False)
    if found.mode & 0o007:
        sentence = f"Other users have access to the state directory {facts.path} (mode {found.permissions})."
        return warn(sentence, f"sudo chmod 700 {facts.path}")
    owner = account.name if account is not None else f"user {found.uid}"
    return ok(f"The state directory {facts.path} belongs to {owner}, mode {found.permissions}.")


def writable(facts: DirectoryFacts) -> Finding | None:
    """Check that the service's user can write a secret there."""
    if facts.mount is not None and facts.mount.read_only:
        sentence = f"{facts.mount.point} is mounted read-only: no secret can be stored."
        fix = "see why: sudo dmesg | grep -i error (a failing SD card?); then: sudo mount -o remount,rw "
        return fail(sentence, fix + facts.mount.point, blocks=False)
    account, found = facts.account, facts.found
    if account is None or found is None:
        return None
    if (impassable := impassable_directory(account, facts.chain[:-1])) is not None:
        return impassable
    if not is_permitted(account, found, WRITE | ENTER):
        sentence = f"The service's user {account.name} cannot write to {facts.path} (mode {found.permissions})."
        fix = f"sudo chown {account.name}: {facts.path} && sudo chmod 700 {facts.path}"
        return fail(sentence, fix, blocks=False)
    return ok(f"The service's user {account.name} can write to {facts.path}.")


def space(facts: DirectoryFacts) -> Finding:
    """Check that there is space for a secret."""
    point = facts.mount.point if facts.mount is not None else facts.path
    free = f"{_size(facts.free_bytes)} free on {point}"
    fix = f"delete large files; this lists them: sudo du -xh {point} | sort -h | tail"
    if facts.free_bytes < MIN_BYTES:
        return fail(f"The disk is full: {free}; no secret can be stored.", fix, blocks=False)
    inodes = facts.free_inodes
    if inodes is not None and inodes < MIN_INODES:
        sentence = f"The file system on {point} accepts no more files ({inodes} inodes left); no secret can be stored."
        fix = f"delete small files; this lists their directories: sudo du --inodes -xS {point} | sort -n | tail"
        return fail(sentence, fix, blocks=False)
    if facts.free_bytes < SCARCE_BYTES or (inodes is not None and inodes < SCARCE_INODES):
        more = f"; {inodes} more files possible" if inodes is not None else ""
        return warn(f"Little space is left: {free}{more}.", fix)
    return ok(f"There is enough space: {free}.")


def filesystem(facts: DirectoryFacts) -> Finding:
    """Check the file system that holds the secret."""
    mount = facts.mount
    if mount is None:
        return skipped("The kernel does not show the disk of the state directory.")
    if facts.errors:
        sentence = f"The kernel has recorded {facts.errors} errors on {mount.source} ({mount.kind} at {mount.point})."
        return warn(sentence, "check it (sudo fsck at the next boot), and have a spare SD card ready")
    return ok(f"The state directory is on {mount.source} ({mount.kind} at {mount.point}).")


def persistent(facts: StorageFacts) -> Finding:
    """Check that a stored secret is still there after a power cut."""
    if not facts.volatile:
        note = f"; {facts.unseen}, so it is taken as persistent" if facts.unseen else ""
        return ok(f"The state directory {facts.path} survives a reboot{note}.")
    sentence = f"The state directory {facts.path} does not survive a reboot: it is on {facts.volatile}."
    fix = "set state_dir to a directory on a disk or SD card (operator's guide: Keep the secret on another partition)"
    if facts.own_secret:
        return ok(f"{sentence} The device secret is given by hand, and is not stored there.")
    if facts.stored:
        return warn(f"{sentence} The secret there is used until then.", fix)
    if facts.allowed:
        return warn(f"{sentence} allow_volatile permits it.", fix)
    return fail(f"{sentence} So the gateway does not register.", fix, blocks=False)


def runtime(facts: DirectoryFacts) -> Finding:
    """Check the directory of the status file and of the connect count."""
    found, account = facts.found, facts.account
    if found is None:
        return ok(f"{facts.path} does not exist: the service makes it when it starts.")
    if account is not None and not is_permitted(account, found, WRITE | ENTER):
        sentence = f"The service's user {account.name} cannot write to {facts.path} (mode {found.permissions})."
        fix = f"sudo chown -Rh {account.name}: {facts.path} && sudo systemctl restart iot-onboard"
        return fail(sentence, fix, blocks=False)
    if facts.free_bytes < MIN_BYTES:
        sentence = f"There is no space in {facts.path}: the daemon cannot save its status and its connect count."
        return warn(sentence, "see what fills /run: sudo du -xh /run | sort -h | tail")
    return ok(f"The service can write to {facts.path}.")


def _size(number: int) -> str:
    power = max(0, min(4, (number.bit_length() - 1) // 10))
    return f"{number >> 10 * power} {('bytes', 'kB', 'MB', 'GB', 'TB')[power]}"

"""What the service's user may put where root's commands look: every kind of file that is not a plain one of ours."""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import socket
import stat
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from support.platform.sandbox import wait_for
from support.process.unprivileged import as_nobody, readable_by_all

OWNER, THIRD = 65534, 54321
PRODUCT_KEY, DEVICE_NAME = "a1b2c3d4e5f", "gw-0001"
STORED = f"{PRODUCT_KEY}.{DEVICE_NAME}.json"
# In every file of root's outside; in nothing that a command says or packs.
MARKER = "r00tAl0neKn0ws"
_NUMBER = "0123456789abcdef"
_STORE = [STORED, f"{STORED}.1", f"{STORED}.new", f"{STORED}.{_NUMBER}.new", f"{PRODUCT_KEY}.other.json", "x\n\x1b[2Jy"]
_RUNTIME = [
    "status.json",
    "connects.json",
    "lives.json",
    "history.json",
    "reported.json",
    "keepalive.json",
    "x.json",
    "shadow.json",
]
RUNTIME_FILES = [*_RUNTIME, "status.json.new", f"connects.json.{_NUMBER}.new"]
INSIDE = [f"state/credentials/{name}" for name in _STORE] + [f"run/{name}" for name in RUNTIME_FILES]
AROUND = ["state/credentials", "state/identity.json", "state/subdevices", "state/bridge"]

ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.endswith("_DIRECTORY")}
_LIMIT_S = 40.0
# What `run` does before it is asked to stop.
_RUNS_S = 0.5
WRITERS = (("register",), ("run",), ("forget", "--yes"))
READERS = (("status",), ("doctor", "--only", "secrets,state"), ("bundle", "--output", "-"))
COMMANDS = (*READERS[:2], *WRITERS, READERS[2])

Make = Callable[[Path, Path], None]


def link_to_file(path: Path, outside: Path) -> None:
    path.symlink_to(outside / "shadow")


def link_to_directory(path: Path, outside: Path) -> None:
    path.symlink_to(outside / "etc")


def link_to_nothing(path: Path, outside: Path) -> None:
    path.symlink_to(outside / "not-there")


def link_to_itself(path: Path, _: Path) -> None:
    path.symlink_to(path.name)


def second_name(path: Path, outside: Path) -> None:
    path.hardlink_to(outside / "shadow")


def pipe(path: Path, _: Path) -> None:
    os.mkfifo(path)


def bound(path: Path, _: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        here = Path.cwd()
        os.chdir(path.parent)
        try:
            listener.bind(path.name)
        finally:
            os.chdir(here)


def directory(path: Path, _: Path) -> None:
    (path / "below").mkdir(parents=True)


def device(path: Path, _: Path) -> None:
    os.mknod(path, stat.S_IFCHR | 0o666, os.makedev(1, 5))


def without_end(path: Path, _: Path) -> None:
    with path.open("wb") as file:
        file.truncate(1 << 40)


def garbage(path: Path, _: Path) -> None:
    path.write_bytes(b"\x1b]0;x\x07\n" + b'{"state": "\x1b[2J", "pid": 1e999, ' + b"[" * 60_000)
    path.chmod(0o6777)


def of_root_alone(path: Path, _: Path) -> None:
    path.write_text(f'{{"device_secret": "{MARKER}"}}')
    path.chmod(0o600)


def of_a_third(path: Path, _: Path) -> None:
    path.write_text(f'{{"device_secret": "{MARKER}"}}')
    path.chmod(0o600)
    os.chown(path, THIRD, THIRD)


KINDS: list[Make] = [
    link_to_file, link_to_directory, link_to_nothing, link_to_itself, second_name, pipe, bound, directory, device,
    without_end, garbage, of_root_alone, of_a_third,
]  # fmt: skip
# What stays whose it is: it stands for something that this user has not made.
_NOT_THEIRS: list[Make] = [second_name, device, of_root_alone, of_a_third]


@dataclass(frozen=True, slots=True)
class Done:
    """Hold how a command of root's ended, and all that it said, or packed."""

    code: int
    said: bytes


@dataclass(frozen=True, slots=True)
class Home:
    """A gateway whose directories are another user's, and beside it what is root's."""

    directory: Path

    @property
    def state_dir(self) -> Path:
        return self.directory / "state"

    @property
    def runtime_dir(self) -> Path:
        return self.directory / "run"

    @property
    def outside(self) -> Path:
        return self.directory / "outside"

    @property
    def config(self) -> Path:
        return self.directory / "etc" / "config.yaml"

    def lay_out(self, extra: str, product_secret: str) -> None:
        """Make it anew, with nothing in the owner's directories."""
        for name in ("etc", "outside", "state", "run"):
            shutil.rmtree(self.directory / name, ignore_errors=True)
            (self.directory / name).mkdir()
        text = f"product_key: {PRODUCT_KEY}\ndevice_name: {DEVICE_NAME}\n{extra}"
        self.config.write_text(f"{text}state_dir: {self.state_dir}\nruntime_dir: {self.runtime_dir}\n")
        secret = self.config.with_name("product-secret")
        secret.write_text(product_secret)
        secret.chmod(0o600)
        (self.outside / "etc").mkdir(mode=0o700)
        for name in ("shadow", f"etc/{STORED}", f"etc/{STORED}.1", "etc/status.json", "etc/passwd"):
            (self.outside / name).write_text(f'{{"device_secret": "{MARKER}", "root": "{MARKER}"}}\n')
            (self.outside / name).chmod(0o600)
        for path, mode in ((self.state_dir, 0o700), (self.runtime_dir, 0o755)):
            path.chmod(mode)
            os.chown(path, OWNER, OWNER)

    def put(self, make: Make, name: str) -> None:
        """Put a file in a place, as its owner's where they could have made it."""
        path = self.directory / name
        if not path.parent.exists():
            path.parent.mkdir()
            os.chown(path.parent, OWNER, OWNER)
        make(path, self.outside)
        if make not in _NOT_THEIRS:
            os.chown(path, OWNER, OWNER, follow_symlinks=False)

    def seen_outside(self) -> dict[str, tuple[object, ...]]:
        """Return all that a command of root's could have changed outside: names, owners, modes and what is in it."""
        found: dict[str, tuple[object, ...]] = {}
        for path in sorted(self.outside.rglob("*")):
            seen = path.lstat()
            data = path.read_bytes() if stat.S_ISREG(seen.st_mode) else b""
            found[str(path.relative_to(self.outside))] = (seen.st_mode, seen.st_uid, seen.st_gid, data)
        seen = self.outside.lstat()
        return {".": (seen.st_mode, seen.st_uid, seen.st_gid), **found}

    def not_the_owners(self) -> set[int]:
        """Return what in the owner's directories is not theirs, by its number: names change."""
        found: set[int] = set()
        # It passes over what somebody swaps meanwhile.
        for top in (self.state_dir, self.runtime_dir):
            for above, directories, names in os.walk(top):
                for name in (*directories, *names):
                    with contextlib.suppress(OSError):
                        if (seen := (Path(above) / name).lstat()).st_uid != OWNER:
                            found.add(seen.st_ino)
        return found

    def command(self, name: str, *arguments: str) -> list[str]:
        """Return a command of root's, that whoever it becomes can go on with."""
        words = [sys.executable, "-m", "iot_onboard", name, "--config", str(self.config), *arguments]
        return readable_by_all(words, self._tree())

    def run(self, name: str, *arguments: str) -> Done:
        """Run a command of root's; `run` is asked to stop a while after its first words."""
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as errors:
            command = self.command(name, *arguments)
            nothing = subprocess.DEVNULL
            with subprocess.Popen(command, stdin=nothing, stdout=out, stderr=errors, env=ENVIRONMENT) as process:
                try:
                    if name == "run":
                        wait_for(
                            lambda: os.fstat(errors.fileno()).st_size or process.poll() is not None, "words", _LIMIT_S
                        )
                        with contextlib.suppress(subprocess.TimeoutExpired):
                            process.wait(_RUNS_S)
                        process.terminate()
                    process.wait(_LIMIT_S)
                finally:
                    process.kill()
            out.seek(0)
            errors.seek(0)
            said = out.read()
            if name == "bundle" and process.returncode == 0:
                said = packed(said)
            return Done(process.returncode, said + errors.read())

    def attacked(self, command: tuple[str, ...], swap_every_s: float | None = None) -> list[str]:
        """Run a command of root's, amid swaps if they have a pace, and return what it has given away, or done wrong."""
        # Before the swaps: amid them a look may miss what is there, and it would count as left by the command.
        outside, strange = self.seen_outside(), self.not_the_owners()
        with contextlib.nullcontext() if swap_every_s is None else self._swapped(swap_every_s):
            done = self.run(*command)
        wrong = {
            f"ended with {done.code}": done.code not in {0, 1, 2, 78},
            "broke": b"internal error" in done.said or b"has an internal error" in done.said,
            "shows what is root's": MARKER.encode() in done.said,
            # What is packed is for no terminal.
            "steers the terminal": command[0] != "bundle" and b"\x1b" in done.said,
            "changed something outside": self.seen_outside() != outside,
            "left something of its own": not self.not_the_owners() <= strange,
        }
        said = done.said[-500:].decode(errors="replace")
        return [f"{' '.join(command)} {how}: {said}" for how, holds in wrong.items() if holds]

    def _tree(self) -> Path:
        (self.directory / "tree").mkdir(exist_ok=True)
        return self.directory / "tree"

    @contextlib.contextmanager
    def _swapped(self, gap_s: float) -> Iterator[None]:
        """Let the owner put links in the place of their files and directories, and take them back, all the time."""
        words = [sys.executable, "-c", _SWAP, str(self.directory), str(gap_s), STORED]
        with subprocess.Popen(as_nobody(words, self._tree())) as swapping:
            try:
                yield
                assert swapping.poll() is None
            finally:
                swapping.kill()


def packed(data: bytes) -> bytes:
    """Return all that is in a bundle, names included."""
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        return b"\n".join(member.name.encode() + (tar.extractfile(member) or io.BytesIO()).read() for member in tar)


_SWAP = """
import os, random, sys, time
home, pause_s, stored = sys.argv[1], float(sys.argv[2]), sys.argv[3]
os.chdir(home)
outside = f"{home}/outside"
places = ["state/credentials", f"state/credentials/{stored}", f"state/credentials/{stored}.1"]
places += [f"run/{name}.json" for name in ("status", "connects", "lives", "history", "reported", "x")]
ways = (
    lambda path: os.symlink(f"{outside}/shadow", path),
    lambda path: os.symlink(f"{outside}/etc", path),
    lambda path: os.mkfifo(path),
    lambda path: os.mkdir(path),
    lambda path: os.link(f"{outside}/shadow", path),
)
while True:
    path = random.choice(places)
    for act in (lambda: os.rename(path, f"{path}.away"), lambda: random.choice(ways)(path)):
        try:
            act()
        except OSError:
            pass
    time.sleep(pause_s)
    for act in (lambda: os.rmdir(path), lambda: os.unlink(path), lambda: os.rename(f"{path}.away", path)):
        try:
            act()
        except OSError:
            pass
    for directory in ("state/credentials", "run"):
        try:
            names = [name for name in os.listdir(directory) if name.endswith(".new")]
            for name in names[:3]:
                os.unlink(f"{directory}/{name}")
                os.symlink(f"{outside}/shadow", f"{directory}/{name}")
        except OSError:
            pass
"""

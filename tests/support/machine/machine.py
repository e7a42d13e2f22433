"""A gateway as a whole Debian system: an overlay over an image, booted by systemd-nspawn."""

from __future__ import annotations

import contextlib
import json
import os
import select
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

from support.gateway.clocks import quick_clock
from support.platform.sandbox import wait_for
from support.tree import TESTS

T = TypeVar("T")
BOOT = TESTS / "system" / "boot"
UNIT = "iot-onboard.service"
_ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "LANG": "C.UTF-8",
    "TERM": "dumb",
}


class Machine:
    """Boot, operate and break one gateway; its disk lasts until the test ends."""

    def __init__(self, name: str, layers: Sequence[Path], directory: Path, *, netns: str, bridge: str) -> None:
        self.name = name
        self.root = directory / "root"
        self.environment: dict[str, str] = {}
        # Of systemd-nspawn, from the next start on.
        self.options: tuple[str, ...] = ()
        self._netns = netns
        self._bridge = bridge
        self._console = directory / "console"
        self._nspawn: subprocess.Popen[bytes] | None = None
        # Its first process: the number, and what stays that process when the number goes to another one.
        self._init = 0
        self._pidfd = -1
        for part in ("upper", "work", "root"):
            (directory / part).mkdir(parents=True)
        lower = ":".join(str(layer) for layer in layers)
        options = f"lowerdir={lower},upperdir={directory / 'upper'},workdir={directory / 'work'}"
        subprocess.run(["mount", "-t", "overlay", "overlay", "-o", options, str(self.root)], check=True)
        self.write("/etc/hostname", f"{name}\n")

    @property
    def pid(self) -> int:
        """Return its first process, as this system counts."""
        assert self._is_on(), f"{self.name} is off"
        return self._init

    def close(self) -> None:
        """Stop it, hard, and let go of its disk."""
        self.cut_power()
        if self.root.is_mount():
            subprocess.run(["umount", str(self.root)], check=True)

    def write(self, path: str, text: str, mode: int = 0o644) -> None:
        """Put a file on its disk, running or not."""
        file = self.root / path.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        file.chmod(mode)

    def read(self, path: str) -> str:
        return (self.root / path.lstrip("/")).read_text()

    def exists(self, path: str) -> bool:
        return os.path.lexists(self.root / path.lstrip("/"))

    def address(self, address: str) -> None:
        """Give it a fixed address on the bridge, by its own systemd-networkd."""
        network = f"[Match]\nName=host0\n[Network]\nAddress={address}/24\nGateway=10.77.0.1\nLinkLocalAddressing=no\n"
        self.write("/etc/systemd/network/10-host0.network", network)
        self.write("/etc/resolv.conf", "nameserver 10.77.0.1\noptions timeout:1 attempts:1\n")

    def board(self, serial: str) -> None:
        """Give its board a serial number, where a Raspberry Pi has it."""
        self.write("/etc/board/cpuinfo", f"Model\t\t: Raspberry Pi 4 Model B\nSerial\t\t: {serial}\n")
        unit = "[Unit]\nDefaultDependencies=no\nBefore=sysinit.target\n"
        unit += "[Service]\nType=oneshot\nExecStart=/bin/mount --bind /etc/board/cpuinfo /proc/cpuinfo\n"
        self.write("/etc/systemd/system/board.service", unit)
        wants = self.root / "etc/systemd/system/sysinit.target.wants"
        wants.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError):
            (wants / "board.service").symlink_to("/etc/systemd/system/board.service")
        # systemd 252 gives a unit with ProtectProc= a fresh /proc, which a real board's kernel fills.
        self.drop_in("board", "[Service]\nBindReadOnlyPaths=/etc/board/cpuinfo:/proc/cpuinfo\n")

    def drop_in(self, name: str, text: str, unit: str = UNIT) -> None:
        self.write(f"/etc/systemd/system/{unit}.d/{name}.conf", text)

    def quicken(self, times: float) -> None:
        """Let the daemon's time run faster from its next start on."""
        environment = " ".join(f'"{name}={value}"' for name, value in quick_clock(times).items())
        self.drop_in("clock", f"[Service]\nEnvironment={environment}\n")

    def start(self, *, plugged: bool = True) -> None:
        """Turn it on, with the cable in or out, and return as soon as commands can be run in it."""
        assert self._nspawn is None
        command = ["ip", "netns", "exec", self._netns, "unshare", "--mount", str(BOOT)]
        with self._console.open("ab") as console:
            self._nspawn = subprocess.Popen(
                [*command, str(self.root), self.name, self._bridge, *self.options],
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=console,
                start_new_session=True,
            )
        self._init = wait_for(self._find_init, f"{self.name} starts", 30)
        if not plugged:
            wait_for(lambda: self._set_cable("down").returncode == 0, "its cable is there", 30, every_s=0.01)
        wait_for(lambda: self.try_run("test", "-S", "/run/dbus/system_bus_socket").returncode == 0, "the bus", 60)

    def boot(self) -> None:
        """Turn it on, and return when everything that starts at boot has been started."""
        self.start()
        wait_for(self._is_running, f"{self.name} has booted", 60)

    def cut_power(self) -> None:
        """Stop all its processes at once."""
        if self._nspawn is not None:
            # The first process of the namespace takes all the others with it.
            with contextlib.suppress(ProcessLookupError):
                if self._init:
                    signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)
            # Once it was waited for, its number may be somebody else's.
            if self._nspawn.returncode is None:
                os.killpg(self._nspawn.pid, signal.SIGKILL)
            self._nspawn.wait()
            self._gone()

    def power_off(self) -> None:
        """Shut it down as an operator would."""
        assert self._nspawn is not None
        self.try_run("systemctl", "poweroff")
        self._nspawn.wait(60)
        self._gone()

    def reboot(self) -> None:
        self.power_off()
        self.boot()

    def cable(self, *, plugged: bool) -> None:
        """Pull or plug the network cable at the switch's end."""
        done = self._set_cable("up" if plugged else "down")
        assert done.returncode == 0, done.stderr

    def _set_cable(self, word: str) -> subprocess.CompletedProcess[str]:
        command = ["ip", "-n", self._netns, "link", "set", f"vb-{self.name}", word]
        return subprocess.run(command, check=False, capture_output=True, text=True)

    def run(self, *command: str, stdin: str = "") -> str:
        done = self.try_run(*command, stdin=stdin)
        assert done.returncode == 0, f"{' '.join(command)}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def try_run(self, *command: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        if not self._is_on():
            return subprocess.CompletedProcess(command, 1, "", f"{self.name} is off")
        return subprocess.run(
            ["nsenter", "-t", str(self._init), "-a", "--", "env", *self._extra(), *command],
            input=stdin,
            env=_ENVIRONMENT,
            capture_output=True,
            text=True,
            check=False,
            timeout=180,
        )

    def _extra(self) -> list[str]:
        return [f"{name}={value}" for name, value in self.environment.items()]

    def install(self, package: Path) -> str:
        """Install a package as a user does: apt, from the file."""
        done = self.try_install(package)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def try_install(self, package: Path) -> subprocess.CompletedProcess[str]:
        shutil.copy(package, self.root / "root" / package.name)
        options = ("--yes", "-q", "--no-install-recommends")
        return self.try_run("apt-get", "install", *options, f"/root/{package.name}")

    def offline(self, *command: str, stdin: str = "", seconds: float = 180) -> subprocess.CompletedProcess[str]:
        """Run a command on its disk without booting it, as an image builder does."""
        return subprocess.run(
            ["chroot", str(self.root), *command],
            input=stdin,
            env=_ENVIRONMENT,
            capture_output=True,
            text=True,
            check=False,
            timeout=seconds,
        )

    def show(self, *properties: str, unit: str = UNIT) -> dict[str, str]:
        """Return properties as `systemctl show` has them."""
        options = [f"--property={name}" for name in properties]
        lines = self.run("systemctl", "show", unit, *options).splitlines()
        return dict(line.partition("=")[::2] for line in lines)

    def journal(self, *options: str, unit: str = UNIT) -> list[dict[str, Any]]:
        """Return the journal of the unit's present boot, oldest first."""
        text = self.run("journalctl", "--output=json", "--boot", f"--unit={unit}", *options)
        return [json.loads(line) for line in text.splitlines() if line.startswith("{")]

    def events(self, *options: str) -> list[str]:
        """Return the names of the events of this boot."""
        return [entry["IOT_EVENT"] for entry in self.journal(*options) if "IOT_EVENT" in entry]

    def status(self) -> dict[str, Any]:
        done = self.try_run("iot-onboard", "status", "--json")
        found: dict[str, Any] = json.loads(done.stdout or "null") or {}
        return found

    def wait_for_event(self, name: str, seconds: float = 30.0, count: int = 1) -> dict[str, Any]:
        """Return the `count`-th entry of an event in this boot."""

        def found() -> dict[str, Any] | None:
            entries = [entry for entry in self.journal() if entry.get("IOT_EVENT") == name]
            return entries[count - 1] if len(entries) >= count else None

        return self._wait_for(found, f"event {name}", seconds)

    def wait_for_state(self, state: str, seconds: float = 30.0) -> dict[str, Any]:
        def found() -> dict[str, Any] | None:
            status = self.status()
            return status if status.get("state") == state else None

        return self._wait_for(found, f"state {state}", seconds)

    def journal_text(self) -> str:
        """Return what a person reads, for failure messages."""
        return self.try_run("journalctl", "--no-pager", "--boot", f"--unit={UNIT}").stdout

    def _wait_for(self, found: Callable[[], T | None], what: str, seconds: float) -> T:
        try:
            return wait_for(found, what, seconds, every_s=0.1)
        except AssertionError as error:
            raise AssertionError(f"{error}:\n{self.journal_text()}") from None

    def _find_init(self) -> int | None:
        assert self._nspawn is not None
        assert self._nspawn.poll() is None, self._console.read_text(errors="replace")
        for child in _children(self._nspawn.pid):
            with contextlib.suppress(ProcessLookupError):
                pidfd = os.pidfd_open(child)
                # What was read is about this process where it still runs afterwards.
                if _is_init(child) and not _has_ended(pidfd):
                    self._pidfd = pidfd
                    return child
                os.close(pidfd)
        return None

    def _is_on(self) -> bool:
        return bool(self._init) and not _has_ended(self._pidfd)

    def _is_running(self) -> bool:
        return self.try_run("systemctl", "is-system-running").stdout.strip() in {"running", "degraded"}

    def _gone(self) -> None:
        self._nspawn = None
        if not self._init:
            return
        wait_for(lambda: _has_ended(self._pidfd), f"{self.name} is off", 10)
        os.close(self._pidfd)
        self._init = 0


def _children(pid: int) -> Iterator[int]:
    try:
        text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    except OSError:
        return
    for child in map(int, text.split()):
        yield child
        yield from _children(child)


def _has_ended(pidfd: int) -> bool:
    return bool(select.select([pidfd], [], [], 0)[0])


def _is_init(pid: int) -> bool:
    """Say whether a process is a systemd that is the first of its own process namespace."""
    try:
        name = Path(f"/proc/{pid}/comm").read_text()
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return False
    numbers = next(line for line in lines if line.startswith("NSpid:"))
    return "systemd" in name and numbers.split()[-1] == "1"

"""The main job in five chapters: the real daemon against the sandbox. Exit 0 only if each chapter happened."""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from support.gateway import Gateway
from support.sandbox import Sandbox, wait_for

BOLD, DIM, GREEN, PLAIN = ("\033[1m", "\033[2m", "\033[32m", "\033[0m") if sys.stdout.isatty() else ("",) * 4


class Chapter:
    """Tell one chapter, with the daemon's own lines as they come."""

    number = 0

    def __init__(self, title: str, words: str, gateway: Gateway) -> None:
        Chapter.number += 1
        print(f"\n{BOLD}{Chapter.number}. {title}{PLAIN}\n   {words}\n")
        self._gateway = gateway
        self._told = len(gateway.lines().splitlines())
        self._begun = time.monotonic()

    def until(self, words: str, seconds: float = 30.0) -> None:
        """Pass the daemon's lines on until one holds the words, or raise `AssertionError`."""

        def found() -> bool:
            lines = self._gateway.lines().splitlines()
            fresh, self._told = lines[self._told :], len(lines)
            for line in fresh:
                print(f"   {DIM}|{PLAIN} {line}", flush=True)
            return any(words in line for line in fresh)

        wait_for(found, f"the line {words!r}", seconds)

    def end(self, *facts: str) -> None:
        """Say what was shown."""
        for fact in facts:
            print(f"   {GREEN}✓{PLAIN} {fact}")
        print(f"   {DIM}{time.monotonic() - self._begun:.1f} s{PLAIN}")


def main() -> int:
    """Tell the five chapters."""
    print(f"{BOLD}iot-onboard: a gateway's life in five chapters{PLAIN}")
    print("A real daemon, a real TLS server, a real MQTT broker; only the cloud is a local stand-in.")
    with tempfile.TemporaryDirectory() as name, Sandbox(Path(name) / "sandbox") as sandbox:
        root = Path(name)
        with (
            Gateway(root / "first", "gw-first") as first,
            Gateway(root / "reset", "gw-reset") as reset,
            Gateway(root / "taken", "gw-taken") as taken,
        ):
            for gateway in (first, reset, taken):
                gateway.configure(sandbox)
            first_boot(first, sandbox)
            second_boot(first, sandbox)
            outage(first, sandbox)
            reset_by_operator(reset, sandbox)
            activated_elsewhere(taken, sandbox)
    print(f"\n{BOLD}All five chapters happened.{PLAIN}")
    return 0


def first_boot(gateway: Gateway, sandbox: Sandbox) -> None:
    """Register, store, connect."""
    chapter = Chapter("First boot", "No secret on disk: register, store it durably, then log in.", gateway)
    gateway.start()
    chapter.until("Online at")
    mode = gateway.credentials.stat().st_mode & 0o777
    assert (mode, len(sandbox.seen("register"))) == (0o600, 1)
    chapter.end("one registration request", f"the secret is stored, mode {mode:04o}", "online")


def second_boot(gateway: Gateway, sandbox: Sandbox) -> None:
    """Connect with what is stored."""
    assert gateway.stop() == 0
    chapter = Chapter("Second boot", "The secret is there: nothing is asked of the registration endpoint.", gateway)
    gateway.start()
    chapter.until("Online at")
    assert len(sandbox.seen("register")) == 1
    chapter.end("no registration request", "online")


def outage(gateway: Gateway, sandbox: Sandbox) -> None:
    """Come back by itself."""
    chapter = Chapter("Cloud outage", "The platform goes away for three seconds, and comes back.", gateway)
    sandbox.command("outage", "--seconds", "3")
    chapter.until("Connection lost")
    chapter.until("Online at")
    chapter.end("reconnected by itself, with jittered waits")
    assert gateway.stop() == 0


def reset_by_operator(gateway: Gateway, sandbox: Sandbox) -> None:
    """Heal after ResetThing."""
    words = "ResetThing voids the stored secret. The third refusal running leads to one new registration."
    chapter = Chapter("Device reset by the operator", words, gateway)
    gateway.start()
    chapter.until("Online at")
    before = gateway.credentials.read_bytes()
    sandbox.command("reset", "a1b2c3d4e5f", gateway.device_name)
    sandbox.command("kick", "a1b2c3d4e5f", gateway.device_name)
    chapter.until("registering once", 45)
    chapter.until("Online at")
    previous = gateway.credentials.with_name(gateway.credentials.name + ".1")
    assert gateway.credentials.read_bytes() != before == previous.read_bytes()
    chapter.end("healed with no hand on the box", "the old secret was kept until the new one was durable")
    assert gateway.stop() == 0


def activated_elsewhere(gateway: Gateway, sandbox: Sandbox) -> None:
    """Say whose move it is."""
    words = "Its secret went to somebody else: only the operator can help, and the line says how."
    chapter = Chapter("Device already activated elsewhere", words, gateway)
    sandbox.command("activate", "a1b2c3d4e5f", gateway.device_name)
    gateway.start()
    chapter.until("code 6289")
    gateway.wait_for_state("blocked")
    assert gateway.command("status").returncode == 1
    chapter.end("blocked, alive, and retrying about hourly", "the cure is named")
    assert gateway.stop() == 0


if __name__ == "__main__":
    sys.exit(main())

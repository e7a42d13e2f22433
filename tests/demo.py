"""The main job in five chapters: the real daemon against the sandbox. Exit 0 only if each chapter happened."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import textwrap
import time
from pathlib import Path
from typing import TextIO

from support.gateway.gateway import PRODUCT_KEY, Gateway
from support.platform.sandbox import Sandbox, wait_for

COLOURS = {"bold": 1, "dim": 2, "notice": 32, "warning": 33, "ERROR": 31}


class Page:
    """Where the story is told: coloured and wrapped on a terminal, plain lines anywhere else."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        terminal = out.isatty()
        self._coloured = terminal and "NO_COLOR" not in os.environ
        self._width = max(60, shutil.get_terminal_size().columns) if terminal else 0

    def paint(self, colour: str, text: str) -> str:
        number = COLOURS.get(colour)
        return f"\033[{number}m{text}\033[0m" if self._coloured and number else text

    def write(self, text: str = "") -> None:
        print(text, file=self._out, flush=True)

    def _wrapped(self, message: str) -> list[str]:
        if not self._width:
            return [message]
        return textwrap.wrap(message, self._width - 23, break_long_words=False, break_on_hyphens=False)

    def daemon_line(self, line: str) -> None:
        """Show a line of the daemon under its margin: time, level, message."""
        margin = f"   {self.paint('dim', '|')} "
        parts = re.fullmatch(r"(\S+) (\w+) +(.*)", line)
        if parts is None:
            self.write(margin + line)
            return
        at, level, message = parts.groups()
        head = margin + f"{self.paint('dim', at)} {self.paint(level, f'{level:<8}')} "
        for text in self._wrapped(message):
            self.write(head + text)
            head = margin + " " * 18


class Chapter:
    """Tell one chapter, with the daemon's own lines as they come; what did not happen is an `AssertionError`."""

    number = 0

    def __init__(self, page: Page, title: str, words: str, gateway: Gateway) -> None:
        Chapter.number += 1
        page.write(f"\n{page.paint('bold', f'{Chapter.number}. {title}')}\n   {words}\n")
        self._page = page
        self._gateway = gateway
        self._told = len(gateway.lines().splitlines())
        self._begun = time.monotonic()

    def until(self, words: str, seconds: float = 30.0) -> None:
        """Pass the daemon's lines on until one holds the words."""

        def found() -> bool:
            lines = self._gateway.lines().splitlines()
            fresh, self._told = lines[self._told :], len(lines)
            for line in fresh:
                self._page.daemon_line(line)
            return any(words in line for line in fresh)

        wait_for(found, f"the line {words!r}", seconds)

    def shown(self, fact: str, true: bool) -> None:
        """Say what was shown, if it was."""
        assert true, f"not so: {fact}"
        self._page.write(f"   {self._page.paint('notice', '✓')} {fact}")

    def end(self) -> None:
        self._page.write(self._page.paint("dim", f"   {time.monotonic() - self._begun:.1f} s"))


def main() -> int:
    """Tell the five chapters."""
    # A terminal or file that cannot show a check mark gets a question mark.
    sys.stdout.reconfigure(errors="replace")  # type: ignore[union-attr]  # a text file, as started
    page = Page(sys.stdout)
    begun = time.monotonic()
    try:
        tell(page)
    except KeyboardInterrupt:
        page.write("\nStopped.")
        return 130
    except (AssertionError, OSError, subprocess.SubprocessError) as error:
        page.write(f"   {page.paint('ERROR', '✗')} {error}")
        what = f"Chapter {Chapter.number} failed." if Chapter.number else "The demo could not start."
        page.write(f"\n{page.paint('bold', what)}")
        return 1
    page.write(f"\n{page.paint('bold', 'All five chapters succeeded')}, in {time.monotonic() - begun:.0f} s.")
    return 0


def tell(page: Page) -> None:
    """Run three gateways against one platform, in a directory that goes away."""
    page.write(page.paint("bold", "iot-onboard: a gateway's life in five chapters"))
    page.write("The daemon, the TLS server and the MQTT broker are real; only the cloud is a local sandbox.")
    page.write("The lines after | are the daemon's own lines, with log_level: debug.")
    page.write("It takes about half a minute. Most of the time is waiting for retries.")
    # Not in /tmp: where that is in memory, as on Debian 13, nothing of a gateway would outlast a power cut.
    home = tempfile.TemporaryDirectory(dir="/var/tmp", prefix="iot-onboard-demo-")
    with home as name, Sandbox(Path(name) / "sandbox") as sandbox:
        root = Path(name)
        with (
            Gateway(root / "first", "gw-first") as first,
            Gateway(root / "reset", "gw-reset") as reset,
            Gateway(root / "taken", "gw-taken") as taken,
        ):
            for gateway in (first, reset, taken):
                gateway.configure(sandbox, "log_level: debug\n")
            first_boot(page, first, sandbox)
            second_boot(page, first, sandbox)
            outage(page, first, sandbox)
            reset_by_operator(page, reset, sandbox)
            activated_elsewhere(page, taken, sandbox)


def registrations(sandbox: Sandbox, gateway: Gateway) -> int:
    return sum(row["device_name"] == gateway.device_name for row in sandbox.seen("register"))


def first_boot(page: Page, gateway: Gateway, sandbox: Sandbox) -> None:
    """Register, store, connect."""
    chapter = Chapter(page, "First boot", "No secret on disk: register, store it durably, then log in.", gateway)
    gateway.start()
    chapter.until("Online at")
    mode = gateway.credentials.stat().st_mode & 0o777
    chapter.shown("one registration request", registrations(sandbox, gateway) == 1)
    chapter.shown("the secret is stored, and only its owner can read it", mode == 0o600)
    chapter.shown("the platform sees it online", sandbox.device(gateway.device_name)["online"])
    chapter.end()


def second_boot(page: Page, gateway: Gateway, sandbox: Sandbox) -> None:
    """Connect with what is stored."""
    assert gateway.stop() == 0, "the daemon did not stop cleanly"
    words = "The secret is stored: the daemon sends no registration request."
    chapter = Chapter(page, "Second boot", words, gateway)
    gateway.start()
    chapter.until("Online at")
    chapter.shown("no further registration request", registrations(sandbox, gateway) == 1)
    chapter.shown("the platform sees it online", sandbox.device(gateway.device_name)["online"])
    chapter.end()


def outage(page: Page, gateway: Gateway, sandbox: Sandbox) -> None:
    """Come back by itself."""
    words = "The platform is down for three seconds, then comes back."
    chapter = Chapter(page, "Cloud outage", words, gateway)
    sandbox.command("outage", "--seconds", "3")
    chapter.until("Connection lost")
    chapter.until("Online at")
    chapter.shown("the platform sees it online again", sandbox.device(gateway.device_name)["online"])
    chapter.end()
    assert gateway.stop() == 0, "the daemon did not stop cleanly"


def reset_by_operator(page: Page, gateway: Gateway, sandbox: Sandbox) -> None:
    """Heal after ResetThing."""
    words = "ResetThing, while the gateway is off, makes its secret invalid. After three refusals it registers once."
    chapter = Chapter(page, "Device reset by the operator", words, gateway)
    gateway.start()
    chapter.until("Online at")
    before = gateway.credentials.read_bytes()
    assert gateway.stop() == 0, "the daemon did not stop cleanly"
    sandbox.command("reset", PRODUCT_KEY, gateway.device_name)
    gateway.start()
    chapter.until("registering once")
    chapter.until("Online at")
    previous = gateway.credentials.with_name(gateway.credentials.name + ".1")
    chapter.shown("online again, without a hand on the gateway", registrations(sandbox, gateway) == 2)
    kept = gateway.credentials.read_bytes() != before == previous.read_bytes()
    chapter.shown("the old secret is kept as the previous generation", kept)
    chapter.end()
    assert gateway.stop() == 0, "the daemon did not stop cleanly"


def activated_elsewhere(page: Page, gateway: Gateway, sandbox: Sandbox) -> None:
    """Say who has to act."""
    words = "Another machine has its secret. Only the operator can fix this, and the line says how."
    chapter = Chapter(page, "Device already activated elsewhere", words, gateway)
    sandbox.command("activate", PRODUCT_KEY, gateway.device_name)
    gateway.start()
    chapter.until("code 6289")
    gateway.wait_for_state("blocked")
    chapter.shown("blocked but alive, and `iot-onboard status` says so", gateway.command("status").returncode == 1)
    chapter.end()
    assert gateway.stop() == 0, "the daemon did not stop cleanly"


if __name__ == "__main__":
    sys.exit(main())

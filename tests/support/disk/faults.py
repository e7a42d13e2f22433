"""Fail or kill the store's process at one chosen system call, by strace."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from support.tree import DAEMON

from .store_driver import BEGIN, END

DRIVER = Path(__file__).with_name("store_driver.py")
# The question mark: not every processor knows every name.
TRACED = (
    "?open,openat,read,pread64,write,fsync,?link,linkat,?rename,renameat,?renameat2,?unlink,unlinkat,?mkdir,mkdirat,"
    "?chmod,fchmod,fchown"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One system call of the store: the `number`-th of its name in the whole process."""

    name: str
    number: int
    text: str

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """`answer` is None where the process was killed."""

    answer: dict[str, Any] | None
    trace: str


@cache
def why_no_strace() -> str | None:
    """Say why nothing can be injected here, or None."""
    if shutil.which("strace") is None:
        return "strace is not installed"
    done = subprocess.run(["strace", "-o", os.devnull, "true"], capture_output=True, text=True, check=False)
    return f"strace cannot trace here: {done.stderr.strip()}" if done.returncode else None


def run(action: str, directory: Path, secret: str = "", inject: str | None = None) -> Outcome:
    """Run the driver under strace, with at most one injection.

    The trace shows 400 bytes of each text: all that the store writes, and not the marks in the driver's own source.
    """
    with tempfile.NamedTemporaryFile("r") as log:
        options = ["-e", f"inject={inject}"] if inject else []
        done = subprocess.run(
            [
                "strace",
                "-f",
                "-s",
                "400",
                "-o",
                log.name,
                "-e",
                f"trace={TRACED}",
                *options,
                sys.executable,
                "-S",
                str(DRIVER),
                action,
                str(directory),
                secret,
            ],
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
            env={"PATH": os.environ["PATH"], "PYTHONPATH": str(DAEMON), "PYTHONDONTWRITEBYTECODE": "1"},
        )
        trace = log.read()
    assert "Traceback" not in done.stderr, f"{inject}: {done.stderr}"
    if inject:
        # Counts hold only as long as the interpreter starts with the same calls each time.
        before, hit, _ = trace.partition("+++ killed" if "signal=SIGKILL" in inject else "INJECTED")
        assert hit, f"{inject} met no call: {trace}"
        assert BEGIN in before, f"{inject} hit before the store's work: {trace}"
        assert END not in before, f"{inject} hit after the store's work: {trace}"
    return Outcome(answer=json.loads(done.stdout) if done.stdout else None, trace=trace)


def calls(action: str, directory: Path, secret: str = "") -> list[Call]:
    """Do the action once, and return the store's own system calls."""
    outcome = run(action, directory, secret)
    assert outcome.answer is not None
    assert "fault" not in outcome.answer, outcome.answer
    counts: dict[str, int] = {}
    found: list[Call] = []
    inside = False
    for line in outcome.trace.splitlines():
        match = re.match(r"\d+ +(\w+)\((.*)", line)
        if match is None:
            continue
        name = match[1]
        counts[name] = counts.get(name, 0) + 1
        if BEGIN in line:
            inside = True
        elif END in line:
            inside = False
        elif inside:
            found.append(Call(name=name, number=counts[name], text=f"{name}({match[2]}"))
    return found

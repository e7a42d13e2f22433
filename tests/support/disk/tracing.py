"""Run any function in a process of its own, under strace, between two system calls that mark its work in the trace."""

from __future__ import annotations

import contextlib
import json
import os
import pickle
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from support.tree import DAEMON, TESTS

_BEGIN, _END = "/the-work-begins", "/the-work-ends"
_CALL = re.compile(r"(\w+)\((.*)\) += (-?\d+|\?)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One system call: the `number`-th of its name in the whole process; `result` is negative where it failed."""

    name: str
    number: int
    arguments: str
    result: int

    def __str__(self) -> str:
        return f"{self.name}({self.arguments}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Traced:
    """`answer` is what the function returned, `None` where it was killed; `calls` are those of its work alone."""

    answer: Any
    calls: tuple[Call, ...]
    began: bool
    ended: bool
    injected: int


@cache
def why_no_strace() -> str | None:
    """Say why nothing can be traced here, or None."""
    if shutil.which("strace") is None:
        return "strace is not installed"
    done = subprocess.run(["strace", "-o", os.devnull, "true"], capture_output=True, text=True, check=False)
    return f"strace cannot trace here: {done.stderr.strip()}" if done.returncode else None


@cache
def compile_first() -> None:
    """Compile all that is run, once: a file that another test compiles between two runs would shift their counts."""
    subprocess.run([sys.executable, "-m", "compileall", "-q", DAEMON / "iot_onboard", TESTS / "support"], check=True)


def run(function: Callable[[], object], traced: str, inject: Sequence[str] = ()) -> Traced:
    """Call a function that can be pickled, a module's own or a `partial` of one; what it starts is not traced."""
    compile_first()
    with tempfile.NamedTemporaryFile("r") as log:
        options = [word for one in inject for word in ("-e", f"inject={one}")]
        done = subprocess.run(
            [
                *("strace", "-s", "100000", "-o", log.name, "-e", f"trace={traced},?unlink,unlinkat", *options),
                *(sys.executable, "-m", "support.disk.tracing", pickle.dumps(function).hex()),
            ],
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
            env={"PATH": os.environ["PATH"], "PYTHONPATH": f"{DAEMON}:{TESTS}", "PYTHONDONTWRITEBYTECODE": "1"},
        )
        lines = log.read().splitlines()
    assert "Traceback" not in done.stderr, f"{inject}: {done.stderr}"
    return _read(lines, json.loads(done.stdout) if done.stdout else None)


def _read(lines: Sequence[str], answer: object) -> Traced:
    counts: dict[str, int] = {}
    calls: list[Call] = []
    began = ended = False
    injected = 0
    for line in lines:
        match = _CALL.match(line)
        if match is None:
            continue
        name, arguments, result = match.groups()
        counts[name] = counts.get(name, 0) + 1
        marks = name.startswith("unlink")
        if marks and f'"{_BEGIN}"' in arguments:
            began = True
        elif marks and f'"{_END}"' in arguments:
            ended = True
        elif began and not ended:
            injected += "INJECTED" in line
            number = counts[name]
            # A call that a kill cut off has no result.
            calls.append(
                Call(name=name, number=number, arguments=arguments, result=-1 if result == "?" else int(result))
            )
    return Traced(answer=answer, calls=tuple(calls), began=began, ended=ended, injected=injected)


def _mark(name: str) -> None:
    with contextlib.suppress(OSError):
        Path(name).unlink()


def _main() -> None:
    function = pickle.loads(bytes.fromhex(sys.argv[1]))
    _mark(_BEGIN)
    answer = function()
    _mark(_END)
    os.write(1, json.dumps(answer).encode())


if __name__ == "__main__":
    _main()

"""Break the code in one place, run the tests that should notice, and say which one did.

Each mutant is a row of a data file: a piece of one module's text, and what stands in its place. It is put into a copy
of the tree, never into the tree itself.
"""

from __future__ import annotations

import enum
import itertools
import os
import re
import shutil
import signal
import subprocess
import tempfile
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from support.machine.release_python import python_of
from support.tree import ROOT

DATA = Path(__file__).parent
TIME_LIMIT_S = 300.0
# What no test needs of a tree, or what would be of another state of it.
_LEFT_OUT = (".git", ".cache", ".venv", ".hypothesis", ".*_cache", "__pycache__", "*.egg-info", "dist", "build")
_NOTICED = re.compile(r"^(?:FAILED|ERROR) tests/(\S+?::\S+?)(?:\[| - |$)", re.MULTILINE)
# What pytest ends with where a test failed, or ran into an error; others mean that no test was run.
_TESTS_FAILED = 1


# A mutant may do what the tests are there to prevent: one replaced /dev/stderr by a file.
_READ_ONLY = """
set -e
for directory in /*/; do
    directory=${directory%/}
    case $directory in /proc|/sys|/run|"$1") continue ;; esac
    [ ! -L "$directory" ] || continue
    mount --rbind "$directory" "$directory"
    mount -o remount,bind,ro "$directory"
done
shift
exec "$@"
"""


class Verdict(enum.Enum):
    """Say what became of a mutant."""

    CAUGHT = "caught"
    SURVIVED = "SURVIVED"
    STALE = "DOES NOT APPLY"
    BROKEN = "NO TEST WAS RUN"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """Hold a change of one module, the promise that it breaks, and the tests that should notice.

    `tests` are files or tests below `tests/`. With a `release` they run under the Python of that Debian.
    """

    name: str
    promise: str
    file: str
    before: str
    after: str
    tests: tuple[str, ...]
    release: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """Hold what became of a mutant; `by` is the test that noticed, or what else there is to say."""

    mutant: Mutant
    verdict: Verdict
    by: str = ""


def load(directory: Path = DATA) -> list[Mutant]:
    """Read the mutants of all data files; raise `ValueError` where one is no mutant, or two have one name."""
    rows = [row for path in sorted(directory.glob("*.toml")) for row in tomllib.loads(path.read_text())["mutant"]]
    found = [Mutant(**{**row, "tests": tuple(row["tests"])}) for row in rows]
    names = [mutant.name for mutant in found]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"two mutants of one name: {', '.join(twice)}")
    if same := [mutant.name for mutant in found if mutant.before == mutant.after or not mutant.tests]:
        raise ValueError(f"no mutant, or no test for it: {', '.join(same)}")
    return found


class Copy:
    """Keep a copy of a tree, and let one mutant at a time into it."""

    def __init__(self, directory: Path, tree: Path = ROOT) -> None:
        self._root = directory
        shutil.copytree(tree, directory, symlinks=True, ignore=shutil.ignore_patterns(*_LEFT_OUT))
        # Python knows compiled code by the second and the size of its source: no two states may share both.
        self._seconds = itertools.count(1_000_000_000)

    def judge(self, mutant: Mutant, limit_s: float = TIME_LIMIT_S) -> Outcome:
        """Say which test notices a mutant."""
        path = self._root / mutant.file
        whole = path.read_text()
        if (count := whole.count(mutant.before)) != 1:
            return Outcome(mutant=mutant, verdict=Verdict.STALE, by=f"its text stands there {count} times")
        self._write(path, whole.replace(mutant.before, mutant.after))
        try:
            code, said = self.run(mutant.tests, mutant.release, limit_s, "-x")
        finally:
            self._write(path, whole)
        return _outcome(mutant, code, said)

    def run(self, tests: Sequence[str], release: str, limit_s: float, *options: str) -> tuple[int | None, str]:
        """Run tests in the copy; return pytest's code, `None` where it did not end in time, and what it said."""
        shutil.rmtree(self._root / ".hypothesis", ignore_errors=True)
        # The same examples each time: a verdict must not be luck.
        pytest = ["-m", "pytest", "-q", "-p", "no:cacheprovider", "--tb=no", "--hypothesis-seed=0", *options]
        environment = os.environ | {"PYTHONPATH": f"{self._root}/daemon:{self._root}/sandbox"}
        pipe, both = subprocess.PIPE, subprocess.STDOUT
        with (
            python_of(release, self._root) as python,
            subprocess.Popen(
                [*_apart(), *python, *pytest, *(f"tests/{test}" for test in tests)],
                cwd=self._root,
                env=environment,
                text=True,
                stdout=pipe,
                stderr=both,
                start_new_session=True,
            ) as running,
        ):
            try:
                said, _ = running.communicate(timeout=limit_s)
            except subprocess.TimeoutExpired:
                os.killpg(running.pid, signal.SIGKILL)
                return None, running.communicate()[0]
            return running.returncode, said

    def _write(self, path: Path, text: str) -> None:
        path.write_text(text)
        second = next(self._seconds)
        os.utime(path, (second, second))


def failing(copy: Copy, mutants: Iterable[Mutant], limit_s: float) -> list[str]:
    """Return the tests that fail where nothing is broken: what they notice proves nothing."""
    wanted: dict[str, set[str]] = {}
    for mutant in mutants:
        wanted.setdefault(mutant.release, set()).update(mutant.tests)
    found: list[str] = []
    for release, tests in wanted.items():
        code, said = copy.run(sorted(tests), release, limit_s, "--numprocesses=4")
        if code != 0:
            found += _NOTICED.findall(said) or [f"pytest ended with {code}: {said[-2000:]}"]
    return found


def _apart() -> list[str]:
    """Return what goes before a command that may write to the temporary directory alone; it takes root."""
    if os.geteuid() != 0:
        return []
    _, top, *_ = Path(tempfile.gettempdir()).resolve().parts
    return ["unshare", "--mount", "--propagation", "private", "sh", "-c", _READ_ONLY, "sh", f"/{top}"]


def _outcome(mutant: Mutant, code: int | None, said: str) -> Outcome:
    if code is None:
        return Outcome(mutant=mutant, verdict=Verdict.CAUGHT, by="the tests did not end")
    if code == 0:
        return Outcome(mutant=mutant, verdict=Verdict.SURVIVED)
    noticed = _NOTICED.search(said)
    if code != _TESTS_FAILED or noticed is None:
        return Outcome(mutant=mutant, verdict=Verdict.BROKEN, by=f"pytest ended with {code}: {said[-2000:]}")
    return Outcome(mutant=mutant, verdict=Verdict.CAUGHT, by=noticed[1])


def table(outcomes: Sequence[Outcome]) -> str:
    """Return what became of the mutants, as a table in Markdown."""
    rows = ["| module | mutant | caught by |", "|---|---|---|"]
    for outcome in outcomes:
        module = outcome.mutant.file.removeprefix("daemon/iot_onboard/").removesuffix(".py")
        told = f"`{outcome.by}`" if outcome.verdict is Verdict.CAUGHT else f"**{outcome.verdict.value}** {outcome.by}"
        rows.append(f"| `{module}` | {outcome.mutant.promise} | {told.strip()} |")
    return "\n".join(rows)

"""Run the mutants and print their table: `make mutants`, or `python -m torture.mutants --only disk`."""

from __future__ import annotations

import argparse
import queue
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from .campaign import TIME_LIMIT_S, Copy, Mutant, Outcome, Verdict, failing, load, table


def main() -> int:
    """Return 0 where a test caught every mutant."""
    parser = argparse.ArgumentParser(prog="mutants", description="Break the daemon in one place at a time.")
    parser.add_argument(
        "--only", action="append", metavar="TEXT", help="mutants with this in their name or file alone; repeatable"
    )
    parser.add_argument("--jobs", type=int, default=2, help="mutants side by side (default: %(default)s)")
    options = parser.parse_args()
    wanted = [
        mutant
        for mutant in load()
        if not options.only or any(text in f"{mutant.name} {mutant.file}" for text in options.only)
    ]
    if not wanted:
        parser.error("there is no such mutant")
    with tempfile.TemporaryDirectory(prefix="mutants-") as directory:
        outcomes = _run(Path(directory), wanted, options.jobs)
    print(f"\n{table(outcomes)}")
    caught = sum(outcome.verdict is Verdict.CAUGHT for outcome in outcomes)
    print(f"\n{caught} of {len(outcomes)} caught")
    return 0 if caught == len(outcomes) else 1


def _run(directory: Path, wanted: list[Mutant], jobs: int) -> list[Outcome]:
    copies: queue.SimpleQueue[Copy] = queue.SimpleQueue()
    for number in range(jobs):
        copies.put(Copy(directory / str(number)))
    copy = copies.get()
    if wrong := failing(copy, wanted, TIME_LIMIT_S * 6):
        raise SystemExit("these tests fail where nothing is broken:\n" + "\n".join(wrong))
    copies.put(copy)

    def judge(mutant: Mutant) -> Outcome:
        copy = copies.get()
        try:
            outcome = copy.judge(mutant)
        finally:
            copies.put(copy)
        print(f"{mutant.name}: {outcome.verdict.value} {outcome.by}", flush=True)
        return outcome

    with ThreadPoolExecutor(jobs) as threads:
        return list(threads.map(judge, wanted))


if __name__ == "__main__":
    sys.exit(main())

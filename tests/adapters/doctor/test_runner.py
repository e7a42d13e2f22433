"""Checks run side by side, and what hangs is cut off."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from iot_onboard.doctor.model import Check, Facts, Finding, Group, Level, Probe, Result, fail, ok, skipped, warn
from iot_onboard.doctor.runner import run
from support.process.unprivileged import unprivileged

NOWHERE = Path("/nowhere/config.yaml")
FOR_EVER_S = 60.0


@pytest.fixture
def released() -> Iterator[threading.Event]:
    """What a probe may wait for; set when the test is over, so that no thread stays behind."""
    event = threading.Event()
    yield event
    event.set()


def probe(collect: Callable[[Facts], object], *needs: Probe[Any], wants: tuple[Probe[Any], ...] = ()) -> Probe[Any]:
    return Probe(name="the look-up", collect=collect, needs=needs, wants=wants, stuck="mend the resolver")


def check(
    name: str, asked: Probe[Any], judge: Callable[[Any], Finding] = lambda _: ok("Good."), *needs: str
) -> Check[Any]:
    return Check(name, Group.DNS, "about it", asked, (judge,), needs=needs)


def found(checks: list[Check[Any]], limit_s: float = 10.0, total_s: float = 30.0) -> dict[str, Result]:
    results = run(checks, NOWHERE, limit_s=limit_s, total_s=total_s)
    assert [result.check for result in results] == checks
    return {result.check.id: result for result in results}


def levels(checks: list[Check[Any]]) -> list[str]:
    return [result.worst.level.value for result in found(checks).values()]


def test_facts_are_brought_once_and_judged_often() -> None:
    """Three checks of one probe, and another probe that needs it."""
    asked: list[int] = []

    def counted(_: Facts) -> int:
        asked.append(1)
        return len(asked)

    one = probe(counted)
    two = probe(lambda seen: seen.get(one) + 1, one)

    def says(facts: int) -> Finding:
        return ok(f"It is {facts}.")

    results = found([check("a", one, says), check("b", two, says), check("c", one, says)])
    assert [result.worst.sentence for result in results.values()] == ["It is 1.", "It is 2.", "It is 1."]
    assert asked == [1]


def test_independent_checks_run_side_by_side() -> None:
    """Each waits for all the others to have begun: one after the other they would wait for ever."""
    together = threading.Barrier(8)
    checks = [check(str(number), probe(lambda _: together.wait(10))) for number in range(8)]
    assert levels(checks) == ["ok"] * 8


def test_a_check_without_its_precondition_is_skipped() -> None:
    """It names the first cause, also over several steps; its probe is never asked."""
    asked: list[int] = []
    never = probe(lambda _: asked.append(1))
    nothing = probe(lambda _: None)
    results = found(
        [
            check("bad", nothing, lambda _: fail("Broken.", "mend it")),
            check("next", never, lambda _: ok("Good."), "bad"),
            check("last", never, lambda _: ok("Good."), "next"),
        ]
    )
    assert results["last"].worst.sentence == "Not checked, because bad did not pass."
    assert [result.worst.because for result in results.values()] == [None, "bad", "bad"]
    assert asked == []


@pytest.mark.parametrize(
    ("finding", "level"),
    [
        (warn("Soon.", "renew"), "ok"),
        (skipped("Not needed."), "ok"),
        (fail("A detail.", "mend", blocks=False), "ok"),
        (skipped("Unknown.", blocks=True), "skipped"),
        (fail("Broken.", "mend"), "skipped"),
    ],
    ids=lambda value: getattr(value, "sentence", value),
)
def test_what_stands_in_the_way(finding: Finding, level: str) -> None:
    """A failure and what could not be seen do; a warning and what is not needed do not."""
    nothing = probe(lambda _: None)
    assert levels([check("a", nothing, lambda _: finding), check("b", nothing, lambda _: ok("Good."), "a")])[1] == level


def test_what_hangs_is_cut_off(released: threading.Event) -> None:
    """The run goes on without it: its checks fail with a fix, what rests on them is skipped, all others are judged."""
    hanging = probe(lambda _: released.wait(FOR_EVER_S))
    behind = probe(lambda seen: seen.get(hanging), hanging)
    began = time.monotonic()
    results = found(
        [
            check("hangs", hanging),
            check("behind", behind),
            check("rests-on-it", probe(lambda _: None), lambda _: ok("Good."), "hangs"),
            check("other", probe(lambda _: None)),
        ],
        limit_s=0.3,
    )
    assert time.monotonic() - began < FOR_EVER_S / 4
    assert results["hangs"].worst.sentence == "The look-up did not end within 0 s, and was abandoned."
    assert results["hangs"].worst.fix == "mend the resolver"
    assert [result.worst.level.value for result in results.values()] == ["fail", "fail", "skipped", "ok"]


def test_what_comes_back_too_late_changes_nothing(released: threading.Event) -> None:
    """A probe that was given up on may end while the run still goes on."""
    late_is_back = threading.Event()

    def late(_: Facts) -> None:
        released.wait(FOR_EVER_S)
        late_is_back.set()

    def releases(_: Facts) -> None:
        released.set()
        assert late_is_back.wait(10)

    nothing = probe(lambda _: None)
    hangs = Check("hangs", Group.DNS, "", probe(late), (lambda _: ok("Good."),))
    after = Check("after", Group.DNS, "", probe(releases, wants=(hangs.probe,)), (lambda _: ok("Good."),))
    last = check("last", nothing, lambda _: ok("Good."), "after")
    assert [result.worst.level.value for result in found([hangs, after, last], limit_s=0.5).values()] == [
        "fail",
        "ok",
        "ok",
    ]


def test_the_run_as_a_whole_is_bounded(released: threading.Event) -> None:
    """Many slow steps one after the other do not add up."""
    steps: list[Probe[Any]] = [probe(lambda _: released.wait(0.2))]
    for _ in range(200):
        steps.append(probe(lambda _: released.wait(0.2), steps[-1]))
    began = time.monotonic()
    results = found([check(str(number), step) for number, step in enumerate(steps)], total_s=0.5)
    assert time.monotonic() - began < 20
    assert results["200"].worst.level is Level.FAIL


def test_nothing_is_begun_after_the_end(released: threading.Event) -> None:
    """Also where what was waited for took all the time there is, and was cut off itself."""
    begun: list[bool] = []
    first = probe(lambda _: released.wait(FOR_EVER_S))
    second = probe(lambda _: begun.append(True), wants=(first,))
    results = found([check("a", first), check("b", second)], total_s=0.5)
    assert results["b"].worst.sentence == "The look-up was not started: the earlier checks used up the time limit."
    assert begun == []


def test_what_is_wanted_may_fail() -> None:
    """A probe that wants another one goes on without it."""
    broken = probe(lambda _: 1 / 0)
    after = probe(lambda seen: seen.get_optional(broken), wants=(broken,))
    assert found([check("a", after, lambda facts: ok(f"It is {facts}."))])["a"].worst.sentence == "It is None."


def test_what_may_not_be_read(tmp_path: Path) -> None:
    """Skipped with the file's name and the way to see it."""
    closed = tmp_path / "closed"
    closed.write_text("x")
    closed.chmod(0)
    refusing = probe(lambda _: (_ for _ in ()).throw(PermissionError(13, "Permission denied", str(closed))))
    with unprivileged():
        finding = found([check("a", refusing)])["a"].worst
    assert (finding.level, finding.fix, finding.blocks) == (Level.SKIPPED, "run with sudo", True)
    assert finding.sentence == f"This user cannot read {closed}."


@pytest.mark.parametrize("error", [ValueError("hunter2"), SystemExit("hunter2"), RecursionError("hunter2")])
def test_a_check_that_breaks_is_a_line(error: BaseException) -> None:
    """The others go on; of the exception its kind and place are shown, for its message may quote a secret."""

    def breaks(_: Facts) -> None:
        raise error

    def judge_breaks(_: object) -> Finding:
        raise ValueError("hunter2")

    nothing = probe(lambda _: None)
    results = found([check("a", probe(breaks)), check("b", nothing, judge_breaks), check("c", nothing)])
    assert [result.worst.level.value for result in results.values()] == ["skipped", "skipped", "ok"]
    assert type(error).__name__ in results["a"].worst.sentence
    assert "test_runner" in results["a"].worst.sentence
    assert "hunter2" not in str(results)

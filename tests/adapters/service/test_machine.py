"""Pure machines side by side in one loop: inputs in their order, deadlines, and jobs that hang."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import pytest

from iot_onboard.core.failures import Cause, OnboardError, Transient
from iot_onboard.core.timings import Now
from iot_onboard.service.loop import Loop, Source
from iot_onboard.service.machine import Machine
from support.process.stopwatch import time_to_end_s


@dataclass(frozen=True)
class Count:
    """The state of a small machine: what it has taken, and when it is due."""

    taken: tuple[object, ...] = ()
    wake_at: float | None = None


@dataclass
class Counter:
    """A machine that remembers its inputs; an input that is a function is an effect as well."""

    loop: Loop
    name: str = "counter"
    now_s: Callable[[], float] = time.monotonic
    changes: list[tuple[int, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.machine = Machine(
            name=self.name,
            loop=self.loop,
            monotonic_s=self.now_s,
            state=Count(),
            step=self._step,
            tick="tick",
            run=lambda effect: effect(),
            changed=lambda before: self.changes.append((len(before.taken), len(self.machine.state.taken))),
        )

    def _step(self, state: Count, input_: object, now: Now) -> tuple[Count, tuple[Callable[[], object], ...]]:
        assert 0.0 <= now.chance < 1.0
        assert now.at == pytest.approx(self.now_s(), abs=1.0)
        after = replace(state, taken=(*state.taken, input_), wake_at=None)
        return after, (input_,) if callable(input_) else ()


def run_until(loop: Loop, is_over: Callable[[], bool]) -> None:
    hangs_at = time.monotonic() + 5.0
    loop.add(Source(due_at=lambda: hangs_at, on_due=lambda: pytest.fail("it did not come about")))
    loop.add(Source(due_at=lambda: 0.0 if is_over() else None, on_due=loop.end))
    loop.run()


def test_what_an_effect_feeds_waits_for_its_turn() -> None:
    """Inputs are taken one after the other, in the order in which they came, however deep they come from."""
    counter = Counter(Loop())
    heard: list[str] = []

    def second() -> None:
        heard.append("second begins")

    def first() -> None:
        heard.append("first begins")
        counter.machine.feed(second)
        counter.machine.feed("third")
        heard.append("first ends")

    counter.machine.feed(first)
    assert heard == ["first begins", "first ends", "second begins"]
    assert counter.machine.state.taken == (first, second, "third")
    assert counter.changes == [(0, 1), (1, 2), (2, 3)]


def test_a_defect_leaves_no_inputs_behind() -> None:
    """It is the caller's; what was to come after it came of what never was."""
    counter = Counter(Loop())

    def fail() -> None:
        counter.machine.feed("of no use")
        raise LookupError

    with pytest.raises(LookupError):
        counter.machine.feed(fail)
    counter.machine.feed("next")
    assert counter.machine.state.taken == (fail, "next")


def test_each_deadline_is_its_own() -> None:
    """A machine is fed its tick when its moment has come, and no other is."""
    now_s = [1000.0]
    loop = Loop(lambda: now_s[0], lambda _, timeout_s: now_s.__setitem__(0, now_s[0] + (timeout_s or 0.0)) or {})
    soon, late = (Counter(loop, name, lambda: now_s[0]) for name in ("soon", "late"))
    soon.machine.state = Count(wake_at=1005.0)
    late.machine.state = Count(wake_at=1009.0)
    ticked: list[tuple[float, int, int]] = []

    def look() -> None:
        taken = len(soon.machine.state.taken), len(late.machine.state.taken)
        if not ticked or ticked[-1][1:] != taken:
            ticked.append((now_s[0], *taken))

    loop.every(lambda: 1.0, look)
    loop.add(Source(due_at=lambda: 1020.0, on_due=loop.end))
    loop.run()
    assert ticked == [(1000.0, 0, 0), (1005.0, 1, 0), (1009.0, 1, 1)]
    assert soon.machine.state.taken == late.machine.state.taken == ("tick",)


def outcome(job: Callable[[], object], crashed: bool = False) -> tuple[object, list[str]]:
    """Return what becomes of a job: the input that it led to, and where a defect was that nobody lives with."""
    counter, places = Counter(Loop()), list[str]()
    counter.machine.start(
        job, lambda value: ("done", value), lambda failure: ("failed", failure), places.append if crashed else None
    )
    run_until(counter.loop, lambda: bool(counter.machine.state.taken or places))
    return next(iter(counter.machine.state.taken), None), places


def test_a_job_comes_back_as_an_input() -> None:
    """With a value, a failure, or a defect that is lived with; where that would not do, its place is handed on."""
    failure = Transient(cause=Cause.NETWORK, detail="x")

    def fails() -> None:
        raise OnboardError(failure)

    def crashes() -> None:
        raise ValueError("hunter2")

    assert outcome(lambda: 42) == (("done", 42), [])
    assert outcome(fails) == (("failed", failure), [])
    found, _ = outcome(crashes)
    assert isinstance(found, tuple)
    assert isinstance(found[1], Transient)
    assert (found[1].cause, "hunter2" in found[1].detail) == (Cause.DEFECT, False)
    nothing, (place,) = outcome(crashes, crashed=True)
    assert (nothing, place[:14], "hunter2" in place) == (None, "ValueError at ", False)


@pytest.mark.parametrize("hangs_first", [True, False])
def test_a_job_that_hangs_holds_up_no_other_machine(hangs_first: bool) -> None:
    """A sub-device's registration that gets no answer, and the gateway's dials go on, each on its own thread."""
    loop, free = Loop(), threading.Event()
    subdevices, gateway = (Counter(loop, name) for name in ("subdevices", "gateway"))
    threads: list[str] = []

    def hang() -> None:
        threads.append(threading.current_thread().name)
        free.wait(30)

    def dial() -> int:
        threads.append(threading.current_thread().name)
        return 1

    def dial_again(_: object = None) -> str:
        if len(gateway.machine.state.taken) < 10:
            gateway.machine.start(dial, dial_again, lambda failure: failure)
        return "dialled"

    if not hangs_first:
        dial_again()
    subdevices.machine.start(hang, lambda _: "registered", lambda failure: failure)
    if hangs_first:
        dial_again()
    began = time.monotonic()
    run_until(loop, lambda: len(gateway.machine.state.taken) >= 10)
    assert time.monotonic() - began < 2.0
    assert set(gateway.machine.state.taken) == {"dialled"}
    assert subdevices.machine.state.taken == ()
    with pytest.raises(RuntimeError, match="one thing"):
        subdevices.machine.start(dial, str, str)
    assert set(threads) == {"subdevices", "gateway"}
    free.set()


HANGING = """
import socket, sys
from iot_onboard.service.loop import Loop
from iot_onboard.service.machine import Machine
from iot_onboard.service.stop_signals import StopSignals

class State:
    wake_at = None

loop, (here, _) = Loop(), socket.socketpair()
machines = [
    Machine(name=name, loop=loop, monotonic_s=lambda: 0.0, state=State(), step=lambda state, input_, now: (state, ()),
            tick=None, run=None)
    for name in ("gateway", "subdevices")
]
with StopSignals(loop, loop.end):
    for machine in machines:
        machine.start(lambda: here.recv(1), str, str)
    print("up", flush=True)
    loop.run()
"""


def test_no_machine_keeps_the_process() -> None:
    """SIGTERM while the job of each hangs in a system call: gone within half a second."""
    with subprocess.Popen([sys.executable, "-c", HANGING], stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.readline()
        assert time_to_end_s(child, child.terminate) <= 0.5
        assert child.wait() == 0

"""The loop on real descriptors, by the real clock and by one of the test's own."""

from __future__ import annotations

import os
import select
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from iot_onboard.service.loop import READ, WRITE, Loop, Source


@dataclass
class Pipe:
    """Two ends of a socket pair: what is sent on one is read by a source on the other."""

    here: socket.socket
    there: socket.socket
    heard: list[bytes] = field(default_factory=list)

    def read(self, _: int = READ) -> None:
        self.heard.append(self.here.recv(64))


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    here, there = socket.socketpair()
    with here, there:
        yield Pipe(here, there)


def after(loop: Loop, seconds: float) -> None:
    """Have a loop end by its clock; a test that hangs is one that fails."""
    end_at = time.monotonic() + seconds
    loop.add(Source(due_at=lambda: end_at, on_due=loop.end))


def test_what_is_ready_is_handed_to_its_source(pipe: Pipe) -> None:
    """At once, with what it is ready for, and again for as long as there is something."""
    loop = Loop()
    masks: list[int] = []

    def on_ready(mask: int) -> None:
        masks.append(mask)
        pipe.heard.append(pipe.here.recv(1))
        if len(masks) == 2:
            loop.end()

    loop.add(Source(fileno=pipe.here.fileno, on_ready=on_ready))
    pipe.there.send(b"ab")
    began = time.monotonic()
    loop.run()
    assert time.monotonic() - began < 1.0
    assert (pipe.heard, masks) == ([b"a", b"b"], [READ, READ])


def test_a_mask_may_change_from_turn_to_turn(pipe: Pipe) -> None:
    """Whoever has something to send waits for that too, and only then."""
    loop = Loop()
    masks: list[int] = []
    wants = [WRITE, READ | WRITE, READ]

    def on_ready(mask: int) -> None:
        masks.append(mask)
        wants.pop(0)
        if len(wants) == 1:
            pipe.there.send(b"x")
        if not wants:
            loop.end()

    loop.add(Source(fileno=pipe.here.fileno, mask=lambda: wants[0], on_ready=on_ready))
    loop.run()
    assert masks == [WRITE, WRITE, READ]


def test_a_descriptor_may_come_and_go(pipe: Pipe) -> None:
    """A source without one is not waited for; one that was closed, and whose number is another's then, does no harm."""
    loop = Loop()
    there = [pipe.here]
    loop.add(Source(fileno=lambda: there[0].fileno() if there else -1, on_ready=pipe.read))
    turns = iter(range(20))

    def act() -> None:
        turn = next(turns)
        if turn == 0:
            pipe.there.send(b"1")
        elif turn == 2:
            there.pop().close()
        elif turn == 4:
            other, far = socket.socketpair()
            pipe.here, pipe.there = other, far
            there.append(other)
            far.send(b"2")
        elif turn == 6:
            loop.end()

    loop.every(lambda: 0.005, act)
    loop.run()
    assert pipe.heard == [b"1", b"2"]
    pipe.here.close()
    pipe.there.close()


def test_a_closed_descriptor_is_let_go(pipe: Pipe) -> None:
    """A source may still name a socket that was closed under it: its number is -1 then, and the loop goes on."""
    loop = Loop()
    loop.add(Source(fileno=pipe.here.fileno, on_ready=pipe.read))
    loop.every(lambda: 0.01, pipe.here.close)
    after(loop, 0.05)
    loop.run()
    assert pipe.heard == []


def test_a_moment_is_waited_for() -> None:
    """Not longer than a few milliseconds beyond it, and without a wake-up before."""
    loop = Loop()
    began = time.monotonic()
    waits: list[None] = []
    ready_at = began + 0.2

    def due_at() -> float:
        waits.append(None)
        return ready_at

    loop.add(Source(due_at=due_at, on_due=loop.end))
    loop.run()
    assert 0.2 <= time.monotonic() - began < 0.7
    # Asked for before a wait and after it; more than one wait would ask more often.
    assert len(waits) == 2


def test_what_is_due_in_one_turn_is_done_in_the_order_of_adding(pipe: Pipe) -> None:
    """Descriptors first, then moments, the first source first."""
    loop = Loop(lambda: 100.0)
    heard: list[str] = []
    loop.add(Source(due_at=lambda: 100.0, on_due=lambda: heard.append("one")))
    loop.add(Source(due_at=lambda: 100.5, on_due=lambda: heard.append("never")))
    loop.add(Source(due_at=lambda: float("-inf"), on_due=lambda: heard.append("two")))
    loop.add(Source(fileno=pipe.here.fileno, on_ready=lambda _: heard.append("ready")))
    loop.add(Source(due_at=lambda: 99.0, on_due=loop.end))
    pipe.there.send(b"x")
    loop.run()
    assert heard == ["ready", "one", "two"]


def test_nothing_is_done_after_the_end(pipe: Pipe) -> None:
    """What is ready or due in the same turn is left: a state machine that has stopped takes no input."""
    for ends_on_ready in (True, False):
        loop = Loop()
        heard: list[str] = []
        end = loop.end if ends_on_ready else lambda: None
        loop.add(Source(fileno=pipe.here.fileno, on_ready=lambda _, end=end: end()))  # type: ignore[misc]
        loop.add(Source(due_at=lambda: 0.0, on_due=loop.end))
        loop.add(Source(due_at=lambda: 0.0, on_due=lambda heard=heard: heard.append("late")))  # type: ignore[misc]
        pipe.there.send(b"x")
        loop.run()
        assert heard == []


def test_only_one_of_two_that_are_ready_may_end_it(pipe: Pipe) -> None:
    """Whichever is handed on first: the other one is not."""
    loop = Loop()
    heard: list[str] = []

    def end(words: str) -> None:
        heard.append(words)
        loop.end()

    loop.add(Source(fileno=pipe.here.fileno, on_ready=lambda _: end("here")))
    loop.add(Source(fileno=pipe.there.fileno, on_ready=lambda _: end("there")))
    pipe.there.send(b"x")
    pipe.here.send(b"x")
    loop.run()
    assert len(heard) == 1


def test_a_loop_that_ended_before_it_ran_waits_for_nothing(pipe: Pipe) -> None:
    """A start may end by itself."""
    loop = Loop()
    loop.add(Source(fileno=pipe.here.fileno, on_ready=pipe.read))
    pipe.there.send(b"x")
    loop.end()
    loop.run()
    assert pipe.heard == []


@pytest.mark.parametrize("by_the_same_source", [True, False])
def test_a_number_that_means_another_descriptor_by_now(by_the_same_source: bool) -> None:
    """Closed and opened anew within one turn, by the same source or by one that was added before: it is heard."""
    loop = Loop()
    pairs = [socket.socketpair(), socket.socketpair()]
    (old, old_far), (new, new_far) = pairs
    owned = {"earlier": -1, "later": os.dup(old.fileno())}
    heard: list[bytes] = []

    def on_ready(_: int) -> None:
        heard.append((new if heard else old).recv(1))
        if len(heard) == 2:
            loop.end()
            return
        number = owned["later"]
        os.close(number)
        owned["later"] = -1
        owned["later" if by_the_same_source else "earlier"] = os.dup(new.fileno())
        assert number in owned.values()
        new_far.send(b"n")

    for name in owned:
        loop.add(Source(fileno=lambda name=name: owned[name], on_ready=on_ready))  # type: ignore[misc]
    after(loop, 5.0)
    old_far.send(b"o")
    loop.run()
    assert heard == [b"o", b"n"]
    os.close(max(owned.values()))
    for pair in pairs:
        for end in pair:
            end.close()


def test_a_descriptor_that_is_not_open_is_a_defect() -> None:
    """It would wake the loop for ever, or never: the caller hears of it."""
    loop = Loop()
    read, write = os.pipe()
    os.close(read)
    os.close(write)
    loop.add(Source(fileno=lambda: read))
    with pytest.raises(OSError, match="Bad file descriptor"):
        loop.run()


def test_a_peer_that_is_gone_is_heard_by_who_only_writes(pipe: Pipe) -> None:
    """And by who only reads: both are ready, for their next call says so."""
    for asked in (READ, WRITE):
        loop = Loop()
        masks: list[int] = []
        pipe.there.close()

        def on_ready(mask: int, loop: Loop = loop, masks: list[int] = masks) -> None:
            masks.append(mask)
            loop.end()

        loop.add(Source(fileno=pipe.here.fileno, mask=lambda asked=asked: asked, on_ready=on_ready))  # type: ignore[misc]
        loop.run()
        assert masks == [asked]


@pytest.mark.parametrize("when", ["ready", "due"])
def test_a_source_that_raises_ends_the_loop(pipe: Pipe, when: str) -> None:
    """The exception is the caller's."""
    loop = Loop()

    def fail(_: int = 0) -> None:
        raise LookupError(when)

    loop.add(
        Source(fileno=pipe.here.fileno, on_ready=fail) if when == "ready" else Source(due_at=lambda: 0.0, on_due=fail)
    )
    pipe.there.send(b"x")
    with pytest.raises(LookupError, match=when):
        loop.run()


def test_a_period_begins_at_once_and_by_what_was_done_last() -> None:
    """Late once is not early afterwards, and no period is made up for."""
    now = [1000.0]
    loop = Loop(lambda: now[0])
    acted: list[float] = []
    steps = iter([1000.0, 1004.0, 1012.0, 1016.0, 1017.0, 1100.0])

    def go_on() -> None:
        if (step := next(steps, None)) is None:
            loop.end()
        else:
            now[0] = step

    loop.every(lambda: 5.0, lambda: acted.append(now[0]))
    loop.add(Source(due_at=lambda: 0.0, on_due=go_on))
    loop.run()
    assert acted == [1000.0, 1012.0, 1017.0, 1100.0]


def test_a_period_may_begin_later_and_end() -> None:
    """While it is `None` nothing is done, and nothing is waited for."""
    now = [1000.0]
    period: list[float | None] = [None]
    loop = Loop(lambda: now[0])
    acted: list[float] = []
    script: Iterator[tuple[float, float | None]] = iter([(1001.0, 2.0), (1002.0, None), (1009.0, None), (1010.0, 2.0)])

    def go_on() -> None:
        if (step := next(script, None)) is None:
            loop.end()
        else:
            now[0], period[0] = step

    loop.add(Source(due_at=lambda: 0.0, on_due=go_on))
    loop.every(lambda: period[0], lambda: acted.append(now[0]))
    loop.run()
    assert acted == [1001.0, 1010.0]


def test_an_idle_loop_sleeps(pipe: Pipe) -> None:
    """Nothing ready and nothing due: it neither turns nor ends, until somebody sends."""
    loop = Loop()
    turns: list[None] = []
    loop.add(Source(fileno=pipe.here.fileno, on_ready=lambda _: loop.end()))
    loop.add(Source(due_at=lambda: turns.append(None)))
    pid = os.fork()
    if pid == 0:
        select.select([], [], [], 0.3)
        pipe.there.send(b"x")
        os._exit(0)
    loop.run()
    os.waitpid(pid, 0)
    assert len(turns) <= 2


def test_a_source_without_end_leaves_the_others_their_turn(pipe: Pipe) -> None:
    """One that is always ready, and due at once as well: a signal is heard and the watchdog fed in the same turn."""
    loop, busy, fed = Loop(), [0], [0]
    endless, filled = socket.socketpair()
    with endless, filled:
        filled.send(b"x")

        def work(_: int = READ) -> None:
            busy[0] += 1
            if busy[0] == 100:
                pipe.there.send(b"stop")

        def stop(_: int) -> None:
            pipe.read()
            loop.end()

        loop.add(Source(fileno=endless.fileno, on_ready=work, due_at=lambda: float("-inf"), on_due=work))
        loop.every(lambda: 0.0, lambda: fed.__setitem__(0, fed[0] + 1))
        loop.add(Source(fileno=pipe.here.fileno, on_ready=stop))
        loop.run()
    assert pipe.heard == [b"stop"]
    assert busy[0] <= 104
    assert fed[0] >= 48

"""When to ping and when to give up, over a clock that is moved by hand."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iot_onboard.core.timings import IdleTime
from iot_onboard.mqtt.keepalive import NEVER, PROBE_S, Due, KeepAlive

START = 1000.0
KEEPALIVES = st.integers(1, 1200)


def run(keepalive: KeepAlive, now: float, until: float = NEVER, *, answered: bool = False) -> list[tuple[float, Due]]:
    """Do what the loop does until the peer is dead or `until` is over; every ping is answered at once, or none is."""
    met: list[tuple[float, Due]] = []
    while keepalive.next_at() < until and (not met or met[-1][1] is not Due.DEAD):
        assert keepalive.next_at() > now or not met, "the loop would spin"
        now = keepalive.next_at()
        met.append((now, keepalive.due(now)))
        if met[-1][1] is Due.PING:
            keepalive.pinged(now)
            if answered:
                keepalive.received(now)
    return met


@given(KEEPALIVES)
def test_a_peer_that_is_silent_is_pinged_and_given_up_within_one_and_a_half_keep_alives(keepalive_s: int) -> None:
    """One ping first, and then the end."""
    keepalive = KeepAlive(keepalive_s, START)
    ping, (end, last) = run(keepalive, START)
    assert ping == (START + keepalive_s, Due.PING)
    assert last is Due.DEAD
    assert end - START <= 1.5 * keepalive_s
    assert keepalive.waited_s(end) == min(0.45 * keepalive_s, 30.0)


@given(KEEPALIVES)
def test_a_peer_that_answers_is_pinged_once_a_keep_alive(keepalive_s: int) -> None:
    """And never given up."""
    met = run(KeepAlive(keepalive_s, START), START, START + 10 * keepalive_s + 1, answered=True)
    assert {due for _, due in met} == {Due.PING}
    assert 9 <= len(met) <= 10


@given(st.integers(2, 1200), st.floats(0.05, 0.95))
def test_talk_of_one_side_hides_no_silence_of_the_other(keepalive_s: int, every: float) -> None:
    """Who sends all the time and hears nothing pings in time, and gives up in time."""
    keepalive, now = KeepAlive(keepalive_s, START), START
    due = Due.NOTHING
    pinged = False
    while due is not Due.DEAD:
        now += every
        keepalive.sent(now)
        due = keepalive.due(now)
        if due is Due.PING:
            keepalive.pinged(now)
            pinged = True
    assert pinged
    assert keepalive_s < now - START <= 1.5 * keepalive_s + every


@given(KEEPALIVES, st.floats(0.0, 0.9))
def test_what_comes_in_counts_as_life(keepalive_s: int, part: float) -> None:
    """Anything that is received puts the end off; what is sent does not."""
    keepalive = KeepAlive(keepalive_s, START)
    later = START + part * keepalive_s
    keepalive.sent(later)
    assert run(KeepAlive(keepalive_s, START), START)[-1][0] == run(keepalive, START)[-1][0]
    keepalive = KeepAlive(keepalive_s, START)
    keepalive.received(later)
    assert run(keepalive, START)[-1][0] == pytest.approx(later + keepalive_s + min(0.45 * keepalive_s, 30.0))


@given(st.integers(60, 1200), st.floats(0.0, 50.0))
def test_a_probe_goes_out_at_once_and_is_waited_for_ten_seconds(keepalive_s: int, after_s: float) -> None:
    """Whatever the keep-alive."""
    keepalive, now = KeepAlive(keepalive_s, START), START + after_s
    keepalive.request_probe(now)
    assert keepalive.next_at() == now
    assert not keepalive.is_probing
    assert run(keepalive, now) == [(now, Due.PING), (now + PROBE_S, Due.DEAD)]
    assert keepalive.is_probing
    assert keepalive.waited_s(now + PROBE_S) == PROBE_S


def test_a_probe_that_is_answered_is_over() -> None:
    """Whatever came is an answer, and the keep-alive counts afresh."""
    keepalive = KeepAlive(300, START)
    keepalive.request_probe(START)
    keepalive.pinged(START)
    keepalive.received(START + 1)
    assert not keepalive.is_probing
    assert keepalive.due(START + 299) is Due.NOTHING
    assert keepalive.due(START + 300) is Due.PING


@given(st.lists(st.integers(0, 30), min_size=1, max_size=20))
def test_probes_are_ten_seconds_apart(pauses: list[int]) -> None:
    """However often the network changes."""
    keepalive, now = KeepAlive(1200, START), START
    probed: list[float] = []
    for pause in pauses:
        keepalive.request_probe(now)
        now += pause
        for at, due in run(keepalive, now - pause, now, answered=True):
            assert due is Due.PING
            probed.append(at)
    assert all(later - earlier >= PROBE_S for earlier, later in pairwise(probed))


@given(KEEPALIVES, st.lists(st.tuples(st.sampled_from(["in", "out", "ping", "probe"]), st.floats(0, 2000))))
def test_what_is_due_is_due_when_it_was_promised(keepalive_s: int, steps: list[tuple[str, float]]) -> None:
    """Before `next_at` there is nothing to do, and then there is."""
    keepalive, now = KeepAlive(keepalive_s, START), START
    for what, after_s in steps:
        now += after_s
        {
            "in": keepalive.received,
            "out": keepalive.sent,
            "ping": keepalive.pinged,
            "probe": keepalive.request_probe,
        }[what](now)
        at = keepalive.next_at()
        assert keepalive.due(at) is not Due.NOTHING
        assert keepalive.due(at - 0.001) is Due.NOTHING


@given(KEEPALIVES, st.floats(0.0, 1.0))
def test_silence_is_counted_from_the_last_packet_of_either_side(keepalive_s: int, part: float) -> None:
    """Nothing was asked in it, and nothing was survived but what came before."""
    keepalive = KeepAlive(keepalive_s, START)
    keepalive.received(START + 1.0)
    keepalive.sent(START + 2.0)
    end = START + 2.0 + part * keepalive_s
    assert keepalive.idle_time(end) == IdleTime(lasted_s=end - START - 2.0, survived_s=1.0)


@given(KEEPALIVES)
def test_a_ping_without_an_answer_ends_no_silence(keepalive_s: int) -> None:
    """It is the silence before it that the connection did not survive; with an answer it did."""
    keepalive = KeepAlive(keepalive_s, START)
    (ping_at, _), (end, _) = run(keepalive, START)
    assert keepalive.idle_time(end) == IdleTime(lasted_s=ping_at - START, survived_s=0.0, ping_unanswered=True)
    keepalive.received(end)
    assert keepalive.idle_time(end + 1.0) == IdleTime(lasted_s=1.0, survived_s=keepalive_s)


@given(st.integers(60, 1200), st.floats(1.0, 50.0))
def test_a_first_ping_may_come_early(keepalive_s: int, first_ping_s: float) -> None:
    """Once; what follows is the keep-alive, and a dead peer is noticed as late as ever."""
    keepalive = KeepAlive(keepalive_s, START, first_ping_s)
    pings = run(keepalive, START, START + 3 * keepalive_s, answered=True)
    assert [at for at, _ in pings[:2]] == [START + first_ping_s, pytest.approx(START + first_ping_s + keepalive_s)]
    unanswered = run(KeepAlive(keepalive_s, START, first_ping_s), START)
    assert unanswered[-1] == (START + keepalive_s + 30.0 if keepalive_s > 66 else unanswered[-1][0], Due.DEAD)

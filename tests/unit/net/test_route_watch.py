"""When the kernel's news are looked at, in simulated time."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iot_onboard.fast_start.fast_dataclasses import replace
from iot_onboard.net.route_watch import Pause, RouteCheck, pause_after

PACE_S, TICK_S, LASTS_S = 36.0, 30.0, 600.0


def run(messages: list[float], tick_s: float | None = TICK_S, first_tick_s: float = 0.0) -> tuple[list[float], int]:
    """Return when there was a look that found something, and how many wake-ups were its own."""
    pause, now_s, wakeups = Pause(), 0.0, 0
    looks: list[float] = []
    left = sorted(messages)
    tick_at = first_tick_s if tick_s is not None else float("inf")
    while True:
        due_at = pause.checked_at + pause.length_s if pause.length_s else max(left[0], now_s) if left else float("inf")
        now_s = min(due_at, tick_at)
        if now_s > LASTS_S:
            return looks, wakeups
        has_messages = bool(left and left[0] <= now_s)
        if now_s == tick_at:
            tick_at += tick_s or 0.0
            if not pause.length_s:
                continue
        else:
            wakeups += 1
            pause = pause if pause.length_s else replace(pause, woken_at=now_s)
        looks += [now_s] if has_messages else []
        left = [at for at in left if at > now_s]
        pause = pause_after(pause, RouteCheck(has_messages=has_messages, changed=False), PACE_S, now_s)


@given(st.floats(0.2, 200.0), st.floats(0.0, TICK_S))
def test_whatever_comes_and_goes_wakes_nobody_often(period_s: float, first_tick_s: float) -> None:
    """With the watchdog's two wake-ups and the keep-alive's, four a minute are not reached; nothing waits for long."""
    messages = [at * period_s for at in range(1, int(LASTS_S / period_s))]
    looks, wakeups = run(messages, first_tick_s=first_tick_s)
    assert wakeups / (LASTS_S / 60.0) <= 1.8
    assert all(any(at <= look <= at + PACE_S for look in looks) for at in messages if at <= LASTS_S - PACE_S)
    _, alone = run(messages, tick_s=None)
    assert alone / (LASTS_S / 60.0) <= 3.8


def test_what_comes_in_several_messages_is_seen_soon() -> None:
    """The interface, the address, the route: a second, and not half a minute."""
    looks, _ = run([100.0, 100.3, 101.2])
    assert looks == [100.0, 101.0, 102.0]


@pytest.mark.parametrize("pace_s", [0.5, PACE_S])
def test_while_there_is_no_route_its_return_is_seen_soon(pace_s: float) -> None:
    """However often."""
    spent = Pause(soon_at=(90.0, 91.0, 92.0), woken_at=99.0)
    for has_messages, length_s in ((True, 0.5), (False, 0.0)):
        check = RouteCheck(has_messages=has_messages, changed=False, has_route=False)
        assert pause_after(spent, check, pace_s, 100.0).length_s == length_s
    assert pause_after(spent, RouteCheck(has_messages=True, changed=False), pace_s, 100.0).length_s == pace_s


def test_a_quick_pace_is_kept() -> None:
    """Half a second after each look, whatever was told before; then the kernel may wake us."""
    pause = pause_after(Pause(), RouteCheck(has_messages=True, changed=False), 0.5, 100.0)
    assert (pause.length_s, pause.soon_at) == (0.5, ())
    assert pause_after(pause, RouteCheck(has_messages=False, changed=False), 0.5, 100.5).length_s == 0.0

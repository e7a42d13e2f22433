"""Waits stay between their floors and caps, and the connect budget holds."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iot_onboard.core import backoff

chances = st.floats(0, 1, exclude_max=True)


@given(st.integers(-5, 10**9), chances)
@pytest.mark.parametrize("pace", [backoff.WAITING, backoff.SLOW, backoff.BLOCKED, backoff.HOLD_OFF])
def test_every_wait_lies_between_floor_and_cap(pace: backoff.Pace, attempt: int, chance: float) -> None:
    """Invariant 4, for any attempt number."""
    assert pace.floor_s <= pace.wait_s(attempt, chance) <= pace.cap_s


def test_the_published_numbers() -> None:
    """First retry within 5 s, five minutes at the most, blocked about hourly."""
    assert backoff.WAITING.wait_s(1, 0.999999) <= 5.0
    assert backoff.WAITING.wait_s(50, 0.999999) == pytest.approx(300.0, abs=0.1)
    assert backoff.BLOCKED.wait_s(1, 0.5) == pytest.approx(3600.0)
    assert backoff.HOLD_OFF.wait_s(9, 0.999999) == pytest.approx(900.0, abs=0.1)


@given(st.floats(0, 1e12), chances)
def test_retry_after_is_a_floor_up_to_an_hour(retry_after_s: float, chance: float) -> None:
    """A server's wish is obeyed, and cannot strand a gateway."""
    wait_s = backoff.obeyed_wait_s(retry_after_s, chance)
    assert min(retry_after_s, 3600.0) <= wait_s <= 3960.0


@given(st.lists(st.floats(0, 100), max_size=60))
def test_no_sixth_connect_within_the_window(pauses: list[float]) -> None:
    """Invariant 3: whoever asks `earliest_s` and waits never sends six in 60 s."""
    now_s = 0.0
    sent: list[float] = []
    for pause in pauses:
        now_s = backoff.earliest_s(tuple(sent), now_s + pause)
        sent.append(now_s)
    assert all(later - first >= 60.0 for first, later in zip(sent, sent[5:], strict=False))


@given(st.lists(st.tuples(st.floats(0, 30), st.floats(0, 0.5)), max_size=60))
def test_no_sixth_packet_within_the_window(schedule: list[tuple[float, float]]) -> None:
    """What counts is when it leaves, up to half a second after the clock was read."""
    now_s, budget, left_at = 0.0, backoff.Budget(), list[float]()
    for pause_s, late_s in schedule:
        now_s = backoff.login_at(budget, now_s + pause_s)
        budget = backoff.with_connect(budget, now_s)
        left_at.append(now_s + late_s)
    assert all(later - first >= 60.0 for first, later in zip(left_at, left_at[5:], strict=False))


SPENT = (96.0, 97.0, 98.0, 99.0, 100.0)


def test_a_registration_over_https_delays_no_login() -> None:
    """It sends no CONNECT: a gateway that has asked five times in vain logs in as soon as it has a secret."""
    budget = backoff.Budget(registrations=SPENT)
    assert backoff.login_at(budget, 100.0) == 100.0
    assert backoff.registration_at(budget, backoff.Via.HTTPS, 100.0) == 96.0 + 60.5
    assert backoff.with_registration(backoff.Budget(), 7.0) == backoff.Budget(registrations=(7.0,))


def test_a_registration_over_mqtt_is_a_connect() -> None:
    """It waits for logins, and logins wait for it; the count of requests holds for it as well."""
    logins = backoff.Budget(connects=SPENT)
    assert backoff.registration_at(logins, backoff.Via.HTTPS, 100.0) == 100.0
    assert backoff.registration_at(logins, backoff.Via.MQTT, 100.0) == 96.0 + 60.5
    requests = backoff.Budget(registrations=SPENT)
    assert backoff.registration_at(requests, backoff.Via.MQTT, 100.0) == 96.0 + 60.5
    mixed = backoff.Budget(connects=SPENT[1:])
    assert backoff.login_at(backoff.with_connect(mixed, 100.5), 101.0) == 97.0 + 60.5


def test_a_reserve_is_left_of_requests_alone() -> None:
    """News of the network find room for one; of CONNECTs all are used."""
    budget = backoff.Budget(registrations=SPENT[1:], connects=SPENT[1:])
    for via in backoff.Via:
        assert backoff.registration_at(budget, via, 100.0) == 100.0
        assert backoff.registration_at(budget, via, 100.0, reserve=1) == 97.0 + 60.5


@given(st.lists(st.floats(0, 30_000), min_size=1, max_size=20))
def test_registrations_after_refused_logins_come_ever_more_seldom(pauses: list[float]) -> None:
    """Ten minutes apart, doubling to six hours."""
    budget, gaps = backoff.Budget(), list[float]()
    now_s = 0.0
    for pause_s in pauses:
        now_s = max(now_s + pause_s, budget.reregister_at)
        budget = backoff.with_reregistration(budget, now_s)
        gaps.append(budget.reregister_at - now_s)
    assert gaps == pytest.approx([min(600.0 * 2**n, 21_600.0) for n in range(len(gaps))])


@given(st.lists(st.floats(0, 20), max_size=100))
def test_news_without_end_lead_to_few_tries(pauses: list[float]) -> None:
    """The first at once, the next after 1 s and 5 s, and from then on one in a quarter of a minute."""
    now_s = 0.0
    tries: list[float] = []
    for pause in pauses:
        now_s += pause
        at = backoff.early_retry_s(tuple(tries), now_s)
        assert at == now_s or at - now_s <= 15.001
        if at == now_s:
            tries.append(now_s)
    gaps = [after - before for before, after in pairwise(tries)]
    assert all(gap >= 0.999 for gap in gaps)
    assert all(later - first >= 60.0 for first, later in zip(tries, tries[6:], strict=False))
    assert backoff.early_retry_s(tuple(tries), now_s + 61.0) == now_s + 61.0


def test_a_pause_comes_late_and_stays_bounded() -> None:
    """Ten quick ends are nothing but systemd's two seconds; then ten seconds, doubling to ten minutes."""
    assert {backoff.restart_delay_s(short) for short in range(11)} == {0.0}
    assert [backoff.restart_delay_s(short) for short in (11, 12, 13, 16, 17, 18, 10**6)] == [
        10,
        20,
        40,
        320,
        600,
        600,
        600,
    ]


@given(st.floats(0, 1e5), st.integers(1, 10**6), st.floats(0, 1, exclude_max=True))
def test_a_spread_has_a_floor_and_an_end(left_s: float, refusals: int, chance: float) -> None:
    """No sooner than any wait, and within what is left; near its end as the back-off has it."""
    wait_s = backoff.spread_wait_s(left_s, refusals, chance)
    assert backoff.WAITING.floor_s <= wait_s <= max(left_s, backoff.WAITING.ceiling_s(refusals))


def test_a_spread_is_below_the_limit_of_an_account() -> None:
    """500 logins a second, and room for those who draw the same second."""
    assert backoff.spread_s(1_000_000) == pytest.approx(2222.2, abs=0.1)
    assert 1_000_000 / backoff.spread_s(1_000_000) < 500


def test_a_told_wait_is_the_least_of_a_spread() -> None:
    """What a server asks for comes first, and the spread after it."""
    assert backoff.obeyed_wait_s(60.0, 0.0, 200.0) == 60.0
    assert backoff.obeyed_wait_s(60.0, 0.5, 200.0) == 160.0

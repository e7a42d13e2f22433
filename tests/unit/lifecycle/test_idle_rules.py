"""Idle time-outs on the way, run over the state machine and the keep-alive together, and told apart from clones."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from iot_onboard.core import backoff
from iot_onboard.core.timings import IdleTime
from iot_onboard.events.model import Event
from iot_onboard.lifecycle import idle_rules as rules
from iot_onboard.lifecycle import model as m
from iot_onboard.lifecycle.state import Policy
from iot_onboard.mqtt.keepalive import Due, KeepAlive
from support.gateway.life import Life, announced_details

ROUND_TRIP_S = 0.2
ALL_DAY_S = 20_000.0


@dataclass(slots=True)
class Way:
    """A way to the platform on which a box ends what is silent for `timeout_s`: at once, or at the next packet.

    `drops`: it forgets the connection without a word; `resets`: it answers the next packet with RST.
    """

    timeout_s: float
    drops: bool = False
    resets: bool = False
    keepalive_s: int = 300
    life: Life = field(init=False)
    announced: list[Event] = field(default_factory=list)
    online_s: float = 0.0

    def __post_init__(self) -> None:
        self.life = Life(Policy(keepalive_s=self.keepalive_s)).connecting()

    def session(self) -> bool:
        """Log in, and live until the session is lost; say whether it was, for one may last all day."""
        while self.life.state.phase is m.Phase.WAITING:
            self.life.wait()
        self.life.feed(m.Dialled(), after_s=0.3)
        login = next(effect for effect in self.life.effects if isinstance(effect, m.Login))
        began = self.life.now_s
        self.life.feed(m.Accepted(), after_s=ROUND_TRIP_S)
        keepalive = KeepAlive(login.keepalive_s, began, login.first_ping_s)
        keepalive.received(self.life.now_s)
        lost_at, by_server = self._end(keepalive, self.life.now_s)
        if lost_at is None:
            return False
        self.online_s += lost_at - self.life.now_s
        input_ = m.Lost(by_server=by_server, detail="closed", idle_time=keepalive.idle_time(lost_at))
        self.life.feed(input_, after_s=lost_at - self.life.now_s)
        self.announced += self.life.announced()
        return True

    def _end(self, keepalive: KeepAlive, now: float) -> tuple[float | None, bool]:
        until, quiet_since = now + ALL_DAY_S, now
        while now < until:
            due_at = keepalive.next_at()
            if not self.drops and due_at - quiet_since > self.timeout_s:
                return quiet_since + self.timeout_s, True
            now = due_at
            if keepalive.due(now) is Due.DEAD:
                return now, False
            keepalive.pinged(now)
            if now - quiet_since <= self.timeout_s:
                quiet_since = now + ROUND_TRIP_S
                keepalive.received(quiet_since)
            elif self.resets:
                return now + ROUND_TRIP_S, True
        return None, False


@given(st.floats(5.0, 29.5) | st.floats(31.0, 600.0), st.integers(30, 1200))
@example(20.0, 300)
@example(45.0, 300)
def test_a_box_that_cuts_is_named_and_outlived(timeout_s: float, keepalive_s: int) -> None:
    """Three sessions teach what it is; where the keep-alive may be short enough, the fourth one stays."""
    way = Way(timeout_s, keepalive_s=keepalive_s)
    if keepalive_s <= timeout_s:
        assert not way.session()
        return
    assert [way.session() for _ in range(3)] == [True] * 3
    assert way.announced == [Event.CONNECTION_LOST, Event.CONNECTION_LOST, Event.IDLE_TIMEOUT]
    assert backoff.MIN_KEEPALIVE_S <= (way.life.state.keepalive_s or 0) <= keepalive_s
    if timeout_s > backoff.MIN_KEEPALIVE_S:
        assert not way.session()
    else:
        assert [way.session() for _ in range(30)] == [True] * 30
        assert set(way.announced[3:]) == {Event.IDLE_TIMEOUT}
        assert way.online_s / (way.life.now_s - 1000.0) >= timeout_s / (timeout_s + 22.0)


@given(st.floats(31.0, 600.0), st.integers(60, 1200), st.booleans())
@example(55.0, 300, False)
def test_a_box_that_forgets_is_named_and_outlived(timeout_s: float, keepalive_s: int, resets: bool) -> None:
    """The first ping after such a silence is not answered, or with RST: the keep-alive is halved until one is."""
    way = Way(timeout_s, drops=True, resets=resets, keepalive_s=keepalive_s)
    sessions = 0
    while way.session():
        sessions += 1
        assert sessions <= 2 * 6
    assert Event.IDENTITY_SHARED not in way.announced
    assert (Event.IDLE_TIMEOUT in way.announced) == (keepalive_s > timeout_s)


def test_a_server_that_falls_silent_for_good_is_no_idle_timeout_in_the_end() -> None:
    """Below the shortest keep-alive there is nothing left to try: the line says what was seen, and no more."""
    way = Way(0.0, drops=True)
    announced = []
    for _ in range(20):
        assert way.session()
        announced.append(way.announced[-1])
    assert announced[-6:] == [Event.CONNECTION_LOST] * 6
    assert announced.count(Event.IDLE_TIMEOUT) == 4


def cut(life: Life, lasted_s: float, survived_s: float = 0.2, *, by_server: bool = True, ping: bool = False) -> Life:
    """End a session after a silence, and be online again."""
    idle_time = IdleTime(lasted_s=lasted_s, survived_s=survived_s, ping_unanswered=ping)
    life.feed(m.Lost(by_server=by_server, detail="closed", idle_time=idle_time), after_s=lasted_s + survived_s)
    return life


def back(life: Life) -> Life:
    while life.state.phase is m.Phase.WAITING:
        life.wait()
    return life.feed(m.Dialled()).feed(m.Accepted())


def test_a_device_that_comes_back_after_a_fixed_time_is_a_clone() -> None:
    """It is not put off by a ping: the silence is shorter then, and the third session names it."""
    life = Life().online()
    for idle_s in (12.0, 12.0):
        cut(life, idle_s)
        back(life)
    assert life.state.first_ping_s == 6.0
    cut(life, 6.0, 6.0)
    assert life.announced() == [Event.IDENTITY_SHARED]
    assert life.state.keepalive_s is None


def test_what_was_survived_once_ends_no_session() -> None:
    """A link that was out at the time of a ping: other pings after the same silence were answered."""
    life = Life().online()
    for _ in range(5):
        cut(life, 300.0, 300.0, by_server=False, ping=True)
        assert life.announced() == [Event.CONNECTION_LOST]
        back(life)
    assert life.state.keepalive_s is None


@pytest.mark.parametrize(
    "input_",
    [m.Lost(by_server=True, detail="x", unanswered=True), m.Lost(by_server=True, detail="x", violation=True)],
)
def test_what_something_else_explains_teaches_nothing(input_: m.Lost) -> None:
    """Neither a report that was not acknowledged nor a server that breaks the protocol is an idle time-out."""
    life = back(cut(Life().online(), 20.0))
    known = life.state.idle_cut
    life.feed(
        m.Lost(
            **{name: getattr(input_, name) for name in ("by_server", "detail", "violation", "unanswered")},
            idle_time=IdleTime(lasted_s=20.0),
        ),
        after_s=20.0,
    )
    assert (life.state.idle_cut, life.announced()) == (known, [Event.CONNECTION_LOST])


def test_the_keep_alive_holds_until_the_route_changes() -> None:
    """And where the new way cuts after the same time, one session is enough to know."""
    way = Way(45.0)
    assert [way.session() for _ in range(4)] == [True, True, True, False]
    assert way.life.state.keepalive_s == 36
    way.life.feed(m.NetworkChanged())
    assert way.life.state.keepalive_s is None
    way.life.feed(m.Lost(by_server=False, detail="gone"))
    assert [way.session(), way.session()] == [True, False]
    assert (way.announced[-1], way.life.state.keepalive_s) == (Event.IDLE_TIMEOUT, 36)
    way.life.feed(m.Lost(by_server=False, detail="gone")).feed(m.NetworkChanged())
    assert way.life.state.keepalive_s is None


def test_the_line_says_what_holds_now() -> None:
    """Or that the keep-alive cannot help, and who can."""
    way = Way(45.0)
    assert [way.session() for _ in range(3)] == [True] * 3
    details = announced_details(way.life)
    assert (
        details.detail == "cut after 45 s without traffic, as before; the keep-alive is 36 s from now on, 300 s before"
    )
    assert details.cure == ""
    way = Way(20.0)
    assert [way.session() for _ in range(3)] == [True] * 3
    details = announced_details(way.life)
    assert (
        details.detail == "cut after 20 s without traffic, as before; that is less than the shortest keep-alive, 30 s"
    )
    assert "raise" in details.cure
    assert details.next_try_s is not None
    assert details.next_try_s <= 40.0


def test_equal_silences_without_a_ping_that_was_answered_are_a_suspicion() -> None:
    """Where the ping of the trial did not go out, the next session has to show it."""
    life = Life().online()
    for _ in range(4):
        cut(life, 70.0)
        assert life.announced() == [Event.CONNECTION_LOST]
        back(life)
    assert life.state.first_ping_s == 35.0
    assert cut(life, 70.0, 35.0).announced() == [Event.IDLE_TIMEOUT]


def test_a_named_time_out_counts_towards_no_clone() -> None:
    """The sessions before it neither."""
    life = back(cut(back(cut(Life().online(), 20.0)), 20.0))
    assert life.state.short_sessions == 2
    assert cut(life, 20.0, 10.0).announced() == [Event.IDLE_TIMEOUT]
    assert life.state.short_sessions == 0
    life = back(life).feed(m.Lost(by_server=True, detail="closed"), after_s=1.0)
    assert (life.announced(), life.state.short_sessions) == ([Event.CONNECTION_LOST], 1)


def test_a_silence_that_is_outlived_is_forgotten() -> None:
    """Nothing on the way ends connections after that time any more: it takes three sessions to learn it again."""
    life = Life().online()
    for survived_s in (0.2, 0.2, 35.0):
        back(cut(life, 70.0, survived_s))
    assert life.state.idle_cut is not None
    cut(life, 20.0, 100.0, by_server=False)
    assert life.state.idle_cut is None


def test_a_silence_that_a_change_of_the_network_ended_teaches_nothing() -> None:
    """The question that follows the change has no answer, each time after the same silence."""
    life = Life().online()
    for _ in range(4):
        life.feed(m.NetworkChanged(), after_s=50.0)
        idle_time = IdleTime(lasted_s=50.0, survived_s=0.2, ping_unanswered=True)
        life.feed(m.Lost(by_server=False, detail="gone", idle_time=idle_time), after_s=10.0)
        assert (life.announced(), life.state.idle_cut) == ([Event.CONNECTION_LOST], None)
        back(life)


@given(st.integers(30, 1200), st.floats(4.0, 1200.0), st.booleans())
def test_a_keep_alive_stays_within_its_bounds(keepalive_s: int, lasted_s: float, ping_unanswered: bool) -> None:
    """Never above the one before, never under the platform's, and under the silence where that can be."""
    idle_time = IdleTime(lasted_s=min(lasted_s, keepalive_s), ping_unanswered=ping_unanswered)
    adapted_s = rules.adapted_keepalive_s(keepalive_s, idle_time)
    assert backoff.MIN_KEEPALIVE_S <= adapted_s <= keepalive_s
    if idle_time.lasted_s > backoff.MIN_KEEPALIVE_S and not ping_unanswered:
        assert adapted_s < idle_time.lasted_s


def test_a_line_that_answered_after_the_same_silence_is_no_idle_timeout() -> None:
    """Pings go out after equal silences, but for the jitter of a link: one that was answered speaks against a box."""
    idle_time = IdleTime(lasted_s=299.952, survived_s=299.95, ping_unanswered=True)
    lost = m.Lost(by_server=False, detail="x", idle_time=idle_time)
    known, is_cut = rules.noted(None, lost)
    assert (known, rules.noted(known, lost)[1], is_cut) == (None, False, False)
    first = m.Lost(by_server=False, detail="x", idle_time=IdleTime(lasted_s=300.0, ping_unanswered=True))
    suspected, _ = rules.noted(None, first)
    assert suspected is not None
    assert rules.noted(suspected, lost)[0] is None

"""The state machine: the table of the design, and its invariants over random lives."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from iot_onboard.core import pacing
from iot_onboard.core.failures import (
    Cause,
    Failure,
    Misconfigured,
    Rejected,
    StoreFailure,
    StoreFault,
    Throttled,
    Transient,
)
from iot_onboard.core.identity import Credentials, Identity
from iot_onboard.core.secret import Secret
from iot_onboard.core.timings import Timings
from iot_onboard.events.explain import find
from iot_onboard.events.model import Details, Event
from iot_onboard.fast_start.fast_dataclasses import replace
from iot_onboard.lifecycle import model as m
from iot_onboard.lifecycle import step
from iot_onboard.lifecycle.table import IGNORED, TABLE

IDENTITY = Identity(product_key="a1b2c3d4e5f", device_name="gw-0001")
NETWORK = Transient(cause=Cause.NETWORK, detail="no route")
UNREADABLE = StoreFailure(fault=StoreFault.UNREADABLE, detail="EIO")
FULL = StoreFailure(fault=StoreFault.NOT_WRITABLE, detail="ENOSPC")
ACTIVATED = Rejected(code="6289", detail="activated", cure="ResetThing")
MISSING = Misconfigured(detail="no product secret", cure="write it")


def secret(number: int) -> Credentials:
    issued = datetime(2026, 11, 1, tzinfo=UTC)
    return Credentials(identity=IDENTITY, device_secret=Secret(f"secret{number}"), issued_at=issued)


class Life:
    """Feed a state machine and keep what came out."""

    def __init__(self, policy: m.Policy | None = None) -> None:
        self.state = m.State(policy=policy or m.Policy())
        self.now_s = 1000.0
        self.effects: tuple[m.Effect, ...] = ()

    def feed(self, given: m.Input, *, after_s: float = 0.0, chance: float = 0.5) -> Life:
        self.now_s += after_s
        self.state, self.effects = step(self.state, given, m.Now(at=self.now_s, chance=chance))
        return self

    def wait(self, chance: float = 0.5) -> Life:
        assert self.state.wake_at is not None
        return self.feed(m.Tick(), after_s=max(0.0, self.state.wake_at - self.now_s), chance=chance)

    def connecting(self) -> Life:
        return self.feed(m.Started()).feed(m.Loaded(credentials=secret(0)))

    def online(self) -> Life:
        return self.connecting().feed(m.Dialled()).feed(m.Accepted())

    def refuse(self, code: int = 4) -> Life:
        if self.state.phase is m.Phase.WAITING or self.state.phase is m.Phase.BLOCKED:
            self.wait()
            if self.state.phase is m.Phase.WAITING:
                self.wait()
        return self.feed(m.Dialled()).feed(m.Refused(code=code))

    def has(self, kind: type[m.Effect]) -> bool:
        return any(isinstance(effect, kind) for effect in self.effects)

    def told(self) -> list[Event]:
        return [effect.event for effect in self.effects if isinstance(effect, m.Announce)]


def test_first_boot() -> None:
    """Without a secret: register, save, and only then connect."""
    life = Life().feed(m.Started()).feed(m.NothingStored(writable=True))
    assert life.state.phase is m.Phase.REGISTERING
    assert life.has(m.Register)
    life.feed(m.Registered(credentials=secret(1)))
    assert (life.state.phase, life.has(m.Save), life.has(m.Dial)) == (m.Phase.SAVING, True, False)
    life.feed(m.Saved())
    assert (life.state.phase, life.has(m.Dial)) == (m.Phase.CONNECTING, True)
    life.feed(m.Dialled())
    assert m.Login(credentials=secret(1), connects=(1000.0,)) in life.effects
    life.feed(m.Accepted())
    assert (life.state.phase, life.has(m.Report)) == (m.Phase.ONLINE, True)


def test_each_step_says_what_it_took() -> None:
    """Registration, store and login: the whole since the step began, and the parts that were measured."""
    took = Timings(dns_ms=5, tcp_ms=40, tls_ms=90)
    life = Life().feed(m.Started()).feed(m.NothingStored(writable=True))
    life.feed(m.Registered(credentials=secret(1), took=replace(took, answer_ms=700)), after_s=0.9)
    assert told_of(life) == Details(duration_ms=900, took=replace(took, answer_ms=700))
    life.feed(m.Saved(), after_s=0.03)
    assert told_of(life) == Details(duration_ms=30)
    life.feed(m.Dialled(took=took), after_s=0.2).feed(m.Accepted(), after_s=0.05)
    assert told_of(life) == Details(duration_ms=250, took=replace(took, answer_ms=50))


def told_of(life: Life) -> Details:
    return next(effect.details for effect in life.effects if isinstance(effect, m.Announce))


def test_second_boot_does_not_register() -> None:
    """With a secret on disk nothing is registered."""
    life = Life().connecting()
    assert life.state.phase is m.Phase.CONNECTING
    assert not life.has(m.Register)


def test_a_card_of_another_gateway_is_told() -> None:
    """Its name stands in the line, and this gateway registers; of many a few are named."""
    life = Life().feed(m.Started()).feed(m.NothingStored(writable=True, others=("pk.a", "pk.b", "pk.c", "pk.d")))
    assert life.told() == [Event.OTHER_DEVICE, Event.REGISTERING]
    announced = life.effects[0]
    assert isinstance(announced, m.Announce)
    assert announced.details.detail == "pk.a, pk.b, pk.c and 1 more"
    assert life.has(m.Register)


def test_an_unwritable_store_blocks_registration() -> None:
    """A secret that cannot be kept is not asked for; the store is looked at again later."""
    life = Life().feed(m.Started()).feed(m.NothingStored(writable=False, detail="EROFS"))
    assert (life.state.phase, life.state.goal, life.has(m.Register)) == (m.Phase.BLOCKED, m.Goal.LOAD, False)
    assert life.wait().has(m.Load)


def test_an_unreadable_store_never_registers() -> None:
    """EACCES or EIO: the secret may be fine."""
    life = Life().feed(m.Started()).feed(m.LoadFailed(failure=UNREADABLE))
    assert (life.state.phase, life.state.goal) == (m.Phase.BLOCKED, m.Goal.LOAD)


@pytest.mark.parametrize(
    ("failure", "phase"),
    [
        (NETWORK, m.Phase.WAITING),
        (Throttled(detail="slow down"), m.Phase.WAITING),
        (Transient(cause=Cause.PLATFORM, detail="500"), m.Phase.WAITING),
        (ACTIVATED, m.Phase.BLOCKED),
        (MISSING, m.Phase.BLOCKED),
    ],
)
def test_a_failed_registration(failure: Failure, phase: m.Phase) -> None:
    """What mends by itself waits, what needs somebody blocks; both register again."""
    life = Life().feed(m.Started()).feed(m.NothingStored(writable=True)).feed(m.RegisterFailed(failure=failure))
    assert (life.state.phase, life.state.goal) == (phase, m.Goal.REGISTER)
    assert life.wait().has(m.Register)


def test_retry_after_is_obeyed() -> None:
    """A server's Retry-After is the least that we wait."""
    life = Life().feed(m.Started()).feed(m.NothingStored(writable=True))
    life.feed(m.RegisterFailed(failure=Throttled(detail="429", retry_after_s=120.0)), chance=0.0)
    assert life.state.wake_at == pytest.approx(life.now_s + 120.0)
    assert life.feed(m.NetworkChanged(), after_s=1.0).state.phase is m.Phase.WAITING


def test_a_short_retry_after_meets_the_back_off() -> None:
    """It is the least that we wait, not the most: a fleet that is told "1" all day does not knock all day."""
    life = Life().feed(m.Started()).feed(m.NothingStored(writable=True))
    waits: list[float] = []
    for _ in range(10):
        life.feed(m.RegisterFailed(failure=Throttled(detail="429", retry_after_s=1.0)), chance=0.5)
        assert life.state.wake_at is not None
        waits.append(life.state.wake_at - life.now_s)
        while life.state.phase is m.Phase.WAITING:
            life.wait()
    assert waits[0] <= 5.0
    assert waits[-1] > 100.0


def test_a_failed_write_keeps_the_secret_and_never_connects() -> None:
    """The write is retried with the same secret."""
    life = Life().feed(m.Started()).feed(m.NothingStored(writable=True)).feed(m.Registered(credentials=secret(1)))
    life.feed(m.SaveFailed(failure=FULL)).feed(m.NetworkChanged())
    assert (life.state.phase, life.state.goal) == (m.Phase.WAITING, m.Goal.SAVE)
    assert m.Save(credentials=secret(1)) in life.wait().effects


def test_a_mute_server_is_given_up() -> None:
    """No CONNACK within 10 s: wait and try again."""
    life = Life().connecting().feed(m.Dialled())
    assert life.state.wake_at == life.now_s + 10.0
    assert (life.wait().state.phase, life.has(m.Drop)) == (m.Phase.WAITING, True)


def test_a_hanging_job_ends_the_process() -> None:
    """A job past its deadline leads to exit 1, for the service manager to start afresh."""
    life = Life().connecting().wait()
    assert (life.state.phase, m.Exit(code=1) in life.effects) == (m.Phase.STOPPED, True)


def test_a_wrong_clock_is_waited_for() -> None:
    """A TLS date error with an untrusted clock retries when the clock is set."""
    failure = Transient(cause=Cause.TLS_DATE, detail="not yet valid")
    life = Life().connecting().feed(m.DialFailed(failure=failure, clock_trusted=False))
    assert life.told() == [Event.CLOCK_WRONG]
    assert life.feed(m.ClockSet(), after_s=1.0).state.phase is m.Phase.CONNECTING


@pytest.mark.parametrize("failure", [MISSING, ACTIVATED, Rejected(code="6600", detail="x", cure="y")])
def test_changed_settings_end_a_block(failure: Failure) -> None:
    """A new process has the new configuration and systemd's new copy of the secret."""
    life = Life().feed(m.Started()).feed(m.NothingStored(writable=True)).feed(m.RegisterFailed(failure=failure))
    assert m.Waker.SETTINGS in life.state.wakers
    life.feed(m.ConfigChanged())
    assert life.state.phase is m.Phase.STOPPED
    assert life.effects == (m.Announce(event=Event.SETTINGS_CHANGED), m.Exit(code=0))


def test_wrong_settings_end_nothing() -> None:
    """Ending for them would end with 78, and nobody starts that again: told, and the wait goes on."""
    life = Life().feed(m.Started()).feed(m.LoadFailed(failure=UNREADABLE))
    before = life.state
    life.feed(m.ConfigChanged(problems=("config.yaml:1: a", "config.yaml:2: b")))
    assert life.state == before
    assert life.told() == [Event.SETTINGS_WRONG, Event.SETTINGS_WRONG]


@pytest.mark.parametrize("failure", [NETWORK, Throttled(retry_after_s=900.0, detail="slow down")])
def test_new_settings_end_a_wait_too(failure: Failure) -> None:
    """A wrong proxy or host looks like a network that is down: whoever corrects it does not have to restart."""
    life = Life().feed(m.Started()).feed(m.NothingStored(writable=True)).feed(m.RegisterFailed(failure=failure))
    assert life.state.phase is m.Phase.WAITING
    life.feed(m.ConfigChanged())
    assert life.effects == (m.Announce(event=Event.SETTINGS_CHANGED), m.Exit(code=0))


def test_new_settings_end_a_hold_off() -> None:
    """A name of its own is the cure against a clone: whoever writes it does not have to restart."""
    life = Life().online()
    for _ in range(3):
        life.feed(m.Lost(by_server=True, detail="closed"), after_s=5.0)
        if Event.IDENTITY_SHARED not in life.told():
            life.wait().feed(m.Dialled()).feed(m.Accepted())
    assert life.told() == [Event.IDENTITY_SHARED]
    life.feed(m.ConfigChanged())
    assert life.effects == (m.Announce(event=Event.SETTINGS_CHANGED), m.Exit(code=0))


def test_new_settings_do_not_end_the_wait_for_the_disk() -> None:
    """The secret is in memory alone: a new process would have to ask for another one."""
    life = Life().feed(m.Started()).feed(m.NothingStored(writable=True)).feed(m.Registered(credentials=secret(1)))
    life.feed(m.SaveFailed(failure=UNREADABLE))
    before = life.state
    assert m.Waker.SETTINGS not in before.wakers
    assert life.feed(m.ConfigChanged()).state == before
    assert life.effects == ()


@pytest.mark.parametrize("phase", [phase for phase in m.Phase if phase not in {m.Phase.WAITING, m.Phase.BLOCKED}])
def test_settings_end_nothing_else(phase: m.Phase) -> None:
    """A gateway that is online stays so; an operator restarts it for other settings."""
    assert (phase, m.ConfigChanged) in IGNORED


def test_a_route_ends_the_wait() -> None:
    """A route or address that appears retries at once where the network was in the way, and not after a refusal."""
    life = Life().connecting().feed(m.DialFailed(failure=NETWORK))
    assert life.feed(m.NetworkChanged(), after_s=0.1).has(m.Dial)
    assert not Life().connecting().feed(m.Dialled()).feed(m.Refused(code=5)).feed(m.NetworkChanged()).has(m.Dial)


def test_a_route_is_a_reason_to_ask() -> None:
    """What is online stays so, and asks the server whether it is still there."""
    life = Life().online()
    assert life.feed(m.NetworkChanged(), after_s=1.0).effects == (m.Probe(),)
    assert life.state.phase is m.Phase.ONLINE


def test_a_loss_that_a_change_of_the_network_explains() -> None:
    """The next try comes soon, however short the sessions were; without a change, or by the server, back-off grows."""
    for changed, by_server, soon in ((True, False, True), (True, True, False), (False, False, False)):
        life = Life().online()
        for _ in range(4):
            if changed:
                life.feed(m.NetworkChanged(), after_s=10.0)
            life.feed(m.Lost(by_server=by_server, detail="x"), after_s=11.0, chance=1.0)
            wait_s = (life.state.wake_at or 0.0) - life.now_s
            life.wait().feed(m.Dialled()).feed(m.Accepted())
        assert (wait_s <= 5.0) == soon


def test_the_third_refusal_registers_once_and_heals() -> None:
    """An operator reset the device: the third refusal leads to a new secret."""
    life = Life().connecting().refuse().refuse()
    assert life.state.phase is m.Phase.WAITING
    life.refuse()
    assert (life.state.phase, life.told()) == (m.Phase.REGISTERING, [Event.REREGISTERING])
    life.feed(m.Registered(credentials=secret(2))).feed(m.Saved()).feed(m.Dialled())
    assert m.Login(credentials=secret(2), connects=life.state.connects) in life.effects


def test_a_refused_registration_after_refused_logins_blocks_and_keeps_trying_the_login() -> None:
    """The stored secret stays in use; about hourly it is tried again."""
    life = Life().connecting().refuse().refuse().refuse().feed(m.RegisterFailed(failure=ACTIVATED))
    assert (life.state.phase, life.state.goal, life.state.durable) == (m.Phase.BLOCKED, m.Goal.CONNECT, True)
    assert life.wait().has(m.Dial)


def test_an_unreachable_registration_endpoint_does_not_strand_a_good_secret() -> None:
    """The single try failed on the network: back to the login."""
    life = Life().connecting().refuse().refuse().refuse().feed(m.RegisterFailed(failure=NETWORK))
    assert (life.state.phase, life.state.goal) == (m.Phase.WAITING, m.Goal.CONNECT)


def test_registrations_after_refusals_are_rare() -> None:
    """At most one in ten minutes, doubling to six hours."""
    life = Life().connecting()
    tries: list[float] = []
    while len(tries) < 8:
        life.refuse()
        if life.has(m.Register):
            tries.append(life.now_s)
            life.feed(m.RegisterFailed(failure=NETWORK))
    gaps = [later - earlier for earlier, later in pairwise(tries)]
    assert all(gap >= min(600.0 * 2**n, 21_600.0) for n, gap in enumerate(gaps))
    assert gaps[-1] < 21_600.0 + 400.0


def test_a_given_secret_is_never_replaced() -> None:
    """With a device secret file a refused login blocks, and the file is read again."""
    life = Life(m.Policy(can_register=False)).connecting().refuse().refuse().refuse()
    assert (life.state.phase, life.state.goal) == (m.Phase.BLOCKED, m.Goal.LOAD)


def test_a_clone_is_named_and_the_hold_off_grows() -> None:
    """Three sessions under 60 s ended by the server: somebody else has this identity."""
    life = Life().online()
    holds: list[float] = []
    for session in range(8):
        life.feed(m.Lost(by_server=True, detail="closed"), after_s=5.0, chance=0.999)
        assert (Event.IDENTITY_SHARED in life.told()) == (session >= 2)
        assert life.state.wake_at is not None
        holds.append(life.state.wake_at - life.now_s)
        life.wait()
        while life.state.phase is m.Phase.WAITING:
            life.wait()
        life.feed(m.Dialled()).feed(m.Accepted())
    assert holds[-1] == pytest.approx(900.0, rel=0.01)


def test_back_off_starts_over_only_after_a_long_session() -> None:
    """A CONNACK 0 alone resets nothing."""
    life = Life().connecting()
    for _ in range(6):
        life.feed(m.DialFailed(failure=NETWORK)).wait()
    life.feed(m.Dialled()).feed(m.Accepted())
    short = life.state
    life.feed(m.Lost(by_server=False, detail="gone"), after_s=59.0, chance=0.999)
    assert life.state.wake_at is not None
    assert life.state.wake_at - life.now_s > 100.0
    life.state, life.now_s = short, short.online_since
    life.feed(m.Lost(by_server=False, detail="gone"), after_s=60.0, chance=0.999)
    assert life.state.wake_at is not None
    assert life.state.wake_at - life.now_s <= 5.0


def test_stopping_says_goodbye() -> None:
    """Online: DISCONNECT, and exit 0."""
    life = Life().online().feed(m.StopRequested())
    assert life.effects == (m.Disconnect(), m.Announce(event=Event.STOPPING), m.Exit(code=0))


@pytest.mark.parametrize(
    ("inputs", "code"),
    [
        ((m.Loaded(credentials=secret(0)),), 0),
        ((m.NothingStored(writable=True), m.Registered(credentials=secret(1)), m.Saved()), 0),
        ((m.NothingStored(writable=True), m.RegisterFailed(failure=NETWORK)), 1),
        ((m.NothingStored(writable=True), m.RegisterFailed(failure=MISSING)), 78),
        ((m.NothingStored(writable=False),), 1),
    ],
)
def test_register_only_ends_after_one_try(inputs: tuple[m.Input, ...], code: int) -> None:
    """`register` stores a secret or says why not, and neither dials nor waits."""
    life = Life(m.Policy(register_only=True)).feed(m.Started())
    for given_input in inputs:
        life.feed(given_input)
    assert life.state.phase is m.Phase.STOPPED
    assert m.Exit(code=code) in life.effects
    assert not life.has(m.Dial)


def test_every_pair_is_decided() -> None:
    """Invariant 6: each (phase, input) pair is in the table or ignored on purpose, and not both."""
    pairs = {(phase, kind) for phase in m.Phase for kind in get_args(m.Input)}
    assert set(TABLE) | IGNORED == pairs
    assert not set(TABLE) & IGNORED


def test_every_phase_but_stopped_has_an_exit() -> None:
    """Invariant 6: no state without an exit."""
    for phase in m.Phase:
        leads_on = {target for (at, _), rule in TABLE.items() if at is phase for target in rule.targets}
        assert bool(leads_on - {phase}) == (phase is not m.Phase.STOPPED)


failures = st.one_of(
    st.sampled_from([ACTIVATED, MISSING]),
    st.builds(Transient, cause=st.sampled_from(Cause), detail=st.just("x"), slow=st.booleans()),
    st.builds(Throttled, detail=st.just("x"), retry_after_s=st.none() | st.floats(0, 1e9)),
)
plans = st.lists(
    st.tuples(st.integers(0, 9), failures, st.booleans(), st.floats(0, 1, exclude_max=True), st.floats(0, 4000)),
    max_size=80,
)


def outcome(life: Life, pick: int, failure: Failure, flag: bool, number: int) -> m.Input:
    """Choose something that the world may do now."""
    if pick == 9:
        return m.NetworkChanged() if flag else m.ClockSet()
    transient = Transient(cause=Cause.NETWORK, detail="x")
    match life.state.phase:
        case m.Phase.BOOT:
            found = m.Loaded(credentials=secret(number))
            nothing = m.NothingStored(writable=pick > 1)
            return found if pick > 6 else nothing if flag else m.LoadFailed(failure=UNREADABLE)
        case m.Phase.REGISTERING:
            failed = m.RegisterFailed(failure=failure, clock_trusted=flag)
            return m.Registered(credentials=secret(number)) if pick > 4 else failed
        case m.Phase.SAVING:
            return m.Saved() if pick > 4 else m.SaveFailed(failure=FULL)
        case m.Phase.CONNECTING if not life.state.logging_in:
            fails = failure if isinstance(failure, Transient) else transient
            return m.Dialled() if pick > 2 else m.DialFailed(failure=fails, clock_trusted=flag)
        case m.Phase.CONNECTING:
            if pick > 5:
                return m.Accepted()
            return m.Refused(code=pick) if pick else m.Lost(by_server=flag, detail="x")
        case m.Phase.ONLINE:
            return m.Lost(by_server=flag, detail="x")
        case m.Phase.WAITING | m.Phase.BLOCKED if pick == 8:
            return m.ConfigChanged(problems=("x",) if flag else ())
        case _:
            return m.Tick()


class Watch:
    """Hold a life to the invariants, with a memory of its own."""

    def __init__(self) -> None:
        self.durable: Credentials | None = None
        self.logins: list[float] = []
        self.asking = False

    def see(self, before: m.State, given_input: m.Input, life: Life) -> None:
        if isinstance(given_input, m.Loaded):
            self.durable = given_input.credentials
        if isinstance(given_input, m.Saved):
            self.durable = before.credentials
        if isinstance(given_input, m.Registered | m.RegisterFailed):
            self.asking = False
        for effect in life.effects:
            self.see_effect(effect, life)
        self.see_wait(before, life)

    def see_effect(self, effect: m.Effect, life: Life) -> None:
        if isinstance(effect, m.Login):
            assert effect.credentials == self.durable
            self.logins.append(life.now_s)
            recent = sum(life.now_s - at < pacing.BUDGET_WINDOW_S for at in self.logins)
            assert recent <= pacing.BUDGET_CONNECTS
        if isinstance(effect, m.Register):
            assert not self.asking
            self.asking = True
        if isinstance(effect, m.Save):
            assert effect.credentials == life.state.credentials
        if isinstance(effect, m.Announce):
            assert find(effect.details.cause or effect.event.value), "explain knows what the journal names"

    def see_wait(self, before: m.State, life: Life) -> None:
        if life.state.phase is m.Phase.ONLINE:
            return
        assert life.state.wake_at is not None
        wait_s = life.state.wake_at - life.now_s
        assert wait_s <= 3960.1
        if life.state.phase in {m.Phase.WAITING, m.Phase.BLOCKED}:
            assert life.state.goal is not None
        if life.state.phase is m.Phase.BLOCKED and before.phase is not m.Phase.BLOCKED:
            assert wait_s >= 3239.9


@settings(max_examples=400, deadline=None)
@given(plans, st.booleans())
def test_invariants_hold_over_random_lives(
    plan: list[tuple[int, Failure, bool, float, float]], can_register: bool
) -> None:
    """Invariants 1 to 4 and 6 hold whatever the world does."""
    life = Life(m.Policy(can_register=can_register)).feed(m.Started())
    watch = Watch()
    for number, (pick, failure, flag, chance, dt_s) in enumerate(plan):
        before = life.state
        given_input = outcome(life, pick, failure, flag, number)
        if isinstance(given_input, m.Tick):
            assert before.wake_at is not None
            life.now_s = max(life.now_s, before.wake_at)
        elif before.phase is m.Phase.ONLINE:
            life.now_s += dt_s
        life.feed(given_input, chance=chance)
        if life.state.phase is m.Phase.STOPPED:
            # Whoever ends for new settings leaves nothing behind that is in memory alone.
            assert isinstance(given_input, m.ConfigChanged)
            assert life.state.credentials is None or life.state.durable
            return
        rule = TABLE.get((before.phase, type(given_input)))
        assert rule is None or life.state.phase in rule.targets or life.state.phase is before.phase
        watch.see(before, given_input, life)


@settings(max_examples=200, deadline=None)
@given(plans, plans)
def test_after_a_stop_nothing_happens(
    plan: list[tuple[int, Failure, bool, float, float]], rest: list[tuple[int, Failure, bool, float, float]]
) -> None:
    """Invariant 7: after SIGTERM only goodbye and exit, and then silence."""
    life = Life().feed(m.Started())
    for number, (pick, failure, flag, chance, _) in enumerate(plan):
        given_input = outcome(life, pick, failure, flag, number)
        if life.state.phase is m.Phase.STOPPED:
            break
        if isinstance(given_input, m.Tick):
            assert life.state.wake_at is not None
            life.now_s = max(life.now_s, life.state.wake_at)
        life.feed(given_input, chance=chance)
    life.feed(m.StopRequested())
    assert all(isinstance(effect, m.Disconnect | m.Drop | m.Announce | m.Exit) for effect in life.effects)
    for kind in (m.Started, m.Saved, m.Dialled, m.Accepted, m.Tick, m.NetworkChanged, m.StopRequested):
        assert life.feed(kind(), after_s=10.0).effects == ()
    for number, (pick, failure, flag, chance, _) in enumerate(rest):
        assert life.feed(outcome(Life(), pick, failure, flag, number), chance=chance).effects == ()

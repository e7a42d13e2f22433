"""On the way to a durable secret: look for it, register, save."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from iot_onboard.core.failures import Cause, Failure, Throttled, Transient
from iot_onboard.events.model import Event
from iot_onboard.fast_start.fast_dataclasses import replace
from iot_onboard.lifecycle import model as m
from iot_onboard.lifecycle import registration_rules as rules
from iot_onboard.lifecycle.table import TABLE
from support.gateway.life import ACTIVATED, FULL, MISSING, NETWORK, UNREADABLE, Life, secret, told_of


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
    assert m.Login(credentials=secret(1), connects=(1000.0,), keepalive_s=300) in life.effects
    life.feed(m.Accepted())
    assert (life.state.phase, life.has(m.Report)) == (m.Phase.ONLINE, True)


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


@pytest.mark.parametrize("failure", [replace(UNREADABLE, passing=True), Transient(cause=Cause.LOCAL, detail="EMFILE")])
def test_a_fault_that_passes_is_retried_soon(failure: Failure) -> None:
    """Nobody has to come for it, and it is told as a fault of this gateway."""
    life = Life().feed(m.Started()).feed(m.LoadFailed(failure=failure))
    assert (life.state.phase, life.state.goal, life.has(m.Register)) == (m.Phase.WAITING, m.Goal.LOAD, False)
    details = told_of(life)
    assert (details.cause, (details.next_try_s or 99) <= 5) == ("local", True)
    assert life.wait().has(m.Load)


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


def test_a_failed_write_keeps_the_secret_and_never_connects() -> None:
    """The write is retried with the same secret."""
    life = Life().feed(m.Started()).feed(m.NothingStored(writable=True)).feed(m.Registered(credentials=secret(1)))
    life.feed(m.SaveFailed(failure=FULL)).feed(m.NetworkChanged())
    assert (life.state.phase, life.state.goal) == (m.Phase.WAITING, m.Goal.SAVE)
    assert m.Save(credentials=secret(1)) in life.wait().effects


def test_an_unreachable_registration_endpoint_does_not_strand_a_good_secret() -> None:
    """The single try failed on the network: back to the login."""
    life = Life().connecting().refuse().refuse().refuse().feed(m.RegisterFailed(failure=NETWORK))
    assert (life.state.phase, life.state.goal) == (m.Phase.WAITING, m.Goal.CONNECT)


def test_a_refused_registration_after_refused_logins_blocks_and_keeps_trying_the_login() -> None:
    """The stored secret stays in use; about hourly it is tried again."""
    life = Life().connecting().refuse().refuse().refuse().feed(m.RegisterFailed(failure=ACTIVATED))
    assert (life.state.phase, life.state.goal, life.state.durable) == (m.Phase.BLOCKED, m.Goal.CONNECT, True)
    assert life.wait().has(m.Dial)


@pytest.mark.parametrize(
    "rule",
    [rules.loaded, rules.nothing_stored, rules.load_failed, rules.registered, rules.register_failed, rules.save_failed],
)
def test_no_rule_lies_idle(rule: Callable[..., object]) -> None:
    """What decides about a secret stands in a row of the table."""
    assert rule in {row.act for row in TABLE.values()}


def test_only_a_durable_secret_is_taken_for_a_login() -> None:
    """One that the store has read back: until then nothing connects (invariant 1)."""
    saving = m.State(phase=m.Phase.SAVING, credentials=secret(1), durable=False)
    assert rules.saved(saving, m.Saved(), m.Now(at=0.0, chance=0.5))[0].durable
    failed, _ = rules.save_failed(saving, m.SaveFailed(failure=FULL), m.Now(at=0.0, chance=0.5))
    assert not failed.durable

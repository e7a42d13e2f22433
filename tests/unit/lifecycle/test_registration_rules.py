"""On the way to a durable secret: look for it, register, save."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from iot_onboard.core.failures import Cause, Failure, Throttled, Transient
from iot_onboard.core.timings import Now
from iot_onboard.events.model import Event
from iot_onboard.fast_start.fast_dataclasses import replace
from iot_onboard.lifecycle import model as m
from iot_onboard.lifecycle import registration_rules as rules
from iot_onboard.lifecycle.state import Policy, State
from iot_onboard.lifecycle.table import TABLE
from support.gateway.life import (
    ACTIVATED,
    FULL,
    MISSING,
    NETWORK,
    UNREADABLE,
    VOLATILE,
    Life,
    announced_details,
    secret,
)


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
    assert m.Login(credentials=secret(1), keepalive_s=300) in life.effects
    assert life.state.budget.connects == (1000.0,)
    life.feed(m.Accepted())
    assert (life.state.phase, life.has(m.Report)) == (m.Phase.ONLINE, True)


def test_a_successor_is_not_durable_before_it_is_saved() -> None:
    """Whatever its predecessor on the disk is."""
    life = Life().connecting().refuse().refuse().refuse()
    assert (life.state.phase, life.state.durable) == (m.Phase.REGISTERING, True)
    life.feed(m.Registered(credentials=secret(2)))
    assert (life.state.phase, life.state.durable) == (m.Phase.SAVING, False)
    life.feed(m.SaveFailed(failure=FULL))
    assert not life.state.durable
    life.wait().feed(m.Saved())
    assert (life.state.phase, life.state.durable) == (m.Phase.CONNECTING, True)


def test_second_boot_does_not_register() -> None:
    """With a secret on disk nothing is registered."""
    life = Life().connecting()
    assert life.state.phase is m.Phase.CONNECTING
    assert not life.has(m.Register)


def test_a_card_of_another_gateway_is_told() -> None:
    """Its name stands in the line, and this gateway registers; of many a few are named."""
    life = Life().feed(m.Started()).feed(m.NothingStored(writable=True, others=("pk.a", "pk.b", "pk.c", "pk.d")))
    assert life.announced() == [Event.OTHER_DEVICE, Event.REGISTERING]
    announced = life.effects[0]
    assert isinstance(announced, m.Announce)
    assert announced.details.detail == "pk.a, pk.b, pk.c and 1 more"
    assert life.has(m.Register)


def test_an_unwritable_store_blocks_registration() -> None:
    """A secret that cannot be kept is not asked for; the store is looked at again later."""
    life = Life().feed(m.Started()).feed(m.NothingStored(writable=False, detail="EROFS"))
    assert (life.state.phase, life.state.goal, life.has(m.Register)) == (m.Phase.BLOCKED, m.Goal.LOAD, False)
    assert life.wait().has(m.Load)


NOT_LASTING = m.NothingStored(
    writable=True, storage=m.Storage(volatile=VOLATILE.detail, directory="/var/lib/x", mount="30 0:9 /var rw")
)


def test_a_store_that_does_not_last_blocks_registration() -> None:
    """The secret would go with the power, and the device with it; said with the place, looked at again later."""
    life = Life().feed(m.Started()).feed(NOT_LASTING)
    assert (life.state.phase, life.state.goal, life.has(m.Register)) == (m.Phase.BLOCKED, m.Goal.LOAD, False)
    assert life.announced() == [Event.STORE_VOLATILE]
    assert announced_details(life).detail == "tmpfs at /var, which is in memory"
    assert life.wait().has(m.Load)


@pytest.mark.parametrize("given", [NOT_LASTING, replace(NOT_LASTING, writable=False, detail="EROFS")])
def test_another_mount_ends_the_block(given: m.NothingStored) -> None:
    """A data partition that comes late, or is mounted again with a right to write: it need not wait for an hour."""
    life = Life().feed(m.Started()).feed(given)
    assert m.EarlyRetry.MOUNTS in life.state.retry_on
    life.feed(m.MountChanged(), after_s=5)
    assert life.has(m.Load)
    assert life.feed(m.NothingStored(writable=True)).has(m.Register)


def test_a_store_in_memory_may_be_meant() -> None:
    """`allow_volatile` permits the registration; read-only is read-only all the same."""
    life = Life(Policy(allow_volatile=True)).feed(m.Started()).feed(NOT_LASTING)
    assert life.has(m.Register)
    life = Life(Policy(allow_volatile=True)).feed(m.Started()).feed(replace(NOT_LASTING, writable=False))
    assert life.announced() == [Event.STORE_NOT_WRITABLE]


def test_a_secret_in_memory_is_used() -> None:
    """Where one is stored nobody asks what it lies on."""
    assert Life(Policy(allow_volatile=False)).connecting().has(m.Dial)


def test_a_refused_secret_in_memory_is_not_replaced() -> None:
    """Its successor would be lost at the next boot: after the third refusal it says so, and goes on with the login."""
    life = Life().connecting().refuse().refuse().refuse().feed(m.RegisterFailed(failure=VOLATILE))
    assert (life.state.phase, life.state.goal) == (m.Phase.BLOCKED, m.Goal.CONNECT)
    assert life.announced() == [Event.STORE_VOLATILE]
    assert life.wait().has(m.Dial)
    life.feed(m.Dialled()).feed(m.Refused(code=4))
    if life.state.phase is m.Phase.REGISTERING:
        life.feed(m.RegisterFailed(failure=VOLATILE))
    assert life.announced() == [Event.STORE_VOLATILE]


def test_a_store_that_has_come_to_lie_in_memory_is_looked_at_again() -> None:
    """Another mount covers it since the look before: nothing was sent, and the block knows what would end it."""
    life = Life().feed(m.Started()).feed(m.NothingStored(writable=True)).feed(m.RegisterFailed(failure=VOLATILE))
    assert (life.state.phase, life.has(m.Load)) == (m.Phase.BOOT, True)
    assert m.EarlyRetry.MOUNTS in life.feed(NOT_LASTING).state.retry_on


def test_activated_and_gone() -> None:
    """Where the directory could not keep the secret, code 6289 names that; elsewhere it says what it always does."""
    for given, expected in ((NOT_LASTING, True), (m.NothingStored(writable=True), False)):
        life = Life(Policy(allow_volatile=True)).feed(m.Started()).feed(given)
        details = announced_details(life.feed(m.RegisterFailed(failure=ACTIVATED)))
        assert ("did not survive the reboot: it is on tmpfs at /var" in details.detail) is expected
        assert details.cure.endswith("ResetThing")
        assert details.cure.startswith("set state_dir") is expected


def test_register_ends_where_it_could_not_keep_the_secret() -> None:
    """For a production line it is a fault of the configuration: 78."""
    life = Life(Policy(register_only=True)).feed(m.Started()).feed(NOT_LASTING)
    assert m.Exit(code=78) in life.effects


def test_an_unreadable_store_never_registers() -> None:
    """EACCES or EIO: the secret may be fine."""
    life = Life().feed(m.Started()).feed(m.LoadFailed(failure=UNREADABLE))
    assert (life.state.phase, life.state.goal) == (m.Phase.BLOCKED, m.Goal.LOAD)


@pytest.mark.parametrize(
    "failure", [replace(UNREADABLE, temporary=True), Transient(cause=Cause.LOCAL, detail="EMFILE")]
)
def test_a_fault_that_passes_is_retried_soon(failure: Failure) -> None:
    """Nobody has to come for it, and it is told as a fault of this gateway."""
    life = Life().feed(m.Started()).feed(m.LoadFailed(failure=failure))
    assert (life.state.phase, life.state.goal, life.has(m.Register)) == (m.Phase.WAITING, m.Goal.LOAD, False)
    details = announced_details(life)
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
    saving = State(phase=m.Phase.SAVING, credentials=secret(1), durable=False)
    assert rules.saved(saving, m.Saved(), Now(at=0.0, chance=0.5))[0].durable
    failed, _ = rules.save_failed(saving, m.SaveFailed(failure=FULL), Now(at=0.0, chance=0.5))
    assert not failed.durable

"""The words of the state machine."""

from __future__ import annotations

from typing import get_args

import pytest

from iot_onboard.core import backoff
from iot_onboard.lifecycle import model as m
from support.gateway.life import secret

RECORDS = {value for value in vars(m).values() if isinstance(value, type) and value.__module__ == m.__name__}
ENUMS = {m.Phase, m.Goal, m.EarlyRetry}


def test_every_word_is_an_input_an_effect_or_part_of_the_state() -> None:
    """One that is left out of the unions would never be decided on, or never be run."""
    inputs, effects = set(get_args(m.Input)), set(get_args(m.Effect))
    assert not inputs & effects
    assert inputs | effects | ENUMS | {m.Now, m.Policy, m.State, m.IdleCut} == RECORDS


def test_a_life_begins_with_nothing() -> None:
    """No secret, nothing due, no budget used, and a first registration after refusals that may come at once."""
    state = m.State()
    assert (state.phase, state.goal, state.wake_at, state.credentials, state.durable) == (
        m.Phase.BOOT, None, None, None, False,
    )  # fmt: skip
    assert (state.connects, state.registrations, state.failures, state.refusals) == ((), (), 0, 0)
    assert (state.reregister_at, state.reregister_gap_s) == (float("-inf"), backoff.REREGISTER_FIRST_S)


@pytest.mark.parametrize(
    "holder",
    [
        m.Loaded(credentials=secret(7)),
        m.Registered(credentials=secret(7)),
        m.Save(credentials=secret(7)),
        m.Login(credentials=secret(7), connects=(), keepalive_s=300),
        m.State(credentials=secret(7)),
    ],
    ids=lambda holder: type(holder).__name__,
)
def test_nothing_shows_a_secret(holder: object) -> None:
    """Though inputs, effects and state carry it."""
    assert secret(7).device_secret.reveal() not in repr(holder)


def test_states_are_values() -> None:
    """Equal where everything is, and never changed in place."""
    assert m.State() == m.State() != m.State(failures=1)
    with pytest.raises(AttributeError):
        m.State().failures = 1  # type: ignore[misc]  # what is tried

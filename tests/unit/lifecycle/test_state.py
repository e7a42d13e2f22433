"""What the state machine knows."""

from __future__ import annotations

import pytest

from iot_onboard.core import backoff
from iot_onboard.lifecycle import model as m
from iot_onboard.lifecycle.state import State
from support.gateway.life import secret


def test_a_life_begins_with_nothing() -> None:
    """No secret, nothing due, no budget used, and a first registration after refusals that may come at once."""
    state = State()
    assert (state.phase, state.goal, state.wake_at, state.credentials, state.durable) == (
        m.Phase.BOOT, None, None, None, False,
    )  # fmt: skip
    assert (state.budget.connects, state.budget.registrations, state.failures, state.refusals) == ((), (), 0, 0)
    assert (state.budget.reregister_at, state.budget.reregister_gap_s) == (float("-inf"), backoff.REREGISTER_FIRST_S)


def test_states_are_values() -> None:
    """Equal where everything is, and never changed in place."""
    assert State() == State() != State(failures=1)
    with pytest.raises(AttributeError):
        State().failures = 1  # type: ignore[misc]  # what is tried


def test_it_does_not_show_its_secret() -> None:
    """A state may stand in an assertion or a traceback."""
    assert secret(7).device_secret.reveal() not in repr(State(credentials=secret(7)))

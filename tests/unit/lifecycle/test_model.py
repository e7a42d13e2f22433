"""The words of the state machine."""

from __future__ import annotations

from typing import get_args

import pytest

from iot_onboard.lifecycle import model as m
from support.gateway.life import secret

RECORDS = {value for value in vars(m).values() if isinstance(value, type) and value.__module__ == m.__name__}
ENUMS = {m.Phase, m.Goal, m.EarlyRetry}


def test_every_word_is_an_input_an_effect_or_of_both() -> None:
    """One that is left out of the unions would never be decided on, or never be run."""
    inputs, effects = set(get_args(m.Input)), set(get_args(m.Effect))
    assert not inputs & effects
    assert inputs | effects | ENUMS | {m.Storage} == RECORDS


@pytest.mark.parametrize(
    "holder",
    [
        m.Loaded(credentials=secret(7)),
        m.Registered(credentials=secret(7)),
        m.Save(credentials=secret(7)),
        m.Login(credentials=secret(7), keepalive_s=300),
    ],
    ids=lambda holder: type(holder).__name__,
)
def test_nothing_shows_a_secret(holder: object) -> None:
    """Though inputs and effects carry it."""
    assert secret(7).device_secret.reveal() not in repr(holder)

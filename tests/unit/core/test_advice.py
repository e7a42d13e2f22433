"""What is said of the next try is what the waits do."""

from __future__ import annotations

import pytest

from iot_onboard.core import backoff
from iot_onboard.core.advice import HOURLY, SLOWLY, SOON, Advice, Responsible


def test_soon() -> None:
    """The first wait and the longest one."""
    assert f"within {backoff.WAITING.first_s:.0f} s at first" in SOON
    assert f"up to {backoff.WAITING.cap_s / 60:.0f} minutes" in SOON


def test_slowly() -> None:
    """The shortest wait and the longest one."""
    assert f"the gateway retries in {backoff.SLOW.floor_s / 60:.0f} to {backoff.SLOW.cap_s / 60:.0f} minutes" == SLOWLY


def test_hourly() -> None:
    """An hour is in the middle of what a block waits."""
    assert "about every hour" in HOURLY
    assert (backoff.BLOCKED.floor_s + backoff.BLOCKED.cap_s) / 2 == 3600.0


def test_an_advice_has_all_its_parts() -> None:
    """None of them is left to a default: a line without a cure helps nobody."""
    with pytest.raises(TypeError):
        Advice(meaning="m", responsible=Responsible.GATEWAY, explanation="e", steps=("s",), then=SOON)  # type: ignore[call-arg]  # what is tried

"""What the platform's codes ask for."""

from __future__ import annotations

import pytest

from iot_onboard.aliyun.codes import (
    PLATFORM_FAULT,
    PLATFORM_FAULTS,
    REJECTIONS,
    THROTTLED,
    THROTTLING,
    UNKNOWN,
    failure_of,
)
from iot_onboard.core.failures import Cause, Rejected, Throttled, Transient


@pytest.mark.parametrize("code", sorted(REJECTIONS))
def test_a_refusal(code: str) -> None:
    """Somebody has to act, and a Retry-After does not change that."""
    known = REJECTIONS[code]
    assert failure_of(code, "m", 5.0) == Rejected(code=code, detail=known.meaning, cure=known.cure)


@pytest.mark.parametrize("code", sorted(PLATFORM_FAULTS))
def test_a_fault_of_the_platform(code: str) -> None:
    """It is waited out, as long as the platform wishes; its cure says that nothing is to be done here."""
    failure = failure_of(code, "m", None)
    assert isinstance(failure, Transient)
    assert (failure.cause, failure.code, failure.cure) == (Cause.PLATFORM, code, PLATFORM_FAULT.cure)
    assert isinstance(failure_of(code, "m", 5.0), Throttled)


def test_a_throttle() -> None:
    """With the platform's own wish, where it has one."""
    assert failure_of(THROTTLED, "m", 7.0) == Throttled(
        detail=f"{THROTTLING.meaning} (code 429)", retry_after_s=7.0, code="429"
    )


def test_a_code_that_nobody_knows() -> None:
    """Slowly on, with the platform's own words where it gave some."""
    failure = failure_of("9999", "so sorry", None)
    assert isinstance(failure, Transient)
    assert (failure.cause, failure.slow, failure.code) == (Cause.UNKNOWN_CODE, True, "9999")
    assert failure.detail.endswith("so sorry (code 9999)")
    assert UNKNOWN.meaning in failure_of("9999", "", None).detail


def test_no_code_has_two_meanings() -> None:
    """The first table that has it would hide the other."""
    assert not set(REJECTIONS) & (PLATFORM_FAULTS | {THROTTLED})


def test_every_advice_is_whole() -> None:
    """A cure for the line, steps for the manual, and what comes then."""
    for advice in (*REJECTIONS.values(), PLATFORM_FAULT, THROTTLING, UNKNOWN):
        assert all((advice.meaning, advice.cure, advice.explanation, advice.steps, advice.then))
        assert not advice.cure.endswith(".")
        assert all(step.endswith((".", "!")) for step in advice.steps)

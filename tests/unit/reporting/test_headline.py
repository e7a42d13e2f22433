"""What systemctl status shows of the daemon, and the next try by both clocks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from iot_onboard.core.identity import Credentials, Identity
from iot_onboard.core.secret import Secret
from iot_onboard.events.model import Context, Details, Event
from iot_onboard.fast_start.fast_dataclasses import replace
from iot_onboard.lifecycle import model as m
from iot_onboard.lifecycle.state import Policy, State
from iot_onboard.reporting.headline import report, secret_words, trouble

NOW = datetime(2026, 11, 24, 14, 0, tzinfo=UTC)
CONTEXT = Context(product_key="pk", device_name="gw-0001", version="1.0", endpoint="host:8883")
WAITING = State(phase=m.Phase.WAITING, goal=m.Goal.CONNECT, failures=6, wake_at=1012.0)
CREDENTIALS = Credentials(identity=Identity(product_key="pk", device_name="gw-0001"), device_secret=Secret("s"))


def test_a_wait_says_when_it_ends_by_the_clock_on_the_wall() -> None:
    """systemd keeps the line as it is: a span would be wrong a second later."""
    last = trouble(Event.CONNECT_FAILED, Details(detail="x", cure="do y", next_try_s=12.0), CONTEXT, "t")
    shown = report(WAITING, CONTEXT, last, 1000.0, NOW)
    assert shown.headline == "waiting to connect, attempt 7 at 14:00:12: Cannot connect: x."
    assert (shown.next_try_at, shown.next_try_monotonic_s) == (NOW + timedelta(seconds=12), 1012.0)


def test_a_block_says_what_to_do() -> None:
    """In the one line that everybody sees."""
    details = Details(code="6288", detail="switched off", cure="switch it on", next_try_s=9.0)
    last = trouble(Event.REGISTRATION_REFUSED, details, CONTEXT, "t")
    blocked = replace(WAITING, phase=m.Phase.BLOCKED, goal=m.Goal.REGISTER)
    shown = report(blocked, CONTEXT, last, 1000.0, NOW).headline
    assert shown.startswith(
        "blocked (next: register), attempt 7 at 14:00:12: Registration refused, code 6288: switched off."
    )
    assert shown.endswith("To do: switch it on.")


def test_other_states_have_no_next_try() -> None:
    """Online names the endpoint."""
    told = report(State(phase=m.Phase.ONLINE), CONTEXT, None, 1000.0, NOW)
    assert (told.headline, told.next_try_at) == ("online at host:8883", None)
    assert report(State(phase=m.Phase.CONNECTING, wake_at=2.0), CONTEXT, None, 1.0, NOW).headline == "connecting"


@pytest.mark.parametrize("event", Event)
def test_what_went_wrong_is_told_without_what_is_told_apart(event: Event) -> None:
    """No next try and no cure in it, for any event; and it is the beginning of the line."""
    details = Details(code="6289", detail="why", cure="CURE", attempt=3, next_try_s=90.0, duration_ms=1500)
    what = trouble(event, details, CONTEXT, "t").what
    assert what
    assert not any(words in what for words in ("CURE", "Next try", "To do"))


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (State(), "none"),
        (State(credentials=CREDENTIALS), "in memory"),
        (State(credentials=CREDENTIALS, durable=True), "on disk"),
        (State(credentials=CREDENTIALS, durable=True, policy=Policy(can_register=False)), "given by hand"),
    ],
)
def test_where_the_secret_is(state: State, words: str) -> None:
    """None, in memory alone, on disk, or from somebody."""
    assert secret_words(state) == words

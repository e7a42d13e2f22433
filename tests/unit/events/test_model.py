"""The words of events: names and numbers that others go by."""

from __future__ import annotations

import re
import syslog

import pytest

from iot_onboard.core.timings import Timings
from iot_onboard.events.model import Details, Event, Kind, Priority


def test_priorities_are_those_of_syslog() -> None:
    """journald and `journalctl --priority` take the numbers (sd-daemon(3))."""
    names = list(Priority.__members__)
    assert [Priority[name].value for name in names] == [getattr(syslog, f"LOG_{name}") for name in names]
    assert min(Priority) is Priority.CRIT
    assert max(Priority) is Priority.DEBUG


def test_names_of_events_are_words() -> None:
    """As IOT_EVENT has them and an operator types them: lower case, dashes, each once, and as Python calls it."""
    assert all(re.fullmatch(r"[a-z]+(-[a-z]+)*", event.value) for event in Event)
    assert all(event.name == event.value.upper().replace("-", "_") for event in Event)


def test_kinds_tell_what_is_repeated() -> None:
    """Five ways for a line to be told again or not, no two alike."""
    assert len({kind.value for kind in Kind}) == len(Kind) == 5


def test_details_that_nobody_gave_are_empty() -> None:
    """An event that needs none has none, and what was told does not change afterwards."""
    nothing = Details()
    assert (nothing.code, nothing.attempt, nothing.next_try_s, nothing.duration_ms) == (None, None, None, None)
    assert (nothing.cause, nothing.detail, nothing.cure, nothing.timings) == ("", "", "", Timings())
    with pytest.raises(AttributeError):
        nothing.detail = "x"  # type: ignore[misc]  # what is tried

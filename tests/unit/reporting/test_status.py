"""What of a status file makes sense, whoever wrote it."""

from __future__ import annotations

from typing import get_type_hints

import pytest

from iot_onboard.fast_start.fast_dataclasses import as_dict, replace
from iot_onboard.reporting.status import NOT_PROVISIONED, SCHEMA, Status, status_of

STORED_STATUS = Status(
    schema=SCHEMA,
    state=NOT_PROVISIONED,
    since="2026-01-02T03:03:00+00:00",
    product_key="",
    device_name="",
    endpoint="",
    attempt=0,
    agent_version="0.1.0",
    pid=7,
    pid_start_ticks=9,
)


def test_a_record_becomes_the_status_that_it_was_made_of() -> None:
    """A gateway without names, too."""
    assert status_of(as_dict(STORED_STATUS)) == STORED_STATUS
    online = replace(STORED_STATUS, state="online", since_monotonic_s=12.5, secret="on disk", last_event="online")
    assert status_of(as_dict(online)) == online


@pytest.mark.parametrize(
    "name", ["schema", "state", "since", "product_key", "device_name", "endpoint", "attempt", "agent_version", "pid"]
)
def test_what_every_daemon_tells_is_there(name: str) -> None:
    """A record without it, or with null in its place, is none of ours."""
    record = as_dict(STORED_STATUS)
    assert status_of(record | {name: None}) is None
    del record[name]
    assert status_of(record) is None


def test_another_version_may_know_more_or_less() -> None:
    """Names that are new to a reader are passed over, missing ones are null; another schema is not understood."""
    record = {name: value for name, value in as_dict(STORED_STATUS).items() if value is not None}
    assert status_of(record | {"of_a_later_version": [1]}) == STORED_STATUS
    assert status_of(record | {"schema": SCHEMA + 1}) is None


@pytest.mark.parametrize("name", sorted(get_type_hints(Status)))
def test_a_value_of_another_type_makes_no_sense(name: str) -> None:
    """Lists have no place anywhere in it."""
    assert status_of(as_dict(STORED_STATUS) | {name: [1]}) is None


@pytest.mark.parametrize("record", [None, 1, "x", [], [["schema", 1]], {}])
def test_what_is_no_record_is_no_status(record: object) -> None:
    """Whatever JSON can hold."""
    assert status_of(record) is None


@pytest.mark.parametrize("at", [float("inf"), float("-inf"), float("nan"), 1e300])
@pytest.mark.parametrize("name", ["since_monotonic_s", "next_try_monotonic_s"])
def test_a_moment_that_no_clock_shows_makes_no_sense(name: str, at: float) -> None:
    """JSON as Python reads it holds infinity, and what is no number."""
    assert status_of({**as_dict(STORED_STATUS), name: at}) is None

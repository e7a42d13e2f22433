"""Sessions are counted by the hour, for a day; garbage is no history."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from iot_onboard.reporting.history import (
    DAY_HOURS,
    History,
    Registration,
    history_of,
    last_day,
    record_of,
    with_session,
)

HOUR_S = 3600.0


def test_a_day_is_counted_and_no_more() -> None:
    """One session an hour for two days: 24 of them count, and no more is kept."""
    history = History()
    for hour in range(48):
        history = with_session(history, hour * HOUR_S + 5.0, reconnect=hour % 2 == 0)
    assert last_day(history, 47 * HOUR_S + 10.0) == (24, 12)
    assert len(history.hours) == DAY_HOURS
    assert last_day(history, 70 * HOUR_S) == (1, 0)
    assert last_day(history, 80 * HOUR_S) == (0, 0)


@given(st.lists(st.tuples(st.floats(0, 20_000), st.booleans()), max_size=40))
def test_what_is_counted_is_what_happened(plan: list[tuple[float, bool]]) -> None:
    """Against a list of stamps, to the hour; and the same after a restart of the service."""
    history, now_s = History(), 0.0
    seen: list[tuple[int, bool]] = []
    for gap_s, reconnect in plan:
        now_s += gap_s
        history = history_of(json.loads(json.dumps(record_of(with_session(history, now_s, reconnect=reconnect)))))
        seen.append((int(now_s // HOUR_S), reconnect))
    counted = [reconnect for hour, reconnect in seen if int(now_s // HOUR_S) - hour < DAY_HOURS]
    assert last_day(history, now_s) == (len(counted), sum(counted))


def test_a_registration_is_kept() -> None:
    """With its time and its outcome, beside the sessions."""
    history = with_session(History(registration=Registration(at="t", outcome="registered")), 1.0, reconnect=False)
    assert history_of(json.loads(json.dumps(record_of(history)))) == history


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(["hours", "registration", "x"]), values))
def test_garbage_is_no_history(record: dict[str, object]) -> None:
    """Whatever the file holds, counting goes on."""
    history = history_of(record)
    sessions, reconnects = last_day(with_session(history, 1.0, reconnect=True), 1.0)
    assert sessions >= 1
    assert reconnects >= 1

"""The cheaper call does what the usual one does."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iot_onboard.fast_start.cheap_calls import collect_rarely, host_bytes

LABELS = st.from_regex(r"[a-z0-9-]{0,70}", fullmatch=True)


@pytest.fixture
def threshold() -> Iterator[None]:
    before = gc.get_threshold()
    yield
    gc.set_threshold(*before)


@pytest.mark.usefixtures("threshold")
def test_garbage_is_looked_for_all_the_same() -> None:
    """Rarely, not never: a daemon runs for years."""
    collect_rarely()
    assert gc.isenabled()
    assert gc.get_threshold()[0] == 10_000


@given(st.lists(LABELS, min_size=1, max_size=4).map(".".join))
def test_a_name_is_what_python_would_make_of_it(host: str) -> None:
    """The same bytes; what Python refuses stays text, for Python to refuse it."""
    try:
        expected: str | bytes = host.encode("idna") or host
    except UnicodeError:
        expected = host
    assert host_bytes(host) == expected


@pytest.mark.parametrize("host", ["bücher.example", "", ".", "a..b", "x" * 64])
def test_what_is_no_plain_name_stays_text(host: str) -> None:
    """Python knows more of names than we do."""
    assert host_bytes(host) == host


@pytest.mark.parametrize("host", ["x.example", "x.example.", "192.0.2.1", "2001:db8::1", "x" * 63])
def test_the_usual_ones_are_bytes(host: str) -> None:
    """Addresses too."""
    assert host_bytes(host) == host.encode()

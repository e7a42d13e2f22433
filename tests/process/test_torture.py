"""A spread sample of what `make torture` does in full."""

from __future__ import annotations

import base64
import os

import pytest

from support.machine import namespace
from torture import cloud, crash, flapping_interface, fleet, fuzz, hold, local, mad_mqtt, mad_servers, real
from torture.tally import remarks

needs_hold = pytest.mark.skipif(hold.why_not() is not None, reason=str(hold.why_not()))


@needs_hold
@pytest.mark.parametrize("name", ["first boot", "setup", "import-boot-file"])
def test_a_crash_at_any_system_call_is_survived(name: str) -> None:
    """Killed at calls from the first to the last, and started again: online, nothing lost, no operator."""
    (tally,) = crash.attack([name], jobs=1, most=8)
    assert tally.tried == 8
    assert tally.good, remarks(tally)


def test_a_cloud_on_a_bad_day_is_outlived() -> None:
    """Each fault of the platform for a day, and days of all of them: never too fast, and online when it ends."""
    for tally in (cloud.bad_days(seed=20261125), cloud.soak(seed=20261125, days=50)):
        assert tally.tried >= 50
        assert tally.good, remarks(tally)


def test_a_fleet_comes_online_within_its_budget() -> None:
    """All gateways of a site that lost power log in, none more than five times a minute."""
    outcome = fleet.simulate("power comes back", 8_000, seed=20261125)
    assert (outcome.online, outcome.over_budget) == (8_000, 0)
    assert outcome.refused, "the limit was met"
    assert outcome.attempts / outcome.devices < 1.5


@pytest.mark.parametrize("scenario", fleet.SCENARIOS)
def test_a_fleet_that_knows_its_size_is_spread(scenario: str) -> None:
    """Fewer attempts and sooner: two at the most, and within the time that the account's limit asks for."""
    devices = 10_000 if scenario == fleet.SCENARIOS[0] else 2_000
    known = fleet.simulate(scenario, devices, seed=20261130, size_known=True)
    assert (known.online, known.over_budget) == (devices, 0)
    assert known.attempts / known.devices <= 1.5
    assert known.last_s <= known.bound_s


def test_the_secrets_are_nowhere_but_where_they_belong() -> None:
    """At log level debug, over registration, login and reset: not in what is said, shown or left behind."""
    tally = real.secrets()
    assert tally.tried > 10
    assert tally.good, remarks(tally)


def test_a_search_for_a_secret_finds_each_form_of_it() -> None:
    """In plain, in hexadecimal, in a URL, and in base64 whatever stands before it."""
    secret = "abcDEF/123+xyz="
    raw = secret.encode()
    encoded = [base64.b64encode(before + raw + b"zz") for before in (b"", b"1", b"12")]
    for content in (raw, raw.hex().encode(), b"abcDEF%2F123%2Bxyz%3D", *encoded):
        assert any(form in b"x" + content + b"x" for form in real.forms(secret)), content


@pytest.mark.realtime
@pytest.mark.skipif(namespace.why_no_namespace() is not None, reason=str(namespace.why_no_namespace()))
def test_an_interface_that_flaps_leads_to_no_dial() -> None:
    """Whatever the platform's state; while online it wakes the daemon no more often than the watchdog does."""
    tally = flapping_interface.attack(30.0, compared=False)
    assert tally.tried == 11
    assert tally.good, remarks(tally)


def test_no_server_can_surprise() -> None:
    """A grammar of HTTP, of a proxy's and of a name server's answers: one of the documented outcomes each, in time."""
    tally = mad_servers.attack(inputs=8_000, seed=20261130)
    assert tally.tried > 6_000
    assert tally.good, remarks(tally)


def test_rubbish_is_refused_by_name() -> None:
    """What is read from disk and wire, bent at random, gives documented errors only, in bounded time."""
    tally = fuzz.attack(jobs=1, inputs=12_000, seed=20261125)
    assert tally.tried > 11_000
    assert tally.good, remarks(tally)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has rights to lose")
def test_a_local_user_comes_away_with_nothing() -> None:
    """Each of root's commands once, over what its directories may hold, and amid swaps."""
    tally = local.attack(turns=6, seed=20261130)
    assert tally.tried == 6
    assert tally.good, remarks(tally)


def test_mad_mqtt_servers_are_left_with_a_word() -> None:
    """A grammar of packets, valid or not, cut anywhere: documented events only, in bounded time and memory."""
    tally = mad_mqtt.attack(jobs=1, inputs=3_000, seed=20261130)
    assert tally.tried > 3_000
    assert tally.good, remarks(tally)

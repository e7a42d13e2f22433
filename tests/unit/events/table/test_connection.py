"""What is said of the connection."""

from __future__ import annotations

from iot_onboard.events.model import Details, Event, Kind, Priority
from iot_onboard.events.table.connection import CONNECTION
from support.text.lines import said

# The MESSAGE_ID is public, and stays whatever an event is called.
PUBLIC = {
    Event.CONNECTING: ("33b0662cad574c39bf29c7c3b6149ab2", Priority.INFO, Kind.ATTEMPT),
    Event.ONLINE: ("d505e1b9362f4489aa4765c98d1cf35c", Priority.NOTICE, Kind.RECOVERY),
    Event.CONNECT_FAILED: ("f4ebca5b44c34a3a9858c2e1b4e3d53f", Priority.WARNING, Kind.TROUBLE),
    Event.CLOCK_NOT_SET: ("fadd52ae669244c8b4b7c1126e770740", Priority.WARNING, Kind.TROUBLE),
    Event.LOGIN_REFUSED: ("dee7034dafb54ae192403a864ac27550", Priority.WARNING, Kind.TROUBLE),
    Event.LOGIN_BLOCKED: ("bef8c9c96d204feb9e60536dc66abfda", Priority.ERR, Kind.TROUBLE),
    Event.CONNECTION_LOST: ("194ab38f6efe410f9a21e4c595fadaa0", Priority.WARNING, Kind.TROUBLE),
    Event.IDLE_TIMEOUT: ("86f32d04b739420d81a15f2341ac6cd7", Priority.WARNING, Kind.TROUBLE),
    Event.MESSAGES_UNREQUESTED: ("d0f8040c344c496f9266f7cc9be2dfa0", Priority.NOTICE, Kind.NOTE),
    Event.IDENTITY_SHARED: ("392ff37e549f43e28a0c6c8c19c96157", Priority.ERR, Kind.TROUBLE),
}


def test_ids_levels_and_kinds_stay() -> None:
    """Somebody's journalctl and alarm go by the first two, and by the third how often a line is told."""
    assert {event: (one.message_id, one.priority, one.kind) for event, one in CONNECTION.items()} == PUBLIC


def test_a_failure_that_may_pass_says_what_to_check() -> None:
    """What was seen, when the next try comes, and the cure for the case that it lasts."""
    details = Details(detail="no route to host", next_try_s=4.0, cure="check the cable")
    line = said(CONNECTION[Event.CONNECT_FAILED], details)
    assert line == "Cannot connect: no route to host. Next try in 4 s. If it lasts: check the cable."


def test_a_refused_login_names_its_number_and_its_count() -> None:
    """The number is what `explain connack` takes, the count is what leads to another registration."""
    line = said(CONNECTION[Event.LOGIN_REFUSED], Details(code="4", detail="bad user name", attempt=2, next_try_s=60.0))
    assert line == "Login refused, CONNACK 4: bad user name. Refusals in a row: 2. Next try in 60 s."


def test_a_lost_connection_says_how_long_it_was() -> None:
    """A connection of a minute has another reason than one of a week."""
    line = said(CONNECTION[Event.CONNECTION_LOST], Details(duration_ms=300_000, detail="closed", next_try_s=0.0))
    assert line == "Connection lost after 5 min: closed. Trying now."


def test_an_idle_timeout_says_what_the_keep_alive_is_now() -> None:
    """With what was seen, and when the gateway is back."""
    details = Details(duration_ms=45_000, detail="cut; the keep-alive is 36 s from now on", next_try_s=3.0)
    told = said(CONNECTION[Event.IDLE_TIMEOUT], details)
    assert told == (
        "An idle time-out on the network path (proxy, NAT, firewall or load balancer) ended the connection after 45 s: "
        "cut; the keep-alive is 36 s from now on. Next try in 3 s."
    )


def test_a_clone_is_told_by_the_name_that_is_shared() -> None:
    """And how long this gateway keeps out of the other's way."""
    told = said(CONNECTION[Event.IDENTITY_SHARED], Details(attempt=3, next_try_s=3600.0))
    assert "3 times in a row: another device uses the identity of gw-0001. Next try in 60 min." in told

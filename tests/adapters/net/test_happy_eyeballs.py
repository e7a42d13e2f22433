"""Connect to whichever of several addresses answers, against real sockets."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from iot_onboard.net.happy_eyeballs import (
    ATTEMPT_DELAY_S,
    MAX_ADDRESSES,
    ConnectAttempts,
    NoAddressAnswered,
    Place,
    Resolved,
    interleave_families,
    resolve,
)
from support.platform.deaf import deaf
from support.process.descriptors import descriptors


def place(host: str, port: int) -> Place:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return family, socket.SOCK_STREAM, 0, "", (host, port)


@contextlib.contextmanager
def listener(host: str = "127.0.0.1", port: int = 0) -> Iterator[int]:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.create_server((host, port), family=family) as server:
        yield server.getsockname()[1]


def closed_port() -> int:
    with listener() as port:
        return port


def test_the_first_that_answers_needs_no_other() -> None:
    """At once, blocking again, with the time limit on it."""
    with listener() as port, listener() as other:
        began = time.monotonic()
        with ConnectAttempts([place("127.0.0.1", port), place("127.0.0.1", other)], 5.0).run() as won:
            assert time.monotonic() - began < ATTEMPT_DELAY_S
            assert won.getpeername()[1] == port
            assert won.gettimeout() == 5.0


def test_whoever_lost_is_hung_up_on() -> None:
    """A server is not left with a connection that nobody uses, nor this gateway with its descriptor."""
    with deaf() as silent, listener() as port:
        before = descriptors()
        attempts = ConnectAttempts([place("127.0.0.1", silent), place("127.0.0.1", port)], 5.0)
        attempts.run().close()
        assert descriptors() <= before


def test_a_refusal_is_not_waited_for() -> None:
    """The next one is tried at once."""
    with listener() as port:
        began = time.monotonic()
        with ConnectAttempts([place("127.0.0.1", closed_port()), place("127.0.0.1", port)], 5.0).run() as won:
            assert time.monotonic() - began < ATTEMPT_DELAY_S
            assert won.getpeername()[1] == port


def test_silence_costs_a_head_start() -> None:
    """Not the time limit."""
    with deaf() as silent, listener() as port:
        began = time.monotonic()
        with ConnectAttempts([place("127.0.0.1", silent), place("127.0.0.1", port)], 5.0).run() as won:
            assert ATTEMPT_DELAY_S <= time.monotonic() - began < 1.0
            assert won.getpeername()[1] == port


@pytest.mark.realtime
def test_a_late_answer_wins_where_the_others_fail() -> None:
    """A slow first address stays in the race, and so does a slow second one beside a dead third."""
    with deaf("127.0.0.2") as silent:
        slow = closed_port()
        with contextlib.ExitStack() as stack:
            stack.enter_context(deaf(port=slow))

            def listen() -> None:
                stack.close()
                stack.enter_context(listener(port=slow))

            # The kernel knocks again after a second: by then somebody listens.
            threading.Timer(0.5, listen).start()
            places = [place("127.0.0.2", silent), place("127.0.0.1", slow), place("127.0.0.1", closed_port())]
            with ConnectAttempts(places, 5.0).run() as won:
                assert won.getpeername()[1] == slow


@pytest.mark.realtime
def test_nobody_answers() -> None:
    """Each has its own time limit, and all together little more; every one is told, in the order of the attempts."""
    with deaf() as silent:
        began = time.monotonic()
        places = [place("127.0.0.1", silent), place("127.0.0.1", closed_port()), place("127.0.0.1", silent)]
        with pytest.raises(NoAddressAnswered) as caught:
            ConnectAttempts(places, 0.5).run()
        assert 0.5 + ATTEMPT_DELAY_S <= time.monotonic() - began < 1.5
    kinds = [(address, type(error)) for address, error in caught.value.tried]
    assert kinds == [
        ("127.0.0.1", TimeoutError),
        ("127.0.0.1", ConnectionRefusedError),
        ("127.0.0.1", TimeoutError),
    ]


def test_a_network_that_is_not_there() -> None:
    """An address that the system itself refuses costs nothing."""
    with listener() as port:
        began = time.monotonic()
        with ConnectAttempts([place("255.255.255.255", 9), place("127.0.0.1", port)], 5.0).run() as won:
            assert time.monotonic() - began < ATTEMPT_DELAY_S
            assert won.getpeername()[1] == port


def test_no_place_at_all() -> None:
    """There is nothing to tell."""
    with pytest.raises(NoAddressAnswered) as caught:
        ConnectAttempts([], 1.0).run()
    assert caught.value.tried == ()


def test_families_take_turns() -> None:
    """The resolver's favourite first, and its order within each."""
    hosts = ["::1", "::2", "::3", "127.0.0.1", "127.0.0.2"]
    turns = interleave_families([place(host, 1) for host in hosts])
    assert [address[0] for *_, address in turns] == ["::1", "127.0.0.1", "::2", "127.0.0.2", "::3"]
    assert interleave_families([]) == []


@pytest.mark.realtime
def test_of_thousands_of_addresses_a_few_are_tried() -> None:
    """A name server may say anything: the race ends as soon as with a handful, and no family is left out."""
    with deaf() as silent:
        many = [place("127.0.0.1", silent)] * 4000 + [place("::1", closed_port())] * 4000
        before, began = descriptors(), time.monotonic()
        with pytest.raises(NoAddressAnswered) as caught:
            ConnectAttempts(many, 0.5).run()
        assert time.monotonic() - began < 0.5 + MAX_ADDRESSES * ATTEMPT_DELAY_S + 1.0
    assert sorted({address for address, _ in caught.value.tried}) == ["127.0.0.1", "::1"]
    assert len(caught.value.tried) == MAX_ADDRESSES
    assert descriptors() <= before


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_an_address_is_its_own_name(host: str) -> None:
    """Nobody is asked; it is noted, for whoever watches the way there."""
    noted: Resolved = {}
    assert [found[4][:2] for found in resolve(host, 443, resolved=noted)] == [(host, 443)]
    assert noted == {host: (host,)}


@pytest.mark.parametrize("host", ["a..b", "x" * 64])
def test_what_is_no_host_name(host: str) -> None:
    """It is refused before anybody is asked, and what was noted of it is gone."""
    noted: Resolved = {host: ("10.0.0.1",)}
    with pytest.raises(ValueError, match=r"."):
        resolve(host, 443, resolved=noted)
    assert noted == {host: ()}

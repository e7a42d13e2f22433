"""The bytes of a connection over TLS, TCP and a Unix socket: bounded calls, partial writes, and how it ended."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator

import pytest

from iot_onboard.mqtt.model import ConnectionLost
from iot_onboard.mqtt.stream import DISCONNECT_LINGER_S, Stream
from support.platform.mqtt_peer import Peer, dialled, plain_pair, reset

LINKS = ["tls", "tcp", "unix"]
CLOSED = ConnectionLost(by_server=True, detail="the server closed the connection")


@pytest.fixture(scope="module")
def peer() -> Iterator[Peer]:
    with Peer() as running:
        yield running


def both_ends(link: str, peer: Peer) -> tuple[Stream, socket.socket]:
    ours, theirs = dialled(peer) if link == "tls" else plain_pair(link)
    return Stream(ours, time.monotonic), theirs


def ended(stream: Stream) -> ConnectionLost:
    """Read until the end."""
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        if isinstance(found := stream.receive(), ConnectionLost):
            return found
        time.sleep(0.005)
    raise AssertionError("no end")


@pytest.mark.parametrize("link", LINKS)
def test_what_is_sent_comes_out_whole_though_the_socket_is_full(link: str, peer: Peer) -> None:
    """30 MB in whatever pieces the socket takes, with more added meanwhile: no byte is lost, doubled or moved."""
    stream, theirs = both_ends(link, peer)
    # More than the kernel takes for both ends.
    sent = bytes(range(256)) * 60_000
    unsent, got = bytearray(sent), bytearray()
    while stream.send(unsent):
        pass
    assert unsent, "the socket took all, and nothing was tried"
    assert stream.send(unsent) is False
    unsent += sent

    def read() -> None:
        while len(got) < 2 * len(sent):
            got.extend(theirs.recv(1_000_000))

    reader = threading.Thread(target=read)
    reader.start()
    deadline = time.monotonic() + 20
    while unsent and time.monotonic() < deadline:
        if not stream.send(unsent):
            time.sleep(0.001)
    reader.join(5)
    assert (bytes(got) == 2 * sent, stream.sent_bytes) == (True, 2 * len(sent))
    stream.close()
    theirs.close()


@pytest.mark.parametrize("link", LINKS)
def test_one_call_sends_a_bounded_piece(link: str, peer: Peer) -> None:
    """A peer that reads as fast as we write does not keep the loop."""
    stream, theirs = both_ends(link, peer)
    unsent = bytearray(10_000_000)
    assert stream.send(unsent) is True
    assert stream.sent_bytes <= 16 * 16_384
    assert len(unsent) == 10_000_000 - stream.sent_bytes
    stream.close()
    theirs.close()


@pytest.mark.parametrize("link", LINKS)
def test_what_comes_and_what_does_not(link: str, peer: Peer) -> None:
    """Nothing yet, bytes, and a close."""
    stream, theirs = both_ends(link, peer)
    assert stream.receive() is None
    theirs.sendall(b"hello")
    deadline = time.monotonic() + 5
    while (data := stream.receive()) is None and time.monotonic() < deadline:
        time.sleep(0.005)
    assert data == b"hello"
    theirs.close()
    assert ended(stream) == CLOSED
    stream.close()


@pytest.mark.parametrize("link", ["tls", "tcp"])
def test_a_reset(link: str, peer: Peer) -> None:
    """It reads as a close, and so does a write into it."""
    stream, theirs = both_ends(link, peer)
    reset(theirs)
    assert ended(stream) == CLOSED
    stream.send(bytearray(b"x"))
    stream.send(bytearray(b"x"))
    assert stream.send_failure == CLOSED
    stream.close()


@pytest.mark.parametrize("link", LINKS)
def test_what_came_before_a_failed_write_is_still_read(link: str, peer: Peer) -> None:
    """The peer's last words stay readable, and then the end is the one that the write met."""
    stream, theirs = both_ends(link, peer)
    theirs.sendall(b"last words")
    if link == "unix":
        theirs.close()
    else:
        # Read nothing more, and answer what comes with a reset.
        theirs.shutdown(socket.SHUT_WR)
        theirs.close()
    time.sleep(0.05)
    deadline = time.monotonic() + 5
    while stream.send_failure is None and time.monotonic() < deadline:
        stream.send(bytearray(b"x"))
        time.sleep(0.005)
    assert stream.send_failure == CLOSED
    assert stream.receive() == b"last words"
    first = stream.send_failure
    assert ended(stream) is first
    unsent = bytearray(b"x")
    assert stream.send(unsent) is False
    # Later errors name what came of the first one.
    assert (bytes(unsent), stream.send_failure is first) == (b"x", True)
    stream.close()


def test_a_socket_that_we_closed_is_not_the_servers_doing(peer: Peer) -> None:
    """An error of our own is named, and blames nobody."""
    for link in LINKS:
        stream, theirs = both_ends(link, peer)
        stream.close()
        found = ended(stream)
        assert (found.by_server, found.violation) == (False, False), link
        assert found.detail
        assert stream.send(bytearray(b"x")) is False
        theirs.close()


def test_rubbish_inside_tls_is_a_violation(peer: Peer) -> None:
    """Bytes that are no record of TLS."""
    stream, theirs = both_ends("tls", peer)
    with socket.socket(fileno=theirs.detach()) as below:
        below.sendall(b"\x99" * 200)
        found = ended(stream)
    assert (found.by_server, found.violation) == (True, True)
    assert found.detail.startswith("TLS failed: ")
    stream.close()


@pytest.mark.parametrize("link", LINKS)
def test_the_end_waits_for_the_peer_but_not_long(link: str, peer: Peer) -> None:
    """What was sent arrives before the close; a peer that does not close is left."""
    stream, theirs = both_ends(link, peer)
    stream.send(bytearray(b"bye"))
    began = time.monotonic()
    stream.close_after_sending()
    assert DISCONNECT_LINGER_S <= time.monotonic() - began < DISCONNECT_LINGER_S + 1.0
    assert stream.fileno() == -1
    assert theirs.recv(10) == b"bye"
    stream.close_after_sending()
    theirs.close()


def test_a_session_is_taken_from_tls_alone() -> None:
    """A plain socket has none."""
    stream, theirs = both_ends("unix", Peer.__new__(Peer))
    assert stream.resumable() is None
    stream.close()
    theirs.close()

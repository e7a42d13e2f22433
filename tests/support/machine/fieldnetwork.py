"""Networks as they are in the field: how each trouble is made, and how the daemon tells of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from support.platform.fakebroker import FakeBroker
from support.platform.fickledns import FickleDns
from support.platform.tlsserver import TlsServer, certificates

from .machine import Machine
from .site import HOST, MQTT_HOSTS, PRODUCT_KEY, REGISTRATION_HOST, Site

OTHER_HOST = "10.77.0.9"
HTTPS, MQTT = 443, 8883
BOTH = f"tcp dport {{ {HTTPS}, {MQTT} }}"
MQTT_HOST = f"{PRODUCT_KEY}.{MQTT_HOSTS}"
Broken = Callable[[Site, Machine], AbstractContextManager[list[float]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """Hold one trouble: it is there at the first boot, or comes to a gateway that is `online`.

    `broken` is the time that it lasts, and gives when it was met by a CONNECT. It is told as `event` with `cause`, in
    words (patterns) that an operator understands, and met `failures` times before it ends. Where it `loses_secrets`,
    each try made one that did not arrive.
    """

    id: str
    title: str
    broken: Broken
    event: str
    cause: str
    words: tuple[str, ...]
    online: bool = False
    failures: int = 2
    loses_secrets: bool = False


def blocked(rule: str) -> Broken:
    """Drop or refuse at the site's host."""

    @contextmanager
    def broken(site: Site, _: Machine) -> Iterator[list[float]]:
        site.block(rule)
        yield []
        site.unblock()

    return broken


def named(*words: str) -> Broken:
    """Have a fickle name server."""

    @contextmanager
    def broken(site: Site, _: Machine) -> Iterator[list[float]]:
        site.stop_dns()
        with site.inside(lambda: FickleDns(HOST, *words, other=OTHER_HOST)):
            yield []
        site.start_dns()

    return broken


def answering(kind: str) -> Broken:
    """Have the platform answer registrations in a strange way."""

    @contextmanager
    def broken(site: Site, _: Machine) -> Iterator[list[float]]:
        site.sandbox.command("answer", kind)
        yield []
        site.sandbox.command("answer", "normal")

    return broken


def misbehaving(port: int, *script: str) -> Broken:
    """Have a server with the platform's certificate, but not with its manners."""

    @contextmanager
    def broken(site: Site, _: Machine) -> Iterator[list[float]]:
        chain = site.certificate(REGISTRATION_HOST, MQTT_HOST)
        with site.inside(lambda: FakeBroker(*script, host=HOST, port=port + 1000, chain=chain)) as broker:
            site.redirect(port, port + 1000)
            yield broker.connects
            assert broker.accepts
            site.connect_directly()

    return broken


@contextmanager
def somebody_else(site: Site, chain: Path, host: str, ports: Iterable[int]) -> Iterator[None]:
    """Let somebody else answer, and see that he is told nothing."""
    heard: list[bytes] = []
    with ExitStack() as servers:
        for port in ports:
            serve = partial(TlsServer, lambda connection: heard.append(connection.recv(4096)), chain=chain, host=host)
            servers.enter_context(site.inside(partial(serve, port=port)))
        yield
    assert not any(heard), "somebody else was told something"


def lying(*words: str) -> Broken:
    """Have a name server that leads to an honest host with a good certificate, which was not the one asked for."""

    @contextmanager
    def broken(site: Site, machine: Machine) -> Iterator[list[float]]:
        site.ip("addr", "add", f"{OTHER_HOST}/32", "dev", "lo")
        other = somebody_else(site, site.certificate("shop.example.com"), OTHER_HOST, (HTTPS, MQTT))
        with other, named(*words)(site, machine) as met:
            yield met

    return broken


@contextmanager
def portal(site: Site, _: Machine) -> Iterator[list[float]]:
    """Lead every connection to a sign-in page."""
    chain = certificates("portal", ("portal.example.com",))[1]
    ports = {HTTPS: HTTPS + 1000, MQTT: MQTT + 1000}
    with somebody_else(site, chain, HOST, ports.values()):
        for port, to in ports.items():
            site.redirect(port, to)
        yield []
        site.connect_directly()


@contextmanager
def black_hole(site: Site, _: Machine) -> Iterator[list[float]]:
    """Drop every packet that is too large for a tunnel on the way, and tell nobody."""
    line = site.line()
    line.max_bytes = 1200
    yield []
    assert line.dropped
    line.max_bytes = 65_535


NOT_ACCEPTED = ("certificate", "is not accepted", "Next try in")
TROUBLES = (
    Trouble(
        id="drop",
        title="A firewall drops all packets to the platform",
        broken=blocked(f"{BOTH} drop"),
        event="registration-failed",
        cause="timeout",
        words=("timed out", "Next try in"),
    ),
    Trouble(
        id="reject-icmp",
        title="A router reports that the platform cannot be reached (ICMP)",
        broken=blocked(f"{BOTH} reject with icmpx host-unreachable"),
        event="registration-failed",
        cause="network",
        words=("No route to host", "Next try in"),
    ),
    Trouble(
        id="reject-rst",
        title="A firewall refuses the MQTT port (RST), and permits registration",
        broken=blocked(f"tcp dport {MQTT} reject with tcp reset"),
        event="connect-failed",
        cause="network",
        words=("Connection refused", "Next try in"),
    ),
    Trouble(
        id="reset-handshake-registration",
        title="Registration: reset in the middle of the TLS handshake",
        broken=misbehaving(HTTPS, "reset-handshake"),
        event="registration-failed",
        cause="network",
        words=("Connection reset by peer", "Next try in"),
    ),
    Trouble(
        id="reset-handshake-login",
        title="Login: reset in the middle of the TLS handshake",
        broken=misbehaving(MQTT, "reset-handshake"),
        event="connect-failed",
        cause="network",
        words=("ended the TLS handshake", "Connection reset by peer", "Next try in"),
    ),
    Trouble(
        id="reset-answer",
        title="Registration: reset in the middle of the answer, after the secret was made",
        broken=answering("reset"),
        event="registration-failed",
        cause="network",
        # Several releases of Python read a reset inside TLS as an end.
        words=("Connection reset by peer|ended before the answer was complete", "Next try in"),
        loses_secrets=True,
    ),
    Trouble(
        id="dns-lies",
        title="The name server gives the address of a foreign host",
        broken=lying("wrong"),
        event="registration-failed",
        cause="tls",
        words=("Hostname mismatch", *NOT_ACCEPTED),
    ),
    Trouble(
        id="dns-lies-login",
        title="The name server gives the address of a foreign host, at a new login",
        broken=lying("wrong"),
        event="connect-failed",
        cause="tls",
        words=("Hostname mismatch", *NOT_ACCEPTED),
        online=True,
    ),
    Trouble(
        id="dns-servfail",
        title="The name server fails (SERVFAIL)",
        broken=named("servfail"),
        event="registration-failed",
        cause="name-lookup",
        words=("does not resolve", "Next try in", "DNS"),
    ),
    Trouble(
        id="dns-mute",
        title="The name server does not answer, at a new login",
        broken=named("mute"),
        event="connect-failed",
        cause="name-lookup",
        words=("does not resolve", "Next try in", "DNS"),
        online=True,
    ),
    Trouble(
        id="portal",
        title="A captive portal intercepts every connection",
        broken=portal,
        event="registration-failed",
        cause="tls",
        words=NOT_ACCEPTED,
    ),
    Trouble(
        id="portal-login",
        title="A captive portal intercepts every connection, at a new login",
        broken=portal,
        event="connect-failed",
        cause="tls",
        words=NOT_ACCEPTED,
        online=True,
    ),
    Trouble(
        id="mtu",
        title="Large packets are lost without an ICMP error (MTU black hole)",
        broken=black_hole,
        event="registration-failed",
        cause="timeout",
        words=("did not finish the TLS handshake within 5 s", "Next try in"),
        failures=1,
    ),
    Trouble(
        id="mute",
        title="The server accepts the connection and never answers the login",
        broken=misbehaving(MQTT, "mute"),
        event="connect-failed",
        cause="timeout",
        words=("did not answer the login within 10 s", "Next try in"),
        failures=1,
    ),
    Trouble(
        id="close",
        title="The server closes the connection right after CONNACK",
        broken=misbehaving(MQTT, "close"),
        event="connection-lost",
        cause="closed-by-server",
        words=("the server closed the connection", "Next try in"),
    ),
    Trouble(
        id="noise",
        title="The server sends random bytes instead of CONNACK",
        broken=misbehaving(MQTT, "noise"),
        event="connect-failed",
        cause="protocol",
        words=("Next try in",),
    ),
    Trouble(
        id="rubbish",
        title="The server sends random bytes after CONNACK",
        broken=misbehaving(MQTT, "rubbish"),
        event="connection-lost",
        cause="protocol",
        words=("Next try in",),
    ),
)

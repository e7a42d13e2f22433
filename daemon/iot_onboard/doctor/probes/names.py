"""Look names up, as the daemon does: by the system's resolver."""

from __future__ import annotations

import ipaddress
import re
import secrets
import socket

from ..checks.names import RESOLVER, NameFacts, ResolverFacts, Unresolved
from ..model import Probe, Seen
from .configuration import CONFIG
from .identity import PLATFORM

_NAMESERVER = re.compile(r"^\s*nameserver\s+(\S+)", re.MULTILINE)
_HOSTS_LINE = re.compile(r"^\s*hosts:.*\bresolve\b", re.MULTILINE)


def _resolver(seen: Seen) -> ResolverFacts:
    problem = ""
    try:
        text = (seen.root / "etc/resolv.conf").read_text(errors="replace")
    except OSError as error:
        text, problem = "", f"it cannot be read ({error.strerror})"
    try:
        switch = (seen.root / "etc/nsswitch.conf").read_text(errors="replace")
    except OSError:
        switch = ""
    return ResolverFacts(
        servers=tuple(_NAMESERVER.findall(text)),
        local_service=_HOSTS_LINE.search(switch) is not None,
        problem=problem,
    )


def _registration(seen: Seen) -> NameFacts:
    return _unless_proxy(seen, seen.of(PLATFORM).registration_host)


def _mqtt(seen: Seen) -> NameFacts:
    return _unless_proxy(seen, seen.of(PLATFORM).mqtt_host)


def _proxy(seen: Seen) -> NameFacts | None:
    proxy = seen.of(CONFIG).proxy
    return None if proxy is None else _look_up(proxy.host)


def _invented(_: Seen) -> NameFacts:
    # Each time another one: an answer out of a cache would say nothing.
    return _look_up(f"iot-onboard-{secrets.token_hex(4)}.invalid")


def _unless_proxy(seen: Seen, host: str) -> NameFacts:
    return NameFacts(host=host, by_proxy=True) if seen.of(CONFIG).proxy is not None else _look_up(host)


def _look_up(host: str) -> NameFacts:
    literal = is_literal(host)
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except socket.gaierror as error:
        kinds = {socket.EAI_NONAME: Unresolved.UNKNOWN, socket.EAI_AGAIN: Unresolved.NO_ANSWER}
        kind = kinds.get(error.errno or 0, Unresolved.OTHER)
        return NameFacts(host=host, literal=literal, unresolved=kind, reason=error.strerror or "no reason given")
    except UnicodeError:
        return NameFacts(host=host, unresolved=Unresolved.OTHER, reason="not a host name")
    addresses = dict.fromkeys(str(address[0]).partition("%")[0] for _, _, _, _, address in found)
    return NameFacts(host=host, literal=literal, addresses=tuple(addresses))


def is_literal(host: str) -> bool:
    """Say whether a host is written as an address."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


RESOLVING: Probe[ResolverFacts] = Probe(name="reading the resolver's configuration", look=_resolver)
INVENTED: Probe[NameFacts] = Probe(name="the look-up of a name that cannot exist", look=_invented, stuck=RESOLVER)
REGISTRATION_NAME: Probe[NameFacts] = Probe(
    name="the look-up of the registration host", look=_registration, needs=(CONFIG, PLATFORM), stuck=RESOLVER
)
MQTT_NAME: Probe[NameFacts] = Probe(
    name="the look-up of the MQTT host", look=_mqtt, needs=(CONFIG, PLATFORM), stuck=RESOLVER
)
PROXY_NAME: Probe[NameFacts | None] = Probe(
    name="the look-up of the proxy", look=_proxy, needs=(CONFIG,), stuck=RESOLVER
)

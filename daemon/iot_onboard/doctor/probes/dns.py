"""Look names up, as the daemon does: by the system's resolver."""

from __future__ import annotations

import contextlib
import ipaddress
import re
import secrets
import socket

from ..checks.dns import RESOLVER, NameFacts, ResolverFacts, Unresolved
from ..checks.identity import mqtt_endpoint, registration_endpoint
from ..model import Facts, Probe
from .configuration import CONFIG

_NAMESERVER = re.compile(r"^\s*nameserver\s+(\S+)", re.MULTILINE)
_HOSTS_LINE = re.compile(r"^\s*hosts:.*\bresolve\b", re.MULTILINE)


def _resolver(facts: Facts) -> ResolverFacts:
    text = switch = problem = ""
    try:
        text = (facts.root / "etc/resolv.conf").read_text(errors="replace")
    except OSError as error:
        problem = f"it cannot be read ({error.strerror})"
    with contextlib.suppress(OSError):
        switch = (facts.root / "etc/nsswitch.conf").read_text(errors="replace")
    servers, local_service = tuple(_NAMESERVER.findall(text)), _HOSTS_LINE.search(switch) is not None
    return ResolverFacts(servers=servers, local_service=local_service, problem=problem)


def _proxy(facts: Facts) -> NameFacts | None:
    proxy = facts.get(CONFIG).proxy
    return None if proxy is None else _look_up(proxy.host)


def _unless_proxy(facts: Facts, host: str) -> NameFacts:
    return NameFacts(host=host, by_proxy=True) if facts.get(CONFIG).proxy is not None else _look_up(host)


def _look_up(host: str) -> NameFacts:
    literal = _is_literal(host)
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


def _is_literal(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


RESOLVER_FILES = Probe(name="reading the resolver's configuration", look=_resolver)
NONEXISTENT_NAME = Probe(
    name="the look-up of a name that cannot exist",
    # Each time another one: an answer out of a cache would say nothing.
    look=lambda _: _look_up(f"iot-onboard-{secrets.token_hex(4)}.invalid"),
    stuck=RESOLVER,
)
REGISTRATION_NAME = Probe(
    name="the look-up of the registration host",
    look=lambda facts: _unless_proxy(facts, registration_endpoint(facts.get(CONFIG))[0]),
    needs=(CONFIG,),
    stuck=RESOLVER,
)
MQTT_NAME = Probe(
    name="the look-up of the MQTT host",
    look=lambda facts: _unless_proxy(facts, mqtt_endpoint(facts.get(CONFIG))[0]),
    needs=(CONFIG,),
    stuck=RESOLVER,
)
PROXY_NAME = Probe(name="the look-up of the proxy", look=_proxy, needs=(CONFIG,), stuck=RESOLVER)

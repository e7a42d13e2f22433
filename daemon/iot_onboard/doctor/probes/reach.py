"""Knock at the platform's ports, straight or through the proxy; nothing is sent to it."""

from __future__ import annotations

import socket
import time
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

from ...config import endpoints
from ...core.failures import OnboardError
from ...fast_start.fast_dataclasses import dataclass
from ...net.dial import tunnel
from ..checks.names import NameFacts
from ..checks.reach import ReachFacts, Tried
from ..model import Probe, Seen
from .configuration import CONFIG
from .identity import PLATFORM
from .names import MQTT_NAME, PROXY_NAME, REGISTRATION_NAME

_TIMEOUT_S = 4.5
_MOST_ADDRESSES = 4
_HTTPS_PORT = 443


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """Hold the facts, and the connection where there is one: the handshake goes on with it."""

    facts: ReachFacts
    raw: socket.socket | None


def _registration(seen: Seen) -> Way:
    port = urlsplit(endpoints.registration_url(seen.of(CONFIG))).port or _HTTPS_PORT
    return _way(seen, seen.of(PLATFORM).registration_host, port, seen.of(REGISTRATION_NAME))


def _mqtt(seen: Seen) -> Way:
    return _way(seen, seen.of(PLATFORM).mqtt_host, seen.of(CONFIG).mqtt_port, seen.of(MQTT_NAME))


def _proxy(seen: Seen) -> ReachFacts:
    proxy, name = seen.of(CONFIG).proxy, seen.of(PROXY_NAME)
    if proxy is None or name is None:
        return ReachFacts(host="", port=0)
    tried, raw = _knock(name.addresses, proxy.port)
    if raw is not None:
        raw.close()
    return ReachFacts(host=proxy.host, port=proxy.port, tried=tried)


def _way(seen: Seen, host: str, port: int, name: NameFacts) -> Way:
    proxy = seen.of(CONFIG).proxy
    if proxy is None:
        tried, raw = _knock(name.addresses, port)
        return Way(facts=ReachFacts(host=host, port=port, tried=tried), raw=raw)
    at = f"{proxy.host} port {proxy.port}"
    try:
        raw = tunnel(host, port, proxy, _TIMEOUT_S)
    except OnboardError as error:
        return Way(facts=ReachFacts(host=host, port=port, proxy=at, proxy_failure=error.failure.detail), raw=None)
    return Way(facts=ReachFacts(host=host, port=port, proxy=at), raw=raw)


def knock_again(way: ReachFacts, timeout_s: float) -> socket.socket | None:
    """Return another straight connection to an address that answered, or `None`."""
    answering = next((tried.address for tried in way.tried if not tried.error), None)
    return None if answering is None else _connect(answering, way.port, timeout_s)[1]


def _knock(addresses: tuple[str, ...], port: int) -> tuple[tuple[Tried, ...], socket.socket | None]:
    """Try the addresses side by side, and keep the connection that the daemon would have: the first in their order."""
    some = addresses[:_MOST_ADDRESSES]
    with ThreadPoolExecutor(max_workers=_MOST_ADDRESSES) as pool:
        outcomes = list(pool.map(lambda address: _connect(address, port, _TIMEOUT_S), some))
    connections = [raw for _, raw in outcomes if raw is not None]
    for unused in connections[1:]:
        unused.close()
    return tuple(tried for tried, _ in outcomes), connections[0] if connections else None


def _connect(address: str, port: int, timeout_s: float) -> tuple[Tried, socket.socket | None]:
    began = time.monotonic()
    raw, error = None, ""
    try:
        raw = socket.create_connection((address, port), timeout=timeout_s)
    except TimeoutError:
        error = "timed out"
    except OSError as failure:
        error = (failure.strerror or "failed").lower()
    took_ms = round((time.monotonic() - began) * 1000)
    return Tried(address=address, error=error, took_ms=took_ms), raw


REGISTRATION_WAY: Probe[Way] = Probe(
    name="knocking at the registration host", look=_registration, needs=(CONFIG, PLATFORM, REGISTRATION_NAME)
)
MQTT_WAY: Probe[Way] = Probe(name="knocking at the MQTT host", look=_mqtt, needs=(CONFIG, PLATFORM, MQTT_NAME))
PROXY_WAY: Probe[ReachFacts] = Probe(name="knocking at the proxy", look=_proxy, needs=(CONFIG, PROXY_NAME))
REGISTRATION_REACH: Probe[ReachFacts] = Probe(
    name="knocking at the registration host",
    look=lambda seen: seen.of(REGISTRATION_WAY).facts,
    needs=(REGISTRATION_WAY,),
)
MQTT_REACH: Probe[ReachFacts] = Probe(
    name="knocking at the MQTT host", look=lambda seen: seen.of(MQTT_WAY).facts, needs=(MQTT_WAY,)
)

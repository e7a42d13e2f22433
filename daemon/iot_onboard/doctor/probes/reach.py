"""Knock at the platform's ports, straight or through the proxy; nothing is sent to it."""

from __future__ import annotations

import socket
import time
from concurrent.futures import ThreadPoolExecutor

from ...core.failures import OnboardError
from ...net.dial import tunnel
from ..checks.dns import NameFacts
from ..checks.identity import mqtt_endpoint, registration_endpoint
from ..checks.reach import Attempt, ReachFacts
from ..model import Facts, Probe
from .configuration import CONFIG
from .dns import MQTT_NAME, PROXY_NAME, REGISTRATION_NAME

_TIMEOUT_S = 4.5
_MAX_ADDRESSES = 4


def _proxy(facts: Facts) -> ReachFacts | None:
    proxy, name = facts.get(CONFIG).proxy, facts.get(PROXY_NAME)
    if proxy is None or name is None:
        return None
    attempts, connection = _knock(name.addresses, proxy.port)
    if connection is not None:
        connection.close()
    return ReachFacts(host=proxy.host, port=proxy.port, attempts=attempts)


def _connect(facts: Facts, endpoint: tuple[str, int], name: NameFacts) -> ReachFacts:
    (host, port), proxy = endpoint, facts.get(CONFIG).proxy
    if proxy is None:
        attempts, connection = _knock(name.addresses, port)
        return ReachFacts(host=host, port=port, attempts=attempts, connection=connection)
    at = f"{proxy.host} port {proxy.port}"
    try:
        connection = tunnel(host, port, proxy, _TIMEOUT_S)
    except OnboardError as error:
        return ReachFacts(host=host, port=port, proxy=at, proxy_failure=error.failure.detail)
    return ReachFacts(host=host, port=port, proxy=at, connection=connection)


def knock_again(reached: ReachFacts, timeout_s: float) -> socket.socket | None:
    """Return another straight connection to an address that answered, or `None`."""
    answering = next((attempt.address for attempt in reached.attempts if not attempt.error), None)
    return None if answering is None else _try(answering, reached.port, timeout_s)[1]


def _knock(addresses: tuple[str, ...], port: int) -> tuple[tuple[Attempt, ...], socket.socket | None]:
    """Try the addresses side by side, and keep the connection that the daemon would have: the first in their order."""
    some = addresses[:_MAX_ADDRESSES]
    with ThreadPoolExecutor(max_workers=_MAX_ADDRESSES) as pool:
        outcomes = list(pool.map(lambda address: _try(address, port, _TIMEOUT_S), some))
    connections = [raw for _, raw in outcomes if raw is not None]
    for unused in connections[1:]:
        unused.close()
    return tuple(attempt for attempt, _ in outcomes), connections[0] if connections else None


def _try(address: str, port: int, timeout_s: float) -> tuple[Attempt, socket.socket | None]:
    began = time.monotonic()
    raw, error = None, ""
    try:
        raw = socket.create_connection((address, port), timeout=timeout_s)
    except TimeoutError:
        error = "timed out"
    except OSError as failure:
        error = (failure.strerror or "failed").lower()
    took_ms = round((time.monotonic() - began) * 1000)
    return Attempt(address=address, error=error, took_ms=took_ms), raw


PROXY_CONNECTION = Probe(name="knocking at the proxy", look=_proxy, needs=(CONFIG, PROXY_NAME))
REGISTRATION_CONNECTION = Probe(
    name="knocking at the registration host",
    look=lambda facts: _connect(facts, registration_endpoint(facts.get(CONFIG)), facts.get(REGISTRATION_NAME)),
    needs=(CONFIG, REGISTRATION_NAME),
)
MQTT_CONNECTION = Probe(
    name="knocking at the MQTT host",
    look=lambda facts: _connect(facts, mqtt_endpoint(facts.get(CONFIG)), facts.get(MQTT_NAME)),
    needs=(CONFIG, MQTT_NAME),
)

"""Judge TCP and the proxy: does anybody answer at the platform's ports. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from ..model import Finding, fail, ok, skipped, warn


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """Hold what became of one address; `error` is empty where it answered."""

    address: str
    error: str
    took_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReachFacts:
    """Hold what became of the connection to a host: straight, or through `proxy` (host and port).

    `connection` is the socket, where there is one, for the handshake to go on with.
    """

    host: str
    port: int
    proxy: str = ""
    attempts: tuple[Attempt, ...] = ()
    proxy_failure: str = ""
    connection: object = None


def proxy(facts: ReachFacts | None) -> Finding:
    """Judge whether the proxy itself answers; `None` where there is none."""
    if facts is None:
        return skipped("No proxy is configured.")
    return _answers(facts, "check that the proxy runs, and correct proxy in the configuration")


def host(facts: ReachFacts) -> Finding:
    """Judge whether a host of the platform answers at its port, or the proxy leads on to it."""
    where = f"{facts.host} port {facts.port}"
    if not facts.proxy:
        fix = f"ask the network's owner to let out TCP port {facts.port} to {facts.host}"
        return _answers(facts, f"{fix}; where there is a proxy, set proxy in the configuration")
    if not facts.proxy_failure:
        return ok(f"The proxy {facts.proxy} leads on to {where}.")
    fix = f"ask the proxy's owner to allow CONNECT to {facts.host}:{facts.port}"
    if "407" in facts.proxy_failure:
        fix = "correct user name and password of proxy in the configuration"
    return fail(f"The way to {where} ends at the proxy: {facts.proxy_failure}.", fix)


def _answers(facts: ReachFacts, fix: str) -> Finding:
    where = f"{facts.host} port {facts.port}"
    answering = next((attempt for attempt in facts.attempts if not attempt.error), None)
    silent = ", ".join(f"{attempt.address} {attempt.error}" for attempt in facts.attempts if attempt.error)
    if answering is None:
        return fail(f"Nobody answers at {where}: {silent or 'it has no address'}.", fix)
    first = facts.attempts[0]
    if first.error == "timed out":
        sentence = f"{where} answers at {answering.address}, but {silent}: each connect waits for that first."
        protocol = "IPv6" if ":" in first.address else "IPv4"
        return warn(sentence, f"mend {protocol} of this network, or switch it off")
    return ok(f"{where} answers in {answering.took_ms} ms.")

"""Judge TCP and the proxy: does anybody answer at the platform's ports. Pure."""

from __future__ import annotations

from ...fast_start.fast_dataclasses import dataclass
from ..model import Finding, fail, ok, skipped, warn


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """Hold what became of one address; `error` is empty where it answered."""

    address: str
    error: str
    took_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReachFacts:
    """Hold what became of the way to a host: straight, or through `proxy` (host and port)."""

    host: str
    port: int
    proxy: str = ""
    tried: tuple[Tried, ...] = ()
    proxy_failure: str = ""


def direct(facts: ReachFacts) -> Finding:
    """Judge whether a host of the platform answers at its port."""
    if facts.proxy:
        return skipped(f"Not needed: the way leads through the proxy {facts.proxy}.")
    fix = f"ask the network's owner to let out TCP port {facts.port} to {facts.host}"
    return _answers(facts, f"{fix}; where there is a proxy, set proxy in the configuration")


def proxy(facts: ReachFacts) -> Finding:
    """Judge whether the proxy itself answers."""
    if not facts.host:
        return skipped("No proxy is configured.")
    return _answers(facts, "check that the proxy runs, and correct proxy in the configuration")


def tunnel(facts: ReachFacts) -> Finding:
    """Judge whether the proxy leads on to a host of the platform."""
    if not facts.proxy:
        return skipped("No proxy is configured.")
    where = f"{facts.host} port {facts.port}"
    if not facts.proxy_failure:
        return ok(f"The proxy leads on to {where}.")
    fix = f"ask the proxy's owner to allow CONNECT to {facts.host}:{facts.port}"
    if "407" in facts.proxy_failure:
        fix = "correct user name and password of proxy in the configuration"
    return fail(f"The way to {where} ends at the proxy: {facts.proxy_failure}.", fix)


def _answers(facts: ReachFacts, fix: str) -> Finding:
    answering = [tried for tried in facts.tried if not tried.error]
    silent = [tried for tried in facts.tried if tried.error]
    where = f"{facts.host} port {facts.port}"
    told = ", ".join(f"{tried.address} {tried.error}" for tried in silent)
    if not answering:
        return fail(f"Nobody answers at {where}: {told or 'it has no address'}.", fix)
    first = facts.tried[0]
    if first.error == "timed out":
        sentence = f"{where} answers at {answering[0].address}, but {told}: each connect waits for that first."
        protocol = "IPv6" if ":" in first.address else "IPv4"
        return warn(sentence, f"mend {protocol} of this network, or switch it off")
    return ok(f"{where} answers in {answering[0].took_ms} ms.")

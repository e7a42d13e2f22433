"""The network as it is in the field: told in words, outlived, and mended by itself within a stated time."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from support.gateway.flapping import assert_flat, flap
from support.machine import images
from support.machine.fieldfaults import MINE, NAME
from support.machine.fieldnetwork import MQTT, MQTT_HOST, TROUBLES, Trouble, lying
from support.machine.machine import Machine
from support.machine.site import HOST, PRODUCT_KEY, REGISTRATION_HOST, Site
from support.platform.budget import WINDOW_S, assert_within_budget, window_at
from support.platform.fakeproxy import FakeProxy
from support.platform.fickledns import FickleDns
from support.platform.sandbox import wait_for

TABLE = os.environ.get("FIELD")
BOOKWORM, TRIXIE = images.RELEASES
KEEPALIVE_S = 30.0
# After the end of a trouble the next try succeeds: within this time, and what was left to wait for it.
TRY_S = 10.0
# What a time counts from where the trouble lasts meanwhile.
BOOT, BREAK = "the boot, while it lasts", "the break, while it lasts"
FIRST_BOOT = ["started", "registering", "registered", "secret-stored", "connecting", "online", "reported"]


@pytest.mark.parametrize(
    ("release", "trouble"),
    [(images.RELEASES[number % 2], trouble) for number, trouble in enumerate(TROUBLES)],
    ids=[trouble.id for trouble in TROUBLES],
)
def test_trouble(site: Site, gateway: Machine, release: str, trouble: Trouble) -> None:
    """The cause is told; nothing gets stuck, no try is one too many; the first try after the end leads online."""
    if trouble.online:
        gateway.boot()
        gateway.wait_for_event("online")
    with trouble.broken(site, gateway) as met:
        if trouble.online:
            kick(site)
        else:
            gateway.boot()
        entry = wait_for_trouble(gateway, trouble.event, trouble.cause)
        for word in trouble.words:
            assert re.search(word, entry["MESSAGE"]), entry["MESSAGE"]
        failed = wait_for_failures(gateway, trouble.failures)
    duration_s = comes_online(gateway)
    # A try may have begun between the last look and the end.
    lost = range(1 + failed, 3 + failed) if trouble.loses_secrets else range(1, 2)
    assert_sound(site, gateway, met, registrations=lost)
    note(gateway, trouble.title, release, failed, duration_s)


def online(gateway: Machine) -> None:
    gateway.boot()
    gateway.wait_for_event("reported")


def kick(site: Site) -> None:
    site.sandbox.command("kick", PRODUCT_KEY, NAME)


@pytest.mark.parametrize("release", [TRIXIE])
def test_a_bad_line(site: Site, gateway: Machine, release: str) -> None:
    """Two seconds for each round trip, and a first boot passes as on a good line, only later."""
    gateway.write("/etc/resolv.conf", f"nameserver {HOST}\n")
    line = site.line()
    line.delay_s = 1.0
    gateway.boot()
    began_s = time.monotonic()
    gateway.wait_for_event("reported", 60)
    duration_s = time.monotonic() - began_s
    assert gateway.events() == FIRST_BOOT
    assert_sound(site, gateway)
    note(gateway, "A round trip takes 2 s", release, 0, duration_s, BOOT)


@pytest.mark.timeout(480)
@pytest.mark.parametrize("release", [BOOKWORM])
def test_a_lossy_line(site: Site, gateway: Machine, release: str) -> None:
    """A fifth of all packets is lost, both ways, and it comes online while that lasts; no secret is lost for good."""
    gateway.write("/etc/resolv.conf", f"nameserver {HOST}\n")
    line = site.line()
    line.loss = 0.2
    gateway.boot()
    began_s = time.monotonic()
    # Six failures in a row, with the longest of their waits.
    gateway.wait_for_state("online", 360)
    duration_s = time.monotonic() - began_s
    assert line.dropped
    # Each try may lose its answer, and the last does not.
    assert_sound(site, gateway, registrations=range(1, 7))
    note(gateway, "A fifth of the packets is lost", release, 0, duration_s, BOOT)


@pytest.mark.parametrize("release", [TRIXIE])
def test_a_server_that_vanishes_and_returns(site: Site, gateway: Machine, release: str) -> None:
    """Half open: the server lost its power and knows of nothing; the next ping finds out, and it is online again."""
    online(gateway)
    # Not even the end of its process is heard of.
    site.block(f"tcp sport {MQTT} tcp flags & (fin | rst) != 0 drop", hook="output")
    site.sandbox.kill()
    site.unblock()
    site.block(f"tcp sport {MQTT} tcp flags & fin != 0 drop", hook="output")
    site.sandbox.start()
    began_s = time.monotonic()
    gateway.wait_for_event("connection-lost", 1.5 * KEEPALIVE_S)
    site.unblock()
    gateway.wait_for_event("online", 5 + TRY_S, count=2)
    assert_sound(site, gateway)
    note(
        gateway,
        "The server disappears, and comes back without its connections",
        release,
        1,
        time.monotonic() - began_s,
        BREAK,
    )


@pytest.mark.parametrize("release", [BOOKWORM])
def test_a_router_that_forgets(site: Site, gateway: Machine, release: str) -> None:
    """What is connected is dropped without a word, new connections work: noticed within 1.5 keep-alives, and mended."""
    online(gateway)
    site.forget(MQTT)
    began_s = time.monotonic()
    entry = gateway.wait_for_event("connection-lost", 1.5 * KEEPALIVE_S + 5)
    assert int(entry["IOT_DURATION_MS"]) <= 1500 * KEEPALIVE_S
    assert "no answer to the ping" in entry["MESSAGE"]
    assert entry["IOT_CAUSE"] == "network"
    gateway.wait_for_event("online", 5 + TRY_S, count=2)
    duration_s = time.monotonic() - began_s
    assert_sound(site, gateway)
    note(gateway, "A router forgets a connection (NAT)", release, 1, duration_s, BREAK)


@pytest.mark.parametrize("release", [TRIXIE])
def test_a_link_that_returns_as_another(site: Site, gateway: Machine, release: str) -> None:
    """The cable was out, and the router has forgotten meanwhile: the address that returns leads to a question."""
    gateway.write(MINE, "mqtt: {keepalive_s: 300}\n")
    online(gateway)
    gateway.cable(plugged=False)
    wait_for(lambda: not gateway.run("ip", "-4", "addr", "show", "dev", "host0"), "the address goes", 10)
    site.forget(MQTT)
    gateway.cable(plugged=True)
    began_s = time.monotonic()
    gateway.wait_for_event("connection-lost", 20)
    gateway.wait_for_event("online", 5 + TRY_S, count=2)
    duration_s = time.monotonic() - began_s
    assert_sound(site, gateway)
    note(
        gateway,
        "The link was down for a moment, and the router forgot the connection (keep-alive 300)",
        release,
        1,
        duration_s,
    )


@pytest.mark.parametrize("release", [TRIXIE])
def test_a_name_server_that_is_slow(site: Site, gateway: Machine, release: str) -> None:
    """Each answer takes 3 s: it costs that time, and nothing fails."""
    gateway.write("/etc/resolv.conf", f"nameserver {HOST}\n")
    site.stop_dns()
    with site.inside(lambda: FickleDns(HOST, "right", delay_s=3.0)):
        gateway.boot()
        began_s = time.monotonic()
        gateway.wait_for_event("reported", 30)
        duration_s = time.monotonic() - began_s
        assert gateway.events() == FIRST_BOOT
        assert_sound(site, gateway)
    note(gateway, "The name server needs 3 s for an answer", release, 0, duration_s, BOOT)


@pytest.mark.parametrize("release", [BOOKWORM])
def test_a_name_server_that_flaps(site: Site, gateway: Machine, release: str) -> None:
    """It lies, is mute, fails, and is right by turns: each is told as what it is, and it comes online meanwhile."""
    with lying("wrong", "mute", "right", "servfail", "right")(site, gateway):
        gateway.boot()
        began_s = time.monotonic()
        gateway.wait_for_state("online", 60)
        duration_s = time.monotonic() - began_s
    causes = [entry.get("IOT_CAUSE") for entry in gateway.journal() if entry.get("IOT_EVENT", "").endswith("-failed")]
    assert causes[:2] == ["tls", "name-lookup"]
    assert_sound(site, gateway)
    note(
        gateway, "The name server alternates between wrong, no, failed and right answers", release, 0, duration_s, BOOT
    )


@pytest.mark.parametrize(("release", "routed"), [(TRIXIE, False), (BOOKWORM, True)])
def test_ipv6_that_leads_nowhere(site: Site, gateway: Machine, release: str, routed: bool) -> None:
    """The platform has IPv6 addresses, and so has the gateway; that they lead nowhere delays it by less than 2 s."""
    network = "/etc/systemd/network/10-host0.network"
    route = "Gateway=2001:db8:1::1\n" if routed else ""
    gateway.write(network, f"{gateway.read(network)}Address=2001:db8:1::2/64\n{route}IPv6AcceptRA=no\n")
    site.ip("addr", "add", "2001:db8:1::1/64", "dev", "site0", "nodad")
    site.block("ip6 daddr 2001:db8::/32 ip6 daddr != 2001:db8:1::/64 drop", hook="prerouting")
    site.stop_dns()
    with site.inside(lambda: FickleDns(HOST, "right", host6="2001:db8:2::1")):
        # Its own addresses are checked for a second at boot, and not used until then.
        assert gateway.offline("systemctl", "disable", "iot-onboard.service").returncode == 0
        gateway.boot()
        wait_for(lambda: gateway.run("ip", "-6", "addr", "show", "tentative") == "", "an address", 10)
        if routed:
            assert "2001:db8:2::1" in gateway.run("getent", "ahosts", REGISTRATION_HOST).splitlines()[0]
        gateway.run("systemctl", "start", "iot-onboard.service")
        gateway.wait_for_event("reported", 60)
    times = [int(gateway.wait_for_event(event)["IOT_TCP_MS"]) / 1000 for event in ("registered", "online")]
    assert max(times) < 2.0
    assert gateway.events() == FIRST_BOOT
    assert_sound(site, gateway)
    title = f"IPv6 addresses {'with a route that drops packets' if routed else 'without a route'}"
    note(gateway, title, release, 0, max(times), "the first SYN, at a TCP connection")


@contextmanager
def proxy(site: Site) -> Iterator[FakeProxy]:
    with ExitStack() as life:
        # Its threads connect on its clients' behalf: they have to be inside as well.
        yield site.inside(lambda: life.enter_context(FakeProxy(address=(HOST, 3128), leads_to=HOST)))


@pytest.mark.parametrize("release", [TRIXIE])
def test_a_proxy_that_dies(site: Site, gateway: Machine, release: str) -> None:
    """Both legs go through it; when it dies that is told, and when it is back so is the gateway."""
    gateway.write(MINE, f"proxy: http://{HOST}:3128\n")
    with proxy(site) as first:
        online(gateway)
    mqtt = f"{MQTT_HOST}:{MQTT}"
    assert sorted(first.asked) == sorted([f"{REGISTRATION_HOST}:443", mqtt])
    told = wait_for_trouble(gateway, "connect-failed", "proxy")
    assert f"no connection through the proxy {HOST} port 3128: Connection refused" in told["MESSAGE"]
    failed = wait_for_failures(gateway, 2)
    with proxy(site) as second:
        duration_s = comes_online(gateway)
        assert second.asked == [mqtt]
        assert_sound(site, gateway)
    note(gateway, "The proxy fails, and comes back", release, failed, duration_s)


@pytest.mark.parametrize("release", [BOOKWORM])
def test_a_link_that_flaps(site: Site, gateway: Machine, release: str) -> None:
    """Every 10 s, for five minutes that pass ten times as fast: nothing grows, and soon after it is online."""
    flapped = flap(site, gateway, seconds=300, speed=10, within_s=400)
    assert_sound(site, gateway, window_s=window_at(speed=10))
    assert_flat(flapped)
    assert "identity-shared" not in gateway.events()
    note(gateway, "The link flaps every 10 s, for 5 minutes (10 times as fast)", release, 0, flapped.online_after_s)


def wait_for_trouble(gateway: Machine, event: str, cause: str, seconds: float = 40.0) -> dict[str, Any]:
    def found() -> dict[str, Any] | None:
        entries = [entry for entry in gateway.journal() if entry.get("IOT_EVENT") == event]
        return next((entry for entry in entries if entry.get("IOT_CAUSE") == cause), None)

    try:
        return wait_for(found, f"{event} with cause {cause}", seconds, every_s=0.1)
    except AssertionError as error:
        raise AssertionError(f"{error}:\n{gateway.journal_text()}") from None


def wait_for_failures(gateway: Machine, count: int) -> int:
    """Return how many the daemon has met in a row, at least so many, while it waits for its next try."""

    def met() -> int:
        status = gateway.status()
        failed = int(status.get("attempt", 0)) if status.get("state") == "waiting" else 0
        return failed if failed >= count else 0

    return wait_for(met, f"{count} failures", 60, every_s=0.1)


def comes_online(gateway: Machine, seconds: float = 0.0) -> float:
    """Return how long it takes from now on; the bound is the next try, where `seconds` names no other."""
    began_s = time.monotonic()
    # A try that began in the trouble may fail once more.
    wait_for(lambda: gateway.status().get("state") in {"waiting", "blocked", "online"}, "no try is under way", 15)
    left_s = gateway.status().get("next_try_s") or 0.0
    gateway.wait_for_state("online", (seconds or left_s) + TRY_S)
    return time.monotonic() - began_s


def assert_sound(
    site: Site,
    gateway: Machine,
    met: Sequence[float] = (),
    *,
    registrations: range = range(1, 2),
    window_s: float = WINDOW_S,
) -> None:
    """Check what holds after any trouble: not restarted, no secret too many, no CONNECT too many."""
    assert gateway.show("ActiveState", "NRestarts") == {"ActiveState": "active", "NRestarts": "0"}
    given = [row for row in site.sandbox.seen("register") if row["code"] == 200]
    assert len(given) in registrations, gateway.journal_text()
    since_boot_s = time.time() - time.monotonic()
    assert_within_budget([*met, *(row["at"] - since_boot_s for row in site.sandbox.seen("connect"))], window_s)
    assert site.connected(NAME)


def note(gateway: Machine, title: str, release: str, failed: int, duration_s: float, since: str = "the end") -> None:
    """Keep a row for whoever asks for the table: with it, which troubles the journal told of."""
    if TABLE is not None:
        troubles = [entry for entry in gateway.journal("--priority=warning") if "IOT_CAUSE" in entry]
        logged = ", ".join(dict.fromkeys(f"{entry['IOT_EVENT']} ({entry['IOT_CAUSE']})" for entry in troubles))
        row = f"| {title} | {release} | {logged or 'nothing'} | {failed} | {duration_s:.1f} s after {since} |\n"
        Path(TABLE, f"{title.replace('/', '-')}.md").write_text(row)

"""The story of a boot, told on whole systems out of their own journals."""

from __future__ import annotations

import json
import re
from typing import Any

from iot_onboard.events.former_names import FORMER_NAMES
from support.machine import images
from support.machine.interrupted import SCENARIOS, copy_in, prepare
from support.machine.machine import Machine
from support.machine.site import PRODUCT_KEY, Site
from support.platform.sandbox import wait_for

NOBODY = ("setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups")
# A processor that is busy elsewhere may keep systemd that long from a line that it has reckoned.
_SAID_LATE_S = 0.1
MEMBER = ("setpriv", "--reuid=nobody", "--regid=nogroup", "--groups=systemd-journal")


def online(gateway: Machine) -> None:
    gateway.boot()
    gateway.wait_for_event("reported")


def records(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def rows_of(gateway: Machine, boot: int) -> list[dict[str, Any]]:
    return records(gateway.run("iot-onboard", "events", "--boot", str(boot), "--json"))


def manager_us(gateway: Machine) -> int:
    """Return when the service manager began: in a container all begins with it."""
    name = "UserspaceTimestampMonotonic"
    return int(gateway.run("systemctl", "show", f"--property={name}", "--value"))


def test_events(gateway: Machine) -> None:
    """Each event with its time since boot, by the journal's clock; earlier boots likewise, for whoever may read."""
    online(gateway)
    began_us = manager_us(gateway)
    journal = [entry for entry in gateway.journal() if "IOT_EVENT" in entry]
    record = records(gateway.run("iot-onboard", "events", "--json"))
    assert [row["event"] for row in record] == gateway.events()
    for row, entry in zip(record, journal, strict=True):
        since_us = int(entry["__MONOTONIC_TIMESTAMP"]) - began_us
        assert (row["since_boot_s"], row["message"]) == (since_us / 1_000_000, entry["MESSAGE"])
    assert gateway.run("iot-onboard", "events").count("\n") == 2 + len(record)

    gateway.run("systemctl", "kill", "--signal=KILL", "iot-onboard.service")
    gateway.wait_for_event("online", count=2)
    crash = [line for line in gateway.run("iot-onboard", "events").splitlines() if "(systemd)" in line]
    assert any("code=killed" in line for line in crash)

    gateway.reboot()
    gateway.wait_for_event("reported")
    later = records(gateway.run("iot-onboard", "events", "--boot", "-1", "--json"))[: len(record)]
    assert [row["message"] for row in later] == [row["message"] for row in record]
    # Of an earlier boot it is known when systemd said that it took so long, which is a moment after it took the time.
    offsets_s = [row["since_boot_s"] - before["since_boot_s"] for row, before in zip(later, record, strict=True)]
    assert close(max(offsets_s), min(offsets_s))
    assert abs(offsets_s[0]) < _SAID_LATE_S
    boots = {row["boot"] for row in records(gateway.run("iot-onboard", "events", "--all", "--json"))}
    assert boots == {-1, 0}
    assert gateway.run(*MEMBER, "iot-onboard", "events") == gateway.run("iot-onboard", "events")
    for command, logged_why in (
        ((*NOBODY, "iot-onboard", "events"), "systemd-journal"),
        (("iot-onboard", "events", "--boot", "-7"), "the oldest is boot -1"),
    ):
        done = gateway.try_run(*command)
        assert (done.returncode, done.stdout, logged_why in done.stderr) == (1, "", True), done.stderr


def test_events_of_a_journal_in_memory(gateway: Machine) -> None:
    """Where no boot is kept the command says so; a boot that it was told to keep is there in the next one."""
    gateway.write("/etc/systemd/journald.conf.d/volatile.conf", "[Journal]\nStorage=volatile\n")
    online(gateway)
    gateway.reboot()
    gateway.wait_for_event("reported")
    done = gateway.try_run("iot-onboard", "events", "--boot", "-1")
    assert (done.returncode, "the journal is only in memory" in done.stderr) == (1, True)
    assert gateway.run("iot-onboard", "events").count("\n") == 2 + len(gateway.events())
    gateway.write("/etc/systemd/journald.conf.d/persistent.conf", "[Journal]\nStorage=persistent\n")
    (gateway.root / "etc/systemd/journald.conf.d/volatile.conf").unlink()
    for command in re.findall(r"sudo ([^&(]+[a-z])", done.stderr):
        gateway.run(*command.split())
    gateway.run("systemctl", "restart", "iot-onboard")
    gateway.wait_for_event("online", count=2)
    gateway.reboot()
    assert "online" in gateway.run("iot-onboard", "events", "--boot", "-1")


def test_following_events(gateway: Machine) -> None:
    """What happens while one looks is shown as it happens."""
    online(gateway)
    gateway.run("sh", "-c", "iot-onboard events --follow >/root/followed 2>&1 & echo $! >/root/pid")
    before = len(gateway.events())
    wait_for(lambda: gateway.read("/root/followed").count("\n") == 2 + before, "what was", 20)
    gateway.run("systemctl", "restart", "iot-onboard")
    wait_for(lambda: gateway.read("/root/followed").count(" online ") >= 3, "the new login", 20)
    gateway.run("sh", "-c", "kill -INT $(cat /root/pid)")
    wait_for(lambda: gateway.try_run("pgrep", "-f", "journalctl.*follow").returncode != 0, "its end", 10)


def test_a_service_that_never_ran_has_no_story(gateway: Machine) -> None:
    """Said in a line, with where to look."""
    gateway.offline("systemctl", "disable", "iot-onboard.service")
    gateway.boot()
    done = gateway.try_run("iot-onboard", "events")
    assert (done.returncode, "systemctl status iot-onboard" in done.stderr) == (1, True)


def spans_of(gateway: Machine, boot: str = "0") -> dict[str, list[tuple[float, float]]]:
    """Return when each kind of span began and ended, in seconds since the boot; sums and order are checked here."""
    (timeline,) = json.loads(gateway.run("iot-onboard", "timeline", "--boot", boot, "--json"))["timelines"]
    spans = timeline["spans"]
    assert [span["begin_s"] for span in spans] == [0.0, *(span["end_s"] for span in spans)][:-1]
    assert spans[-1]["end_s"] == timeline["whole_s"]
    assert all(span["begin_s"] < span["end_s"] for span in spans)
    found: dict[str, list[tuple[float, float]]] = {}
    for span in spans:
        found.setdefault(span["kind"], []).append((span["begin_s"], span["end_s"]))
    return found


def times_of(gateway: Machine, boot: str = "0") -> dict[str, float]:
    """Return when the journal got each event first, and systemd's word of the start, in seconds since the boot."""
    began_us = manager_us(gateway)
    entries = gateway.journal(f"--boot={boot}")
    times = {entry.get("IOT_EVENT", ""): int(entry["__MONOTONIC_TIMESTAMP"]) for entry in reversed(entries)}
    times["starting"] = next(
        int(entry["__MONOTONIC_TIMESTAMP"]) for entry in entries if entry["MESSAGE"].startswith("Starting iot-onboard")
    )
    return {name: (at_us - began_us) / 1_000_000 for name, at_us in times.items()}


def check_login(gateway: Machine, spans: dict[str, list[tuple[float, float]]], at: dict[str, float]) -> float:
    """Check the parts of the login against its line and return what was measured in all, in seconds.

    They lie one after the other before "online", each as long as it was measured, as far as the login goes back.
    """
    entry = gateway.journal("IOT_EVENT=online")[-1]
    parts = ("dns", "tcp", "tls", "answer")
    measured_s = {part: int(entry[f"IOT_{part.upper()}_MS"]) / 1000 for part in parts}
    began = max(at["online"] - int(entry["IOT_DURATION_MS"]) / 1000, at["connecting"])
    end = at["online"]
    for part in reversed(parts):
        begin = max(end - measured_s[part], began)
        assert close(sum(b - a for a, b in spans.get(f"login-{part}", [])), end - begin), part
        end = begin
    return sum(measured_s.values())


def close(one_s: float, other_s: float) -> bool:
    return abs(one_s - other_s) < 0.000_01


def test_timeline_of_a_first_and_a_second_boot(gateway: Machine) -> None:
    """Every span ends where the journal says so, and as late as it was measured; the second boot registers no more."""
    online(gateway)
    spans, at = spans_of(gateway), times_of(gateway)
    assert close(spans["units"][0][1], at["starting"])
    exec_us = int(gateway.show("ExecMainStartTimestampMonotonic").popitem()[1]) - manager_us(gateway)
    assert abs(exec_us / 1_000_000 - at["starting"]) < 0.1, "the start is when systemd forks"
    assert close(spans["start"][0][1], at["started"])
    assert close(spans["look"][0][1], at["registering"])
    assert close(spans["registration-answer"][0][1], at["registered"])
    assert close(spans["store"][0][1], at["secret-stored"])
    assert close(spans["login-answer"][0][1], at["online"])
    check_login(gateway, spans, at)
    assert not [kind for kind in spans if kind.startswith("waiting")]

    gateway.reboot()
    gateway.wait_for_event("reported")
    second, at = spans_of(gateway), times_of(gateway)
    assert close(second["look"][0][1], at["connecting"])
    assert check_login(gateway, second, at) > 0
    assert not [kind for kind in second if kind.startswith("registration") or kind == "store"]
    assert abs(spans_of(gateway, "-1")["login-answer"][0][1] - spans["login-answer"][0][1]) < _SAID_LATE_S
    compared = gateway.run("iot-onboard", "timeline", "--compare", "-1")
    assert compared.count("after the kernel started") == 2
    assert compared.splitlines()[-1].startswith("online after ")
    gateway.run("iot-onboard", "timeline", "--compare", "-1", "--svg", "/root/boots.svg")
    assert gateway.read("/root/boots.svg").endswith("</svg>\n")


def test_timeline_of_a_boot_without_network(gateway: Machine) -> None:
    """What the cable cost is told apart: from the first try to the one that got through."""
    gateway.start(plugged=False)
    gateway.wait_for_event("registration-failed")
    assert "not online" in gateway.run("iot-onboard", "timeline")
    gateway.cable(plugged=True)
    gateway.wait_for_state("online", 40)
    spans, at = spans_of(gateway), times_of(gateway)
    waits = [span for kind in ("waiting-names", "waiting-network") for span in spans.get(kind, [])]
    registered = gateway.wait_for_event("registered")
    tried_s = at["registered"] - int(registered["IOT_DURATION_MS"]) / 1000
    assert close(min(begin_s for begin_s, _ in waits), at["registering"])
    assert close(max(end_s for _, end_s in waits), tried_s)


def test_boots_of_the_first_version_stay_readable(old_site: Site, release: str) -> None:
    """After an upgrade: the same lines, each by the name that its event has now, and where their time went."""
    machine = prepare(old_site, release, SCENARIOS["upgrade-first"], "old")
    old_site.sandbox.add_device(PRODUCT_KEY, "gw0001")
    (machine.root / "etc/iot-onboard/conf.d/50-identity.yaml").unlink()
    (machine.root / "etc/iot-onboard/product-secret").unlink()
    machine.boot()
    machine.wait_for_event("not-set-up")
    machine.write("/etc/iot-onboard/conf.d/50-identity.yaml", f"product_key: {PRODUCT_KEY}\ndevice_name: gw0001\n")
    machine.wait_for_event("not-configured")
    old_site.identify(machine, "gw0001")
    machine.wait_for_event("reported")
    before = [entry for entry in machine.journal() if "IOT_EVENT" in entry]
    machine.run("dpkg", "--force-confold", "--install", copy_in(machine, images.package()))
    machine.wait_for_state("online")
    machine.reboot()
    machine.wait_for_event("online")

    after = [row for row in rows_of(machine, -1) if row["event"]][: len(before)]
    assert [row["message"] for row in after] == [entry["MESSAGE"] for entry in before]
    named = [(entry["IOT_EVENT"], row["event"]) for entry, row in zip(before, after, strict=True)]
    renamed = {former: present for former, present in named if former != present}
    assert renamed.items() <= {name: event.value for name, event in FORMER_NAMES.items()}.items()
    assert {"not-provisioned", "config-changed", "secret-file-invalid"} <= set(renamed.values())
    assert {row["cause"] for row in after}.isdisjoint(FORMER_NAMES)
    spent = json.loads(machine.run("iot-onboard", "timeline", "--boot", "-1", "--json"))
    assert {"waiting-setup", "registration-answer", "login-answer"} <= {
        span["kind"] for span in spent["timelines"][0]["spans"]
    }
    for former in renamed:
        machine.run("iot-onboard", "explain", former)

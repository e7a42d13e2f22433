"""Each fault of the field, broken on a booted system: journal, status and doctor name its cause and its cure."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from support.machine import images
from support.machine.fieldfaults import FAULTS, NAME, Fault
from support.machine.machine import Machine
from support.machine.site import Site

GALLERY = os.environ.get("GALLERY")


@pytest.fixture
def release(fault: Fault) -> str:
    """Each fault on one of the releases: half on this, half on that, where it does not name one."""
    return fault.release or images.RELEASES[FAULTS.index(fault) % len(images.RELEASES)]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.id)
def test_fault(site: Site, gateway: Machine, fault: Fault) -> None:
    """Whoever looks with one of the three is told what is wrong, and what mends it; nothing else is called broken."""
    if fault.before is not None:
        fault.before(site, gateway)
    gateway.boot()
    if fault.after is not None:
        gateway.wait_for_event("online")
        fault.after(site, gateway)
    entry = gateway.wait_for_event(fault.event, fault.seconds)
    for word in fault.words:
        assert word.lower() in entry["MESSAGE"].lower()
    explained = gateway.run("journalctl", "--catalog", "--boot", "--no-pager", "--unit=iot-onboard.service")
    shown = gateway.try_run("iot-onboard", "status").stdout
    for word in fault.status_words or fault.words:
        assert word.lower() in shown.lower(), shown
    found = json.loads(gateway.try_run("iot-onboard", "doctor", "--json").stdout)
    failed = {check["id"]: check for check in found["checks"] if check["status"] == "fail"}
    assert tuple(found["first"]) == fault.first, failed
    assert all(failed[name]["fix"] for name in fault.first)
    assert set(failed) - set(fault.first) <= set(found["consequences"]), failed
    if GALLERY is not None:
        first = [{**finding, "id": name} for name in fault.first for finding in (failed[name], *failed[name]["more"])]
        picture(Path(GALLERY) / f"{FAULTS.index(fault):02}-{fault.id}.md", fault, explained, shown, first)


def picture(path: Path, fault: Fault, journal: str, status: str, first: list[dict[str, str]]) -> None:
    """Keep what a person sees, for docs/gallery.md."""
    doctor = "\n".join(f"{check['id']}: {check['sentence']}\n    {check['fix']}" for check in first)
    parts = [f"## {fault.title}", f"```\n{journal.strip()}\n```"]
    parts += [f"`iot-onboard status`\n\n```\n{status.strip()}\n```", f"`iot-onboard doctor`\n\n```\n{doctor}\n```"]
    path.write_text("\n\n".join(parts).replace(NAME, "gw-0001") + "\n")

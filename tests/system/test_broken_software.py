"""A fault of the gateway's own files is told as that, and is over within a minute of the repair."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from support.machine import images
from support.machine.machine import UNIT, Machine
from support.machine.site import Site
from support.platform.sandbox import wait_for

BOOKWORM, TRIXIE = images.RELEASES
LIBRARIES = "/usr/lib/python3/dist-packages"
CERTIFICATES = "/etc/ssl/certs"
HEALED_S = 62.0


@pytest.mark.parametrize("release", [TRIXIE])
def test_a_first_boot_with_damaged_software(site: Site, gateway: Machine) -> None:
    """No public authority, half of requests, then half of paho: each is named with its cure, and is over with it.

    The authority of this test is one of the system's, as the public ones are.
    """
    gateway.write("/etc/iot-onboard/conf.d/10-site.yaml", "registration: {timeout_s: 5}\n")
    gateway.write("/usr/local/share/ca-certificates/site.crt", site.sandbox.ca_file.read_text())
    assert gateway.offline("sh", "-c", f"rm -rf {CERTIFICATES}/*").returncode == 0
    half = cut(gateway, f"{LIBRARIES}/requests/models.py")
    gateway.boot()
    told = gateway.wait_for_event("registration-failed")
    assert told["IOT_CAUSE"] == "local", told["MESSAGE"]
    assert (
        f"trusts no public authority, because {CERTIFICATES}/ca-certificates.crt holds no certificate"
        in told["MESSAGE"]
    )
    assert "sudo update-ca-certificates --fresh" in told["MESSAGE"]
    assert float(told["IOT_NEXT_TRY_S"]) <= 60
    gateway.run("update-ca-certificates", "--fresh")
    entry = wait_for_line(gateway, f"{LIBRARIES}/requests/models.py (module requests.models) cannot be loaded")
    assert entry["IOT_CAUSE"] == "local"
    assert "sudo apt-get install --reinstall python3-requests" in entry["MESSAGE"]
    half()
    gateway.wait_for_state("online", HEALED_S)
    assert gateway.show("NRestarts") == {"NRestarts": "0"}
    # What a start needs.
    half = cut(gateway, f"{LIBRARIES}/paho/mqtt/client.py")
    gateway.run("systemctl", "restart", UNIT)
    entry = gateway.wait_for_event("software-broken")
    assert "sudo apt-get install --reinstall python3-paho-mqtt" in entry["MESSAGE"]
    lines = len(gateway.journal())
    time.sleep(6)
    assert len(gateway.journal()) == lines
    assert gateway.show("NRestarts", "ActiveState") == {"NRestarts": "0", "ActiveState": "active"}
    half()
    gateway.wait_for_state("online", HEALED_S)
    assert gateway.show("NRestarts") == {"NRestarts": "1"}


@pytest.mark.parametrize("release", [BOOKWORM])
def test_what_was_compiled_is_damaged(gateway: Machine) -> None:
    """Ours and a library's: it is online at once, the file is named, and its removal is the cure."""
    gateway.boot()
    gateway.wait_for_state("online")
    current = gateway.read("/usr/share/iot-onboard/current").strip()
    ours = f"/usr/share/iot-onboard/code/{current}/iot_onboard"
    for number, (source, damage) in enumerate(
        (
            (f"{ours}/core/failures.py", zeroed),
            (f"{ours}/service/supervisor.py", cut_short),
            (f"{LIBRARIES}/paho/mqtt/client.py", zeroed),
        )
    ):
        gateway.run("python3", "-m", "compileall", "-q", source)
        path = compiled(gateway, source)
        file = gateway.root / path.lstrip("/")
        file.write_bytes(damage(file.read_bytes()))
        found = gateway.try_run("iot-onboard", "doctor")
        assert path in found.stdout + found.stderr, f"{number}: {found.stdout} {found.stderr}"
        gateway.run("systemctl", "restart", UNIT)
        logged = wait_for_line(gateway, f"{path} cannot be loaded")["MESSAGE"]
        assert f"To do: sudo rm {path}" in logged, number
        gateway.wait_for_state("online")
        assert gateway.show("NRestarts") == {"NRestarts": "0"}
        gateway.run("rm", path)
    # As a damaged file may end Python.
    gateway.run("systemctl", "kill", "--signal=SEGV", UNIT)
    wait_for_line(gateway, "the last process was ended by SIGSEGV")
    gateway.wait_for_state("online")
    # The sixth login within a minute has to wait: what counts is said before.
    gateway.run("systemctl", "restart", UNIT)
    gateway.wait_for_event("secret-found", count=5)
    assert sum("was ended by SIGSEGV" in str(entry["MESSAGE"]) for entry in gateway.journal()) == 1


def zeroed(data: bytes) -> bytes:
    """As an ext4 of which the journal was lost: the header was written before."""
    assert data[:2] != bytes(2)
    return data[:16] + bytes(len(data) - 16)


def cut_short(data: bytes) -> bytes:
    return data[: len(data) // 2]


def compiled(gateway: Machine, source: str) -> str:
    """Return the path of what Python has compiled of a source."""
    code = f"from importlib.util import cache_from_source as c; print(c({source!r}))"
    return gateway.run("python3", "-I", "-c", code).strip()


def cut(gateway: Machine, path: str) -> Callable[[], None]:
    """Cut a source in the middle; return what puts it back."""
    file = gateway.root / path.lstrip("/")
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2] + b"\ndef half(")
    return lambda: put_back(file, whole)


def put_back(file: Path, whole: bytes) -> None:
    file.write_bytes(whole)


def wait_for_line(gateway: Machine, words: str) -> dict[str, Any]:
    def found() -> dict[str, Any] | None:
        return next((entry for entry in gateway.journal() if words in str(entry.get("MESSAGE"))), None)

    try:
        return wait_for(found, f"the line {words!r}", HEALED_S, every_s=0.2)
    except AssertionError as error:
        raise AssertionError(f"{error}:\n{gateway.journal_text()}") from None

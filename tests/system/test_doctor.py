"""Doctor and bundle on a booted gateway: they see a whole system, and leave it and the platform alone."""

from __future__ import annotations

import json
from typing import Any

from support.machine.machine import Machine
from support.machine.site import PRODUCT_KEY, Site
from support.text.archives import unpacked
from support.text.forms import traces

STORED = f"/var/lib/iot-onboard/credentials/{PRODUCT_KEY}.gw0001.json"


def examined(gateway: Machine, *wrapper: str) -> dict[str, dict[str, Any]]:
    done = gateway.try_run(*wrapper, "iot-onboard", "doctor", "--json")
    checks = {check["id"]: check for check in json.loads(done.stdout)["checks"]}
    assert done.returncode == any(check["status"] == "fail" for check in checks.values())
    return checks


def failed(checks: dict[str, dict[str, Any]]) -> list[str]:
    return [name for name, check in checks.items() if check["status"] == "fail"]


def test_a_gateway_that_is_well(site: Site, gateway: Machine) -> None:
    """Nothing fails, as root and as nobody; the service, the package and the journal are seen; nothing else happens."""
    gateway.boot()
    gateway.wait_for_event("reported")
    seen, status = site.sandbox.seen(), gateway.run("cat", "/run/iot-onboard/status.json")
    checks = examined(gateway)
    assert failed(checks) == []
    ours = {name for name in checks if name.startswith(("service-", "package-", "stored-", "state-", "tls-"))}
    assert {name: checks[name]["status"] for name in ours - {"tls-ca-file"}} == dict.fromkeys(
        ours - {"tls-ca-file"}, "ok"
    )
    as_nobody = examined(gateway, "setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups")
    assert failed(as_nobody) == []
    assert (as_nobody["stored-secret"]["fix"], as_nobody["service-running"]["status"]) == ("run with sudo", "ok")
    assert site.sandbox.seen() == seen
    assert gateway.run("cat", "/run/iot-onboard/status.json") == status


def test_a_service_that_is_stopped(gateway: Machine) -> None:
    """That it does not run, and will not at the next boot, are two failures with a command each."""
    gateway.boot()
    gateway.wait_for_state("online")
    gateway.run("systemctl", "disable", "--now", "iot-onboard.service")
    checks = examined(gateway)
    assert failed(checks) == ["service-unit", "service-running"]
    for name in failed(checks):
        gateway.run("sh", "-c", checks[name]["fix"].replace("sudo ", ""))
    gateway.wait_for_state("online")
    assert failed(examined(gateway)) == []


def test_a_bundle_of_a_gateway(site: Site, gateway: Machine) -> None:
    """Journal, unit and packages are in it; neither of the gateway's secrets is, whatever the log level."""
    gateway.write("/etc/iot-onboard/conf.d/60-debug.yaml", "log_level: debug\n")
    gateway.boot()
    gateway.wait_for_event("reported")
    gateway.run("iot-onboard", "bundle", "--output", "/root/b.tar.gz")
    files = unpacked(gateway.root / "root/b.tar.gz")
    assert b"Online at" in files["journal/this-boot.txt"]
    assert b"LoadCredential=" in files["unit/cat.txt"]
    assert b"iot-onboard" in files["system/packages.txt"]
    machine_id = gateway.read("/etc/machine-id").strip()
    for secret in (site.product_secret.strip(), json.loads(gateway.read(STORED))["device_secret"], machine_id):
        for name, data in files.items():
            assert not any(trace in data for trace in traces(secret)), name

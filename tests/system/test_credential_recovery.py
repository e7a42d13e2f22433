"""Secrets that systemd cannot hand out: a card in another machine, a key that is gone, a disk that does not read."""

from __future__ import annotations

import json
import time

import pytest

from support.machine.machine import Machine
from support.machine.site import PRODUCT_KEY, Site
from support.platform.sandbox import wait_for

SECRET = "/etc/iot-onboard/product-secret"
SEALED = f"{SECRET}.cred"
STORED = f"/var/lib/iot-onboard/credentials/{PRODUCT_KEY}.gw0001.json"
KEY = "/var/lib/systemd/credential.secret"
DROP_IN = "/run/systemd/system/iot-onboard.service.d/zz-iot-onboard-withheld.conf"


def seal(gateway: Machine, path: str = SECRET, name: str = "product-secret") -> None:
    """Encrypt a secret as the manual says."""
    gateway.run("systemd-creds", "encrypt", f"--name={name}", path, f"{path}.cred")
    gateway.run("rm", path)
    gateway.drop_in(f"override-{name}", f"[Service]\nLoadCredentialEncrypted={name}:{path}.cred\n")
    gateway.run("systemctl", "daemon-reload")


@pytest.fixture
def sealed(gateway: Machine) -> Machine:
    """A gateway that is registered and online, with its product secret encrypted."""
    gateway.boot()
    gateway.wait_for_state("online")
    seal(gateway)
    gateway.run("systemctl", "restart", "iot-onboard")
    gateway.wait_for_state("online")
    assert not gateway.exists(DROP_IN)
    return gateway


def lose_key(gateway: Machine) -> None:
    """Give the machine another key, as a card that has moved finds it."""
    gateway.run("mv", KEY, f"{KEY}.away")


def doctor(gateway: Machine, check: str) -> str:
    return gateway.try_run("iot-onboard", "doctor", "--only", check).stdout


def test_a_gateway_whose_device_secret_is_stored_is_online_without_the_product_secret(sealed: Machine) -> None:
    """The card boots in another machine: online, journal and doctor say why, and nothing else looks broken."""
    lose_key(sealed)
    sealed.reboot()
    sealed.wait_for_state("online")
    entry = sealed.wait_for_event("secret-unloadable")
    assert SEALED in entry["MESSAGE"]
    assert "iot-onboard setup" in entry["MESSAGE"]
    assert SEALED in doctor(sealed, "product-secret")
    assert "setup" in doctor(sealed, "product-secret")
    assert "secret-unloadable" in sealed.run("iot-onboard", "events", "--json")
    wait_for(lambda: sealed.try_run("systemctl", "is-system-running").stdout == "running\n", "all is well", 30)

    # Told once a boot; each start looks again, and none of them fails.
    sealed.run("systemctl", "restart", "iot-onboard")
    sealed.wait_for_state("online")
    assert sealed.events().count("secret-unloadable") == 1

    sealed.run("mv", f"{KEY}.away", KEY)
    sealed.run("systemctl", "stop", "iot-onboard")
    sealed.run("systemctl", "start", "iot-onboard")
    sealed.wait_for_event("secret-loadable")
    sealed.wait_for_state("online")
    assert not sealed.exists(DROP_IN)
    assert sealed.run("stat", "-c", "%s", "/run/credentials/iot-onboard.service/product-secret").strip() != "1"


def test_a_new_gateway_says_what_it_lacks_and_setup_is_all_the_cure(site: Site, sealed: Machine) -> None:
    """A card with an encrypted secret and no device secret: blocked with the reason, then set up without a drop-in."""
    site.sandbox.command("reset", PRODUCT_KEY, "gw0001")
    sealed.run("systemctl", "stop", "iot-onboard")
    sealed.run("iot-onboard", "forget", "--yes")
    lose_key(sealed)
    sealed.reboot()
    entry = sealed.wait_for_event("secret-file-invalid")
    assert SEALED in entry["MESSAGE"]
    assert "iot-onboard setup" in entry["MESSAGE"]
    status = sealed.try_run("iot-onboard", "status").stdout
    assert SEALED in status
    assert "FAIL" in doctor(sealed, "product-secret").upper()
    options = ["--product-key", PRODUCT_KEY, "--product-secret-file", "-"]
    sealed.run("iot-onboard", "setup", *options, stdin=site.product_secret)
    sealed.wait_for_state("online")
    # The drop-in of before is still there, and so is what could not be opened.
    sealed.reboot()
    sealed.wait_for_state("online")
    assert sealed.exists(SEALED)


def test_a_key_that_breaks_while_the_service_runs(sealed: Machine) -> None:
    """A restart without a boot comes online too, by itself, and a secret that is encrypted anew counts at once."""
    secret = sealed.run("cat", "/run/credentials/iot-onboard.service/product-secret")
    lose_key(sealed)
    sealed.try_run("systemctl", "restart", "iot-onboard")
    sealed.wait_for_event("secret-unloadable")
    sealed.wait_for_state("online")
    sealed.run("systemd-creds", "encrypt", "--name=product-secret", "-", SEALED, stdin=secret)
    sealed.run("systemctl", "restart", "iot-onboard")
    sealed.wait_for_event("secret-loadable")
    sealed.wait_for_state("online")
    assert sealed.run("cat", "/run/credentials/iot-onboard.service/product-secret") == secret


def test_a_devices_own_secret_that_cannot_be_opened_is_not_replaced(site: Site, gateway: Machine) -> None:
    """Nothing is registered in its place: it may be good, and the only one. The journal names it."""
    own = "/etc/iot-onboard/device-secret"
    gateway.write(own, "0123456789abcdef0123456789abcdef\n", 0o600)
    gateway.drop_in("never", "[Service]\nExecStart=\nExecStart=/bin/sleep infinity\nType=exec\n")
    gateway.boot()
    seal(gateway, own, "device-secret")
    gateway.run("rm", "/etc/systemd/system/iot-onboard.service.d/never.conf")
    lose_key(gateway)
    gateway.reboot()
    entry = gateway.wait_for_event("secret-unloadable")
    assert f"{own}.cred" in entry["MESSAGE"]
    status = gateway.wait_for_state("blocked")
    assert f"{own}.cred" in str(status["last_error"])
    assert site.sandbox.seen("register") == []


def test_a_plain_file_that_does_not_read(site: Site, gateway: Machine) -> None:
    """Online with the stored secret; `setup` is the whole cure."""
    gateway.boot()
    gateway.wait_for_state("online")
    # The memory of a process does not read at its first address: an input/output error.
    gateway.run("mount", "--bind", "/proc/1/mem", SECRET)
    assert "Input/output error" in gateway.try_run("cat", SECRET).stderr
    gateway.try_run("systemctl", "restart", "iot-onboard")
    assert f"the product secret {SECRET} (it cannot be read)" in gateway.wait_for_event("secret-unloadable")["MESSAGE"]
    gateway.wait_for_state("online")
    gateway.run("umount", SECRET)

    gateway.write(SECRET, "x" * 2_000_000, 0o600)
    gateway.reboot()
    gateway.wait_for_event("secret-unloadable")
    gateway.wait_for_state("online")
    options = ["--product-key", PRODUCT_KEY, "--product-secret-file", "-"]
    gateway.run("iot-onboard", "setup", *options, stdin=site.product_secret)
    gateway.wait_for_event("secret-loadable")
    gateway.wait_for_state("online")
    assert not gateway.exists(DROP_IN)


def test_a_device_secret_given_by_hand_is_not_lost_with_the_product_secret(site: Site, gateway: Machine) -> None:
    """Only what cannot be loaded is taken away, at the first try; nothing is registered."""
    gateway.boot()
    gateway.wait_for_state("online")
    own = json.loads(gateway.read(STORED))["device_secret"]
    gateway.run("systemctl", "stop", "iot-onboard")
    gateway.run("iot-onboard", "forget", "--yes")
    gateway.write(SECRET, "x" * 2_000_000, 0o600)
    gateway.write("/etc/iot-onboard/device-secret", own, 0o600)
    gateway.reboot()
    assert SECRET in gateway.wait_for_event("secret-unloadable")["MESSAGE"]
    gateway.wait_for_state("online")
    assert gateway.events().count("secret-unloadable") == 1
    assert len(site.sandbox.seen("register")) == 1


def test_a_secret_in_the_unit_itself_that_was_encrypted_elsewhere(gateway: Machine) -> None:
    """No file says so, and it is named all the same; a further start does not fail."""
    gateway.boot()
    gateway.wait_for_state("online")
    gateway.write(SECRET, "", 0o600)
    gateway.drop_in("inline", "[Service]\nLoadCredential=\nSetCredentialEncrypted=product-secret:Zm9yZWlnbg==\n")
    gateway.reboot()
    gateway.wait_for_state("online")
    assert "encrypted product secret" in gateway.wait_for_event("secret-unloadable")["MESSAGE"]
    gateway.run("systemctl", "restart", "iot-onboard")
    gateway.wait_for_state("online")


def test_a_credential_that_is_not_ours(site: Site, gateway: Machine) -> None:
    """A new gateway registers all the same, for its own secret is there; each start tries it again, and heals."""
    gateway.drop_in("foreign", "[Service]\nLoadCredential=foreign:/nowhere\n")
    gateway.boot()
    assert "a credential that does not belong to iot-onboard" in gateway.wait_for_event("secret-unloadable")["MESSAGE"]
    gateway.wait_for_state("online")
    assert len(site.sandbox.seen("register")) == 1
    gateway.try_run("systemctl", "restart", "iot-onboard")
    gateway.wait_for_event("secret-unloadable", count=2)
    gateway.wait_for_state("online")
    time.sleep(5)
    assert gateway.events().count("secret-unloadable") == 2


def test_another_failure_starts_nothing_of_it(gateway: Machine) -> None:
    """A daemon that is killed is started again by systemd, and no program looks at its secrets."""
    gateway.boot()
    gateway.wait_for_state("online")
    gateway.run("systemctl", "kill", "--signal=KILL", "iot-onboard")
    gateway.wait_for_event("online", count=2)
    started = "ExecMainStartTimestampMonotonic"
    assert gateway.show(started, unit="iot-onboard-recovery.service") == {started: "0"}

"""Ways to give a gateway its product identity, all ending in the same files; and what is wrong with a configuration."""

from __future__ import annotations

import shutil
import stat

import pytest

from support.machine import images
from support.machine.machine import Machine
from support.machine.site import PRODUCT_KEY, Site
from support.platform.sandbox import wait_for

FRAGMENT = "/etc/iot-onboard/conf.d/50-identity.yaml"
SECRET = "/etc/iot-onboard/product-secret"


@pytest.fixture
def blank(site: Site) -> Machine:
    """A machine with the package, and nothing that says whose it is."""
    site.sandbox.add_device(PRODUCT_KEY, "gw0001")
    return site.machine("gw0001")


def modes(machine: Machine) -> dict[str, str]:
    found = {}
    for path in ("/etc/iot-onboard", FRAGMENT, SECRET):
        status = (machine.root / path.lstrip("/")).stat()
        found[path] = f"{stat.S_IMODE(status.st_mode):04o} {status.st_uid}:{status.st_gid}"
    return found


def assert_same_files(site: Site, machine: Machine) -> None:
    assert modes(machine) == {"/etc/iot-onboard": "0755 0:0", FRAGMENT: "0644 0:0", SECRET: "0600 0:0"}
    assert machine.read(SECRET).strip() == site.product_secret.strip()
    assert site.product_secret.strip() not in machine.read(FRAGMENT)


def wait_not_set_up(machine: Machine) -> None:
    machine.wait_for_event("not-provisioned")
    assert machine.show("ActiveState", "NRestarts") == {"ActiveState": "active", "NRestarts": "0"}


def test_without_configuration_it_waits_and_says_what_to_do(blank: Machine) -> None:
    """An installed but unconfigured service is no failed one: journal and status say what to do."""
    blank.boot()
    wait_not_set_up(blank)
    assert "iot-onboard setup" in blank.wait_for_event("not-provisioned")["MESSAGE"]
    assert "iot-onboard setup" in blank.show("StatusText")["StatusText"]
    output = blank.try_run("iot-onboard", "status")
    assert output.returncode == 1
    assert "iot-onboard setup" in output.stdout
    assert blank.run("systemctl", "is-system-running").strip() == "running"


def test_setup_by_hand(site: Site, blank: Machine) -> None:
    """`iot-onboard setup` with its options writes the files and restarts the service: online with no other hand."""
    blank.boot()
    wait_not_set_up(blank)
    options = ["--product-key", PRODUCT_KEY, "--product-secret-file", "-", "--device-name", "gw0001"]
    blank.run("iot-onboard", "setup", *options, stdin=site.product_secret)
    blank.wait_for_state("online")
    assert_same_files(site, blank)


def test_files_written_by_hand(site: Site, blank: Machine) -> None:
    """Whoever just writes the two files sees the service start by itself, in either order of writing."""
    blank.boot()
    wait_not_set_up(blank)
    blank.write(FRAGMENT, f"product_key: {PRODUCT_KEY}\ndevice_name: gw0001\n")
    blank.write(SECRET, site.product_secret, 0o600)
    blank.wait_for_state("online", 45)


def test_a_secret_that_comes_late(site: Site, blank: Machine) -> None:
    """With the names but without the secret the service is blocked, and goes on by itself once the file is there."""
    blank.write(FRAGMENT, f"product_key: {PRODUCT_KEY}\ndevice_name: gw0001\n")
    blank.boot()
    entry = blank.wait_for_event("secret-file-invalid")
    assert SECRET in entry["MESSAGE"]
    blank.write(SECRET, site.product_secret, 0o600)
    blank.wait_for_state("online", 45)


def test_debconf_preseed(site: Site) -> None:
    """Preseeded answers and `apt install` need no hand; the secret does not stay in debconf's database."""
    machine = site.bare_machine("gw0001")
    site.sandbox.add_device(PRODUCT_KEY, "gw0001")
    machine.boot()
    answers = (
        f"iot-onboard iot-onboard/product-key string {PRODUCT_KEY}\n"
        f"iot-onboard iot-onboard/product-secret password {site.product_secret}\n"
        "iot-onboard iot-onboard/device-name string gw0001\n"
    )
    machine.run("debconf-set-selections", stdin=answers)
    machine.install(images.package())
    machine.wait_for_state("online")
    assert_same_files(site, machine)
    assert site.product_secret.strip() not in machine.run("sh", "-c", "cat /var/cache/debconf/*.dat /var/log/dpkg.log")
    machine.reboot()
    machine.wait_for_state("online")
    assert len(site.sandbox.seen("register")) == 1


def test_debconf_preseed_that_is_wrong(site: Site) -> None:
    """A bad answer is told in plain words, and the package is configured all the same; a right setup heals it."""
    machine = site.bare_machine("gw0001")
    site.sandbox.add_device(PRODUCT_KEY, "gw0001")
    machine.boot()
    answers = (
        "iot-onboard iot-onboard/product-key string not/a/key\niot-onboard iot-onboard/product-secret password x\n"
    )
    machine.run("debconf-set-selections", stdin=answers)
    done = machine.try_install(images.package())
    assert "product-key" in done.stdout + done.stderr
    assert "sudo iot-onboard setup" in done.stdout + done.stderr
    assert not machine.exists(FRAGMENT)
    assert machine.run("dpkg-query", "--show", "--showformat=${Status}", "iot-onboard") == "install ok installed"
    wait_not_set_up(machine)
    options = ["--product-key", PRODUCT_KEY, "--product-secret-file", "-", "--device-name", "gw0001"]
    machine.run("iot-onboard", "setup", *options, stdin=site.product_secret)
    machine.wait_for_state("online")
    machine.run("dpkg-reconfigure", "--frontend=noninteractive", "iot-onboard")
    assert f"product_key: {PRODUCT_KEY}\ndevice_name: gw0001\n" in machine.read(FRAGMENT)
    assert f"iot-onboard/product-key: {PRODUCT_KEY}" in machine.run("debconf-show", "iot-onboard")
    machine.wait_for_state("online")


def test_answers_with_blanks(site: Site) -> None:
    """A form or a file of Windows leaves them; the gateway comes online all the same."""
    machine = site.bare_machine("gw0001")
    site.sandbox.add_device(PRODUCT_KEY, "gw0001")
    machine.boot()
    answers = (
        f"iot-onboard iot-onboard/product-key string {PRODUCT_KEY} \n"
        f"iot-onboard iot-onboard/product-secret password {site.product_secret.strip()}  \n"
        "iot-onboard iot-onboard/device-name string gw0001\t\n"
    )
    machine.run("debconf-set-selections", stdin=answers)
    machine.install(images.package())
    machine.wait_for_state("online")
    assert_same_files(site, machine)


@pytest.mark.parametrize("partition", ["/boot/firmware", "/boot"])
def test_a_file_on_the_boot_partition(site: Site, blank: Machine, partition: str) -> None:
    """A file dropped on the card is taken in at boot, its secret leaves the partition, and a note says so."""
    text = f"product_key: {PRODUCT_KEY}\r\nproduct_secret: {site.product_secret.strip()}\r\ndevice_name: gw0001\r\n"
    blank.write(f"{partition}/iot-onboard.yaml", text)
    blank.boot()
    blank.wait_for_state("online")
    assert_same_files(site, blank)
    left = {item.name: item.read_text() for item in (blank.root / partition.lstrip("/")).iterdir() if item.is_file()}
    assert "iot-onboard.yaml" not in left
    assert len(left) == 1, "the note"
    assert site.product_secret.strip() not in "".join(left.values())
    blank.reboot()
    blank.wait_for_state("online")
    assert len(site.sandbox.seen("register")) == 1


def test_a_bad_file_on_the_boot_partition(site: Site, blank: Machine) -> None:
    """A file with a mistake changes nothing and stays; every problem stands beside it with its line."""
    text = f"product_key: {PRODUCT_KEY}\nproduct_secret: {site.product_secret.strip()}\ndevice_nam: gw0001\n"
    blank.write("/boot/firmware/iot-onboard.yaml", text)
    blank.boot()
    wait_not_set_up(blank)
    assert blank.read("/boot/firmware/iot-onboard.yaml") == text
    error = next(
        path for path in (blank.root / "boot/firmware").iterdir() if path.name != "iot-onboard.yaml"
    ).read_text()
    assert "3" in error
    assert "device_nam" in error
    assert site.product_secret.strip() not in error
    assert not blank.exists(FRAGMENT)


def test_a_bad_configuration_ends_with_78(site: Site, gateway: Machine) -> None:
    """The service ends with 78 and is not restarted; the journal names file and line of every problem."""
    gateway.write("/etc/iot-onboard/conf.d/60-mine.yaml", "mqtt:\n  keepalive_s: soon\nregionn: cn-shanghai\n")
    gateway.boot()
    wait_for(lambda: gateway.show("ActiveState")["ActiveState"] == "failed", "the service has ended", 20)
    shown = gateway.show("ExecMainStatus", "NRestarts", "Result")
    assert shown == {"ExecMainStatus": "78", "NRestarts": "0", "Result": "exit-code"}
    lines = [entry for entry in gateway.journal() if "60-mine.yaml" in str(entry["MESSAGE"])]
    logged = "\n".join(str(entry["MESSAGE"]) for entry in lines)
    assert "60-mine.yaml:2: mqtt.keepalive_s" in logged
    assert "60-mine.yaml:3: regionn" in logged
    assert {entry["PRIORITY"] for entry in lines} == {"3"}
    gateway.run("rm", "/etc/iot-onboard/conf.d/60-mine.yaml")
    gateway.run("systemctl", "restart", "iot-onboard")
    gateway.wait_for_state("online")
    assert len(site.sandbox.seen("register")) == 1


def test_an_open_secret_file_is_refused(site: Site, gateway: Machine) -> None:
    """A product secret that others can read is not used; closing the file is all the cure it needs."""
    (gateway.root / SECRET.lstrip("/")).chmod(0o644)
    # tmpfiles closes it at boot: here somebody opens it afterwards.
    gateway.drop_in("open", f"[Service]\nExecStartPre=+/bin/chmod 644 {SECRET}\n")
    gateway.boot()
    entry = gateway.wait_for_event("secret-file-invalid")
    assert f"chmod 600 {SECRET}" in entry["MESSAGE"]
    assert site.sandbox.seen("register") == []
    gateway.run("rm", "/etc/systemd/system/iot-onboard.service.d/open.conf")
    gateway.run("systemctl", "daemon-reload")
    gateway.run("chmod", "600", SECRET)
    gateway.wait_for_state("online", 45)


def test_an_encrypted_credential(site: Site, gateway: Machine) -> None:
    """The product secret can lie encrypted for this machine, by the manual's steps, and no plain file is needed."""
    sealed = f"{SECRET}.cred"
    gateway.boot()
    gateway.wait_for_state("online")
    gateway.run("systemd-creds", "encrypt", "--name=product-secret", SECRET, sealed)
    gateway.run("rm", SECRET)
    gateway.drop_in("override", f"[Service]\nLoadCredentialEncrypted=product-secret:{sealed}\n")
    gateway.run("systemctl", "daemon-reload")
    # Nothing but a registration needs the product secret.
    site.sandbox.command("reset", PRODUCT_KEY, "gw0001")
    gateway.run("systemctl", "stop", "iot-onboard")
    gateway.run("iot-onboard", "forget", "--yes")
    gateway.run("systemctl", "start", "iot-onboard")
    gateway.wait_for_event("registered", count=2)
    gateway.wait_for_state("online")
    assert site.product_secret.strip() not in gateway.read(sealed)
    assert "systemd gives it to the running service" in gateway.run("iot-onboard", "check-config")


def answer(machine: Machine, **answers: str) -> None:
    """Give debconf answers, and have the package configured anew."""
    named = {name.replace("_", "-"): text for name, text in answers.items()}
    kinds = {"product-secret": "password"}
    lines = [f"iot-onboard iot-onboard/{name} {kinds.get(name, 'string')} {text}\n" for name, text in named.items()]
    machine.run("debconf-set-selections", stdin="".join(lines))
    machine.run("dpkg-reconfigure", "--frontend=noninteractive", "iot-onboard")


def test_dpkg_reconfigure(site: Site, blank: Machine) -> None:
    """Whoever installed without answers can give them to debconf later: online with no restart by hand."""
    blank.boot()
    wait_not_set_up(blank)
    answer(blank, product_key=PRODUCT_KEY, product_secret=site.product_secret.strip(), device_name="gw0001")
    blank.wait_for_state("online")
    assert_same_files(site, blank)


def test_debconf_answers_later(blank: Machine) -> None:
    """One that is emptied takes the earlier one away; an update does not bring back what somebody put elsewhere."""
    blank.boot()
    answer(blank, product_key=PRODUCT_KEY, device_name="gw0001", instance_id="iot-060a0abc")
    assert "iot-060a0abc" in blank.read(FRAGMENT)
    answer(blank, instance_id="")
    assert "iot-060a0abc" not in blank.read(FRAGMENT)
    blank.run("mv", FRAGMENT, "/etc/iot-onboard/conf.d/20-mine.yaml")
    package = images.package()
    shutil.copy(package, blank.root / "root")
    blank.run("dpkg", "--install", f"/root/{package.name}")
    assert not blank.exists(FRAGMENT)


@pytest.mark.parametrize(
    "form", ["{{product_key: {0}, device_name: {1}}}\n", '"product_key": {0}\n"device_name": {1}\n']
)
def test_an_upgrade_leaves_what_was_written_by_hand(site: Site, blank: Machine, form: str) -> None:
    """Old answers are not written over an identity, in whatever form it stands; nor over what cannot be read."""
    blank.boot()
    answer(blank, product_key=PRODUCT_KEY, product_secret=site.product_secret.strip(), device_name="gw0009")
    package = images.package()
    shutil.copy(package, blank.root / "root")
    for text in (form.format(PRODUCT_KEY, "gw0001"), "product_key: [\n"):
        blank.write(FRAGMENT, text)
        blank.run("dpkg", "--install", f"/root/{package.name}")
        assert blank.read(FRAGMENT) == text

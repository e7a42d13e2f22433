"""What the doctor sees of the secrets; nothing is changed by looking, and no value leaves the probe."""

from __future__ import annotations

import os
import stat
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from iot_onboard.config.unloadable import DROP_IN, SHIPPED, CredentialSource, decide
from iot_onboard.doctor.checks import secrets
from iot_onboard.doctor.model import Level, Probe
from iot_onboard.doctor.probes.configuration import CONFIG_FILES
from iot_onboard.doctor.probes.secrets import DEVICE_SECRET_FILE, PRODUCT_SECRET_FILE, STORE
from iot_onboard.doctor.probes.state import RUNTIME, STATE
from support.gateway.examined import IDENTITY, SECRET, kept, laid_out, whole
from support.process.probing import bring
from support.process.unprivileged import open_directory, unprivileged


def everything(directory: Path) -> list[tuple[str, tuple[int, ...], bytes]]:
    """Return all that looking might change; reading moves the time of access, which says nothing."""
    found: list[tuple[str, tuple[int, ...], bytes]] = []
    for path in sorted(directory.rglob("*")):
        seen = path.lstat()
        data = path.read_bytes() if stat.S_ISREG(seen.st_mode) else b""
        found.append((str(path), (seen.st_mode, seen.st_uid, seen.st_mtime_ns, seen.st_ctime_ns, seen.st_nlink), data))
    return found


def test_looking_changes_nothing(gateway: Path) -> None:
    """No file is written, renamed, set aside or given another mode, also where something is wrong with it."""
    store = gateway / "state/credentials"
    kept(store / f"{IDENTITY}.json", b"{ damaged", 0o644)
    kept(store / f"{IDENTITY}.json.1", whole(), 0o666)
    kept(store / f"{IDENTITY}.json.new", b"half")
    before = everything(gateway)
    probes: list[Probe[Any]] = [CONFIG_FILES, PRODUCT_SECRET_FILE, DEVICE_SECRET_FILE, STORE, STATE, RUNTIME]
    for probe in probes:
        bring(probe, gateway / "config.yaml")
    assert everything(gateway) == before


def test_the_product_secret(gateway: Path) -> None:
    """Good, open to others, empty, missing: in the daemon's words, without a byte of it."""
    path, config = gateway / "product-secret", gateway / "config.yaml"
    (gateway / f"state/credentials/{IDENTITY}.json").unlink()

    def judged() -> tuple[Level, str]:
        facts = bring(PRODUCT_SECRET_FILE, config)
        finding = secrets.secret_file(facts)
        assert "pr0duct" not in f"{facts} {finding}"
        return finding.level, finding.sentence

    assert judged() == (
        Level.OK,
        f"Other users cannot read the product secret file {path} (mode 0600), and it holds a secret.",
    )
    path.chmod(0o644)
    assert judged() == (Level.FAIL, f"The product secret file {path} can be read by other users.")
    kept(path, b"")
    assert judged() == (Level.FAIL, f"The product secret file {path} is empty.")
    path.unlink()
    assert judged() == (Level.FAIL, f"There is no product secret: {path} does not exist.")
    kept(gateway / f"state/credentials/{IDENTITY}.json", whole()[:-40])
    assert judged()[0] is Level.FAIL
    kept(gateway / f"state/credentials/{IDENTITY}.json", whole())
    assert judged()[0] is Level.WARN
    credentials = gateway / "root/run/credentials/iot-onboard.service"
    credentials.mkdir(parents=True)
    kept(credentials / "product-secret", b"pr0ductS3cret")
    facts = bring(PRODUCT_SECRET_FILE, config, gateway / "root")
    assert "as a credential" in secrets.secret_file(facts).sentence


def test_a_secret_that_this_user_may_not_read() -> None:
    """Its mode can be judged all the same."""
    with open_directory() as directory:
        laid_out(directory)
        with unprivileged():
            finding = secrets.secret_file(bring(PRODUCT_SECRET_FILE, directory / "config.yaml"))
    assert (finding.level, "run with sudo" in finding.sentence) == (Level.OK, True)


def test_a_device_secret_by_hand(gateway: Path) -> None:
    """Where one is configured, it is what counts."""
    config = gateway / "config.yaml"
    assert secrets.secret_file(bring(DEVICE_SECRET_FILE, config)).level is Level.SKIPPED
    config.write_text(config.read_text() + f"device_secret_file: {gateway}/own\n")
    assert "There is no device secret" in secrets.secret_file(bring(DEVICE_SECRET_FILE, config)).sentence
    kept(gateway / "own", SECRET.encode())
    assert secrets.secret_file(bring(DEVICE_SECRET_FILE, config)).level is Level.OK
    assert secrets.secret_file(bring(PRODUCT_SECRET_FILE, config)).level is Level.SKIPPED


def test_a_device_secret_where_the_unit_looks(gateway: Path) -> None:
    """The packaged service takes the file beside its configuration by itself; a line end alone is none."""
    root = gateway / "root"
    etc = root / "etc/iot-onboard"
    etc.mkdir(parents=True)
    (gateway / "config.yaml").rename(etc / "config.yaml")
    credentials = root / "run/credentials/iot-onboard.service"
    credentials.mkdir(parents=True)
    kept(credentials / "product-secret", b"\n")
    assert secrets.secret_file(bring(DEVICE_SECRET_FILE, etc / "config.yaml", root)).level is Level.SKIPPED
    assert not bring(PRODUCT_SECRET_FILE, etc / "config.yaml", root).handed_out
    kept(etc / "device-secret", b"\n")
    assert secrets.secret_file(bring(DEVICE_SECRET_FILE, etc / "config.yaml", root)).level is Level.SKIPPED
    kept(etc / "device-secret", SECRET.encode())
    assert secrets.secret_file(bring(DEVICE_SECRET_FILE, etc / "config.yaml", root)).level is Level.OK
    assert secrets.secret_file(bring(PRODUCT_SECRET_FILE, etc / "config.yaml", root)).level is Level.SKIPPED


def test_a_secret_that_systemd_cannot_hand_out(gateway: Path) -> None:
    """The drop-in that this leads to says which; a plain file in its place counts."""
    root = gateway / "root"
    etc = root / "etc/iot-onboard"
    etc.mkdir(parents=True)
    (gateway / "config.yaml").rename(etc / "config.yaml")
    sealed = CredentialSource(name="product-secret", path="/etc/iot-onboard/product-secret.cred", encrypted=True)
    drop_in = root / DROP_IN.relative_to("/")
    drop_in.parent.mkdir(parents=True)
    loadable = {sealed: False, **dict.fromkeys(SHIPPED)}
    drop_in.write_text(decide("", failed=True, sources=[sealed], loadable=loadable))
    found = secrets.secret_file(bring(PRODUCT_SECRET_FILE, etc / "config.yaml", root))
    assert (found.level, sealed.path in found.sentence) == (Level.WARN, True), "a device secret is stored"
    assert secrets.secret_file(bring(DEVICE_SECRET_FILE, etc / "config.yaml", root)).level is Level.SKIPPED
    kept(etc / "product-secret", SECRET.encode())
    assert secrets.secret_file(bring(PRODUCT_SECRET_FILE, etc / "config.yaml", root)).level is Level.OK


def damage_of(gateway: Path, data: bytes) -> str:
    kept(gateway / f"state/credentials/{IDENTITY}.json", data)
    facts = bring(STORE, gateway / "config.yaml")
    assert SECRET not in str(facts)
    file = facts.file(".json")
    assert file is not None
    return file.damage


def test_the_stored_secret(gateway: Path) -> None:
    """Whole with its date; or what is wrong with it; never what it holds."""
    facts = bring(STORE, gateway / "config.yaml")
    assert SECRET not in str(facts)
    assert "registered 2026-11-02T10:00:00+00:00" in secrets.stored(facts).sentence
    assert damage_of(gateway, whole()[:-40]) == "not JSON"
    assert damage_of(gateway, whole().replace(SECRET.encode(), SECRET[::-1].encode())) == "checksum does not match"
    assert damage_of(gateway, b"") == "empty"
    assert damage_of(gateway, whole().replace(b"gw-0001", b"gw-0002")) == "checksum does not match"


def test_what_is_no_plain_file(gateway: Path) -> None:
    """A named pipe in the place of a secret hangs nobody; a link is not followed."""
    path = gateway / f"state/credentials/{IDENTITY}.json"
    path.unlink()
    os.mkfifo(path, 0o600)
    assert "not a regular file" in secrets.stored(bring(STORE, gateway / "config.yaml")).sentence
    path.unlink()
    path.symlink_to(kept(gateway / "elsewhere", whole()))
    assert "cannot be read" in secrets.stored(bring(STORE, gateway / "config.yaml")).sentence


def test_all_files_of_the_store_are_seen(gateway: Path) -> None:
    """Generations, files set aside and other devices' are told apart by their names."""
    store = gateway / "state/credentials"
    kept(store / f"{IDENTITY}.json.1", b"rubbish")
    kept(store / f"{IDENTITY}.json.corrupt-20261101T000000", b"rubbish")
    kept(store / "a1b2c3d4e5f.other.json", b"rubbish")
    facts = bring(STORE, gateway / "config.yaml")
    assert "is damaged (not JSON)" in str(secrets.previous(facts))
    assert "corrupt-20261101T000000" in str(secrets.set_aside(facts))
    assert "a1b2c3d4e5f.other" in str(secrets.others(facts))


def test_a_store_of_somebody_else() -> None:
    """An ordinary user is told that this needs root."""
    with open_directory() as directory:
        laid_out(directory)
        with unprivileged(), pytest.raises(PermissionError, match="credentials"):
            bring(STORE, directory / "config.yaml")


def test_the_secrets_of_sub_devices(gateway: Path) -> None:
    """Whose they are counts as it does of the gateway's own, and they are no cards of other gateways."""
    meters = gateway / "state/subdevices"
    meters.mkdir(mode=0o700)
    (meters / "a1sub.m1.json").write_text("{}")
    (meters / "a1sub.m1.json").chmod(0o600)
    before = bring(STORE, gateway / "config.yaml")
    assert [Path(file.path).name for file in before.subdevices] == ["subdevices", "a1sub.m1.json"]
    assert "a1sub" not in str(secrets.others(before))
    (meters / "a1sub.m1.json").chmod(0o644)
    after = secrets.permissions(replace(bring(STORE, gateway / "config.yaml"), account=None))
    assert (after.level, "a1sub.m1.json (mode 0644)" in after.sentence) == (Level.WARN, True)


def test_without_a_store(gateway: Path) -> None:
    """Before the first registration there is nothing, and nothing is wrong."""
    (gateway / f"state/credentials/{IDENTITY}.json").unlink()
    (gateway / "state/credentials").rmdir()
    facts = bring(STORE, gateway / "config.yaml")
    assert (secrets.stored(facts).level, secrets.permissions(facts).level) == (Level.OK, Level.SKIPPED)

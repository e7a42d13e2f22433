"""Every secret on a gateway is found, so that it can be covered."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from iot_onboard.bundle.known_secrets import known_secrets
from iot_onboard.bundle.places import places_of
from iot_onboard.config.files import MAX_BYTES, read_documents
from iot_onboard.core.masking import MAX_OF_ONE
from support.gateway.secrets_laid_out import SECRETS, laid_out, stored
from support.process.unprivileged import open_directory, unprivileged
from support.tree import ROOT

SHIPPED = ROOT / "config" / "config.yaml"


def test_every_secret_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In files, credentials, generations, what was set aside and damaged, configuration, boot file and environment."""
    config_path, places = laid_out(tmp_path)
    monkeypatch.setenv("https_proxy", "http://me:envir0nment@proxy.example:1")
    known = known_secrets(config_path, places, tmp_path)
    assert known.secrets >= {*SECRETS, "envir0nment"}
    assert "a1b2c3d4e5f" not in known.secrets
    assert "gw-0001" not in known.secrets
    assert known.unread == []
    assert "pr0ductS3cret" not in repr(known)


def test_examples_are_no_secrets(tmp_path: Path) -> None:
    """What stands in the shipped configuration would be looked for in every text."""
    (tmp_path / "config.yaml").write_text(SHIPPED.read_text())
    documents = read_documents(tmp_path / "config.yaml")[0]
    assert known_secrets(tmp_path / "config.yaml", places_of(documents), tmp_path).secrets == set()


def test_secrets_without_a_configuration_that_makes_sense(tmp_path: Path) -> None:
    """A mistake in one file does not hide what has to be covered, nor does one that is no YAML at all."""
    config_path, _ = laid_out(tmp_path)
    with config_path.open("a") as file:
        file.write("product_secret: wr0ngPlace2\nregon: x\n")
    (config_path.parent / "conf.d/90.yaml").write_text("device_secret: wr0ngPlace3\n: : :\n")
    known = known_secrets(config_path, places_of(read_documents(config_path)[0]), tmp_path)
    assert known.secrets >= {*SECRETS, "wr0ngPlace2", "wr0ngPlace3"}
    config_path.write_text("device_secret: wr0ngPlace4\n: : :\n")
    known = known_secrets(config_path, places_of(read_documents(config_path)[0]), tmp_path)
    assert known.secrets >= {"wr0ngPlace4", "pr0ductS3cret", "hunter@2", "fr0mTheCard"}


def test_a_secret_at_the_end_of_a_large_configuration(tmp_path: Path) -> None:
    """All that the daemon takes is looked through."""
    end = "\nproxy: http://me:at0theEnd@proxy.example:1\n"
    (tmp_path / "config.yaml").write_text("#" * (MAX_BYTES - len(end)) + end)
    assert "at0theEnd" in known_secrets(tmp_path / "config.yaml", places_of(()), tmp_path).secrets


def test_what_may_not_be_read_is_named() -> None:
    """Whoever gets the bundle is told which secrets nobody could look for; a named pipe hangs nobody."""
    with open_directory() as directory:
        config_path, places = laid_out(directory)
        (directory / "state/credentials").chmod(0o700)
        os.mkfifo(directory / "etc/iot-onboard/secret-pipe")
        with unprivileged():
            known = known_secrets(config_path, places, directory)
    assert str(directory / "etc/iot-onboard/product-secret") in known.unread
    assert str(directory / "state/credentials") in known.unread
    assert str(directory / "etc/iot-onboard/secret-pipe") in known.unread


@pytest.mark.parametrize("name", ["https_proxy", "ALL_PROXY"])
def test_a_password_in_the_environment_is_known_as_it_is_meant(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """A program that was given it shows it without the escapes of a URL."""
    monkeypatch.setenv(name, "http://me:envir%40nment@proxy.example:1")
    known = known_secrets(tmp_path / "config.yaml", replace(places_of(()), state_dirs=(tmp_path,)), tmp_path)
    assert known.secrets >= {"envir@nment", "envir%40nment"}


def test_secrets_of_sub_devices_are_found(tmp_path: Path) -> None:
    """Every generation and what was set aside, each without end: apart from the gateway's own, for they are many."""
    config_path, places = laid_out(tmp_path)
    meters = tmp_path / "state/subdevices"
    meters.mkdir()
    wanted = set()
    for number in range(300):
        for ending in ("", ".1"):
            secret = f"meter{number}{ending.strip('.')}x".ljust(32, "0")
            wanted.add(secret)
            (meters / f"a1sub.m{number}.json{ending}").write_bytes(stored(secret))
    (meters / "a1sub.m0.json.corrupt-1").write_bytes(stored("cutOff0123456789")[:-90])
    known = known_secrets(config_path, places, tmp_path)
    assert known.many == wanted | {"cutOff0123456789"}
    assert known.secrets >= SECRETS
    assert (known.unread, "cutOff" in repr(known)) == ([], False)


def test_what_lies_deeper_in_the_state_directory_is_found(tmp_path: Path) -> None:
    """Behind a name that tells, in any folder; names and payloads are no secrets, and no link is followed."""
    config_path, places = laid_out(tmp_path)
    state = tmp_path / "state"
    (state / "identity.json").write_text('{"device_name": "gw-0001-by-serial", "board": "serial0123456789"}')
    (state / "bridge/a1b2c3d4e5f.gw-0001/deep").mkdir(parents=True)
    (state / "bridge/a1b2c3d4e5f.gw-0001/deep/session.json").write_text('{"deviceToken": "t0ken\\u0041"}')
    (state / "bridge/a1b2c3d4e5f.gw-0001/00000001.seg").write_bytes(b'{"password": "of an application"}')
    (state / "credentials/old").mkdir()
    (state / "credentials/old/a.b.json").write_bytes(stored("m0vedAside"))
    (state / "endless").symlink_to(state)
    (state / "linked.json").symlink_to(tmp_path / "outside")
    (tmp_path / "outside").write_bytes(stored("0utside"))
    known = known_secrets(config_path, places, tmp_path)
    assert known.secrets >= {*SECRETS, "m0vedAside", "t0kenA"}
    assert not known.secrets & {"gw-0001-by-serial", "serial0123456789", "of an application", "0utside"}


def test_more_files_than_are_looked_through_are_named(tmp_path: Path) -> None:
    """Whoever gets the bundle is told that it may hold a secret."""
    stored_here = tmp_path / "state/credentials"
    config_path, places = laid_out(tmp_path)
    for folder in ("one", "two"):
        (stored_here / folder).mkdir()
        for number in range(6000):
            (stored_here / folder / f"pk.gw-{number}.json").touch()
    known = known_secrets(config_path, places, tmp_path)
    assert known.unread == [f"more than 10000 files in {tmp_path / 'state'}"]


def test_folders_without_end_are_named(tmp_path: Path) -> None:
    """Nothing of ours lies so deep: what could not be looked through is said."""
    config_path, places = laid_out(tmp_path)
    deep = tmp_path / "state" / "/".join(["d"] * 60)
    deep.mkdir(parents=True)
    (deep / "a.b.json").write_bytes(stored("v3ryDeep"))
    known = known_secrets(config_path, places, tmp_path)
    assert "v3ryDeep" not in known.secrets
    assert [words.endswith("/d: too deep") for words in known.unread] == [True]


PARTS = [
    "a",
    "1a",
    "_",
    "a:",
    "://",
    "://a:",
    "secret: ",
    '"device_secret":"',
    "\\",
    "# ",
    "deadbeef01234567 ",
    "x1\n",
    "\0",
    "\xe9",
]


@settings(max_examples=15, deadline=None)
@given(st.lists(st.sampled_from(PARTS) | st.text(max_size=5), min_size=1, max_size=4))
def test_rubbish_takes_no_minutes(directory_of_rubbish: Path, parts: list[str]) -> None:
    """Whatever 300 kB hold, as a secret, as a configuration or as a stored file: they are read in seconds."""
    line = "".join(parts)
    rubbish = (line * (300_000 // max(1, len(line.encode())) + 1)).encode("utf-8", "surrogatepass")[:300_000]
    etc, state = directory_of_rubbish / "etc/iot-onboard", directory_of_rubbish / "state"
    for path in (etc / "product-secret", etc / "config.yaml", state / "credentials" / "pk.gw.json"):
        path.write_bytes(rubbish)
    began = time.process_time()
    known = known_secrets(etc / "config.yaml", replace(places_of(()), state_dirs=(state,)), directory_of_rubbish)
    assert time.process_time() - began < 8
    assert len(known.secrets) <= 3 * MAX_OF_ONE + 10


@pytest.fixture(scope="module")
def directory_of_rubbish(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("rubbish")
    (directory / "etc/iot-onboard").mkdir(parents=True)
    (directory / "state/credentials").mkdir(parents=True)
    return directory


def test_a_store_that_is_elsewhere_is_found(tmp_path: Path) -> None:
    """An operator may have moved both directories to another disk, with links in their places."""
    config_path, places = laid_out(tmp_path)
    state, disk = tmp_path / "state", tmp_path / "disk"
    disk.mkdir()
    (state / "subdevices").mkdir()
    (state / "subdevices/a1sub.m1.json").write_bytes(stored("meter0123456789x"))
    for folder in ("credentials", "subdevices"):
        (state / folder).rename(disk / folder)
        (state / folder).symlink_to(disk / folder)
    known = known_secrets(config_path, places, tmp_path)
    assert known.secrets >= SECRETS
    assert known.many == {"meter0123456789x"}


@pytest.mark.parametrize("directories", [1, 2])
def test_the_gateway_s_own_secret_is_known_beside_too_many_files(tmp_path: Path, directories: int) -> None:
    """What lies beyond the limit is named, and is of sub-devices."""
    config_path, places = laid_out(tmp_path)
    meters = tmp_path / "state/subdevices"
    for number in range(10_010):
        directory = meters / str(number % directories)
        directory.mkdir(parents=True, exist_ok=True)
        (directory / f"a1sub.m{number}.json").touch()
    known = known_secrets(config_path, places, tmp_path)
    assert known.secrets >= SECRETS
    assert any("more than 10000 files" in what for what in known.unread)

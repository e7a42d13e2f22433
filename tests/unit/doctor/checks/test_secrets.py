"""How the doctor judges the secrets, and who may read them."""

from __future__ import annotations

import stat
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iot_onboard.doctor.checks import secrets
from iot_onboard.doctor.checks.files import ENTER, READ, WRITE, Account, FileFacts, closed_to, may
from iot_onboard.doctor.checks.secrets import SecretFacts, StoredFile, StoreFacts
from support.text.judged import FAIL, OK, SERVICE, SKIPPED, WARN, Row, directory, file

SECRET_FILE = file("/etc/iot-onboard/product-secret", 0o600, uid=0)
GOOD = SecretFacts(path=SECRET_FILE.path, found=SECRET_FILE, by_manager=True, account=SERVICE)
ID = "a1b2c3d4e5f.gw-0001"


def stored(*files: tuple[str, str], mode: int = 0o600, uid: int = 990, wanted: bool = True) -> StoreFacts:
    return StoreFacts(
        directory=directory("/var/lib/iot-onboard/credentials", 0o700),
        identity=ID,
        wanted=wanted,
        files=tuple(
            StoredFile(
                name=name, facts=file(f"/s/{name}", mode, uid), damage=damage, issued_at="2026-11-02T10:00:00+00:00"
            )
            for name, damage in files
        ),
        account=SERVICE,
    )


CURRENT, PREVIOUS = f"{ID}.json", f"{ID}.json.1"
NEWER_FILE = replace(stored((CURRENT, "")).files[0], newer="in format 2, which a newer iot-onboard has written")
NEWER = replace(stored((PREVIOUS, "")), files=(NEWER_FILE, *stored((PREVIOUS, "")).files))

SECRETS = [
    Row("good", secrets.product_secret, GOOD, OK, "(mode 0600), and holds one"),
    Row("unread", secrets.product_secret, replace(GOOD, unread=True), OK, "run with sudo"),
    Row(
        "missing",
        secrets.product_secret,
        replace(GOOD, found=None),
        FAIL,
        "There is no product secret",
        "sudo iot-onboard setup",
    ),
    Row(
        "missing, not needed now",
        secrets.product_secret,
        replace(GOOD, found=None, fallback=True),
        WARN,
        "stored secret works",
        "setup",
    ),
    Row("a credential", secrets.product_secret, replace(GOOD, found=None, handed_out=True), OK, "hands out"),
    Row(
        "withheld",
        secrets.product_secret,
        replace(GOOD, found=None, withheld="the encrypted product secret /x.cred (its key is gone)"),
        FAIL,
        "hand out the encrypted product secret /x.cred",
        "setup",
    ),
    Row(
        "withheld, not needed now",
        secrets.product_secret,
        replace(GOOD, found=None, fallback=True, withheld="the encrypted product secret"),
        WARN,
        "stored secret works",
        "setup",
    ),
    Row("not needed", secrets.product_secret, replace(GOOD, wanted=False), SKIPPED, "given by hand"),
    Row(
        "open",
        secrets.product_secret,
        replace(GOOD, problem="the product secret file x is open to others", cure="chmod 600 x"),
        FAIL,
        "The product secret file x is open",
        "chmod 600 x",
    ),
    Row("root's own, for the manager", secrets.product_secret, GOOD, OK, "closed to others"),
    Row(
        "root's own, for the service",
        secrets.product_secret,
        replace(GOOD, by_manager=False),
        FAIL,
        "may not be read by the service's user",
        "sudo chown iot-onboard",
    ),
    Row(
        "no device secret by hand",
        secrets.device_secret,
        SecretFacts(path="", wanted=False),
        SKIPPED,
        "registration gets it",
    ),
    Row("device secret by hand", secrets.device_secret, replace(GOOD, by_manager=True), OK, "The device secret file"),
    Row(
        "device secret missing",
        secrets.device_secret,
        replace(GOOD, found=None),
        FAIL,
        "There is no device secret",
        "setup",
    ),
    Row("stored", secrets.stored, stored((CURRENT, "")), OK, "whole, registered 2026-11-02"),
    Row("none yet", secrets.stored, stored(), OK, "the gateway registers"),
    Row("none wanted", secrets.stored, stored(wanted=False), SKIPPED, "Not needed"),
    Row("newer", secrets.stored, NEWER, FAIL, "which a newer iot-onboard has written; it is left alone", "apt install"),
    Row("damaged", secrets.stored, stored((CURRENT, "not JSON")), FAIL, "damaged (not JSON), and no previous", "6289"),
    Row(
        "damaged twice",
        secrets.stored,
        stored((CURRENT, "empty"), (PREVIOUS, "empty")),
        FAIL,
        "no previous generation is whole",
    ),
    Row(
        "damaged, previous good",
        secrets.stored,
        stored((CURRENT, "empty"), (PREVIOUS, "")),
        WARN,
        "previous generation is whole",
        "restart",
    ),
    Row("missing, previous good", secrets.stored, stored((PREVIOUS, "")), WARN, "is missing"),
    Row("missing, previous damaged", secrets.stored, stored((PREVIOUS, "empty")), FAIL, "is missing, and no"),
    Row("modes", secrets.modes, stored((CURRENT, "")), OK, "belongs to iot-onboard alone"),
    Row("no directory", secrets.modes, replace(stored(), directory=None), SKIPPED, "Nothing is stored"),
    Row(
        "root's",
        secrets.modes,
        stored((CURRENT, ""), uid=0),
        FAIL,
        "does not belong to the service's user",
        "chown -R iot-onboard:",
    ),
    Row(
        "readable",
        secrets.modes,
        stored((CURRENT, ""), mode=0o640),
        WARN,
        "open to others (mode 0640)",
        f"chmod 600 /s/{CURRENT}",
    ),
    Row(
        "directory",
        secrets.modes,
        replace(stored(), directory=directory("/s", 0o755)),
        WARN,
        "mode 0755",
        "chmod 700 /s",
    ),
    Row("no previous", secrets.previous, stored((CURRENT, "")), OK, "no previous generation"),
    Row("previous", secrets.previous, stored((PREVIOUS, "")), OK, "is whole"),
    Row("previous damaged", secrets.previous, stored((PREVIOUS, "empty")), WARN, "(empty)", "SD card"),
    Row("nothing aside", secrets.set_aside, stored((CURRENT, "")), OK, "Nothing was ever"),
    Row("forgotten", secrets.set_aside, stored((f"{CURRENT}.forgotten-20261101T000000", "")), OK, "forget"),
    Row(
        "corrupt",
        secrets.set_aside,
        stored((f"{CURRENT}.corrupt-20261101T000000", "")),
        WARN,
        "1 damaged file(s)",
        "SD card",
    ),
    Row("own", secrets.identity, stored((CURRENT, ""), (f"{CURRENT}.new", "")), OK, "another device"),
    Row("others besides", secrets.identity, stored((CURRENT, ""), ("p.other.json", "")), OK, "secrets of p.other"),
    Row(
        "others only",
        secrets.identity,
        stored(("p.other.json", "")),
        WARN,
        "but for p.other",
        "set product_key and device_name back",
    ),
]


@pytest.mark.parametrize("row", SECRETS, ids=str)
def test_judgements(row: Row) -> None:
    """These facts, this level, these words, this fix."""
    row.holds()


@given(
    st.integers(0, 0o777), st.integers(0, 2), st.integers(0, 2), st.sampled_from([READ, WRITE, ENTER, WRITE | ENTER])
)
def test_rights_are_the_kernels(mode: int, uid: int, gid: int, wanted: int) -> None:
    """Owner, else group, else others, as path_resolution(7) says; root may all."""
    facts = FileFacts(path="/x", mode=stat.S_IFREG | mode, uid=uid, gid=gid)
    account = Account(name="a", uid=1, gids=frozenset({1}))
    place = 6 if uid == 1 else 3 if gid == 1 else 0
    assert may(account, facts, wanted) == ((mode >> place) & wanted == wanted)
    assert may(replace(account, uid=0), facts, wanted)


def test_the_first_closed_door_is_named() -> None:
    """A way is as open as its first door."""
    way = (directory("/", 0o755, 0), directory("/a", 0o700, 0), directory("/a/b", 0o700, 0))
    closed = closed_to(SERVICE, way)
    assert closed is not None
    assert closed.path == "/a"
    assert closed_to(SERVICE, way[:1]) is None

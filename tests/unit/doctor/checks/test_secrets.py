"""How the doctor judges the secrets by what surrounds them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from iot_onboard.doctor.checks import secrets
from iot_onboard.doctor.checks.secrets import SecretFacts, StoredFile, StoreFacts
from support.text.judged import FAIL, NOTHING, OK, SERVICE, SKIPPED, WARN, Row, directory, file

SECRET_FILE = file("/etc/iot-onboard/product-secret", 0o600, uid=0)
GOOD = SecretFacts(what="product secret", path=SECRET_FILE.path, found=SECRET_FILE, by_manager=True, account=SERVICE)
OWN = replace(GOOD, what="device secret")
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
    Row("good", secrets.secret_file, GOOD, OK, "(mode 0600), and it holds a secret"),
    Row("unread", secrets.secret_file, replace(GOOD, unread=True), OK, "run with sudo"),
    Row(
        "missing",
        secrets.secret_file,
        replace(GOOD, found=None),
        FAIL,
        "There is no product secret",
        "sudo iot-onboard setup",
    ),
    Row(
        "missing, not needed now",
        secrets.secret_file,
        replace(GOOD, found=None, fallback=True),
        WARN,
        "stored device secret works",
        "setup",
    ),
    Row("a credential", secrets.secret_file, replace(GOOD, found=None, handed_out=True), OK, "as a credential"),
    Row(
        "withheld",
        secrets.secret_file,
        replace(GOOD, found=None, unloadable="the encrypted product secret /x.cred (its key is gone)"),
        FAIL,
        "load the encrypted product secret /x.cred",
        "setup",
    ),
    Row(
        "withheld, not needed now",
        secrets.secret_file,
        replace(GOOD, found=None, fallback=True, unloadable="the encrypted product secret"),
        WARN,
        "stored device secret works",
        "setup",
    ),
    Row("not needed", secrets.secret_file, replace(GOOD, wanted=False), SKIPPED, "given by hand"),
    Row(
        "open",
        secrets.secret_file,
        replace(GOOD, problem="the product secret file x is open to others", cure="chmod 600 x"),
        FAIL,
        "The product secret file x is open",
        "chmod 600 x",
    ),
    Row("root's own, for the manager", secrets.secret_file, GOOD, OK, "Other users cannot read"),
    Row(
        "root's own, for the service",
        secrets.secret_file,
        replace(GOOD, by_manager=False),
        FAIL,
        "The service's user iot-onboard cannot read the product secret file",
        "sudo chown iot-onboard",
    ),
    Row(
        "no device secret by hand",
        secrets.secret_file,
        replace(OWN, path="", wanted=False),
        SKIPPED,
        "secret is registered",
    ),
    Row("device secret by hand", secrets.secret_file, OWN, OK, "the device secret file"),
    Row(
        "device secret missing",
        secrets.secret_file,
        replace(OWN, found=None),
        FAIL,
        "There is no device secret",
        "setup",
    ),
    Row("stored", secrets.stored, stored((CURRENT, "")), OK, "intact, registered 2026-11-02"),
    Row("none yet", secrets.stored, stored(), OK, "the gateway registers"),
    Row("none wanted", secrets.stored, stored(wanted=False), SKIPPED, "Not needed"),
    Row(
        "newer",
        secrets.stored,
        NEWER,
        FAIL,
        "which a newer iot-onboard has written; the daemon does not change it",
        "apt install",
    ),
    Row("damaged", secrets.stored, stored((CURRENT, "not JSON")), FAIL, "damaged (not JSON), and no previous", "6289"),
    Row(
        "damaged twice",
        secrets.stored,
        stored((CURRENT, "empty"), (PREVIOUS, "empty")),
        FAIL,
        "no previous generation is intact",
    ),
    Row(
        "damaged, previous good",
        secrets.stored,
        stored((CURRENT, "empty"), (PREVIOUS, "")),
        WARN,
        "previous generation is intact",
        "restart",
    ),
    Row(
        "damaged, previous of a newer version",
        secrets.stored,
        replace(
            stored((CURRENT, "empty")),
            files=(
                *stored((CURRENT, "empty")).files,
                replace(stored((PREVIOUS, "")).files[0], newer="in a newer format (2)"),
            ),
        ),
        FAIL,
        "previous generation is in a newer format (2)",
        "apt install --only-upgrade iot-onboard",
    ),
    Row("missing, previous good", secrets.stored, stored((PREVIOUS, "")), WARN, "is missing"),
    Row("missing, previous damaged", secrets.stored, stored((PREVIOUS, "empty")), FAIL, "is missing, and no"),
    Row("modes", secrets.permissions, stored((CURRENT, "")), OK, "Only iot-onboard has access"),
    Row("no directory", secrets.permissions, replace(stored(), directory=None), SKIPPED, "Nothing is stored"),
    Row(
        "root's",
        secrets.permissions,
        stored((CURRENT, ""), uid=0),
        FAIL,
        "does not belong to the service's user",
        "chown -Rh iot-onboard: /var/lib/iot-onboard/credentials",
    ),
    Row(
        "readable",
        secrets.permissions,
        stored((CURRENT, ""), mode=0o640),
        WARN,
        "(mode 0640)",
        "sudo -u iot-onboard chmod -R go= /var/lib/iot-onboard/credentials",
    ),
    Row(
        "directory",
        secrets.permissions,
        replace(stored(), directory=directory("/s", 0o755)),
        WARN,
        "mode 0755",
        "sudo -u iot-onboard chmod -R go= /s",
    ),
    Row(
        "not looked into",
        secrets.stored,
        replace(stored(), trouble="behind a link that belongs to another user"),
        FAIL,
        "cannot be listed: behind a link",
        "sudo ls -ld /var/lib/iot-onboard/credentials",
    ),
    Row(
        "of another user",
        secrets.stored,
        stored((CURRENT, "cannot be read: belongs to another user than its directory does"), uid=0),
        SKIPPED,
        "does not belong to the service's user: not checked",
    ),
    Row(
        "in a directory of another user",
        secrets.stored,
        replace(stored((CURRENT, "cannot be read: belongs to another user")), directory=directory("/s", 0o700, uid=0)),
        SKIPPED,
        "does not belong to the service's user: not checked",
    ),
    Row(
        "sub-devices apart",
        secrets.permissions,
        replace(stored((CURRENT, "")), subdevices=(directory("/s/sub", 0o700), file("/s/sub/a.m1.json", 0o600, 990))),
        OK,
        "Only iot-onboard has access to the stored secrets.",
    ),
    Row(
        "sub-devices alone",
        secrets.permissions,
        replace(stored(), directory=None, subdevices=(directory("/s/sub", 0o700),)),
        OK,
        "Only iot-onboard has access to the stored secrets.",
    ),
    Row(
        "sub-devices readable",
        secrets.permissions,
        replace(stored((CURRENT, "")), subdevices=(directory("/s/sub", 0o700), file("/s/sub/a.m1.json", 0o644, 990))),
        WARN,
        "Other users have access to /s/sub/a.m1.json (mode 0644).",
        "sudo -u iot-onboard chmod -R go= /s/sub",
    ),
    Row(
        "sub-devices of root",
        secrets.permissions,
        replace(stored((CURRENT, "")), subdevices=(directory("/s/sub", 0o700, uid=0),)),
        FAIL,
        "does not belong to the service's user",
        "chown -Rh iot-onboard: /s/sub",
    ),
    Row("no previous", secrets.previous, stored((CURRENT, "")), NOTHING),
    Row("previous", secrets.previous, stored((PREVIOUS, "")), NOTHING),
    Row("previous damaged", secrets.previous, stored((PREVIOUS, "empty")), WARN, "(empty)", "SD card"),
    Row("nothing aside", secrets.set_aside, stored((CURRENT, "")), NOTHING),
    Row("forgotten", secrets.set_aside, stored((f"{CURRENT}.forgotten-20261101T000000", "")), OK, "forget"),
    Row(
        "corrupt",
        secrets.set_aside,
        stored((f"{CURRENT}.corrupt-20261101T000000", "")),
        WARN,
        "1 damaged file(s)",
        "SD card",
    ),
    Row("own", secrets.others, stored((CURRENT, ""), (f"{CURRENT}.new", "")), NOTHING),
    Row("others besides", secrets.others, stored((CURRENT, ""), ("p.other.json", "")), OK, "secrets of p.other"),
    Row(
        "others only",
        secrets.others,
        stored(("p.other.json", "")),
        WARN,
        "but secrets of p.other are",
        "set product_key and device_name back",
    ),
]


@pytest.mark.parametrize("row", SECRETS, ids=str)
def test_judgements(row: Row) -> None:
    """These facts, this level, these words, this fix."""
    row.holds()

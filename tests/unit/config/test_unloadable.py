"""What stands in for credentials that systemd cannot hand out."""

from __future__ import annotations

import pytest
from hypothesis import given as sampled
from hypothesis import strategies as st

from iot_onboard.config.unloadable import (
    CREDENTIALS,
    DROP_IN,
    SHIPPED,
    CredentialSource,
    Override,
    Stage,
    decide,
    read_environment,
    read_override,
    read_unit,
    render,
)
from iot_onboard.core import units
from support.tree import ROOT

UNIT = (ROOT / "systemd/iot-onboard.service").read_text()
GUARD_UNIT = (ROOT / "systemd" / units.CREDENTIALS).read_text()
SEALED = CredentialSource(name="product-secret", path="/etc/iot-onboard/product-secret.cred", encrypted=True)
INLINE = CredentialSource(name="product-secret", encrypted=True)
PLAIN = SHIPPED[0]
FIRST = Override(stage=Stage.AS_SHIPPED, failed_at="100", withheld=(SEALED,))

paths = st.text("abc/.-_@ %:\"'\\\n=ü", max_size=20).map("/".__add__)
secrets = st.builds(
    CredentialSource, name=st.sampled_from(["product-secret", "device-secret"]), path=paths, encrypted=st.booleans()
)
overrides = st.builds(
    Override,
    stage=st.sampled_from(Stage),
    failed_at=st.integers(0, 10**12).map(str),
    withheld=st.lists(secrets, max_size=3).map(tuple),
)


def cat(*drop_ins: str, name: str = "/etc/systemd/system/iot-onboard.service.d/override.conf") -> str:
    """Return what `systemctl cat` prints."""
    parts = [("/lib/systemd/system/iot-onboard.service", UNIT), *((name, text) for text in drop_ins)]
    return "\n".join(f"# {path}\n{text}" for path, text in parts)


def test_the_shipped_unit_is_what_is_fallen_back_to() -> None:
    """What a drop-in of ours gives are the shipped unit's own lines, and the units name each other and the status."""
    assert read_unit(cat()) == SHIPPED
    assert read_unit(render(FIRST)) == SHIPPED
    wanted = {line for line in UNIT.splitlines() if line.startswith(("LoadCredential=", "SetCredential="))}
    assert wanted < set(render(FIRST).splitlines())
    assert f"OnFailure={units.CREDENTIALS}" in UNIT.splitlines()
    assert "RestartPreventExitStatus=78 243" in UNIT.splitlines()
    assert f"= {CREDENTIALS}'" in GUARD_UNIT


@pytest.mark.parametrize(
    ("drop_in", "expected"),
    [
        ("[Service]\nLoadCredentialEncrypted=product-secret:/etc/iot-onboard/product-secret.cred", SEALED),
        (
            "[Service]\n LoadCredentialEncrypted = product-secret:/x",
            CredentialSource(name="product-secret", path="/x", encrypted=True),
        ),
        ("[Service]\nLoadCredential=product-secret:/x", CredentialSource(name="product-secret", path="/x")),
        ("[Service]\nLoadCredentialEncrypted=product-secret", INLINE),
        ("[Service]\nLoadCredential=\nSetCredentialEncrypted=product-secret: \\\n  Zm9v=", INLINE),
    ],
)
def test_a_drop_in_is_read_as_systemd_does(drop_in: str, expected: CredentialSource) -> None:
    """The last line about a name counts, an empty one takes all of its kind away."""
    found = read_unit(cat(drop_in))
    assert found[0] == expected
    assert set(found[1:]) <= set(SHIPPED)


def test_our_own_drop_in_does_not_count() -> None:
    """What the unit says without it is what is tried again."""
    drop_in = "[Service]\nLoadCredentialEncrypted=product-secret:/etc/iot-onboard/product-secret.cred"
    assert read_unit(f"{cat(drop_in)}\n# {DROP_IN}\n{render(FIRST)}") == read_unit(cat(drop_in))


def test_a_failure_takes_away_what_was_added_then_everything() -> None:
    """One step a failure: the shipped lines first, so that a plain file counts; with none added all go at once."""
    found = (SEALED, SHIPPED[1])
    assert decide(None, "100", found, [SEALED]) == FIRST
    assert decide(FIRST, "100", found, [SEALED]) == FIRST, "looked at again before the next start"
    second = decide(FIRST, "200", found, [])
    assert second == Override(stage=Stage.NONE, failed_at="200", withheld=found)
    assert decide(None, "100", SHIPPED, [PLAIN]) == Override(stage=Stage.NONE, failed_at="100", withheld=(PLAIN,))
    inline = decide(None, "100", (INLINE, *SHIPPED), [INLINE])
    assert inline == Override(stage=Stage.AS_SHIPPED, failed_at="100", withheld=(INLINE,))


def test_it_is_given_back_when_all_of_it_opens() -> None:
    """Not before, and not right after a failure: what was just tried in vain is not tried at once."""
    assert decide(FIRST, None, (SEALED,), [SEALED]) == FIRST
    assert decide(FIRST, None, (SEALED,), []) is None
    assert decide(FIRST, "100", (SEALED,), []) == FIRST
    assert decide(None, None, SHIPPED, []) is None


@sampled(overrides)
def test_the_drop_in_holds_what_it_was_made_for(override: Override) -> None:
    """It reads back; a path that systemd would read otherwise is left out, and no line but ours is in it."""
    text = render(override)
    read = read_override(text)
    assert read is not None
    assert (read.stage, read.failed_at) == (override.stage, override.failed_at)
    assert [(one.name, one.encrypted) for one in read.withheld] == [
        (one.name, one.encrypted) for one in override.withheld
    ]
    assert {one.path for one in read.withheld} <= {"", *(one.path for one in override.withheld)}
    assert "%" not in text
    known = ("#", "[", "Wants=", "LoadCredential=", "SetCredential=", "Environment=", "Stage=", "FailedAt=")
    assert all(line.startswith(known) for line in text.splitlines())
    assert (render(override).count("/etc/iot-onboard/product-secret\n") == 1) is (override.stage is Stage.AS_SHIPPED)


@sampled(st.text())
def test_any_text_is_read_without_an_error(text: str) -> None:
    """Somebody's hand in the drop-in or in the environment is no crash."""
    read_override(text)
    read_environment(text)
    read_unit(text)

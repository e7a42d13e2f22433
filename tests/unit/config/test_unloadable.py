"""What stands in for secrets that systemd cannot load."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iot_onboard.config.unloadable import (
    CREDENTIALS,
    DROP_IN,
    SHIPPED,
    CredentialSource,
    decide,
    read_drop_in,
    read_environment,
    read_unit,
)
from iot_onboard.core import units
from support.tree import ROOT

UNIT = (ROOT / "systemd/iot-onboard.service").read_text()
PRODUCT, DEVICE = SHIPPED
SEALED = CredentialSource(name="product-secret", path="/etc/iot-onboard/product-secret.cred", encrypted=True)
SEALED_DEVICE = CredentialSource(name="device-secret", path="/x/device.cred", encrypted=True)
INLINE = CredentialSource(name="product-secret", encrypted=True)
SEALED_LINE = "[Service]\nLoadCredentialEncrypted=product-secret:/etc/iot-onboard/product-secret.cred"

names = st.sampled_from(["product-secret", "device-secret"])
paths = st.text("abc/.-_@ %:\"'\\=;ü", max_size=20).map("/".__add__)
settings = st.sampled_from(["LoadCredential", "LoadCredentialEncrypted", "SetCredential", "SetCredentialEncrypted"])


def cat(*drop_ins: str, name: str = "/etc/systemd/system/iot-onboard.service.d/override.conf") -> str:
    """Return what `systemctl cat` prints."""
    parts = [("/lib/systemd/system/iot-onboard.service", UNIT), *((name, text) for text in drop_ins)]
    return "\n".join(f"# {path}\n{text}" for path, text in parts)


@dataclass
class Gateway:
    """A unit, and which of the secrets that it names are there and can be loaded; a plain file is not there."""

    sources: Sequence[CredentialSource]
    loadable: dict[CredentialSource, bool | None] = field(default_factory=dict)

    def decide(self, present: str, *, failed: bool) -> str:
        known = {one: None if one in SHIPPED else False for one in (*self.sources, *SHIPPED)}
        return decide(present, failed=failed, sources=self.sources, loadable={**known, **self.loadable})

    def fail(self, present: str = "") -> str:
        return self.decide(present, failed=True)

    def look(self, present: str) -> str:
        return self.decide(present, failed=False)


def loaded(drop_in: str, *before: str) -> dict[str, str]:
    """Return what systemd loads for each name with our drop-in as the last one."""
    found: dict[str, str] = {}
    for line in "\n".join((UNIT, *before, drop_in)).splitlines():
        # systemd takes the blanks off both ends of a line.
        key, _, value = line.strip().partition("=")
        if key in {"LoadCredential", "LoadCredentialEncrypted"}:
            name, _, path = value.partition(":")
            found = {**found, name: path} if value else {}
    return found


def test_the_units_name_each_other_and_the_status() -> None:
    """What the shipped unit says is what a plain file is read by, and its status is not restarted but seen to."""
    assert read_unit(cat()) == SHIPPED
    assert f"OnFailure={units.RECOVERY}" in UNIT.splitlines()
    prevented = [line for line in UNIT.splitlines() if line.startswith("RestartPreventExitStatus=")]
    assert CREDENTIALS in " ".join(prevented).split()


@pytest.mark.parametrize(
    ("drop_in", "expected"),
    [
        (SEALED_LINE, SEALED),
        (
            "[Service]\n LoadCredentialEncrypted = product-secret:/x",
            CredentialSource(name="product-secret", path="/x", encrypted=True),
        ),
        ("[Service]\nLoadCredential=product-secret:/x", CredentialSource(name="product-secret", path="/x")),
        ("[Service]\nLoadCredential=product-secret:%E/x", CredentialSource(name="product-secret")),
        ("[Service]\nLoadCredential=product-secret:in-a-store", CredentialSource(name="product-secret")),
        ("[Service]\nLoadCredentialEncrypted=product-secret", INLINE),
        ("[Service]\nLoadCredential=\nSetCredentialEncrypted=product-secret: \\\n  Zm9v=", INLINE),
        ("[Service]\nLoadCredential=\nSetCredential=product-secret:in-plain", CredentialSource(name="product-secret")),
    ],
)
def test_a_drop_in_is_read_as_systemd_does(drop_in: str, expected: CredentialSource) -> None:
    """The last line about a name counts, an empty one takes all of its kind away; a path that is not plain is none."""
    found = read_unit(cat(drop_in))
    assert found[0] == expected
    assert set(found[1:]) <= set(SHIPPED)


def test_our_own_drop_in_does_not_count() -> None:
    """What the unit says without it is what is tried again."""
    ours = Gateway(read_unit(cat(SEALED_LINE))).fail()
    assert read_unit(f"{cat(SEALED_LINE)}\n# {DROP_IN}\n{ours}") == read_unit(cat(SEALED_LINE))


def test_only_what_cannot_be_loaded_is_taken_away() -> None:
    """An encrypted secret gives way to the plain file, so that `setup` is the whole cure; a good one stays."""
    gateway = Gateway((SEALED, SEALED_DEVICE), {SEALED: False, SEALED_DEVICE: True})
    drop_in = gateway.fail()
    assert read_drop_in(drop_in) == {"product-secret": SEALED.words}
    # An earlier version may have written it in this boot.
    former = drop_in.replace("IOT_ONBOARD_UNLOADABLE", "IOT_ONBOARD_WITHHELD")
    assert read_drop_in(former) == {"product-secret": SEALED.words} != read_drop_in("")
    assert loaded(drop_in, SEALED_LINE, SEALED_DEVICE.line) == {
        "product-secret": PRODUCT.path,
        "device-secret": SEALED_DEVICE.path,
    }


def test_a_plain_file_that_does_not_read_counts_for_nothing() -> None:
    """Neither by itself, nor in the place of an encrypted one; the other secret stays."""
    for sources in (SHIPPED, (SEALED, DEVICE)):
        gateway = Gateway(sources, {PRODUCT: False, sources[0]: False, DEVICE: True})
        drop_in = gateway.fail()
        assert loaded(drop_in) == {"product-secret": "/dev/null", "device-secret": DEVICE.path}
        assert set(read_drop_in(drop_in)) == {"product-secret"}


def test_what_no_file_explains_takes_everything_else_away() -> None:
    """A secret in the unit itself, or another's credential: the files that can be loaded stay, and are not named."""
    drop_in = Gateway((INLINE, DEVICE), {DEVICE: True}).fail()
    assert read_drop_in(drop_in) == {"product-secret": INLINE.words}
    assert loaded(drop_in, "LoadCredential=foreign:/x") == {
        "product-secret": PRODUCT.path,
        "device-secret": DEVICE.path,
    }
    drop_in = Gateway((SEALED, DEVICE), {SEALED: True}).fail()
    assert read_drop_in(drop_in) == {}
    assert loaded(drop_in, "LoadCredential=foreign:/x") == {"product-secret": SEALED.path, "device-secret": DEVICE.path}


def test_what_fails_all_the_same_loses_every_secret() -> None:
    """Then systemd has nothing to fail at; a secret that is not there is not called missing, for that would block."""
    for gateway in (
        Gateway((SEALED, DEVICE), {SEALED: False}),
        Gateway((SEALED, DEVICE), {SEALED: True}),
        Gateway(SHIPPED, {PRODUCT: True}),
    ):
        last = gateway.fail(gateway.fail())
        assert set(loaded(last).values()) == {"/dev/null"}
        assert set(read_drop_in(last)) == {"product-secret"}
        assert gateway.fail(last) == last


def test_it_is_given_back_when_all_of_it_loads() -> None:
    """Not before; and nothing is taken away before systemd has failed, whatever a look says."""
    gateway = Gateway((SEALED, DEVICE), {SEALED: False})
    drop_in = gateway.fail()
    assert gateway.look(drop_in) == drop_in
    assert gateway.look("") == ""
    assert Gateway((SEALED, DEVICE), {SEALED: True}).look(drop_in) == ""
    # What cannot be tried is left until the next boot.
    assert Gateway((INLINE, DEVICE)).look(drop_in) == drop_in


def test_a_file_that_is_written_later_counts() -> None:
    """`setup` replaces a plain file that did not read, while the encrypted secret stays shut."""
    gateway = Gateway((SEALED, DEVICE), {SEALED: False, PRODUCT: False})
    drop_in = gateway.fail()
    gateway.loadable[PRODUCT] = True
    assert loaded(gateway.look(drop_in))["product-secret"] == PRODUCT.path


@given(st.lists(st.tuples(settings, names, paths), max_size=4), st.data())
def test_whatever_a_unit_says_each_secret_that_it_loses_is_named(
    lines: list[tuple[str, str, str]], data: st.DataObject
) -> None:
    """Else another one would be registered in its place; and no line but ours is in the drop-in."""
    added = "\n".join(f"{setting}={name}:{path}" for setting, name, path in lines)
    sources = read_unit(cat(added))
    gateway = Gateway(sources, {one: data.draw(st.sampled_from([True, False, None])) for one in sources if one.path})
    there = [one for one in sources if gateway.loadable.get(one, False) is not None]
    for drop_in in (first := gateway.fail(), gateway.fail(first)):
        known = ("#", "[", "Wants=", "LoadCredential", "SetCredential=", "Environment=")
        assert all(line.startswith(known) for line in drop_in.splitlines())
        assert "%" not in drop_in
        alone = "LoadCredential=" in drop_in.splitlines()
        before, after = loaded("", added), loaded(drop_in, added)
        lost = {one.name for one in there if before.get(one.name) != after.get(one.name) or (alone and not one.path)}
        assert lost <= set(read_drop_in(drop_in))


@given(st.text())
def test_any_text_is_read_without_an_error(text: str) -> None:
    """Somebody's hand in the drop-in or in the environment is no crash."""
    read_drop_in(text)
    read_environment(text)
    read_unit(text)

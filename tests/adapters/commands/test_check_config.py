"""`check-config`: what the configuration comes to, or what is wrong with it and with the secret files."""

from __future__ import annotations

import pytest

from iot_onboard.commands.check_config import lists_in
from support.process.commands import NAMES, Etc
from support.text.configuration import SCHEMA, documents, meter


def test_a_good_configuration_is_shown(etc: Etc) -> None:
    """Names, region and where the secret is; nothing of the secret, and nothing is changed."""
    etc.give_secret("hunter2hunter2\n")
    before = etc.files()
    done = etc.command("check-config")
    assert (done.code, done.err) == (0, "")
    assert [line.split("  ")[-1].strip() for line in done.out.splitlines()] == [
        f"{etc.config}: ok",
        "a1b2c3d4e5f",
        "gw-0001",
        "cn-shanghai",
        "product secret found, only its owner can read it",
    ]
    assert "hunter2" not in done.out
    assert etc.files() == before


def test_a_list_is_shown_with_the_places_of_its_entries() -> None:
    """Joined over all files: whoever looks for an entry sees which file to change."""
    texts = ("meters:\n" + meter("a", 1), "bridge: {down: [x]}\nmeters:\n" + meter("b", 2))
    assert lists_in(documents(*texts), SCHEMA) == [
        "meters: 2 entries", "  a  0.yaml:2", "  b  1.yaml:3", "bridge.down: 1 entry", "  x  1.yaml:1",
    ]  # fmt: skip


def test_a_device_secret_needs_no_product_secret(etc: Etc) -> None:
    """The device's own is enough: nothing is to be registered."""
    path = etc.directory / "given"
    path.write_text("hunter2\n")
    path.chmod(0o600)
    etc.write(f"{NAMES}device_secret_file: {path}\n")
    done = etc.command("check-config")
    assert (done.code, "device secret given by hand" in done.out) == (0, True)


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        (NAMES, 78, "product-secret cannot be read: No such file or directory. To do: sudo iot-onboard setup"),
        (f"{NAMES}regon: x\n", 78, "config.yaml:3: regon: is not a known key (did you mean region?)"),
        ("product_key: abc\ndevice_name: '{hostname'\n", 78, "config.yaml:2: device_name: "),
        ("product_key: abc\ndevice_name: '{mac:nowhere0}'\n", 1, "this machine has no {mac:nowhere0} now"),
        (f"{NAMES}tls: {{ca_file: /dev/null}}\n", 78, "To do: set tls.ca_file"),
    ],
    ids=["secret", "key", "template", "hardware", "roots"],
)
def test_what_is_wrong_is_named(etc: Etc, text: str, code: int, words: str) -> None:
    """With where it is and what helps; what only this hardware lacks now is no configuration error."""
    etc.write(text)
    done = etc.command("check-config")
    assert (done.code, words in done.err) == (code, True), done.err


def test_every_problem_has_a_line(etc: Etc) -> None:
    """One run shows all of them."""
    etc.write("product_key: a b\nregon: x\n")
    done = etc.command("check-config")
    assert done.out == ""
    assert len(done.err.splitlines()) == 3


def test_a_secret_that_others_may_read_is_refused(etc: Etc) -> None:
    """The cure is the command."""
    etc.give_secret(mode=0o644)
    done = etc.command("check-config")
    assert (done.code, f"To do: chmod 600 {etc.secret}" in done.err) == (78, True)

"""How the doctor tells what it found."""

from __future__ import annotations

import json
import re
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from iot_onboard.doctor.model import Check, Finding, Group, Level, Probe, Result, fail, ok, skipped, warn
from iot_onboard.doctor.report import SCHEMA, counts, record, root_causes, text
from iot_onboard.doctor.table import CHECKS
from iot_onboard.system.text_style import Style
from support.tree import ROOT

DOCUMENT = ROOT / "docs" / "doctor.md"
NOTHING: Probe[None] = Probe(name="nothing", collect=lambda _: None)


def result(name: str, group: Group, *findings: Finding, follows: tuple[str, ...] = ()) -> Result:
    check = Check(name, group, "about it", NOTHING, (lambda _: findings[0],), follows=follows)
    return Result(check=check, findings=findings, duration_s=0.0123)


DEAD = result("dns-mqtt", Group.DNS, fail("No name.", "mend the resolver"), follows=("network",))
UNSEEN = replace(skipped("Not checked, because dns-mqtt did not pass."), because="dns-mqtt")
FULL, OLD = fail("The disk is full.", "free space there", blocks=False), warn("It has met errors.", "have a spare one")
RESULTS = (
    result("config-valid", Group.CONFIGURATION, ok("Good.")),
    result("stored-secret", Group.SECRETS, skipped("This user may not.", "run with sudo")),
    result("state-disk", Group.STATE, FULL, replace(FULL, sentence="It is in memory.", fix="use a disk"), OLD),
    result("network-connection", Group.NETWORK, fail("No link.", "plug the cable in")),
    DEAD,
    result("tcp-mqtt", Group.TCP, UNSEEN),
    result("tls-mqtt", Group.TLS, UNSEEN),
    result("clock", Group.CLOCK, warn("Not set.", "sudo timedatectl set-ntp true")),
)


def test_text() -> None:
    """Groups, columns, a fix below what is not well; a line for all that one reason kept away; what to do first."""
    assert text(RESULTS, Style()) == (
        "configuration\n"
        "  ok       config-valid        Good.\n"
        "\n"
        "state\n"
        "  FAIL     state-disk          The disk is full.\n"
        "                               fix: free space there\n"
        "  FAIL                         It is in memory.\n"
        "                               fix: use a disk\n"
        "  warn                         It has met errors.\n"
        "                               fix: have a spare one\n"
        "\n"
        "network\n"
        "  FAIL     network-connection  No link.\n"
        "                               fix: plug the cable in\n"
        "\n"
        "dns\n"
        "  FAIL     dns-mqtt            No name.\n"
        "                               fix: mend the resolver\n"
        "\n"
        "clock\n"
        "  warn     clock               Not set.\n"
        "                               fix: sudo timedatectl set-ntp true\n"
        "\n"
        "skipped\n"
        "  stored-secret: This user may not.\n"
        "    fix: run with sudo\n"
        "  tcp-mqtt, tls-mqtt: Not checked, because dns-mqtt did not pass.\n"
        "\n"
        "8 checks: 1 ok, 1 warnings, 3 failed, 3 skipped.\n"
        "\n"
        "What to do first\n"
        "  1. state-disk: The disk is full.\n"
        "     free space there\n"
        "  2. state-disk: It is in memory.\n"
        "     use a disk\n"
        "  3. network-connection: No link.\n"
        "     plug the cable in\n"
        "  Probably fixed by that too: dns-mqtt."
    )


def test_where_all_was_skipped() -> None:
    """The reason stands at the top, without a group above it."""
    shown = text((RESULTS[1],), Style())
    assert shown.startswith("skipped\n  stored-secret: This user may not.\n    fix: run with sudo\n\n1 checks")


def test_without_its_cause_a_consequence_is_a_cause() -> None:
    """With the network in order, the dead resolver is what has to be mended."""
    assert [result.check.id for result in root_causes(RESULTS)[0]] == ["state-disk", "network-connection"]
    assert root_causes((DEAD,)) == ((DEAD,), ())


def test_where_all_is_well_nothing_has_to_be_done() -> None:
    """No list of nothing."""
    assert text(RESULTS[:1], Style()).endswith("1 checks: 1 ok, 0 warnings, 0 failed, 0 skipped.")


def test_colour() -> None:
    """Colours frame words and change nothing else."""
    coloured = text(RESULTS, Style(colour=True))
    assert "\x1b[1;31mFAIL" in coloured
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == text(RESULTS, Style())


WORDS = st.lists(st.sampled_from(["a", "chmod", "--no-break-here", "/var/lib/iot-onboard"]), max_size=60)


@given(st.integers(60, 200), WORDS)
def test_width(width: int, words: list[str]) -> None:
    """Lines keep to the terminal, and none is broken within a word: commands are to be copied."""
    sentence = " ".join(["Begins", *words, "ends."])
    shown = text((result("check", Group.DNS, fail(sentence, sentence)),), Style(width=width))
    assert all(len(line) <= width for line in shown.splitlines())
    assert " ".join(shown.split()).count(sentence) == 4


@given(st.text(min_size=1))
def test_what_others_say_cannot_command_the_terminal(words: str) -> None:
    """A certificate or a portal may hold anything; what is shown is printable."""
    shown = text((result("check", Group.DNS, warn(f"x{words}", f"x{words}")),), Style())
    assert all(line.isprintable() for line in shown.split("\n"))


def test_record() -> None:
    """The record says all that the text says, for a program."""
    made = json.loads(json.dumps(record(RESULTS, version="1.0", at="2026-12-24T10:00:00+00:00", as_root=True)))
    assert made["schema"] == SCHEMA
    assert made["counts"] == {"ok": 1, "warn": 1, "fail": 3, "skipped": 3} == counts(RESULTS)
    assert (made["first"], made["consequences"]) == (["state-disk", "network-connection"], ["dns-mqtt"])
    assert made["checks"][2] == {
        "id": "state-disk",
        "group": "state",
        "status": "fail",
        "sentence": "The disk is full.",
        "fix": "free space there",
        "more": [
            {"status": "fail", "sentence": "It is in memory.", "fix": "use a disk"},
            {"status": "warn", "sentence": "It has met errors.", "fix": "have a spare one"},
        ],
        "because": None,
        "duration_ms": 12,
    }
    assert [check["because"] for check in made["checks"][5:7]] == ["dns-mqtt", "dns-mqtt"]


def test_the_document_knows_every_field() -> None:
    """docs/doctor.md explains each field of the record, in this version of its form."""
    made = record(RESULTS, version="1.0", at="now", as_root=True)
    checks = made["checks"]
    assert isinstance(checks, list)
    explained = set(re.findall(r"^\| `(\w+)` \|", DOCUMENT.read_text(), re.MULTILINE))
    assert explained >= {*made, *checks[0]}
    assert f"`schema` is {SCHEMA}" in DOCUMENT.read_text()


def test_the_document_lists_every_check() -> None:
    """docs/doctor.md says of each check what it looks at, in the words of the table."""
    rows = re.findall(r"^\| `([a-z0-9-]+)` \| ([a-z]+) \| (.*) \|$", DOCUMENT.read_text(), re.MULTILINE)
    assert rows == [(check.id, check.group.value, check.about) for check in CHECKS]


def test_every_level_has_its_word() -> None:
    """The words of the record are the documented ones."""
    assert [level.value for level in Level] == ["ok", "warn", "fail", "skipped"]

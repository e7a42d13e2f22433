"""The manual pages name what there is."""

from __future__ import annotations

import argparse
import enum
import re

import pytest

from iot_onboard.cli import COMMANDS, configure
from iot_onboard.config.device_name import _MIN_LENGTHS
from iot_onboard.config.schema import RULES, Missing
from iot_onboard.core.exit_codes import ExitCode
from support.tree import ROOT

MANUAL = ROOT / "docs" / "man"


def _page(name: str) -> str:
    return (MANUAL / name).read_text()


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_has_its_paragraph_with_all_its_options(command: str) -> None:
    """What `--help` shows of a command, iot-onboard(8) explains."""
    paragraphs = re.split(r"^\.It Cm ", _page("iot-onboard.8").partition(".Sh COMMANDS")[2], flags=re.MULTILINE)
    paragraph = next((text for text in paragraphs if text.split()[0] == command), None)
    assert paragraph is not None
    parser = argparse.ArgumentParser(add_help=False)
    configure(parser, command)
    options = {option for action in parser._actions for option in action.option_strings}
    # mdoc writes the first dash by itself.
    explained = {f"-{word}" for word in re.findall(r"\bFl (-[a-z-]+)", paragraph)}
    assert explained == options


def test_each_key_is_explained_with_its_default() -> None:
    """What config.yaml may hold, iot-onboard.yaml(5) explains, in the order of the shipped file."""
    page = _page("iot-onboard.yaml.5")
    paragraphs = re.findall(r"^\.It Cm ([a-z0-9_.]+)\n(.*?)(?=^\.It Cm|^\.El\n\.Pp)", page, re.MULTILINE | re.DOTALL)
    assert [key for key, _ in paragraphs] == list(RULES)
    for key, text in paragraphs:
        default = RULES[key].default
        if default is not None and default is not Missing.REQUIRED:
            shown = str(default.value if isinstance(default, enum.Enum) else default)
            assert re.search(rf"Default:\s+(\.Pa )?{re.escape(shown)}\b", text, re.IGNORECASE), key


def test_each_placeholder_is_explained() -> None:
    """What a device name may hold, iot-onboard.yaml(5) explains."""
    explained = set(re.findall(r"^\.It Li \{(\w+)\}", _page("iot-onboard.yaml.5"), re.MULTILINE))
    assert explained == set(_MIN_LENGTHS)


def test_each_exit_code_is_explained() -> None:
    """What a command ends with, iot-onboard(8) explains."""
    section = _page("iot-onboard.8").partition(".Sh EXIT STATUS")[2].partition(".Sh")[0]
    assert re.findall(r"^\.It (\d+)", section, re.MULTILINE) == [str(int(code)) for code in ExitCode]


@pytest.mark.parametrize("unit", sorted(path.name for path in (ROOT / "systemd").glob("*.service")))
def test_units_name_pages_that_there_are(unit: str) -> None:
    """`systemctl help` shows a page, and the page names the unit."""
    text = (ROOT / "systemd" / unit).read_text()
    pages = re.findall(r"man:([a-z.-]+)\((\d)\)", text)
    assert pages
    assert all((MANUAL / f"{name}.{section}").is_file() for name, section in pages)
    assert f".Nm {unit}" in _page("iot-onboard.service.8")


def test_package_installs_every_page() -> None:
    """What is written is installed."""
    installed = (ROOT / "debian/iot-onboard.manpages").read_text().split()
    assert sorted(installed) == sorted(f"docs/man/{page.name}" for page in MANUAL.iterdir())

"""One version, wherever it stands."""

from __future__ import annotations

import re
import tomllib

import iot_onboard
from support.tree import ROOT


def test_every_file_names_the_same_version() -> None:
    """The project, the package and the daemon itself have one version."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    newest = re.match(r"iot-onboard \((\S+)\)", (ROOT / "debian/changelog").read_text())
    assert newest is not None
    assert {project, newest[1]} == {iot_onboard.__version__}


def test_changelog_ends_with_this_version_or_with_what_is_not_released() -> None:
    """The changelog's newest section is this version's, or says that it is not released."""
    headings = re.findall(r"^## \[?([^\]\s]+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert headings[0] in {"Unreleased", iot_onboard.__version__}
    released = [_numbers(heading) for heading in headings if heading != "Unreleased"]
    assert released == sorted(released, reverse=True)
    assert all(numbers <= _numbers(iot_onboard.__version__) for numbers in released)


def _numbers(version: str) -> list[int]:
    return [int(part) for part in version.split(".")]

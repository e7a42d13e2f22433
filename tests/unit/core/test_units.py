"""The names of our units are those of the files."""

from __future__ import annotations

import pytest

from iot_onboard.core import units
from support.tree import ROOT


@pytest.mark.parametrize("name", [units.SERVICE, units.IMPORT, units.RECOVERY])
def test_a_unit_is_there(name: str) -> None:
    """What is restarted, asked or looked for by that name is shipped."""
    assert (ROOT / "systemd" / name).is_file()

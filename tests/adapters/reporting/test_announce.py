"""An event outside the loop is a line like any other."""

from __future__ import annotations

from pathlib import Path

import pytest

from iot_onboard import __version__
from iot_onboard.config.reader import parse
from iot_onboard.config.schema import Document
from iot_onboard.events.format import Line
from iot_onboard.events.model import Details, Event
from iot_onboard.reporting.announce import UNNAMED, about, announce, context_of
from iot_onboard.system.notify import Notifier
from support.process.manager import ServiceManager


def test_the_line_is_written(capsys: pytest.CaptureFixture[str]) -> None:
    """Without systemd it goes to stderr, as the loop's lines do."""
    announce(Event.CONFIG_INVALID, Details(detail="config.yaml:1: no colon"), state="stopped")
    assert "ERROR    " in (line := capsys.readouterr().err)
    assert "config.yaml:1: no colon" in line
    assert line.count("\n") == 1


def test_the_level_of_the_configuration_holds(capsys: pytest.CaptureFixture[str]) -> None:
    """Who asked for warnings alone is spared the notes."""
    announce(Event.STOPPING, Details(), level="warning")
    assert capsys.readouterr().err == ""


def test_the_service_manager_is_told_as_well(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`systemctl status` shows the sentence, below whatever level is logged."""
    with ServiceManager(tmp_path) as manager:
        announce(Event.STOPPING, Details(), level="error", notifier=Notifier())
    assert manager.heard == ["STATUS=Asked to stop."]
    assert capsys.readouterr().err == ""


def test_a_configuration_says_which_gateway_it_is() -> None:
    """As it stands there: nothing is expanded before the name is known."""
    config, _ = parse([Document(name="c", text="product_key: a1b2c3d4e5f\ndevice_name: 'gw-{serial}'\n")])
    assert config is not None
    context = context_of(config)
    assert (context.product_key, context.device_name, context.version) == ("a1b2c3d4e5f", "gw-{serial}", __version__)
    assert (UNNAMED.product_key, UNNAMED.device_name) == ("", "")


def test_a_line_about_another_unit_says_so() -> None:
    """`journalctl -u` shows a line of root's for the unit that OBJECT_SYSTEMD_UNIT names; nothing else changes."""
    line = Line(priority=4, message="m", message_id="ab", fields=(("IOT_EVENT", "x"),))
    other = about("iot-onboard.service", line)
    assert other.fields == (("IOT_EVENT", "x"), ("OBJECT_SYSTEMD_UNIT", "iot-onboard.service"))
    assert (other.priority, other.message, other.message_id) == (4, "m", "ab")

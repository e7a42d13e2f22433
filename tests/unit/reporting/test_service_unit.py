"""Why systemd does not run the service, in a sentence."""

from __future__ import annotations

import pytest

from iot_onboard.core.units import PREVENTED, UnitProperties
from iot_onboard.reporting.service_unit import is_starting, why_not_running


def unit(
    load: str = "loaded", active: str = "active", sub: str = "", code: int = 0, result: str = ""
) -> UnitProperties:
    return UnitProperties(
        properties={
            "LoadState": load,
            "ActiveState": active,
            "SubState": sub,
            "ExecMainStatus": str(code),
            "Result": result,
        }
    )


@pytest.mark.parametrize(
    ("properties", "words", "fix"),
    [
        (unit("masked", "inactive"), "is masked", "unmask iot-onboard && sudo systemctl start"),
        (unit(active="failed", code=78), "ended with exit code 78: its configuration is invalid", "check-config"),
        (unit(active="failed", code=217), "cannot start: its user does not exist (status 217)", "journalctl"),
        (unit(active="activating", sub="auto-restart", code=243), "credentials (the product secret)", "journalctl"),
        (unit(active="failed", code=1, result="exit-code"), "The service failed (status 1).", "restart iot-onboard"),
        (unit(active="failed", code=9, result="oom-kill"), "(status 9, oom-kill)", "restart iot-onboard"),
        (
            unit(active="activating", sub="auto-restart", code=70),
            "status 70, and systemd starts it again",
            "if this continues",
        ),
        (unit(active="activating", sub="start", code=243), "about to start", "check again"),
        (unit(active="inactive", sub="dead", code=78), "does not run (inactive)", "systemctl start"),
        (UnitProperties(properties={}), "does not run (no state)", "systemctl start"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_why(properties: UnitProperties, words: str, fix: str) -> None:
    """Masked, failed by whose fault, about to start, stopped: each with what to do; an old status explains nothing."""
    why = why_not_running(properties)
    assert why is not None
    assert words in why[0]
    assert fix in why[1]


def test_what_the_recovery_unit_found_comes_first() -> None:
    """Cause and cure as it has them; it is of no interest where the service runs."""
    found = {PREVENTED: "data.mount (/data) has failed. To do: systemctl status data.mount shows why"}
    failed = unit(active="failed", code=226).properties
    why = why_not_running(UnitProperties(properties={**failed, **found}))
    assert why is not None
    assert why[0] == "systemd cannot start the service: data.mount (/data) has failed."
    assert why[1].startswith("systemctl status data.mount shows why; ")
    assert why_not_running(UnitProperties(properties={**unit().properties, **found})) is None


def test_a_unit_that_systemd_refuses() -> None:
    """With its own words; a daemon that runs on is not the matter."""
    error = {"LoadError": 'org.freedesktop.systemd1.BadUnitSetting "Unit has a bad unit file setting."'}
    why = why_not_running(UnitProperties(properties={**unit("bad-setting", "inactive").properties, **error}))
    assert why == (
        "systemd refuses the unit file: Unit has a bad unit file setting.",
        "systemd-analyze verify iot-onboard.service names the line",
    )
    assert why_not_running(unit("bad-setting")) is None


def test_a_service_that_runs() -> None:
    """There is nothing to explain, whatever its last life ended with."""
    assert why_not_running(unit(code=78)) is None


@pytest.mark.parametrize(
    ("properties", "starting"),
    [
        (unit(active="activating", sub="start"), True),
        (unit(active="activating", sub="auto-restart"), False),
        (unit(), False),
    ],
    ids=["starts", "failed and starts", "runs"],
)
def test_starting(properties: UnitProperties, starting: bool) -> None:
    """Only a start that no failure came before is one to wait for."""
    assert is_starting(properties) is starting

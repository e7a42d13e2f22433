"""Why systemd could not start the service, in words."""

from __future__ import annotations

import pytest

from iot_onboard.core.units import UnitProperties
from iot_onboard.reporting.start_failure import Requirement, StartFacts, StateDirectory, explain, systemd_words

NAMESPACE = (
    "Starting iot-onboard.service - Register this gateway...",
    "iot-onboard.service: Failed to set up mount namespacing: "
    "/run/systemd/unit-root/nowhere/x: No such file or directory",
    "iot-onboard.service: Failed at step NAMESPACE spawning /usr/bin/iot-onboard: No such file or directory",
    "iot-onboard.service: Main process exited, code=exited, status=226/NAMESPACE",
)
PRE_EXEC = [n for n in range(200, 246) if n not in {223, 234, 244}]


def facts(status: int = 0, result: str = "exit-code", **more: object) -> StartFacts:
    properties = {"ExecMainStatus": str(status), "Result": result}
    return StartFacts(unit=UnitProperties(properties=properties | dict(more.pop("unit", {}))), **more)  # type: ignore[call-overload,arg-type]


def test_systemds_own_words_name_the_path() -> None:
    """The line before the one that names the step; 252 has another root before the path."""
    assert systemd_words(NAMESPACE) == "Failed to set up mount namespacing: /nowhere/x: No such file or directory"
    resources = ["iot-onboard.service: Failed to load environment files: No such file or directory"]
    resources.append("iot-onboard.service: Failed to run 'start' task: No such file or directory")
    assert systemd_words(resources) == "Failed to load environment files: No such file or directory"
    # A state directory that is a file: 252 says the step alone.
    alone = ["iot-onboard.service: Failed at step STATE_DIRECTORY spawning /usr/bin/iot-onboard: Not a directory"]
    assert systemd_words(alone) == alone[0].removeprefix("iot-onboard.service: ")
    assert systemd_words([]) == systemd_words(["Online."]) == ""


@pytest.mark.parametrize("status", PRE_EXEC)
def test_every_status_before_the_program_has_a_cause_and_a_cure(status: int) -> None:
    """And its number, by which systemd.exec(5) has it."""
    cause, cure = explain(facts(status))
    assert f"(status {status})" in cause
    assert cure
    assert not cause.endswith(".")


def test_a_required_unit_is_named_with_its_path() -> None:
    """Before all else: a status may be of long ago."""
    mount = Requirement(name="data.mount", active_state="failed", where="/data", what="/dev/sda1")
    cause, cure = explain(facts(226, requirements=(Requirement(name="sysinit.target"), mount)))
    assert "data.mount (/data) has failed" in cause
    assert "systemctl status data.mount" in cure


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        (Requirement(name="data.mount", active_state="inactive"), True),
        (Requirement(name="data.mount", active_state="activating"), True),
        (Requirement(name="data.mount"), False),
        (Requirement(name="dev-sda1.device", active_state="inactive"), True),
        (Requirement(name="vpn.service", active_state="failed"), True),
        (Requirement(name="vpn.service", active_state="inactive"), False),
        (Requirement(name="vpn.service", active_state="inactive", is_requisite=True), True),
        (Requirement(name="vpn.service", is_requisite=True), False),
        (Requirement(name="vpn.service", load_state="not-found", active_state="inactive"), True),
        (Requirement(name="-.mount", active_state="inactive"), False),
        (Requirement(name="system.slice", active_state="inactive"), False),
    ],
)
def test_what_is_in_the_way(one: Requirement, expected: bool) -> None:
    """What systemd has only to start is not; a mount that is not there is."""
    assert one.is_in_the_way is expected
    assert one.name in one.words


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (facts(226, logged="Failed to set up mount namespacing: /nowhere/x: No such file"), "/nowhere/x"),
        (facts(200, unit={"WorkingDirectory": "!/data/work"}), "/data/work cannot be opened"),
        (facts(217, missing_accounts=("user iot-onboard",)), "there is no user iot-onboard"),
        (facts(216, missing_accounts=("group dialout",)), "there is no group dialout"),
        (facts(203, program="/usr/bin/iot-onboard"), "/usr/bin/iot-onboard cannot be run"),
        (facts(0, "resources", missing_files=("/data/env",)), "there is no /data/env (EnvironmentFile=)"),
        (facts(0, "resources", logged="Failed to fork"), "Failed to fork"),
        (facts(0, "exit-code"), "a command that the unit runs before the service failed"),
        (facts(0, "success"), "systemd dropped its start"),
        (facts(0, "timeout"), "its start took too long"),
        (facts(70, "start-limit-hit"), "ended with status 70 (start-limit-hit)"),
        (facts(0, "start-limit-hit"), "started too often"),
        (facts(0, "protocol"), "its start failed (protocol)"),
        (facts(3), "its process ended with status 3 (exit-code)"),
        (facts(238, state=StateDirectory(path="/s", kind="link", target="/data/s")), "/s is a link to /data/s"),
        (facts(238, state=StateDirectory(path="/s", kind="dangling", target="/t")), "which does not exist"),
        (facts(238, state=StateDirectory(path="/s", kind="file")), "/s is not a directory"),
        (facts(238, state=StateDirectory(path="/s"), logged="Read-only file system"), "Read-only file system"),
    ],
)
def test_the_cause_is_named(found: StartFacts, words: str) -> None:
    """With its path, account or step."""
    assert words in explain(found)[0]


def test_what_systemd_repeats_has_no_control_characters_and_a_path_is_quoted() -> None:
    """Both may be another's choice."""
    assert systemd_words(["iot-onboard.service: Failed at step X spawning a\x1b[1m\n: b"]).endswith("a[1m: b")
    state = StateDirectory(path="/s", kind="link", target="/a b;c")
    assert "cp -a '/a b;c' /s" in explain(facts(238, state=state))[1]


def test_the_cure_of_our_own_user_is_a_command() -> None:
    """Of somebody else's it is not ours to say."""
    assert explain(facts(217, missing_accounts=("user iot-onboard",)))[1] == "sudo systemd-sysusers iot-onboard.conf"
    assert "sysusers" not in explain(facts(217, missing_accounts=("user other",)))[1]
    assert "sysusers" not in explain(facts(217))[1]

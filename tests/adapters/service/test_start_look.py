"""What is looked at after a start that failed, against programs in systemd's place and real files."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from iot_onboard.core.units import UnitProperties
from iot_onboard.reporting.start_failure import StateDirectory
from iot_onboard.service.start_look import look, service_state

_BLOCKS = """\
Id=sysinit.target
LoadState=loaded
ActiveState=active

Where=/data
What={what}
Id=data.mount
LoadState=loaded
ActiveState=failed
"""


@pytest.fixture
def bin_(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "bin"
    path.mkdir()
    monkeypatch.setenv("PATH", f"{path}:{os.environ['PATH']}")
    return path


def program(path: Path, output: str) -> None:
    path.with_name(f"{path.name}.txt").write_text(output)
    path.write_text(f'#!/bin/sh\necho "$*" >>{path}.asked\ncat {path}.txt\n')
    path.chmod(0o755)


def unit(**properties: str) -> UnitProperties:
    return UnitProperties(properties=properties)


def test_what_it_requires_is_asked_for_in_one_question(bin_: Path, tmp_path: Path) -> None:
    """With where a mount is to be, and whether what it is made of is there."""
    for what, is_there in ((tmp_path, True), (tmp_path / "nothing", False)):
        program(bin_ / "systemctl", _BLOCKS.format(what=what))
        found = look(unit(Requires="data.mount sysinit.target", BindsTo="data.mount"), tmp_path)
        (mount,) = found.in_the_way
        assert (mount.name, mount.where, mount.has_source) == ("data.mount", "/data", is_there)
    (first, _) = (bin_ / "systemctl.asked").read_text().splitlines()
    assert first.startswith("show data.mount sysinit.target --property=")


def test_what_an_inactive_unit_requires_is_looked_at_too(bin_: Path, tmp_path: Path) -> None:
    """Each once, however they require each other; a unit that runs is not looked behind."""
    chain = {
        "a": ("a.target inactive b.service c.service", "d.service active e.service"),
        "b": ("b.service failed a.target", "c.service inactive"),
    }
    blocks = {
        first: "\n\n".join(
            "\n".join(map("=".join, zip(("Id", "ActiveState", "Requires", "Requisite"), one.split(), strict=False)))
            + "\nLoadState=loaded"
            for one in both
        )
        for first, both in chain.items()
    }
    for first, text in blocks.items():
        (bin_ / first).write_text(f"{text}\n")
    (bin_ / "systemctl").write_text(f'#!/bin/sh\necho "$*" >>{bin_}/asked\ncat "{bin_}/${{2%%.*}}"\n')
    (bin_ / "systemctl").chmod(0o755)
    found = look(unit(Requires="a.target d.service"), tmp_path)
    assert [one.name for one in found.in_the_way] == ["b.service", "c.service"]
    asked = [line.split(" --")[0] for line in (bin_ / "asked").read_text().splitlines()]
    assert asked == ["show a.target d.service", "show b.service c.service"]


def test_systemds_own_words_are_those_of_this_start(bin_: Path, tmp_path: Path) -> None:
    """By the number of the start: what it said of an older one misleads. Lines that are none are passed over."""
    messages = ["iot-onboard.service: Failed to x: /y", "iot-onboard.service: Failed at step X spawning z"]
    lines = [json.dumps({"MESSAGE": text}) for text in messages]
    program(bin_ / "journalctl", "\n".join(["rubbish", '{"MESSAGE": [1]}', "[]", *lines]))
    assert look(unit(InvocationID="abc"), tmp_path).logged == "Failed to x: /y"
    assert "INVOCATION_ID=abc _UID=0 + _SYSTEMD_INVOCATION_ID=abc _UID=0" in (bin_ / "journalctl.asked").read_text()
    (bin_ / "journalctl.asked").unlink()
    assert look(unit(), tmp_path).logged == ""
    assert not (bin_ / "journalctl.asked").exists()


def test_what_is_in_the_place_of_the_state_directory(tmp_path: Path) -> None:
    """A link is not followed: that is what systemd does not do either."""
    above, path = tmp_path / "var/lib", tmp_path / "var/lib/iot-onboard"
    above.mkdir(parents=True)

    def state() -> StateDirectory:
        return look(unit(StateDirectory="iot-onboard"), tmp_path).state

    assert state() == StateDirectory(path=str(path))
    path.symlink_to("../../data")
    assert state() == StateDirectory(path=str(path), kind="dangling", target=str(tmp_path / "data"))
    (tmp_path / "data").mkdir()
    assert state().kind == "link"
    path.unlink()
    path.touch()
    assert state().kind == "file"
    path.unlink()
    path.mkdir()
    assert state().kind == ""
    assert look(unit(), tmp_path).state == StateDirectory()


def test_accounts_and_files_that_are_missing(tmp_path: Path) -> None:
    """Numbers need no entry, and a file that may be missing is none."""
    found = look(
        unit(
            User="nouserx",
            Group="root",
            SupplementaryGroups="nogroupx 4711",
            EnvironmentFiles=f"{tmp_path}/a (ignore_errors=no) {tmp_path}/b (ignore_errors=yes)",
            ExecStart=f"{{ path={tmp_path}/run ; argv[]=run }}",
        ),
        tmp_path,
    )
    assert found.missing_accounts == ("user nouserx", "group nogroupx")
    assert found.missing_files == (f"{tmp_path}/a",)
    assert not found.can_run_program
    assert found.program == f"{tmp_path}/run"


def test_the_service_is_asked_for_by_systemctl(bin_: Path) -> None:
    """A systemd that does not answer is trouble."""
    program(bin_ / "systemctl", "ActiveState=failed\nExecMainStatus=226\n")
    assert service_state().number("ExecMainStatus") == 226
    (bin_ / "systemctl").write_text("#!/bin/sh\nexit 1\n")
    assert service_state().trouble

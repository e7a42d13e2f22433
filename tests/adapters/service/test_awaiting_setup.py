"""Whoever waits for a setup says what is missing, and ends as soon as a new process could run."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from pathlib import Path

import pytest

from iot_onboard.config.reader import parse
from iot_onboard.config.schema import Document
from iot_onboard.config.watch import ConfigWatch
from iot_onboard.core.exit_codes import ExitCode
from iot_onboard.events.model import Event
from iot_onboard.reporting.journal import open_journal
from iot_onboard.reporting.status import Status
from iot_onboard.reporting.status_file import read
from iot_onboard.service.awaiting_setup import REPEAT_S, TRY_EVERY_S, AwaitingSetup, blind_s, is_another_reason
from support.process.manager import ServiceManager


class Waiting:
    """One that waits, in this process, and what it wrote."""

    def __init__(self, directory: Path) -> None:
        self.runtime_dir = directory / "run"
        self.config_path = directory / "config.yaml"
        self.config_path.write_text("product_key: a1b2c3d4e5f\n")

    def run(
        self,
        event: Event,
        detail: str = "x",
        device_name: str = "",
        repeat_s: float = REPEAT_S,
        import_check: str = "",
        try_every_s: float = TRY_EVERY_S,
    ) -> Status:
        text = f"product_key: a1b2c3d4e5f\nruntime_dir: {self.runtime_dir}\n"
        text += f"device_name: '{device_name}'\n" if device_name else ""
        config, _ = parse([Document(name="c", text=text)], names_required=False)
        assert config is not None
        journal = open_journal({}, sys.stderr, "info")
        watch = ConfigWatch(self.config_path)
        program = AwaitingSetup(event, detail, config, self.config_path, watch, journal, repeat_s)
        if import_check:
            program.wait_for_module(import_check, "mend it", try_every_s)
        code = program.run()
        assert code == ExitCode.DONE
        status = read(self.runtime_dir)
        assert status is not None
        return status


@pytest.fixture
def waiting(tmp_path: Path) -> Waiting:
    return Waiting(tmp_path)


def stop_after(seconds: float) -> None:
    threading.Timer(seconds, os.kill, (os.getpid(), signal.SIGTERM)).start()


def test_it_waits_until_it_is_stopped(waiting: Waiting, capsys: pytest.CaptureFixture[str]) -> None:
    """It says once what is missing, and that it was asked to stop; its status is that of no gateway yet."""
    stop_after(0.3)
    status = waiting.run(Event.NOT_PROVISIONED, "device_name is missing")
    output = capsys.readouterr().err.splitlines()
    assert ["device_name is missing" in line for line in output] == [True, False]
    assert "Asked to stop." in output[1]
    assert (status.state, status.product_key, status.device_name) == ("not-provisioned", "a1b2c3d4e5f", "")
    assert (status.attempt, status.last_event, status.pid) == (0, "stopping", os.getpid())
    assert status.since_monotonic_s is not None


def test_a_name_that_the_hardware_gives_ends_the_wait(waiting: Waiting, capsys: pytest.CaptureFixture[str]) -> None:
    """Without a stop."""
    status = waiting.run(Event.DEVICE_NAME_UNKNOWN, device_name="gw-{machine_id}")
    assert status.last_event == "config-changed"
    assert capsys.readouterr().err.count("The service restarts") == 1


def test_a_name_that_it_does_not_give_goes_on_being_waited_for(waiting: Waiting) -> None:
    """The first look finds nothing."""
    stop_after(0.3)
    assert waiting.run(Event.DEVICE_NAME_UNKNOWN, device_name="gw-{mac:nope0}").last_event == "stopping"


def test_a_service_looks_for_a_host_name_in_a_new_process(
    waiting: Waiting, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The kernel's is that of the service's start (ProtectHostname=): in place of a repetition it ends, in silence."""
    with ServiceManager(tmp_path):
        status = waiting.run(Event.DEVICE_NAME_UNKNOWN, device_name="{hostname}-{mac:nope0}", repeat_s=0.3)
    assert (status.last_event, capsys.readouterr().err.count("cannot be determined")) == ("device-name-unknown", 1)


def test_how_long_a_service_waits_for_a_host_name() -> None:
    """A minute after a boot, later longer, and once an hour in the end."""
    at_s, looks = 20.0, []
    while at_s < 3 * 3600:
        at_s += blind_s(at_s, REPEAT_S)
        looks.append(at_s)
    assert looks[:3] == [80.0, 240.0, 720.0]
    assert sum(look < 3600 for look in looks) == 4
    assert looks[-1] - looks[-2] == REPEAT_S


def test_an_address_that_changes_is_no_new_reason() -> None:
    """One that a program makes up again and again is told once; another interface, or another trouble, soon."""
    before = "the address of eth0, 7a:11:9d:51:3e:08, is generated"
    assert not is_another_reason(before, "the address of eth0, 5e:09:31:a4:77:10, is generated")
    assert is_another_reason(before, "the address of eth1, 7a:11:9d:51:3e:08, is generated")
    assert is_another_reason(before, "this machine has no {mac} now")


@pytest.mark.parametrize("text", ["product_key: a1b2c3d4e5f\n", "region: Shang Hai\n"])
def test_files_that_can_be_read_end_the_wait(waiting: Waiting, text: str) -> None:
    """What stands in them is for a new process to judge."""
    waiting.config_path.write_text(text)
    assert waiting.run(Event.CONFIG_UNREADABLE).last_event == "config-changed"


def test_files_that_cannot_be_read_are_waited_for(waiting: Waiting) -> None:
    """A directory in the place of a file is none."""
    waiting.config_path.unlink()
    waiting.config_path.mkdir()
    stop_after(0.3)
    assert waiting.run(Event.CONFIG_UNREADABLE).last_event == "stopping"


@pytest.mark.realtime
def test_a_correction_with_mistakes_is_told_and_the_wait_goes_on(
    waiting: Waiting, capsys: pytest.CaptureFixture[str]
) -> None:
    """Looked at once it has settled; the next one, with names, ends the wait."""

    def correct(text: str) -> None:
        waiting.config_path.write_text(text)

    threading.Timer(0.3, correct, ("region: Shang Hai\n",)).start()
    threading.Timer(5.0, correct, ("product_key: a1b2c3d4e5f\ndevice_name: gw-0001\n",)).start()
    assert waiting.run(Event.NOT_PROVISIONED).last_event == "config-changed"
    told = capsys.readouterr().err
    assert told.count("region: is not a region") == 1
    assert told.index("region") < told.index("The service restarts")


def test_the_service_manager_is_answered(waiting: Waiting, tmp_path: Path) -> None:
    """STATUS before READY, the watchdog at half its time, and STOPPING at the end."""
    with ServiceManager(tmp_path, watchdog_s=0.2) as manager:
        stop_after(0.55)
        waiting.run(Event.NOT_PROVISIONED)
    heard = [words.partition("=")[0] for words in manager.heard]
    assert (heard[:2], heard[-1]) == (["STATUS", "READY"], "STOPPING")
    assert 4 <= heard.count("WATCHDOG") <= 7


@pytest.mark.parametrize(
    ("import_check", "ends"), [("import os; os.path", True), ("import os; os.no_such_thing", False)]
)
def test_a_library_is_tried_by_what_failed_and_never_at_once(waiting: Waiting, import_check: str, ends: bool) -> None:
    """A module that is empty can be imported, and lacks what is asked of it."""
    began_s = time.monotonic()
    if not ends:
        stop_after(0.7)
    last = waiting.run(Event.SOFTWARE_BROKEN, import_check=import_check, try_every_s=0.3).last_event
    assert last == ("config-changed" if ends else "stopping")
    assert time.monotonic() - began_s >= 0.3
    assert TRY_EVERY_S >= 20

"""What the doctor sees of the clocks; with a program that stands in for systemctl."""

from __future__ import annotations

import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from iot_onboard.doctor.checks import clock
from iot_onboard.doctor.model import Level
from iot_onboard.doctor.probes.clock import CLOCK
from support.gateway.clocks import wrong_clock
from support.process.probing import bring, program
from support.tree import DAEMON, TESTS


def test_the_clock(tmp_path: Path, config: Path) -> None:
    """The flag of timesyncd and what this machine has lived through are read; the kernel is asked."""
    (tmp_path / "root/run/systemd/timesync").mkdir(parents=True)
    flag = tmp_path / "root/run/systemd/timesync/synchronized"
    flag.write_text("")
    facts = bring(CLOCK, config, tmp_path / "root")
    assert clock.synchronised(facts).level is Level.OK
    flag.unlink()
    facts = bring(CLOCK, config, tmp_path / "root")
    assert clock.synchronised(facts).level in {Level.OK, Level.WARN, Level.SKIPPED}
    assert facts.lived == ()
    kept = tmp_path / "root/var/lib/systemd/timesync/clock"
    kept.parent.mkdir(parents=True)
    kept.write_text("")
    assert [what for what, _ in bring(CLOCK, config, tmp_path / "root").lived] == [
        "the clock that systemd-timesyncd keeps on disk"
    ]


def test_a_clock_of_1970(config: Path, programs: Path) -> None:
    """The date and what the machine has lived through both tell."""
    assert programs.exists()
    code = (
        "from support.process.probing import bring; from pathlib import Path;"
        "from iot_onboard.doctor.checks import clock;"
        "from iot_onboard.doctor.probes.clock import CLOCK;"
        f"facts = bring(CLOCK, Path({str(config)!r}));"
        "print(clock.plausible(facts).sentence, clock.gone_back(facts).sentence)"
    )
    environment = {"PATH": "/usr/bin:/bin", "PYTHONPATH": f"{DAEMON}:{TESTS}:{':'.join(sys.path)}"}
    environment |= wrong_clock("1970-01-01 00:05:00")
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment, timeout=60)
    assert "before this program was built" in done.stdout
    assert "The clock went back by" in done.stdout


def test_how_far_the_clock_was_set(config: Path, programs: Path) -> None:
    """systemd's two times of the start tell."""
    three_hours_ago = datetime.now(UTC) - timedelta(hours=3)
    now_us = int(time.monotonic() * 1_000_000)
    script = f"""
        echo ActiveState=active
        echo "ActiveEnterTimestamp={three_hours_ago:%a %Y-%m-%d %H:%M:%S} UTC"
        echo ActiveEnterTimestampMonotonic={now_us}
    """
    program(programs, "systemctl", script)
    facts = bring(CLOCK, config)
    assert facts.step_since_start is not None
    assert abs(facts.step_since_start - timedelta(hours=3)) < timedelta(minutes=1)
    program(programs, "systemctl", "echo ActiveState=inactive")
    assert bring(CLOCK, config).step_since_start is None

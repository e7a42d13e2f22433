"""A journal of our making: programs that answer as journalctl and systemctl do."""

from __future__ import annotations

import json
import os
from pathlib import Path

from support.process.probing import program

NOW, BEFORE = "a" * 32, "b" * 32
LINES = {
    "-1": [(BEFORE, 9_000_000, "started"), (BEFORE, 9_500_000, "online")],
    "0": [(NOW, 8_000_000, "started"), (NOW, 8_100_000, "secret-found"), (NOW, 8_400_000, "online")],
}
REAL = "KernelTimestamp=Wed 2026-11-25 00:00:00 UTC\nUserspaceTimestampMonotonic=2000000\n"
CONTAINER = "KernelTimestamp=\nUserspaceTimestampMonotonic=7000000\n"
# "Startup finished" of the boot before, told by the manager of a container 1.9 s after its beginning.
FINISHED = json.dumps(
    {
        "_BOOT_ID": BEFORE,
        "__MONOTONIC_TIMESTAMP": "9905000",
        "__REALTIME_TIMESTAMP": "1795564869905000",
        "_SOURCE_REALTIME_TIMESTAMP": "1795564869900000",
        "USERSPACE_USEC": "1900000",
    }
)


def entries(boot: str) -> str:
    return "\n".join(
        json.dumps(
            {
                "_BOOT_ID": boot_id,
                "__MONOTONIC_TIMESTAMP": str(at_us),
                "__REALTIME_TIMESTAMP": str(1_795_564_860_000_000 + at_us),
                "MESSAGE": f"This is {event}.",
                "PRIORITY": "6",
                "_PID": "54",
                "IOT_EVENT": event,
                "IOT_STATE": "boot",
                "IOT_CAUSE": event,
            }
        )
        for boot_id, at_us, event in LINES[boot]
    )


class Journal:
    """Hold two boots; `path` has the programs in front. What they were asked stands in `asked`."""

    def __init__(
        self, directory: Path, *, manager: str = REAL, then: str = "exec sleep 60", finished: str = ""
    ) -> None:
        place = directory / "bin"
        self.asked = directory / "asked"
        self.path = f"{place}:/usr/bin:/bin"
        place.mkdir(exist_ok=True)
        for name, text in {"now": entries("0"), "before": entries("-1"), "finished": finished}.items():
            (directory / name).write_text(f"{text}\n" if text else "")
        script = (
            f'cd {directory}; echo "$*" >>asked; case "$*" in\n'
            f"*--list-boots*) echo ' -1 {BEFORE} Wed'; echo '  0 {NOW} Wed';;\n"
            "*MESSAGE_ID=*) cat finished;;\n"
            f"*--follow*) cat now; {then};;\n"
            "*--boot=0*) cat now;;\n*--boot=-1*) cat before;;\n"
            "*--boot=*) echo 'No such boot ID in journal' >&2; exit 1;;\n"
            "*) cat before now;;\nesac"
        )
        program(place, "journalctl", script)
        program(place, "systemctl", f"printf '%s' '{manager}'")

    @property
    def environment(self) -> dict[str, str]:
        """Return this process's environment with that journal."""
        return {**os.environ, "PATH": self.path}

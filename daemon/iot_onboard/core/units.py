"""The names of our systemd units, and the properties that systemd reports of a unit."""

from __future__ import annotations

from collections.abc import Mapping

from ..fast_start.fast_dataclasses import dataclass

SERVICE = "iot-onboard.service"
IMPORT = "iot-onboard-import.service"
RECOVERY = "iot-onboard-recovery.service"
# Written to /run while the service cannot be started.
PROBE = "iot-onboard-probe.service"
# A property that we add to those of the service: the status text of RECOVERY while the service cannot be started.
PREVENTED = "Prevented"
TO_DO = ". To do: "


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitProperties:
    """Hold the properties of a unit from `systemctl show`; `trouble` says why there are none."""

    properties: Mapping[str, str]
    trouble: str = ""

    def get(self, name: str) -> str:
        """Return a property, empty if systemd does not report it."""
        return self.properties.get(name, "")

    def number(self, name: str) -> int:
        """Return a property that is a number, 0 if systemd does not report it."""
        return int(self.get(name)) if self.get(name).isdecimal() else 0

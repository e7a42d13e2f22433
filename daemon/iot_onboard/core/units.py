"""The names of our systemd units, and what systemd says of one."""

from __future__ import annotations

from collections.abc import Mapping

from ..fast_start.fast_dataclasses import dataclass

SERVICE = "iot-onboard.service"
IMPORT = "iot-onboard-import.service"
RECOVERY = "iot-onboard-recovery.service"
# Made in /run while the service cannot be started.
PROBE = "iot-onboard-probe.service"
# Beside the properties of the service: the words of RECOVERY where the service cannot be started.
PREVENTED = "Prevented"
TO_DO = ". To do: "


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitProperties:
    """Hold a unit's properties as `systemctl show` has them; `trouble` says why there are none."""

    properties: Mapping[str, str]
    trouble: str = ""

    def get(self, name: str) -> str:
        """Return a property, empty where systemd does not say."""
        return self.properties.get(name, "")

    def number(self, name: str) -> int:
        """Return a property that counts something, 0 where systemd does not say."""
        return int(self.get(name)) if self.get(name).isdecimal() else 0

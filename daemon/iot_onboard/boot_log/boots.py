"""When a boot began, from the service manager's data. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

# systemd's "Startup finished" (sd-messages.h): of a system, and of one in a container.
FINISHED_IDS = ("b07a249cd024414a82dd00cd181378ff", "eed00a68ffd84e31882105fd973abdd1")
PROPERTIES = "KernelTimestamp,InitRDTimestampMonotonic,UserspaceTimestampMonotonic,FirmwareTimestampMonotonic"


@dataclass(frozen=True, slots=True, kw_only=True)
class BootStart:
    """Hold when kernel, initial RAM disk and service manager began, in microseconds of the monotonic clock.

    A container has no kernel of its own: there the service manager is the beginning. `before_us` is the time of
    firmware and boot loader before the kernel, if they report it.
    """

    boot_id: str = ""
    origin_us: int = 0
    initrd_us: int | None = None
    userspace_us: int | None = None
    before_us: int | None = None


def of_present(properties: Mapping[str, str]) -> BootStart | None:
    """Return the start of the present boot from `systemctl show`."""
    try:
        userspace_us = int(properties["UserspaceTimestampMonotonic"])
        initrd_us = int(properties.get("InitRDTimestampMonotonic") or 0)
        before_us = int(properties.get("FirmwareTimestampMonotonic") or 0)
    except (KeyError, ValueError):
        return None
    if not properties.get("KernelTimestamp"):
        return BootStart(origin_us=userspace_us, userspace_us=userspace_us)
    return BootStart(initrd_us=initrd_us or None, userspace_us=userspace_us, before_us=before_us or None)


def of_finished(line: str) -> BootStart | None:
    """Return the start of any boot from its line "Startup finished" in `journalctl -o json`."""
    try:
        record: dict[str, Any] = json.loads(line)
        boot_id = str(record["_BOOT_ID"])
        kernel_us = int(record["KERNEL_USEC"]) if "KERNEL_USEC" in record else None
        initrd_us = int(record.get("INITRD_USEC") or 0)
        if kernel_us is None:
            # The time of the message, not the time at which the journal stored it.
            late_us = int(record["__REALTIME_TIMESTAMP"]) - int(record["_SOURCE_REALTIME_TIMESTAMP"])
            began_us = int(record["__MONOTONIC_TIMESTAMP"]) - late_us - int(record["USERSPACE_USEC"])
            return BootStart(boot_id=boot_id, origin_us=began_us, userspace_us=began_us)
    except (ValueError, KeyError, TypeError):
        return None
    return BootStart(boot_id=boot_id, initrd_us=kernel_us if initrd_us else None, userspace_us=kernel_us + initrd_us)

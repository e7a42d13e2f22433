"""When a boot began, by what the service manager tells of it."""

from __future__ import annotations

import json

import pytest

from iot_onboard.boot_log.boots import BootStart, of_finished, of_present


@pytest.mark.parametrize(
    ("properties", "start"),
    [
        (
            {
                "KernelTimestamp": "Wed 2026-11-25",
                "UserspaceTimestampMonotonic": "2100000",
                "InitRDTimestampMonotonic": "0",
            },
            BootStart(userspace_us=2_100_000),
        ),
        (
            {
                "KernelTimestamp": "Wed 2026-11-25",
                "UserspaceTimestampMonotonic": "3100000",
                "InitRDTimestampMonotonic": "900000",
                "FirmwareTimestampMonotonic": "4000000",
            },
            BootStart(initrd_us=900_000, userspace_us=3_100_000, before_us=4_000_000),
        ),
        (
            {"KernelTimestamp": "", "UserspaceTimestampMonotonic": "4488427042"},
            BootStart(origin_us=4_488_427_042, userspace_us=4_488_427_042),
        ),
        ({}, None),
        ({"UserspaceTimestampMonotonic": "[not set]"}, None),
    ],
)
def test_when_this_boot_began(properties: dict[str, str], start: BootStart | None) -> None:
    """By the service manager; in a container with it."""
    assert of_present(properties) == start


@pytest.mark.parametrize(
    ("fields", "start"),
    [
        ({"KERNEL_USEC": "2100000", "USERSPACE_USEC": "9000000"}, BootStart(boot_id="b", userspace_us=2_100_000)),
        (
            {"KERNEL_USEC": "900000", "INITRD_USEC": "1200000", "USERSPACE_USEC": "9000000"},
            BootStart(boot_id="b", initrd_us=900_000, userspace_us=2_100_000),
        ),
        (
            {
                "USERSPACE_USEC": "1074061",
                "__MONOTONIC_TIMESTAMP": "4489501133",
                "__REALTIME_TIMESTAMP": "1795564860410768",
                "_SOURCE_REALTIME_TIMESTAMP": "1795564860410755",
            },
            BootStart(boot_id="b", origin_us=4_488_427_059, userspace_us=4_488_427_059),
        ),
        ({"KERNEL_USEC": "x"}, None),
        ({}, None),
    ],
)
def test_when_an_earlier_boot_began(fields: dict[str, str], start: BootStart | None) -> None:
    """By what the service manager said when it had started everything."""
    assert of_finished(json.dumps({"_BOOT_ID": "b", **fields})) == start

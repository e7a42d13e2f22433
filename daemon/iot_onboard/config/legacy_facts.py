"""The facts of a board by the rules of version 0.1.0. Pure.

A gateway that registered under such a name keeps it, even if newer rules refuse it. Never change anything here.
"""

from __future__ import annotations

from .device_name import Facts
from .identity_rules import Readings

_NO_SERIAL = frozenset(
    {
        "", "default string", "invalid", "n/a", "na", "none", "not applicable", "not available", "not specified",
        "null", "o.e.m.", "oem", "serial number", "sernum", "system serial number", "to be filled by o.e.m.",
        "unknown", "0123456789", "123456789", "1234567890",
    }
)  # fmt: skip
_NO_HOSTNAME = frozenset({"(none)", "localhost", "localhost.localdomain"})
_NO_MAC = frozenset({"00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff"})


def legacy_facts(readings: Readings) -> Facts:
    """Return the facts by the rules of 0.1.0."""
    serials = [text for _, text in readings.serials]
    macs = [(one.name, one.address) for one in readings.interfaces if one.address not in _NO_MAC]
    burnt_in = [pair for pair in macs if not int(pair[1][:2], 16) & 2]
    return Facts(
        serial=next((text for text in serials if text.strip("0 ") and text.lower() not in _NO_SERIAL), None),
        macs=tuple(burnt_in or macs),
        machine_id=readings.machine_id or None,
        hostname=next((name for _, name in readings.hostnames if name not in _NO_HOSTNAME), None),
        unread=readings.unread,
    )

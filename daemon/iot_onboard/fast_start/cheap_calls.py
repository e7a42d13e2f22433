"""Calls that do the same for less: see the README beside this file."""

from __future__ import annotations

import gc


def collect_rarely() -> None:
    """Look for garbage every 10,000 new objects, not every 700: what a start builds stays.

    Not at all would be little faster, and what is then not found in time takes memory for good.
    """
    gc.set_threshold(10_000)


def host_bytes(host: str) -> str | bytes:
    """Return a host name as bytes; what is no name of the plain kind stays text, and Python objects to it.

    For text, `socket` and `ssl` load the tables of international names.
    """
    plain = host.isascii() and all(0 < len(label) < 64 for label in host.removesuffix(".").split("."))
    return host.encode("ascii") if plain else host

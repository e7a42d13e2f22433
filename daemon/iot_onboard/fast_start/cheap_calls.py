"""Replacements for calls that cost a start time or memory: see the README in this directory."""

from __future__ import annotations

import gc


def collect_rarely() -> None:
    """Collect garbage every 10,000 new objects, not every 700: the objects of a start stay in use.

    To switch the collection off during the start would be little faster, and would take more memory.
    """
    gc.set_threshold(10_000)


def host_bytes(host: str) -> str | bytes:
    """Return a host name as bytes; a name that is not plain ASCII stays text, and Python checks it.

    For text, `socket` and `ssl` load the tables of international names.
    """
    plain = host.isascii() and all(0 < len(label) < 64 for label in host.removesuffix(".").split("."))
    return host.encode("ascii") if plain else host

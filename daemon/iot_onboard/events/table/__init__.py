"""The event table: every line that an operator may act on, once, in groups in the order of a gateway's life.

It is the only source of sentences. The journal's fields, the journal catalog, `docs/troubleshooting.md` and
`iot-onboard explain` are made from it.
"""

from __future__ import annotations

from ...fast_start.fast_dataclasses import dataclass
from ..model import Entry, Event
from .connection import CONNECTION
from .registration import REGISTRATION
from .secret import SECRET
from .service import SERVICE
from .setup import SETUP


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Hold events that belong together, with a title."""

    title: str
    entries: dict[Event, Entry]


GROUPS = (
    Group(title="The service", entries=SERVICE),
    Group(title="Setting up", entries=SETUP),
    Group(title="The stored secret", entries=SECRET),
    Group(title="Registration", entries=REGISTRATION),
    Group(title="The connection", entries=CONNECTION),
)
TABLE: dict[Event, Entry] = {event: entry for group in GROUPS for event, entry in group.entries.items()}

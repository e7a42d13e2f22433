"""The names that events had in earlier versions: a journal keeps the lines of boots before an upgrade. Pure.

A MESSAGE_ID never changes, so it says which event a line is about. The former names are needed if only the name of
an event stands: the cause in a line, and a question to `iot-onboard explain` about an old line.
"""

from __future__ import annotations

from .model import Event
from .table import TABLE

FORMER_NAMES = {
    "boot-file-remains": Event.BOOT_FILE_NOT_REMOVED,
    "boot-file-taken": Event.BOOT_FILE_IMPORTED,
    "clock-wrong": Event.CLOCK_NOT_SET,
    "configuration-unread": Event.CONFIG_UNREADABLE,
    "configuration-wrong": Event.CONFIG_INVALID,
    "name-kept": Event.DEVICE_NAME_KEPT,
    "name-unknown": Event.DEVICE_NAME_UNKNOWN,
    "not-configured": Event.SECRET_FILE_INVALID,
    "not-set-up": Event.NOT_PROVISIONED,
    "report-left-out": Event.REPORT_SKIPPED,
    "runtime-not-writable": Event.RUNTIME_DIR_NOT_WRITABLE,
    "secret-handed-out": Event.SECRET_LOADABLE,
    "secret-withheld": Event.SECRET_UNLOADABLE,
    "settings-changed": Event.CONFIG_CHANGED,
    "settings-wrong": Event.CONFIG_CHANGE_INVALID,
    "short-lives": Event.RESTART_DELAYED,
}
_BY_MESSAGE_ID = {entry.message_id: event.value for event, entry in TABLE.items()}


def present_name(name: str | None, message_id: str = "") -> str | None:
    """Return the name that an event of the journal has now; an unknown name, of a newer version, stays as it is."""
    if name is None:
        return None
    return _BY_MESSAGE_ID.get(message_id) or (FORMER_NAMES[name].value if name in FORMER_NAMES else name)

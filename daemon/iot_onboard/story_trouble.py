"""Say why the journal tells nothing, and what to do. Pure."""

from __future__ import annotations

from dataclasses import dataclass

KEEP = (
    "to have boots kept, put `[Journal]` and `Storage=persistent` into /etc/systemd/journald.conf.d/persistent.conf, "
    "then: sudo systemctl restart systemd-journald && sudo journalctl --flush (it writes to the SD card)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Silence:
    """Hold what is known about a journal that gave no line of ours; `boot` is `None` for all boots."""

    boot: int | None
    trouble: str
    words: str
    may_read: bool
    known: tuple[int, ...]
    kept: bool


def why_silent(seen: Silence) -> str:
    """Return one line: what is the matter, then what to do."""
    if seen.trouble:
        return f"the journal cannot be read: {seen.trouble}"
    if not seen.may_read:
        return (
            "this user may not read the journal. To do: put sudo before the command, or once and for all: "
            "sudo usermod --append --groups systemd-journal $USER, and log in again"
        )
    if seen.boot not in (None, 0) and seen.boot not in seen.known:
        if not seen.kept:
            return f"no boot before the present one is kept: the journal is in memory alone. To do: {KEEP}"
        oldest = min(seen.known, default=0)
        return f"the journal has no boot {seen.boot}: it goes back to boot {oldest}. To do: journalctl --list-boots"
    if seen.words:
        return f"the journal cannot be read: {seen.words}"
    which = {None: "the journal", 0: "the journal of this boot"}.get(seen.boot, f"the journal of boot {seen.boot}")
    return (
        f"{which} holds no line of the service: it has not run, or its log_level leaves all out. "
        "To do: systemctl status iot-onboard"
    )

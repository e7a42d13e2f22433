"""Show timelines in a terminal, side by side, and to a program. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from ..system.text_style import Style, painted, printable
from .listing import duration
from .timeline_model import ABOUT, Group, Kind, Timeline

SCHEMA = 1
_COLOURS = {
    Group.SYSTEM: "34",
    Group.OURS: "32",
    Group.NETWORK: "33",
    Group.PLATFORM: "35",
    Group.WAITING: "31",
}
_TITLE_WIDTH = max(len(about.title) for about in ABOUT.values())
_NO_TERMINAL, _MOST_WIDTH, _LEAST_BAR = 80, 120, 10
# A cell that is covered by half or more, and one that is covered by less.
_BLOCKS, _ASCII = ("\u2588", "\u258f"), ("#", ".")


def text(shown: Timeline, style: Style, *, blocks: bool, scale_us: int | None = None) -> str:
    """Return a row for each thing that time was spent on: how long, what share, and when as a bar.

    `scale_us` is what the whole width stands for, where it is not this timeline.
    """
    room = max(min(style.width or _NO_TERMINAL, _MOST_WIDTH) - _TITLE_WIDTH - 18, _LEAST_BAR)
    cell_us = max(scale_us or shown.whole_us, 1) / room
    lines = [heading(shown), ""]
    for kind in shown.kinds:
        about, length_us = ABOUT[kind], shown.of(kind)
        bar = painted(_bar(shown, kind, cell_us, _BLOCKS if blocks else _ASCII), _COLOURS[about.group], style)
        share = f"{100 * length_us / shown.whole_us:.0f}%"
        lines.append(f"{about.title:<{_TITLE_WIDTH}}  {duration(length_us):>8}  {share:>4}  {bar}")
    if shown.before_us is not None:
        lines += ["", f"Before the kernel, firmware and boot loader took {duration(shown.before_us)}."]
    return "\n".join(lines)


def heading(shown: Timeline) -> str:
    """Say which boot it is, and how it came out."""
    name = f"Boot {shown.boot} ({shown.boot_id[:8]}), from {shown.began:%Y-%m-%d %H:%M:%S} UTC"
    if shown.online:
        return f"{name}: online {duration(shown.whole_us)} after the kernel started"
    how = f"not online, {duration(shown.whole_us)} after the kernel started" if shown.boot == 0 else "was never online"
    return f"{name}: {how}. The last line: {printable(shown.last.message) or shown.last.name}"


def comparison(one: Timeline, other: Timeline) -> str:
    """Return both in numbers, and the difference: what the first took more than the other."""
    names = [f"boot {shown.boot}" for shown in (one, other)]
    kinds = dict.fromkeys((*one.kinds, *other.kinds))
    whole = "online after" if one.online and other.online else "in all"
    return "\n".join(
        [
            f"{'':<{_TITLE_WIDTH}}  {names[0]:>9}  {names[1]:>9}  difference",
            *(_compared(ABOUT[kind].title, one.of(kind), other.of(kind)) for kind in Kind if kind in kinds),
            _compared(whole, one.whole_us, other.whole_us),
        ]
    )


def difference(one_us: int, other_us: int) -> str:
    """Write a difference with its sign."""
    if round(one_us / 1000) == round(other_us / 1000):
        return "0 ms"
    return f"{'+' if one_us > other_us else '-'}{duration(abs(one_us - other_us))}"


def record(shown: Sequence[Timeline]) -> dict[str, object]:
    """Return timelines as docs/story.md describes them."""
    return {
        "schema": SCHEMA,
        "timelines": [
            {
                "boot": timeline.boot,
                "boot_id": timeline.boot_id,
                "began": timeline.began.isoformat(timespec="milliseconds"),
                "online": timeline.online,
                "whole_s": timeline.whole_us / 1_000_000,
                "before_kernel_s": None if timeline.before_us is None else timeline.before_us / 1_000_000,
                "last_event": timeline.last.event,
                "spans": [
                    {
                        "kind": span.kind.value,
                        "group": ABOUT[span.kind].group.value,
                        "begin_s": span.begin_us / 1_000_000,
                        "end_s": span.end_us / 1_000_000,
                    }
                    for span in timeline.spans
                ],
            }
            for timeline in shown
        ],
    }


def _bar(shown: Timeline, kind: Kind, cell_us: float, marks: tuple[str, str]) -> str:
    cells: dict[int, float] = {}
    for span in (span for span in shown.spans if span.kind is kind):
        for cell in range(int(span.begin_us / cell_us), int((span.end_us - 1) / cell_us) + 1):
            covered_us = min(span.end_us, (cell + 1) * cell_us) - max(span.begin_us, cell * cell_us)
            cells[cell] = cells.get(cell, 0.0) + covered_us
    return "".join(
        " " if cell not in cells else marks[0] if cells[cell] >= cell_us / 2 else marks[1]
        for cell in range(max(cells, default=-1) + 1)
    )


def _compared(title: str, one_us: int, other_us: int) -> str:
    told = [duration(us) if us else "-" for us in (one_us, other_us)]
    return f"{title:<{_TITLE_WIDTH}}  {told[0]:>9}  {told[1]:>9}  {difference(one_us, other_us):>10}"

"""Show timelines as text in a terminal, compared, or as records for programs. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ..system.text_style import Style, painted, printable
from .listing import duration
from .timeline_model import Group, Kind, Timeline

SCHEMA = 1
# A kind, its title, and lengths of time in words.
Row = tuple[Kind | None, str, list[str]]
_COLOURS = {
    Group.SYSTEM: "34",
    Group.OURS: "32",
    Group.NETWORK: "33",
    Group.PLATFORM: "35",
    Group.WAITING: "31",
}
_TITLE_WIDTH = max(len(kind.title) for kind in Kind)
_NO_TERMINAL, _MAX_WIDTH, _MIN_BAR = 80, 120, 10
# For a cell that is filled by half or more, and for one that is filled less.
_BLOCKS, _ASCII = ("\u2588", "\u258f"), ("#", ".")


def text(shown: Timeline, style: Style, *, blocks: bool, scale_us: int | None = None) -> str:
    """Return one row for each kind of work: its length, its share, and its time as a bar.

    `scale_us` is the length of the whole width, if it is not the length of this timeline.
    """
    room = max(min(style.width or _NO_TERMINAL, _MAX_WIDTH) - _TITLE_WIDTH - 18, _MIN_BAR)
    cell_us = max(scale_us or shown.whole_us, 1) / room
    lines = [heading(shown), ""]
    for kind in shown.kinds:
        length_us = shown.of(kind)
        bar = painted(_bar(shown, kind, cell_us, _BLOCKS if blocks else _ASCII), _COLOURS[kind.group], style)
        share = f"{100 * length_us / shown.whole_us:.0f}%"
        lines.append(f"{kind.title:<{_TITLE_WIDTH}}  {duration(length_us):>8}  {share:>4}  {bar}")
    if shown.before_us is not None:
        lines += ["", f"Before the kernel, firmware and boot loader took {duration(shown.before_us)}."]
    return "\n".join(lines)


def heading(shown: Timeline) -> str:
    """Return which boot it is, and its result."""
    name = f"Boot {shown.boot} ({printable(shown.boot_id[:8])}), from {shown.began:%Y-%m-%d %H:%M:%S} UTC"
    if shown.online:
        return f"{name}: online {duration(shown.whole_us)} after the kernel started"
    how = f"not online, {duration(shown.whole_us)} after the kernel started" if shown.boot == 0 else "was never online"
    return f"{name}: {how}. The last line: {printable(shown.last.message or shown.last.name)}"


def comparison(one: Timeline, other: Timeline) -> str:
    """Return both in numbers, and the difference: the first minus the second."""
    shown = (one, other)
    lines = [("", heads(shown)), *((title, words) for _, title, words in rows(shown))]
    return "\n".join(f"{title:<{_TITLE_WIDTH}}  {a:>9}  {b:>9}  {more:>10}" for title, (a, b, more) in lines)


def heads(shown: Sequence[Timeline]) -> list[str]:
    """Return the names of the columns of a comparison."""
    return [*(f"boot {timeline.boot}" for timeline in shown), "difference"]


def rows(shown: Sequence[Timeline]) -> list[Row]:
    """Return the length of each kind, and then the sum, which has no kind."""
    # One timeline is shown in its own order, two in a common one.
    kinds = shown[0].kinds if len(shown) == 1 else [k for k in Kind if any(k in timeline.kinds for timeline in shown)]
    whole = "online after" if all(timeline.online for timeline in shown) else "in all"
    return [
        *((kind, kind.title, _lengths(timeline.of(kind) for timeline in shown)) for kind in kinds),
        (None, whole, _lengths(timeline.whole_us for timeline in shown)),
    ]


def difference(one_us: int, other_us: int) -> str:
    """Write a difference with its sign."""
    if round(one_us / 1000) == round(other_us / 1000):
        return "0 ms"
    return f"{'+' if one_us > other_us else '-'}{duration(abs(one_us - other_us))}"


def record(shown: Sequence[Timeline]) -> dict[str, object]:
    """Return timelines as docs/boot-log.md describes them."""
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
                        "kind": span.kind.slug,
                        "group": span.kind.group.value,
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


def _lengths(lengths_us: Iterable[int]) -> list[str]:
    one_us, *others_us = lengths_us
    words = [duration(us) if us else "-" for us in (one_us, *others_us)]
    return words + [difference(one_us, other_us) for other_us in others_us]

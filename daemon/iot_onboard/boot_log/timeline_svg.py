"""Draw timelines as one SVG picture that needs nothing besides itself, on light and on dark paper. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

from .listing import duration
from .timeline_model import ABOUT, Group, Kind, Timeline
from .timeline_text import difference, heading

# Of a middle lightness, so that they stand out from white and from black: 4.5 to 1 for the text (WCAG 2.1, 1.4.3).
_COLOURS = {
    Group.SYSTEM: "#5b84b1",
    Group.OURS: "#3a9a63",
    Group.NETWORK: "#c08a2d",
    Group.PLATFORM: "#9a6cc4",
    Group.WAITING: "#d05a4e",
}
_TEXT, _LINE = "#777777", "#88888855"
_WIDTH, _LEFT, _RIGHT = 960, 190, 16
_ROW, _BAR, _TOP = 24, 14, 40
_NUMBER = 78
_TICKS_S = tuple(step * 10.0**power for power in range(-3, 6) for step in (1, 2, 5))
_MOST_TICKS = 8


def svg(shown: Sequence[Timeline]) -> str:
    """Return the picture of one timeline, or of two to compare: the second one fainter, below the first."""
    kinds = [kind for kind in Kind if any(kind in timeline.kinds for timeline in shown)]
    if len(shown) == 1:
        kinds = list(shown[0].kinds)
    numbers = 1 if len(shown) == 1 else 3
    left = _LEFT + numbers * _NUMBER + 24
    scale_us = max(1, *(timeline.whole_us for timeline in shown))
    top = _TOP + 20 * len(shown)
    bottom = top + _ROW * (len(kinds) + 1)
    height = bottom + 34
    x_per_us = (_WIDTH - _RIGHT - left) / scale_us
    title = escape("; ".join(heading(timeline) for timeline in shown))
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}" '
            f'height="{height}" role="img" font-family="sans-serif" font-size="12" fill="{_TEXT}">',
            f"<title>{title}</title>",
            *(
                f'<text x="16" y="{24 + 20 * number}" font-weight="bold">{escape(_cut(heading(timeline)))}</text>'
                for number, timeline in enumerate(shown)
            ),
            *_heads(shown, top - 8),
            *_axis(scale_us, left, x_per_us, top, bottom - _ROW),
            *(line for row, kind in enumerate(kinds) for line in _row(shown, kind, top + row * _ROW, left, x_per_us)),
            *_sum(shown, bottom - _ROW),
            *_legend(kinds, height - 12),
            "</svg>",
            "",
        ]
    )


def _heads(shown: Sequence[Timeline], y: int) -> Iterator[str]:
    if len(shown) > 1:
        for number, word in enumerate([*(f"boot {timeline.boot}" for timeline in shown), "difference"], 1):
            yield f'<text x="{_LEFT + number * _NUMBER}" y="{y}" text-anchor="end">{word}</text>'


def _axis(scale_us: int, left: int, x_per_us: float, top: int, bottom: int) -> Iterator[str]:
    step_s = next((step for step in _TICKS_S if scale_us / 1_000_000 / step <= _MOST_TICKS), _TICKS_S[-1])
    for tick in range(int(scale_us / 1_000_000 / step_s) + 1):
        x = left + tick * step_s * 1_000_000 * x_per_us
        yield f'<path d="M{x:.1f} {top - 4}V{bottom}" stroke="{_LINE}"/>'
        yield f'<text x="{x:.1f}" y="{bottom + 14}" text-anchor="middle">{tick * step_s:g} s</text>'


def _row(shown: Sequence[Timeline], kind: Kind, y: int, left: int, x_per_us: float) -> Iterator[str]:
    about, lengths = ABOUT[kind], [timeline.of(kind) for timeline in shown]
    yield f'<text x="16" y="{y + 14}">{escape(about.title)}</text>'
    yield from _numbers(lengths, y)
    bar = _BAR // len(shown)
    for number, timeline in enumerate(shown):
        for span in (span for span in timeline.spans if span.kind is kind):
            x, width = left + span.begin_us * x_per_us, span.length_us * x_per_us
            yield (
                f'<rect x="{x:.2f}" y="{y + 3 + number * bar}" width="{width:.2f}" height="{bar}" '
                # What is too short to be seen is drawn all the same.
                f'fill="{_COLOURS[about.group]}" stroke="{_COLOURS[about.group]}" stroke-width="0.6" '
                f'opacity="{0.55 if number else 1}"><title>{escape(about.title)}: {duration(span.length_us)}, '
                f"boot {timeline.boot}</title></rect>"
            )


def _sum(shown: Sequence[Timeline], y: int) -> Iterator[str]:
    whole = "online after" if all(timeline.online for timeline in shown) else "in all"
    yield f'<text x="16" y="{y + 14}" font-weight="bold">{whole}</text>'
    yield from _numbers([timeline.whole_us for timeline in shown], y, bold=True)


def _numbers(lengths: Sequence[int], y: int, *, bold: bool = False) -> Iterator[str]:
    words = [duration(us) if us else "-" for us in lengths]
    if len(lengths) > 1:
        words.append(difference(lengths[0], lengths[1]))
    weight = ' font-weight="bold"' if bold else ""
    for number, word in enumerate(words, 1):
        yield f'<text x="{_LEFT + number * _NUMBER}" y="{y + 14}" text-anchor="end"{weight}>{word}</text>'


def _legend(kinds: Sequence[Kind], y: int) -> Iterator[str]:
    groups = {ABOUT[kind].group for kind in kinds}
    for number, group in enumerate(group for group in Group if group in groups):
        x = 16 + number * 120
        yield f'<rect x="{x}" y="{y - 9}" width="10" height="10" fill="{_COLOURS[group]}"/>'
        yield f'<text x="{x + 16}" y="{y}">{group.value}</text>'


def _cut(words: str) -> str:
    return words if len(words) <= 130 else f"{words[:127]}..."

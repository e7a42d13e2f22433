"""Draw timelines as one self-contained SVG picture, for a light or a dark background. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set
from html import escape

from .listing import duration
from .timeline_model import Group, Timeline
from .timeline_text import Row, heading, heads, rows

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
_TICKS_S = tuple(tick * 10.0**power for power in range(-3, 6) for tick in (1, 2, 5))
_MAX_TICKS = 8


def svg(shown: Sequence[Timeline]) -> str:
    """Return the picture of one timeline, or of two to compare: the second one lighter, below the first."""
    table = rows(shown)
    numbers = 1 if len(shown) == 1 else 3
    left = _LEFT + numbers * _NUMBER + 24
    scale_us = max(1, *(timeline.whole_us for timeline in shown))
    top = _TOP + 20 * len(shown)
    bottom = top + _ROW * len(table)
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
            *(_cells(heads(shown), top - 8) if len(shown) > 1 else ()),
            *_axis(scale_us, left, x_per_us, top, bottom - _ROW),
            *(line for n, row in enumerate(table) for line in _row(shown, row, top + n * _ROW, left, x_per_us)),
            *_legend({kind.group for kind, _, _ in table if kind}, height - 12),
            "</svg>",
            "",
        ]
    )


def _axis(scale_us: int, left: int, x_per_us: float, top: int, bottom: int) -> Iterator[str]:
    step_s = next((tick for tick in _TICKS_S if scale_us / 1_000_000 / tick <= _MAX_TICKS), _TICKS_S[-1])
    for tick in range(int(scale_us / 1_000_000 / step_s) + 1):
        x = left + tick * step_s * 1_000_000 * x_per_us
        yield f'<path d="M{x:.1f} {top - 4}V{bottom}" stroke="{_LINE}"/>'
        yield f'<text x="{x:.1f}" y="{bottom + 14}" text-anchor="middle">{tick * step_s:g} s</text>'


def _row(shown: Sequence[Timeline], row: Row, y: int, left: int, x_per_us: float) -> Iterator[str]:
    kind, title, words = row
    weight = "" if kind else ' font-weight="bold"'
    yield f'<text x="16" y="{y + 14}"{weight}>{escape(title)}</text>'
    yield from _cells(words, y + 14, weight)
    bar = _BAR // len(shown)
    for number, timeline in enumerate(shown):
        for span in (span for span in timeline.spans if span.kind is kind):
            x, width = left + span.begin_us * x_per_us, span.length_us * x_per_us
            colour = _COLOURS[span.kind.group]
            yield (
                f'<rect x="{x:.2f}" y="{y + 3 + number * bar}" width="{width:.2f}" height="{bar}" '
                # The stroke keeps very short spans visible.
                f'fill="{colour}" stroke="{colour}" stroke-width="0.6" '
                f'opacity="{0.55 if number else 1}"><title>{escape(title)}: {duration(span.length_us)}, '
                f"boot {timeline.boot}</title></rect>"
            )


def _cells(words: Sequence[str], y: int, weight: str = "") -> Iterator[str]:
    for number, word in enumerate(words, 1):
        yield f'<text x="{_LEFT + number * _NUMBER}" y="{y}" text-anchor="end"{weight}>{word}</text>'


def _legend(groups: Set[Group], y: int) -> Iterator[str]:
    for number, group in enumerate(group for group in Group if group in groups):
        x = 16 + number * 120
        yield f'<rect x="{x}" y="{y - 9}" width="10" height="10" fill="{_COLOURS[group]}"/>'
        yield f'<text x="{x + 16}" y="{y}">{group.value}</text>'


def _cut(words: str) -> str:
    return words if len(words) <= 130 else f"{words[:127]}..."

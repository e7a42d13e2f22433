"""Draw curves as SVG: enough for the documentation, and nothing to install."""

from __future__ import annotations

from html import escape
from typing import NamedTuple

_WIDTH, _HEIGHT, _LEFT, _TOP, _RIGHT, _BOTTOM = 720, 300, 70, 40, 20, 50
_COLOURS = ("#c0392b", "#2471a3", "#229954")


class Curve(NamedTuple):
    """A name, and its points."""

    name: str
    points: list[tuple[float, float]]


def plot(title: str, unit: str, curves: list[Curve]) -> str:
    """Return the picture; both axes begin at 0."""
    across = max((x for curve in curves for x, _ in curve.points), default=1.0) or 1.0
    up = max((y for curve in curves for _, y in curve.points), default=1.0) or 1.0
    wide, high = _WIDTH - _LEFT - _RIGHT, _HEIGHT - _TOP - _BOTTOM

    def at(x: float, y: float) -> str:
        return f"{_LEFT + wide * x / across:.1f},{_TOP + high * (1 - y / up):.1f}"

    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" font-family="sans-serif" '
        'font-size="12">',
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="white"/>',
        f'<text x="{_LEFT}" y="20" font-size="14">{escape(title)}</text>',
    ]
    for part in range(5):
        x, y = _LEFT + wide * part / 4, _TOP + high * (1 - part / 4)
        lines.append(f'<line x1="{_LEFT}" x2="{_LEFT + wide}" y1="{y:.1f}" y2="{y:.1f}" stroke="#ddd"/>')
        lines.append(f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{up * part / 4:,.0f}</text>')
        lines.append(f'<text x="{x:.1f}" y="{_TOP + high + 18}" text-anchor="middle">{across * part / 4:,.0f}</text>')
    lines.append(f'<text x="{_LEFT + wide}" y="{_TOP + high + 36}" text-anchor="end">{escape(unit)}</text>')
    for number, curve in enumerate(curves):
        colour, points = _COLOURS[number % len(_COLOURS)], " ".join(at(x, y) for x, y in curve.points)
        lines.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="1.5"/>')
        lines.append(
            f'<text x="{_LEFT + 8 + 270 * number}" y="{_TOP + high + 36}" fill="{colour}">{escape(curve.name)}</text>'
        )
    return "\n".join([*lines, "</svg>", ""])

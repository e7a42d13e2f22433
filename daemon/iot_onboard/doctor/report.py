"""Tell what was found: as text for a terminal, or as a record for a program. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from ..system.text_style import Style, lines_of, painted
from .model import Level, Result

SCHEMA = 1
_COLOURS = {Level.OK: "32", Level.WARN: "33", Level.FAIL: "1;31", Level.SKIPPED: "2"}
_FIX = "fix: "
_WORD_WIDTH = max(len(level.value) for level in Level)


def first(results: Sequence[Result]) -> tuple[tuple[Result, ...], tuple[Result, ...]]:
    """Return the failures to mend first, in order, and those that may well be their consequences."""
    failed = [result for result in results if result.finding.level is Level.FAIL]
    names = {result.check.id for result in failed} | {result.check.group.value for result in failed}

    def follows(result: Result) -> bool:
        return bool(names & set(result.check.follows))

    return tuple(r for r in failed if not follows(r)), tuple(r for r in failed if follows(r))


def counts(results: Sequence[Result]) -> dict[str, int]:
    """Return how many findings there are of each level."""
    return {level.value: sum(result.finding.level is level for result in results) for level in Level}


def text(results: Sequence[Result], style: Style) -> str:
    """Return the findings in their groups, and at the end what to do first."""
    id_width = max((len(result.check.id) for result in results), default=0)
    lines: list[str] = []
    group = None
    for result in results:
        if result.check.group is not group:
            group = result.check.group
            lines += [*([""] if lines else []), painted(group.value, "1", style)]
        lines += _lines(result, id_width, style)
    return "\n".join([*lines, "", _summary(results), *_to_do(results, style)])


def record(results: Sequence[Result], *, version: str, at: str, as_root: bool) -> dict[str, object]:
    """Return the findings as docs/doctor.md describes them."""
    roots, consequences = first(results)
    return {
        "schema": SCHEMA,
        "version": version,
        "at": at,
        "as_root": as_root,
        "counts": counts(results),
        "first": [result.check.id for result in roots],
        "consequences": [result.check.id for result in consequences],
        "checks": [
            {
                "id": result.check.id,
                "group": result.check.group.value,
                "status": result.finding.level.value,
                "sentence": result.finding.sentence,
                "fix": result.finding.fix or None,
                "because": result.finding.because,
                "took_ms": round(result.took_s * 1000),
            }
            for result in results
        ],
    }


def _lines(result: Result, id_width: int, style: Style) -> list[str]:
    finding = result.finding
    word = finding.level.value.upper() if finding.level is Level.FAIL else finding.level.value
    head = f"  {painted(f'{word:<{_WORD_WIDTH}}', _COLOURS[finding.level], style)}  {result.check.id:<{id_width}}  "
    margin = " " * (2 + _WORD_WIDTH + 2 + id_width + 2)
    first_line, *rest = lines_of(finding.sentence, len(margin), style)
    lines = [head + first_line, *(margin + line for line in rest)]
    if finding.fix and finding.level is not Level.OK:
        start, *more = lines_of(finding.fix, len(margin) + len(_FIX), style)
        lines += [f"{margin}{_FIX}{start}", *(f"{margin}{' ' * len(_FIX)}{line}" for line in more)]
    return lines


def _summary(results: Sequence[Result]) -> str:
    found = counts(results)
    parts = [f"{found['ok']} ok", f"{found['warn']} to watch", f"{found['fail']} failed", f"{found['skipped']} skipped"]
    return f"{len(results)} checks: {', '.join(parts)}."


def _to_do(results: Sequence[Result], style: Style) -> list[str]:
    roots, consequences = first(results)
    if not roots:
        return []
    lines = ["", painted("What to do first", "1", style)]
    for number, result in enumerate(roots, start=1):
        lead = f"  {number}. "
        margin = " " * len(lead)
        told = lines_of(f"{result.check.id}: {result.finding.sentence}", len(lead), style)
        fix = lines_of(result.finding.fix, len(lead), style)
        lines += [lead + told[0], *(margin + line for line in told[1:]), *(margin + line for line in fix)]
    if consequences:
        ids = ", ".join(result.check.id for result in consequences)
        lines += [f"  {line}" for line in lines_of(f"Likely to mend with that: {ids}.", 2, style)]
    return lines

"""Present the findings: as text for a terminal, or as a record for a program. Pure."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime

from .. import __version__
from ..system.text_style import Style, lines_of, painted
from .model import Finding, Level, Result

SCHEMA = 1
_COLOURS = {Level.OK: "32", Level.WARN: "33", Level.FAIL: "1;31", Level.SKIPPED: "2"}
_WORD_WIDTH = max(len(level.value) for level in Level)


def root_causes(results: Sequence[Result]) -> tuple[tuple[Result, ...], tuple[Result, ...]]:
    """Return the failures to fix first, in order, and those that are likely to be their consequences."""
    failed = [result for result in results if result.worst.level is Level.FAIL]
    names = {result.check.id for result in failed} | {result.check.group.value for result in failed}
    consequences = tuple(result for result in failed if names & set(result.check.follows))
    return tuple(result for result in failed if result not in consequences), consequences


def counts(results: Sequence[Result]) -> dict[str, int]:
    """Return how many findings there are of each level."""
    return {level.value: sum(result.worst.level is level for result in results) for level in Level}


def text(results: Sequence[Result], style: Style) -> str:
    """Return the findings in their groups, the skipped checks by reason, and at the end what to do first."""
    id_width = max((len(result.check.id) for result in results), default=0)
    lines: list[str] = []
    group = None
    for result in results:
        if result.worst.level is Level.SKIPPED:
            continue
        if result.check.group is not group:
            group = result.check.group
            lines += [*([""] if lines else []), painted(group.value, "1", style)]
        name = result.check.id
        for finding in result.findings:
            lines += _lines(finding, f"{name:<{id_width}}", style)
            name = ""
    lines += _skipped(results, style)
    return "\n".join([*lines, "", _summary(results), *_to_do(results, style)]).lstrip("\n")


def as_json(results: Sequence[Result], *, at: datetime, as_root: bool) -> str:
    """Return the findings for a program."""
    made = record(results, version=__version__, at=at.isoformat(timespec="seconds"), as_root=as_root)
    return json.dumps(made, indent=1)


def record(results: Sequence[Result], *, version: str, at: str, as_root: bool) -> dict[str, object]:
    """Return the findings as docs/doctor.md describes them."""
    roots, consequences = root_causes(results)
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
                **_record(result.worst),
                "more": [_record(finding) for finding in result.findings[1:]],
                "because": result.worst.because,
                "duration_ms": round(result.duration_s * 1000),
            }
            for result in results
        ],
    }


def _record(finding: Finding) -> dict[str, str | None]:
    return {"status": finding.level.value, "sentence": finding.sentence, "fix": finding.fix or None}


def _lines(finding: Finding, name: str, style: Style) -> list[str]:
    word = finding.level.value.upper() if finding.level is Level.FAIL else finding.level.value
    head = f"  {painted(f'{word:<{_WORD_WIDTH}}', _COLOURS[finding.level], style)}  {name}  "
    margin = 2 + _WORD_WIDTH + 2 + len(name) + 2
    fix = finding.fix if finding.level is not Level.OK else ""
    return [*_hanging(head, finding.sentence, margin, style), *_fix(fix, margin, style)]


def _skipped(results: Sequence[Result], style: Style) -> list[str]:
    """Return a line for each reason, with the checks that were skipped for it."""
    reasons: dict[tuple[str, str], list[str]] = {}
    for result in results:
        if result.worst.level is Level.SKIPPED:
            reasons.setdefault((result.worst.sentence, result.worst.fix), []).append(result.check.id)
    lines = ["", painted("skipped", "1", style)] if reasons else []
    for (sentence, fix), names in reasons.items():
        lines += [*_hanging("  ", f"{', '.join(names)}: {sentence}", 4, style), *_fix(fix, 4, style)]
    return lines


def _fix(fix: str, margin: int, style: Style) -> list[str]:
    return _hanging(f"{' ' * margin}fix: ", fix, margin + len("fix: "), style) if fix else []


def _hanging(head: str, words: str, margin: int, style: Style) -> list[str]:
    """Return words after a head; further lines are indented to the width of the head."""
    first_line, *rest = lines_of(words, margin, style)
    return [head + first_line, *(" " * margin + line for line in rest)]


def _summary(results: Sequence[Result]) -> str:
    found = counts(results)
    parts = [f"{found['ok']} ok", f"{found['warn']} warnings", f"{found['fail']} failed", f"{found['skipped']} skipped"]
    return f"{len(results)} checks: {', '.join(parts)}."


def _to_do(results: Sequence[Result], style: Style) -> list[str]:
    roots, consequences = root_causes(results)
    if not roots:
        return []
    lines = ["", painted("What to do first", "1", style)]
    failures = [(result, found) for result in roots for found in result.findings if found.level is Level.FAIL]
    for number, (result, finding) in enumerate(failures, start=1):
        lead = f"  {number}. "
        lines += _hanging(lead, f"{result.check.id}: {finding.sentence}", len(lead), style)
        lines += _hanging(" " * len(lead), finding.fix, len(lead), style)
    if consequences:
        ids = ", ".join(result.check.id for result in consequences)
        lines += _hanging("  ", f"Probably fixed by that too: {ids}.", 2, style)
    return lines

"""Say where an exception came from, and nothing of what it holds."""

from __future__ import annotations


def innermost_frame(error: BaseException) -> str:
    """Return `module:line` of the innermost frame."""
    place, trace = "unknown", error.__traceback__
    while trace is not None:
        place = f"{trace.tb_frame.f_globals.get('__name__', '?')}:{trace.tb_lineno}"
        trace = trace.tb_next
    return place

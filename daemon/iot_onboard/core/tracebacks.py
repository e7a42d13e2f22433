"""Say where an exception came from, without its message."""

from __future__ import annotations

from collections.abc import Callable


def _ignore(_: BaseException) -> None:
    pass


# The launcher of the package replaces this function. If an error comes from damaged files of this program, its function
# starts older code; otherwise it returns.
on_damaged_code: Callable[[BaseException], None] = _ignore


def innermost_frame(error: BaseException) -> str:
    """Return `module:line` of the innermost frame."""
    place, trace = "unknown", error.__traceback__
    while trace is not None:
        place = f"{trace.tb_frame.f_globals.get('__name__', '?')}:{trace.tb_lineno}"
        trace = trace.tb_next
    return place

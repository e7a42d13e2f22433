"""The terminal of a command: its style, error messages, and the end of the process."""

from __future__ import annotations

import contextlib
import os
import sys

from ..fast_start.typing_names import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from .text_style import Style


def complain(text: str) -> None:
    """Print an error message to stderr, apart from the command's output.

    Control characters become question marks: a file, an argument or a peer may contain anything.
    """
    lines = text.split("\n")
    try:
        from .text_style import printable

        shown = "\n".join(map(printable, lines))
    except OSError:
        # No descriptor is left to load the module.
        shown = "\n".join(map(ascii, lines))
    sys.stderr.write(f"iot-onboard: {shown}\n")


def exit_now(code: int) -> NoReturn:
    """End the process at once, without Python's shutdown.

    A job may still run on the worker thread. If it returns from a system call while Python shuts down, the process
    crashes with SIGSEGV (seen with 3.11, in one of thirty stops).
    """
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)


def style() -> Style:
    """Return the style of the terminal, plain if there is none (NO_COLOR: no-color.org)."""
    # Imported here: the daemon does not need it.
    import shutil

    from .text_style import Style

    if not sys.stdout.isatty():
        return Style()
    colour = not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    return Style(colour=colour, width=shutil.get_terminal_size().columns)


def can_show_blocks() -> bool:
    """Say whether the terminal can show more than ASCII."""
    from .text_style import uses_utf8

    return uses_utf8(os.environ, sys.stdout.encoding or "")

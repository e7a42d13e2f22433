"""The terminal that a command runs at: what it is like, complaints beside the answer, and the end of the process."""

from __future__ import annotations

import contextlib
import os
import sys

from ..fast_start.typing_names import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from .text_style import Style


def complain(text: str) -> None:
    """Say a line to whoever called, apart from what the command prints as its answer.

    What a terminal would obey becomes a question mark: a file, an argument or a peer may hold anything.
    """
    lines = text.split("\n")
    try:
        from .text_style import printable

        shown = "\n".join(map(printable, lines))
    except OSError:
        # No descriptor is to be had.
        shown = "\n".join(map(ascii, lines))
    sys.stderr.write(f"iot-onboard: {shown}\n")


def leave(code: int) -> NoReturn:
    """End the process as it stands.

    A job may still run on the worker thread. Python tears itself down beside it, and when the job comes back from a
    system call in the middle of that, the process dies of SIGSEGV (seen with 3.11, in one stop out of thirty).
    """
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)


def style() -> Style:
    """Return how the terminal wants its text, plain where there is none (NO_COLOR: no-color.org)."""
    # Imported here: the daemon prints nothing for people.
    import shutil

    from .text_style import Style

    if not sys.stdout.isatty():
        return Style()
    colour = not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    return Style(colour=colour, width=shutil.get_terminal_size().columns)


def draws_blocks() -> bool:
    """Say whether what we print to shows more than ASCII."""
    from .text_style import says_utf8

    return says_utf8(os.environ, sys.stdout.encoding or "")

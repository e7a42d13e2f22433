"""What the terminal is like that a command prints to."""

from __future__ import annotations

import os
import shutil
import sys

from .text_style import Style, says_utf8


def style() -> Style:
    """Return how the terminal wants its text, plain where there is none (NO_COLOR: no-color.org)."""
    if not sys.stdout.isatty():
        return Style()
    colour = not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    return Style(colour=colour, width=shutil.get_terminal_size().columns)


def draws_blocks() -> bool:
    """Say whether what we print to shows more than ASCII."""
    return says_utf8(os.environ, sys.stdout.encoding or "")

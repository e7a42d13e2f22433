"""The names that annotations alone use, without `typing`: 2 of the 50 ms of a start on Debian 12.

Where another library brings it (Paho 2 does) nothing is saved, and nothing lost. Type checkers are shown the real ones.
"""

from __future__ import annotations

TYPE_CHECKING = False

if TYPE_CHECKING:
    from typing import Any, NoReturn, TextIO
else:
    Any = NoReturn = TextIO = object

__all__ = ["TYPE_CHECKING", "Any", "NoReturn", "TextIO"]

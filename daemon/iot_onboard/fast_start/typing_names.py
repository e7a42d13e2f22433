"""Names that only annotations use, without the import of `typing`: 2 of the 50 ms of a start on Debian 12.

If another library imports `typing` (Paho 2 does), nothing is saved. Type checkers see the real names.
"""

from __future__ import annotations

TYPE_CHECKING = False

if TYPE_CHECKING:
    from typing import Any, NoReturn, TextIO
else:
    Any = NoReturn = TextIO = object

__all__ = ["TYPE_CHECKING", "Any", "NoReturn", "TextIO"]

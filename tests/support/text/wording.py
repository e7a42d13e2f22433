"""Find the commands that a document tells its readers to type."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator

_LINE = re.compile(r"^\s*(?:\$ )?(?:sudo )?(iot-onboard (?!iot-onboard/)[^\n]*)$", re.MULTILINE)
_INLINE = re.compile(r"`(?:sudo )?(iot-onboard [^`\n]+)`")


def commands_in(text: str) -> Iterator[list[str]]:
    """Yield the words after `iot-onboard` of each line of code, and of code within a sentence.

    What follows a comment sign, two blanks, a pipe or a redirection is not the command's.
    """
    text = re.sub(r"\\\n\s*", " ", text)
    for found in (*_LINE.findall(text), *_INLINE.findall(text)):
        command = re.split(r"\s+#|  +|\s*[|<>;&]", str(found))[0]
        if not command.endswith((":", ".")):
            yield shlex.split(command)[1:]

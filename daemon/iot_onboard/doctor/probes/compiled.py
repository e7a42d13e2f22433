"""Read compiled Python files as Python does, and find damaged ones; a separate program, because it may crash.

A damaged file can end Python by a signal. So this runs in a process of its own, names each file before it reads it, and
imports nothing of this package.
"""

import marshal
import os
import sys
from importlib.util import MAGIC_NUMBER, cache_from_source, find_spec
from pathlib import Path

_HEADER = 16
_LIBRARIES = ("paho", "yaml", "requests", "urllib3", "certifi", "idna", "charset_normalizer", "systemd")
# The parts of the standard library that a start may read.
_PARTS = ("", "collections", "concurrent", "email", "encodings", "http", "importlib", "json", "urllib")


def directories(own: str) -> list[str]:
    """Return the directories of the package's modules, of the libraries and of Python."""
    found = [path for path, _, _ in os.walk(own)]
    for name in _LIBRARIES:
        spec = find_spec(name)
        for place in (spec.submodule_search_locations or ()) if spec else ():
            found += [path for path, _, _ in os.walk(place)]
    return found + [str(Path(os.__file__).parent / part) for part in _PARTS]


def is_whole(source: str) -> bool:
    """Say whether Python can load a source's compiled file; one that Python would compile again is not damaged."""
    try:
        found = Path(source).stat()
        data = Path(cache_from_source(source)).read_bytes()
    except OSError:
        return True
    fresh = int(found.st_mtime).to_bytes(8, "little")[:4] + found.st_size.to_bytes(8, "little")[:4]
    if data[:8] != MAGIC_NUMBER + bytes(4) or data[8:_HEADER] != fresh:
        return True
    try:
        # Python itself would load it in the same way, with the same rights.
        return type(marshal.loads(data[_HEADER:])) is type(is_whole.__code__)  # noqa: S302
    except (EOFError, ValueError, TypeError, MemoryError):
        return False


def main(own: str) -> None:
    """Print the name of each compiled file, and after it whether it is whole."""
    for directory in directories(own):
        for path in sorted(Path(directory).glob("*.py")):
            sys.stdout.write(cache_from_source(str(path)) + "\n")
            sys.stdout.flush()
            sys.stdout.write("whole\n" if is_whole(str(path)) else "damaged\n")


def damaged_of(output: str) -> tuple[str, ...]:
    """Return the damaged files from the output of `main`, with a file that it did not read to the end."""
    lines = output.splitlines()
    words = [*lines[1::2], "damaged"]
    return tuple(path for path, word in zip(lines[::2], words, strict=False) if word != "whole")


if __name__ == "__main__":
    main(sys.argv[1])

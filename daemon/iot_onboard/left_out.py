"""Keep a library from importing what it has no use for here."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType


@contextmanager
def left_out(name: str) -> Iterator[None]:
    """Let imports in this block find an empty module of that name; whoever imports it later gets the real one.

    Where the real one is there already it stays. For the time before threads: the name is everybody's meanwhile.
    """
    if name in sys.modules:
        yield
        return
    sys.modules[name] = ModuleType(name)
    try:
        yield
    finally:
        del sys.modules[name]

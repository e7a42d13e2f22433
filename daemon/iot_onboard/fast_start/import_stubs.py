"""Keep a library from importing what it has no use for here."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType


@contextmanager
def import_stub(name: str, **attributes: object) -> Iterator[None]:
    """Let imports in this block find a module of that name with these attributes alone.

    Whoever imports it later gets the real one; where that is there already it stays. For the time before threads: the
    name is everybody's meanwhile.
    """
    if name in sys.modules:
        yield
        return
    stand_in = ModuleType(name)
    vars(stand_in).update(attributes)
    sys.modules[name] = stand_in
    try:
        yield
    finally:
        del sys.modules[name]

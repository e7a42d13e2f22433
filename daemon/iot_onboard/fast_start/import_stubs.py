"""Keep a library from importing modules that it does not use here."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType


@contextmanager
def import_stub(name: str, **attributes: object) -> Iterator[None]:
    """Let imports in this block find a module of that name that has only these attributes.

    Later imports get the real module; if that is loaded already, it stays. Use it before other threads run: the stub is
    visible to all of them.
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

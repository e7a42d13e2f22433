"""Records: the standard frozen `dataclass` with slots, without its cost at a start.

The standard module imports inspect (and with it ast, dis and tokenize) and compiles the methods for every class; here
all classes share them. Type checkers see the standard one, and a test compares the behaviour of both. Code that needs
more (`field`, `fields`, a record that changes) uses the standard one, in modules that a start does not load.
"""

from __future__ import annotations

from collections.abc import Callable

from .typing_names import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from dataclasses import dataclass, replace
else:

    def dataclass(*, frozen: bool, slots: bool, kw_only: bool = False) -> Callable[[type], type]:
        """Make a class a record; what it defines itself stays."""
        return lambda cls: _record(cls, frozen and slots, kw_only)

    def replace(record: Any, /, **changes: Any) -> Any:
        """Return a copy with some fields changed."""
        return type(record)(**as_dict(record) | changes)


def as_dict(record: Any) -> dict[str, Any]:
    """Return the fields of a record by name, not copied; works for records of the standard module too."""
    return {name: getattr(record, name) for name in record.__slots__}


def _record(cls: type, frozen: bool, kw_only: bool) -> type:
    names = tuple(cls.__annotations__)
    body = {name: value for name, value in vars(cls).items() if name not in {"__dict__", "__weakref__"}}
    defaults = {name: body.pop(name) for name in names if name in body}
    if not frozen or "__post_init__" in body:
        raise TypeError("a record is frozen, has slots and no __post_init__")
    body |= {"__qualname__": cls.__qualname__, "__slots__": names, "__match_args__": () if kw_only else names}
    # Python refuses a record among the bases, because `_Record` stands before it.
    bases = (_Record, *(base for base in cls.__bases__ if base is not object))
    return type(cls.__name__, bases, {**body, "_defaults": defaults})


class _Record:
    """Provide for all records the methods that the standard module generates for each."""

    __slots__ = ()

    def __init__(self, *positional: Any, **named: Any) -> None:
        cls: Any = type(self)
        passed = {**dict(zip(cls.__match_args__, positional, strict=False)), **named}
        values = {**cls._defaults, **passed}
        if len(passed) < len(positional) + len(named) or values.keys() != set(cls.__slots__):
            counts = f"{len(positional)} by position and {', '.join(named) or 'none'} by name"
            raise TypeError(f"{cls.__name__} has the fields {', '.join(cls.__slots__)}; given are {counts}")
        for name, value in values.items():
            object.__setattr__(self, name, value)

    def __eq__(self, other: object) -> Any:
        return as_dict(self) == as_dict(other) if other.__class__ is self.__class__ else NotImplemented

    def __hash__(self) -> int:
        return hash(tuple(as_dict(self).values()))

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}={value!r}" for name, value in as_dict(self).items())
        return f"{type(self).__qualname__}({shown})"

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"cannot change {name!r} of the record {type(self).__name__}")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"cannot delete {name!r} of the record {type(self).__name__}")


__all__ = ["as_dict", "dataclass", "replace"]

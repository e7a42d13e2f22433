"""Records: the standard `dataclass` with slots, without what it costs a start.

The standard module imports inspect (and with that ast, dis and tokenize) and compiles the methods of every class anew;
here all classes share theirs. Type checkers are shown the standard one, and the tests hold both to the same behaviour.
`dataclasses.replace`, `fields` and `asdict` take these records too, and pay for the import then.
"""

from __future__ import annotations

from collections.abc import Callable

from .typing_names import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dataclasses import dataclass, field, replace
else:

    def field(**options: Any) -> Any:
        """Describe one field: `default`, `default_factory`, `metadata`, and whether `repr` shows it."""
        return _Described(**options)

    def dataclass(
        *, slots: bool, frozen: bool = False, kw_only: bool = False, eq: bool = True
    ) -> Callable[[type], type]:
        """Make a class a record; what it defines itself stays."""
        if not slots:
            raise TypeError("a record has slots")
        return lambda cls: _record(cls, frozen=frozen, kw_only=kw_only, eq=eq)

    def replace(record: Any, **changes: Any) -> Any:
        """Return a copy with some fields changed."""
        return type(record)(**as_dict(record) | changes)


def as_dict(record: object) -> dict[str, Any]:
    """Return the fields of a record by name, as they are."""
    names: tuple[str, ...] = type(record).__slots__  # type: ignore[attr-defined]  # every record of ours has them
    return {name: getattr(record, name) for name in names}


_NONE = object()


class _Described:
    """Hold what `field` says of one field."""

    __slots__ = ("default", "default_factory", "metadata", "repr")

    def __init__(
        self,
        *,
        default: Any = _NONE,
        default_factory: Any = _NONE,
        metadata: Any = _NONE,
        repr: bool = True,  # noqa: A002 - the standard one's name
    ) -> None:
        self.default, self.default_factory, self.metadata, self.repr = default, default_factory, metadata, repr


def _record(cls: type, *, frozen: bool, kw_only: bool, eq: bool) -> type:
    own = {name: value for name, value in vars(cls).items() if name not in {"__dict__", "__weakref__"}}
    if "__post_init__" in own or any(hasattr(base, "__described__") for base in cls.__bases__):
        raise TypeError("a record has no __post_init__, and no record below it")
    names = tuple(own.get("__annotations__") or cls.__annotations__)
    described = {name: _described(own.pop(name)) for name in names if name in own}
    methods: dict[str, Any] = {"__init__": _init, "__repr__": _repr}
    if eq:
        methods |= {"__eq__": _eq, "__hash__": _hash if frozen else None}
    if frozen:
        methods |= {"__setattr__": _refuse, "__delattr__": _refuse, "__setstate__": _set_state}
    made = type(cls)(
        cls.__name__,
        cls.__bases__,
        {
            **methods,
            **own,
            "__slots__": names,
            "__match_args__": () if kw_only else names,
            "__described__": described,
            "__dataclass_fields__": _FIELDS,
            "__signature__": _SIGNATURE,
        },
    )
    made.__qualname__ = cls.__qualname__
    return made


def _described(default: Any) -> Any:
    return default if isinstance(default, _Described) else _Described(default=default)


def _init(self: Any, *values: Any, **given: Any) -> None:
    cls = type(self)
    if len(values) > len(cls.__match_args__):
        raise TypeError(f"{cls.__name__} takes {len(cls.__match_args__)} values without a name, not {len(values)}")
    for name, value in zip(cls.__match_args__, values, strict=False):
        if name in given:
            raise TypeError(f"{cls.__name__} is given {name} twice")
        given[name] = value
    for name in cls.__slots__:
        object.__setattr__(self, name, given.pop(name) if name in given else _default(cls, name))
    if given:
        raise TypeError(f"{cls.__name__} has no field {', '.join(given)}")


def _default(cls: Any, name: str) -> Any:
    described = cls.__described__.get(name)
    if described is not None and described.default_factory is not _NONE:
        return described.default_factory()
    if described is None or described.default is _NONE:
        raise TypeError(f"{cls.__name__} wants {name}")
    return described.default


def _values(record: Any) -> tuple[Any, ...]:
    return tuple(getattr(record, name) for name in record.__slots__)


def _eq(self: Any, other: object) -> Any:
    return _values(self) == _values(other) if other.__class__ is self.__class__ else NotImplemented


def _hash(self: Any) -> int:
    return hash(_values(self))


def _repr(self: Any) -> str:
    described = self.__described__
    shown = (name for name in self.__slots__ if name not in described or described[name].repr)
    return f"{type(self).__qualname__}({', '.join(f'{name}={getattr(self, name)!r}' for name in shown)})"


def _refuse(self: Any, name: str, *_: object) -> None:
    from dataclasses import FrozenInstanceError

    raise FrozenInstanceError(f"cannot change field {name!r} of {type(self).__name__}")


def _set_state(self: Any, state: tuple[None, dict[str, Any]]) -> None:
    # For copies: the usual way is by assignment, which is refused.
    for name, value in state[1].items():
        object.__setattr__(self, name, value)


class _Lazily:
    """Answer for the standard library, dataclasses and inspect, as a standard twin of the record would."""

    def __init__(self, of_twin: Callable[[type], object]) -> None:
        self._of_twin = of_twin

    def __get__(self, _: object, cls: Any) -> object:
        import dataclasses

        def standard(described: Any) -> Any:
            options = {} if described is None else {name: getattr(described, name) for name in described.__slots__}
            return dataclasses.field(**{name: value for name, value in options.items() if value is not _NONE})

        shapes = [(name, cls.__annotations__[name], standard(cls.__described__.get(name))) for name in cls.__slots__]
        return self._of_twin(dataclasses.make_dataclass(cls.__name__, shapes, kw_only=not cls.__match_args__))


def _fields(twin: type) -> object:
    return vars(twin)["__dataclass_fields__"]


def _signature(twin: type) -> object:
    import inspect

    return inspect.signature(twin)


_FIELDS, _SIGNATURE = _Lazily(_fields), _Lazily(_signature)

__all__ = ["as_dict", "dataclass", "field", "replace"]

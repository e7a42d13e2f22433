"""Our records and the standard dataclasses are alike in all that we use."""

from __future__ import annotations

import copy
import dataclasses
import inspect
from collections.abc import Callable
from functools import partial
from typing import Any, Generic, TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iot_onboard.fast_start import fast_dataclasses as records

T = TypeVar("T")
# Not NaN: since Python 3.13 a record that holds the very same one is no longer equal.
VALUES = st.one_of(st.integers(), st.text(max_size=3), st.none(), st.tuples(st.integers()))
Maker = Callable[..., Any]


def makers(**options: Any) -> tuple[type[Any], type[Any]]:
    """The same class by us and by the standard module."""

    def made(dataclass: Any, field: Any) -> type[Any]:
        @dataclass(slots=True, **options)
        class Thing:
            """A thing."""

            first: object
            second: object = "two"
            third: object = field(default_factory=tuple)
            hidden: object = field(default=0, repr=False, metadata={"means": "nothing"})

            def method(self) -> object:
                return self.first

        return Thing

    return made(records.dataclass, records.field), made(dataclasses.dataclass, dataclasses.field)


OPTIONS = [
    {"frozen": frozen, "kw_only": kw_only, "eq": eq}
    for frozen in (True, False)
    for kw_only in (True, False)
    for eq in (True, False)
]
each = pytest.mark.parametrize("options", OPTIONS, ids=str)


def outcome(act: Callable[[], object]) -> object:
    """What comes out, or the kind of error."""
    try:
        return act()
    except Exception as error:
        return type(error)


def shown_as(made: Maker, positional: list[object], named: dict[str, object]) -> str:
    return repr(made(*positional, **named))


def refused(attempt: Callable[[], object]) -> bool:
    try:
        attempt()
    except (AttributeError, TypeError):
        # The standard one, frozen and with slots, answers a name that is no field with a TypeError of its own making.
        return True
    return False


@each
@given(
    positional=st.lists(VALUES, max_size=5),
    named=st.dictionaries(st.sampled_from(["first", "second", "third", "hidden", "fifth"]), VALUES),
)
def test_a_record_takes_and_shows_what_a_dataclass_does(
    options: dict[str, bool], positional: list[object], named: dict[str, object]
) -> None:
    """Whatever is given, by place or by name: the same values, the same repr, or the same kind of error."""
    shown = [outcome(partial(shown_as, made, positional, named)) for made in makers(**options)]
    assert shown[0] == shown[1]


@each
@given(one=VALUES, other=VALUES)
def test_records_are_equal_as_dataclasses_are(options: dict[str, bool], one: object, other: object) -> None:
    """Equal values make equal records; another class never does; what can be hashed can be hashed."""

    def told(made: Maker) -> list[object]:
        left, right = made(first=one), made(first=other)
        same_hash = outcome(lambda: hash(left) == hash(made(first=one)))
        return [left == left, left == right, left != right, left == one, left == object(), same_hash]

    ours, standard = makers(**options)
    assert told(ours) == told(standard)
    assert ours(first=one) != standard(first=one)


@each
def test_records_change_as_dataclasses_do(options: dict[str, bool]) -> None:
    """A frozen one refuses, with the standard error; another takes it; a name that is no field nobody takes."""
    ours, standard = (
        [
            refused(attempt)
            for thing in (made(first=1) for _ in range(2))
            for name in ("first", "none_such")
            for attempt in (partial(setattr, thing, name, 2), partial(delattr, thing, name))
        ]
        for made in makers(**options)
    )
    assert ours == standard
    if options["frozen"]:
        with pytest.raises(dataclasses.FrozenInstanceError):
            makers(**options)[0](first=1).first = 2


@each
def test_records_are_matched_copied_and_replaced_as_dataclasses_are(options: dict[str, bool]) -> None:
    """By our own replace and by the standard module's functions."""
    ours, standard = makers(**options)
    assert ours.__match_args__ == standard.__match_args__
    assert ours.__doc__ == standard.__doc__
    assert ours.__qualname__ == standard.__qualname__
    assert not hasattr(ours(first=1), "__dict__")
    thing = ours(first=1, hidden=3)
    changed = records.replace(thing, second=5)
    assert (changed.first, changed.second, changed.hidden, changed.method()) == (1, 5, 3, 1)
    assert repr(dataclasses.replace(thing, second=5)) == repr(changed)
    assert dataclasses.asdict(thing) == dataclasses.asdict(standard(first=1, hidden=3)) == records.as_dict(thing)
    shape = [
        (f.name, f.default, f.default_factory, f.kw_only, f.type, dict(f.metadata)) for f in dataclasses.fields(ours)
    ]
    assert shape == [
        (f.name, f.default, f.default_factory, f.kw_only, f.type, dict(f.metadata))
        for f in dataclasses.fields(standard)
    ]
    assert repr(copy.copy(thing)) == repr(copy.deepcopy(thing)) == repr(thing)
    assert str(inspect.signature(ours)) == str(inspect.signature(standard))
    with pytest.raises(TypeError):
        records.replace(thing, fourth=1)


def test_a_record_can_be_generic() -> None:
    """A base without fields does no harm."""

    @records.dataclass(frozen=True, slots=True, kw_only=True)
    class Box(Generic[T]):
        content: T

    assert Box[int](content=1) == Box(content=1)


def test_what_a_record_cannot_do_is_refused_where_it_is_written() -> None:
    """Fields of a base, __post_init__ and classes without slots would quietly not work."""

    @records.dataclass(slots=True)
    class Base:
        one: int

    with pytest.raises(TypeError):

        @records.dataclass(slots=True)
        class Derived(Base):
            two: int

    with pytest.raises(TypeError):

        @records.dataclass(slots=True)
        class Busy:
            one: int

            def __post_init__(self) -> None: ...

    with pytest.raises(TypeError):
        records.dataclass(slots=False)

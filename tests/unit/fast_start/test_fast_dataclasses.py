"""Our records and the standard dataclasses are alike in all that we use."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from functools import partial
from typing import Any, Generic, TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iot_onboard.fast_start import fast_dataclasses

T = TypeVar("T")
# Not NaN: since Python 3.13 a record that holds the very same one is no longer equal.
VALUES = st.one_of(st.integers(), st.text(max_size=3), st.none(), st.tuples(st.integers()), st.lists(st.integers()))
Maker = Callable[..., Any]


def makers(*, kw_only: bool) -> tuple[type[Any], type[Any]]:
    """The same class by us and by the standard module."""

    def made(dataclass: Any) -> type[Any]:
        @dataclass(frozen=True, slots=True, kw_only=kw_only)
        class Thing:
            """A thing."""

            first: object
            second: object = "two"
            third: object = ()

            def method(self) -> object:
                return self.first

        return Thing

    return made(fast_dataclasses.dataclass), made(dataclasses.dataclass)


each = pytest.mark.parametrize("kw_only", [False, True])


def outcome(act: Callable[[], object]) -> object:
    """What comes out, or the kind of error."""
    try:
        return act()
    except Exception as error:
        return type(error)


def shown_as(made: Maker, positional: list[object], named: dict[str, object]) -> str:
    return repr(made(*positional, **named))


@each
@given(
    positional=st.lists(VALUES, max_size=4),
    named=st.dictionaries(st.sampled_from(["first", "second", "third", "fourth"]), VALUES),
)
def test_a_record_takes_and_shows_what_a_dataclass_does(
    kw_only: bool, positional: list[object], named: dict[str, object]
) -> None:
    """Whatever is given, by place or by name: the same values, the same repr, or the same kind of error."""
    ours, standard = (outcome(partial(shown_as, made, positional, named)) for made in makers(kw_only=kw_only))
    assert ours == standard


def test_a_mistake_is_explained_without_the_values() -> None:
    """It names the fields; a value may be a secret."""
    made, _ = makers(kw_only=False)
    with pytest.raises(
        TypeError, match=r"Thing has the fields first, second, third; .* 1 by .* and first by"
    ) as caught:
        made("hunter2", first="hunter2")
    assert "hunter2" not in str(caught.value)


@each
@given(one=VALUES, other=VALUES)
def test_records_are_equal_as_dataclasses_are(kw_only: bool, one: object, other: object) -> None:
    """Equal values make equal records; another class never does; what can be hashed can be hashed."""

    def compared(made: Maker) -> list[object]:
        left, right = made(first=one), made(first=other)
        same_hash = outcome(lambda: hash(left) == hash(made(first=one)))
        return [left == left, left == right, left != right, left == one, left == object(), same_hash]

    ours, standard = makers(kw_only=kw_only)
    assert compared(ours) == compared(standard)
    assert ours(first=one) != standard(first=one)
    assert ours(first=one) != makers(kw_only=kw_only)[0](first=one)


def refused(attempt: Callable[[], object]) -> bool:
    try:
        attempt()
    except (AttributeError, TypeError):
        # The standard one answers a name that is no field with a TypeError of its own making.
        return True
    return False


@each
def test_records_refuse_to_change_as_dataclasses_do(kw_only: bool) -> None:
    """Neither a field nor a name that is none, neither set nor deleted."""
    for made in makers(kw_only=kw_only):
        thing = made(first=1)
        for name in ("first", "none_such"):
            assert refused(partial(setattr, thing, name, 2))
            assert refused(partial(delattr, thing, name))
        assert thing == made(first=1)
        assert not hasattr(thing, "__dict__")


@each
def test_records_are_matched_replaced_and_listed_as_dataclasses_are(kw_only: bool) -> None:
    """By our own functions, which take both kinds."""
    ours, standard = makers(kw_only=kw_only)
    for attribute in ("__match_args__", "__slots__", "__doc__", "__qualname__", "__module__"):
        assert getattr(ours, attribute) == getattr(standard, attribute)
    expected = dataclasses.replace(standard(first=1, third=3), second=5)
    for made in (ours, standard):
        changed = fast_dataclasses.replace(made(first=1, third=3), second=5)
        assert (repr(changed), changed.method()) == (repr(expected), 1)
        assert fast_dataclasses.as_dict(changed) == dataclasses.asdict(expected)
        with pytest.raises(TypeError):
            fast_dataclasses.replace(changed, fourth=1)


def test_a_record_can_be_generic() -> None:
    """A base without fields does no harm."""

    @fast_dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
    class Box(Generic[T]):
        content: T

    assert Box[int](content=1) == Box(content=1)


def test_what_a_class_defines_itself_stays() -> None:
    """A record that has a secret shows what it likes."""

    @fast_dataclasses.dataclass(frozen=True, slots=True)
    class Shy:
        value: str

        def __repr__(self) -> str:
            return "Shy"

    assert (repr(Shy("x")), str(Shy("x"))) == ("Shy", "Shy")


def test_what_a_record_cannot_do_is_refused_where_it_is_written() -> None:
    """Fields of a base, __post_init__, and classes that change or have no slots would quietly not work."""

    @fast_dataclasses.dataclass(frozen=True, slots=True)
    class Base:
        one: int

    with pytest.raises(TypeError):

        @fast_dataclasses.dataclass(frozen=True, slots=True)
        class Derived(Base):
            two: int

    with pytest.raises(TypeError):

        @fast_dataclasses.dataclass(frozen=True, slots=True)
        class Busy:
            one: int

            def __post_init__(self) -> None: ...

    for options in ({"frozen": False, "slots": True}, {"frozen": True, "slots": False}):
        with pytest.raises(TypeError):
            fast_dataclasses.dataclass(**options)(type("Plain", (), {"__annotations__": {}}))

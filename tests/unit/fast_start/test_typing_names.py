"""The names of annotations, without `typing`."""

from __future__ import annotations

from iot_onboard.fast_start import typing_names


def test_a_type_checker_sees_the_real_ones_and_a_start_none() -> None:
    """`TYPE_CHECKING` is what the interpreter goes by: blocks for type checkers alone are passed over."""
    assert typing_names.TYPE_CHECKING is False
    assert "typing" not in vars(typing_names)


def test_every_name_is_there() -> None:
    """What is imported from here can be named in an annotation that somebody does look at."""
    for name in typing_names.__all__:
        assert hasattr(typing_names, name)
    assert isinstance("anything", typing_names.Any)

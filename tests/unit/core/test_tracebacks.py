"""Where an exception came from, without what it holds."""

from __future__ import annotations

from iot_onboard.core.tracebacks import innermost_frame


def raises() -> None:
    raise ValueError("hunter2")


def test_the_innermost_frame() -> None:
    """The module and line of whoever raised, not of whoever called."""
    try:
        raises()
    except ValueError as error:
        frame = innermost_frame(error)
    assert frame == f"{__name__}:{raises.__code__.co_firstlineno + 1}"


def test_an_exception_that_was_never_raised() -> None:
    """Has no place."""
    assert innermost_frame(ValueError("hunter2")) == "unknown"


def test_code_without_a_module() -> None:
    """As `exec` makes it."""
    try:
        exec("1 / 0", {"__builtins__": {}})
    except ZeroDivisionError as error:
        frame = innermost_frame(error)
    assert frame == "?:1"

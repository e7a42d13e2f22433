"""Failures are values, and one exception carries them."""

from __future__ import annotations

import errno
import os
import re
import ssl

import pytest

from iot_onboard.core.failures import (
    Cause,
    Misconfigured,
    OnboardError,
    Transient,
    defect_failure,
    is_temporary,
    local_fault,
)


@pytest.mark.parametrize("cause", Cause)
def test_the_slug_is_a_word_for_a_command_line(cause: Cause) -> None:
    """What `iot-onboard explain` takes without quotes."""
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", cause.slug)


def test_slugs_differ() -> None:
    """Each leads to one cause."""
    assert len({cause.slug for cause in Cause}) == len(Cause)
    assert Cause.NAME_LOOKUP.slug == "name-lookup"


def test_the_exception_says_the_detail_and_carries_the_value() -> None:
    """The cure is not in its text: whoever shows it decides."""
    failure = Misconfigured(detail="no product secret", cure="write it")
    error = OnboardError(failure)
    assert str(error) == "no product secret"
    assert error.failure is failure


def test_a_transient_failure_leaves_the_cure_to_its_cause() -> None:
    """Unless it knows better."""
    failure = Transient(cause=Cause.NETWORK, detail="gone")
    assert (failure.cure, failure.code, failure.slow) == ("", None, False)


def test_what_nobody_foresaw_passes_slowly() -> None:
    """It names the place, and waits at the long end."""
    failure = defect_failure("ValueError at iot_onboard.net.https:70")
    assert failure == Transient(
        cause=Cause.DEFECT, detail="internal error: ValueError at iot_onboard.net.https:70", slow=True
    )


@pytest.mark.parametrize("number", [errno.EIO, errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EAGAIN, errno.ESTALE])
def test_a_shortage_passes(number: int) -> None:
    """What this machine is short of now it may have a moment later."""
    assert is_temporary(OSError(number, os.strerror(number)))
    assert is_temporary(MemoryError())
    assert is_temporary(RuntimeError("can't start new thread"))


@pytest.mark.parametrize("number", [errno.ENOENT, errno.EACCES, errno.EROFS, errno.ENOSPC, errno.ELOOP, errno.EISDIR])
def test_what_somebody_has_to_mend_lasts(number: int) -> None:
    """Waiting brings no file, no right and no room; nor does it mend a defect, or what OpenSSL calls 5."""
    assert not is_temporary(OSError(number, os.strerror(number)))
    assert not is_temporary(RuntimeError("a defect"))
    assert not is_temporary(ssl.SSLError(5, "syscall"))


def test_a_local_fault_says_what_and_why() -> None:
    """In the words of the system, and it is waited for."""
    failure = local_fault("the file x cannot be read", OSError(errno.EMFILE, "Too many open files")).failure
    assert failure == Transient(cause=Cause.LOCAL, detail="the file x cannot be read: Too many open files")
    assert "no memory" in str(local_fault("x", MemoryError()))

"""A secret does not show itself."""

from __future__ import annotations

import pickle
from dataclasses import dataclass

import pytest

from iot_onboard.core.secret import Secret


@dataclass(frozen=True)
class Holder:
    secret: Secret


def test_masked_everywhere() -> None:
    """repr, str, format and a record around it show stars."""
    secret = Secret("hunter2hunter2")
    for text in (repr(secret), str(secret), f"{secret}", f"{secret!r}", repr(Holder(secret)), "%s" % secret):  # noqa: UP031 - one of the ways
        assert "hunter2" not in text
    assert secret.reveal() == "hunter2hunter2"


def test_equality_and_emptiness() -> None:
    """Equal by value; empty is refused; pickling is refused."""
    assert Secret("a") == Secret("a") != Secret("b")
    assert Secret("a") != "a"
    with pytest.raises(ValueError, match="empty"):
        Secret("")
    with pytest.raises(TypeError, match="pickled"):
        pickle.dumps(Secret("a"))

"""A secret does not show itself."""

from __future__ import annotations

import pickle
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iot_onboard.core.secret import KnownSecrets, Secret


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


SECRET = "s3cr3tS3CR3T"


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        ("who s3cr3tS3CR3T?", "who [secret]?"),
        (b"who s3cr3tS3CR3T\xff", "who [secret]\ufffd"),
        ("czNjcjN0UzNDUjNU", "[secret]"),
        ("s3cr3t\0S3CR3T", "[secret]"),
        ("s3cr3t\u200bS3CR3T \x1b[2J", "[secret] [2J"),
        ("x" * 115 + SECRET, "x" * 115 + "[secr"),
        ("x" * 1995 + SECRET, "x" * 120),
        ("%2525252525" * 200 + "73" + SECRET, "%2525252525" * 10 + "%252525252"),
    ],
)
def test_what_somebody_says_is_shown_without_secrets(words: str | bytes, shown: str) -> None:
    """Covered before it is cut, and after what parts a secret has gone."""
    assert KnownSecrets(Secret(SECRET), None).shown(words, 120) == shown


def test_secrets_are_added_and_never_forgotten() -> None:
    """An old one is a secret, too."""
    known = KnownSecrets()
    assert known.shown("old1 new2", 120) == "old1 new2"
    known.add(Secret("old1"), None)
    known.add(Secret("new2"))
    assert known.shown("old1 new2", 120) == "[secret] [secret]"
    assert "old1" not in repr(known)


def test_what_is_made_anew_each_time_is_known_until_the_next() -> None:
    """However often, there is one of it."""
    known = KnownSecrets(Secret("always"))
    known.add_for_now(Secret("first"))
    assert known.shown("always first", 120) == "[secret] [secret]"
    known.add_for_now(Secret("second"))
    assert known.shown("always first second", 120) == "[secret] first [secret]"


@given(st.text(max_size=300), st.text(max_size=300), st.integers(0, 200))
def test_no_piece_of_a_secret_is_shown(before: str, after: str, most: int) -> None:
    """Wherever it stands, and wherever the cut falls."""
    shown = KnownSecrets(Secret(SECRET)).shown(before + SECRET + after, most)
    assert len(shown) <= most
    assert shown.isprintable()
    assert "s3cr" not in shown.replace(before, "")


def test_the_secrets_of_sub_devices_are_shown_as_little() -> None:
    """There may be thousands; the gateway's own stays covered in every form."""
    known = KnownSecrets(Secret(SECRET))
    many = [f"meterSecret{number:021}" for number in range(2000)]
    known.add_many(Secret(secret) for secret in many)
    words = f"{many[0]} {SECRET} {many[1999]}"
    assert known.shown(words, 120) == "[secret] [secret] [secret]"
    assert many[0] not in repr(known)

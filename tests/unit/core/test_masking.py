"""No known secret is left in a text, in whatever form it stood."""

from __future__ import annotations

import time
import unicodedata

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from iot_onboard.core.masking import MASK, MAX_SECRETS, MIN_BYTES, SecretMasker, most_likely
from support.text.forms import ENCODED, WRITTEN, slips, traces

# Without what the cover itself is made of.
CHARACTERS = [c for c in map(chr, range(33, 0x300)) if c not in "[]" and unicodedata.category(c) != "Cc"]
SECRETS = st.text(CHARACTERS, min_size=5, max_size=40).filter(lambda secret: secret not in MASK.decode())
SURROUNDINGS = st.binary(max_size=20)


@pytest.mark.parametrize("form", WRITTEN)
@given(secret=SECRETS, before=SURROUNDINGS, after=SURROUNDINGS)
def test_a_written_secret(form: str, secret: str, before: bytes, after: bytes) -> None:
    """Covered wherever it stands, once and for all."""
    written = WRITTEN[form](secret)
    assert written not in SecretMasker([secret]).mask(before + b" " + written + b" " + after + written)


@pytest.mark.parametrize("form", ENCODED)
@given(secret=SECRETS, before=SURROUNDINGS, after=SURROUNDINGS)
def test_an_encoded_secret(form: str, secret: str, before: bytes, after: bytes) -> None:
    """Whatever was encoded with it, and wherever in a line: none of its own digits stays."""
    cleaned = SecretMasker([secret]).mask(b"x " + ENCODED[form](before + secret.encode() + after) + b" x")
    assert not any(trace in cleaned.replace(b"\n", b"") for trace in traces(secret))


@given(st.lists(SECRETS, min_size=2, max_size=4))
def test_many_secrets(secrets: list[str]) -> None:
    """One may hold another, and they may stand side by side."""
    secrets.append(secrets[0] + secrets[1])
    text = b" ".join(slip for secret in secrets for slip in slips(secret))
    cleaned = SecretMasker(secrets).mask(text)
    assert not any(trace in cleaned for secret in secrets for trace in traces(secret))


@given(SECRETS, st.text(max_size=200))
def test_other_text_stays(secret: str, text: str) -> None:
    """Where none of its forms stands, nothing is changed."""
    data = text.encode("utf-8", "surrogatepass")
    lowered = data.lower()
    assume(not any(trace.lower()[:4] in lowered for trace in traces(secret)))
    assert SecretMasker([secret]).mask(data) == data


def test_lines_stay_lines() -> None:
    """A covered secret takes no line end with it."""
    lines = b"one\ns3cr3tS3CR3T\nczNjcjN0UzNDUjNU\ntwo\n"
    assert SecretMasker(["s3cr3tS3CR3T"]).mask(lines) == b"one\n[secret]\n[secret]\ntwo\n"


def test_what_is_too_short_hides_nothing() -> None:
    """It would cover parts of other words all over."""
    assert SecretMasker(["a" * (MIN_BYTES - 1), ""]).mask(b"aaaa bbbb") == b"aaaa bbbb"
    assert SecretMasker(["a" * MIN_BYTES]).mask(b"aaaa bbbb") == b"[secret] bbbb"


def test_rubbish_does_not_push_out_a_secret() -> None:
    """Of ten thousand words those are looked for that look like a secret of the platform's, in bounded time."""
    secret = "ffFnFlKQW3HYjjPR"
    words = [f"rubbish,{number}" for number in range(10_000)] + ["x" * 200_000]
    began = time.process_time()
    masker = SecretMasker([*words, secret])
    assert secret.encode() not in masker.mask(b"a" * 200_000 + secret.encode())
    assert masker.omitted == len(words) + 1 - MAX_SECRETS
    assert time.process_time() - began < 10


@given(st.lists(st.text(max_size=40)), st.integers(0, 10), st.integers(0, 100))
def test_no_more_than_may_be(words: list[str], most: int, max_characters: int) -> None:
    """In number and in length; all of them where there is room for all."""
    chosen = most_likely(words, most, max_characters)
    assert chosen <= set(words)
    assert (len(chosen) <= most, sum(map(len, chosen)) <= max_characters) == (True, True)
    assert most_likely(words, len(words), sum(map(len, words))) == set(words)

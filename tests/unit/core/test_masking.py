"""No known secret is left in a text, in whatever form it stood."""

from __future__ import annotations

import base64
import hashlib
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


@given(SECRETS, SECRETS)
def test_a_secret_that_begins_with_another_one(shorter: str, rest: str) -> None:
    """It is masked as a whole: by the shorter one alone, its rest would stay."""
    assert SecretMasker([shorter, shorter + rest]).mask((shorter + rest).encode()) == MASK


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


PLAIN_SECRETS = st.text("abcXYZ012789", min_size=16, max_size=40)
# None of these is parted or escaped: what comes in thousands is looked for as it is written as a rule.
PLAIN_FORMS = ("plain", "hex", "HEX")
PLAIN_CODES = ("base64", "base64 of URLs")


@given(
    many=st.lists(PLAIN_SECRETS, min_size=1, max_size=5),
    form=st.sampled_from([*PLAIN_FORMS, *PLAIN_CODES]),
    before=SURROUNDINGS,
    after=SURROUNDINGS,
)
def test_one_of_many_secrets(many: list[str], form: str, before: bytes, after: bytes) -> None:
    """Covered wherever it stands, as it is or encoded with what surrounds it."""
    for secret in many:
        if form in PLAIN_FORMS:
            text = before + WRITTEN[form](secret) + after
        else:
            text = b"x " + ENCODED[form](before + secret.encode() + after) + b" x"
        cleaned = SecretMasker([], [secret]).mask(text)
        assert not any(trace in cleaned for trace in traces(secret))
        assert b"[secret]" in SecretMasker([], many).mask(text)


@given(st.lists(PLAIN_SECRETS, max_size=4), st.binary(max_size=200))
def test_other_text_stays_where_many_are_known(many: list[str], data: bytes) -> None:
    """Where none of their forms stands, nothing is changed."""
    assume(not any(trace in data for secret in many for trace in traces(secret)))
    assert SecretMasker([], many).mask(data) == data


def test_thousands_of_secrets_push_none_out_and_take_no_minutes() -> None:
    """Those of 2,000 sub-devices and their previous ones, beside the gateway's own, in a megabyte of a journal."""
    many = [hashlib.sha256(str(number).encode()).hexdigest()[:32] for number in range(4000)]
    own = "own:s3cret/with=signs"
    line = b"Nov 30 21:00:00 gw iot-onboard[57]: __CURSOR=s=%s;i=2f;b=%s Online at host:8883\n"
    lines = [line % (b"%032x" % number, b"%032x" % (number << 64)) for number in range(8000)]
    lines[100:100] = [many[0].encode(), base64.b64encode(b"user:" + many[3999].encode()), own.encode()]
    text = b"\n".join(lines)
    began = time.process_time()
    masker = SecretMasker([own], many)
    cleaned = masker.mask(text)
    assert time.process_time() - began < 10
    assert masker.omitted == 0
    assert cleaned.count(b"[secret]") == 3
    assert not any(trace in cleaned for secret in (many[0], many[3999], own) for trace in traces(secret))


def test_one_of_many_that_looks_like_no_other_is_looked_for_as_a_secret() -> None:
    """With signs in it, or short: in every form, as the gateway's own."""
    odd = "s3cr+t/w1th signs"
    assert odd.encode() not in SecretMasker([], [odd]).mask(b"x " + odd.encode())
    assert WRITTEN["URL"](odd) not in SecretMasker([], [odd, "a" * 16]).mask(WRITTEN["URL"](odd))

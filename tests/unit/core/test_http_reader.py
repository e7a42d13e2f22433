"""Whatever bytes come, an answer is read whole, refused in words of ours, or cut off, within the bounds."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from iot_onboard.core.http_reader import (
    MAX_BODY_BYTES,
    MAX_CHUNKS,
    MAX_EXCHANGE_BYTES,
    MAX_INTERIM_ANSWERS,
    MAX_LINE_BYTES,
    MAX_LINES,
    AnswerCutOff,
    AnswerReader,
    InvalidAnswer,
)
from support.text.http_grammar import answer

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"


def read(data: bytes, *, piece: int = 16_384, head_only: bool = False) -> AnswerReader:
    """Feed an answer and the close after it."""
    reader = AnswerReader(head_only=head_only, more_headers=(b"location",))
    for at in range(0, len(data), piece):
        if not reader.complete:
            reader.feed(data[at : at + piece])
    if not reader.complete:
        reader.feed(b"")
    return reader


def outcome(data: bytes, piece: int = 16_384, *, head_only: bool = False) -> object:
    try:
        reader = read(data, piece=piece, head_only=head_only)
    except (InvalidAnswer, AnswerCutOff) as error:
        return type(error)
    assert len(reader.body) <= MAX_BODY_BYTES
    return reader.status, reader.reason, reader.body, reader.header(b"retry-after")


@pytest.mark.parametrize(
    ("data", "body"),
    [
        (OK + b"Content-Length: 2\r\n\r\n{}", b"{}"),
        (OK + b"Content-Length: 2\r\n\r\n{}and more", b"{}"),
        (OK + b"content-length:2\r\n\r\n{}", b"{}"),
        (OK + b"CONTENT-LENGTH \t: \t2 \t\r\n\r\n{}", b"{}"),
        (OK + b"Content-Length: 2, 2\r\nContent-Length: 2\r\n\r\n{}", b"{}"),
        (OK + b"Content-Length: 0\r\n\r\n", b""),
        (OK + b"\r\n{}", b"{}"),
        (OK.replace(b"\r", b"") + b"Content-Length: 2\n\n{}", b"{}"),
        (b"HTTP/1.0 200\r\nContent-Length: 2\r\n\r\n{}", b"{}"),
        (OK + b"Content-Encoding: Identity\r\nContent-Length: 2\r\n\r\n{}", b"{}"),
        (OK + b"Content-Length:\r\n 2\r\n\r\n{}", b"{}"),
        (OK + b"X: 1\r\n folded\r\n\tagain\r\nContent-Length: 2\r\n\r\n{}", b"{}"),
        (OK + b" folded onto nothing\r\nno colon\r\n: no name\r\nX: \0\r\r\nContent-Length: 2\r\n\r\n{}", b"{}"),
        (b"HTTP/1.1 100 Continue\r\nContent-Length: 9\r\n\r\n" + OK + b"Content-Length: 2\r\n\r\n{}", b"{}"),
        (CHUNKED + b"2\r\n{}\r\n0\r\n\r\n", b"{}"),
        (CHUNKED + b'1 ; a="b;\r\r"\r\n{\r\n0001\n}\n000\r\nX: 1\r\n 2\r\n\r\nmore', b"{}"),
        (OK + b"Transfer-Encoding: CHUNKED\r\n\r\n0a\r\n0123456789\r\n0\r\n\r\n", b"0123456789"),
        (b"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nxxxxx", b""),
        (b"HTTP/1.1 302 Found\r\nTransfer-Encoding: chunked\r\n\r\nrubbish", b""),
        (OK + b"Content-Le", b""),
    ],
)
def test_what_is_an_answer(data: bytes, body: bytes) -> None:
    """However it comes in pieces, and whatever stands beside it."""
    for piece in (1, 2, 3, 16_384):
        reader = read(data, piece=piece)
        assert (reader.complete, reader.body) == (True, body)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"SSH-2.0-x\r\n", "not HTTP"),
        (b"\r\nHTTP/1.1 200 OK\r\n\r\n", "not HTTP"),
        (b"HTTP/2.0 200 OK\r\n\r\n", "not HTTP"),
        (b"HTTP/1.1  200 OK\r\n\r\n", "not HTTP"),
        (b"HTTP/1.1 099 OK\r\n\r\n", "not HTTP"),
        (b"HTTP/1.1 20 OK\r\n\r\n", "not HTTP"),
        (b"HTTP/1.1 200OK\r\n\r\n", "not HTTP"),
        (b"HTTP/1.1 200 O\rK\r\n\r\n", "not HTTP"),
        (b"HTTP/1.1 200 O\0K\r\n\r\n", "not HTTP"),
        (b"HTTP/1.1 101 x\r\n\r\n", "another protocol"),
        (b"HTTP/1.1 102 x\r\n\r\n" * (MAX_INTERIM_ANSWERS + 1), "again and again"),
        (OK + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}", "invalid length"),
        (OK + b"Content-Length: 2, 3\r\n\r\n{}", "invalid length"),
        (OK + b"Content-Length: +2\r\n\r\n{}", "invalid length"),
        (OK + b"Content-Length: 2.0\r\n\r\n{}", "invalid length"),
        (OK + b"Content-Length: 0x2\r\n\r\n{}", "invalid length"),
        (OK + "Content-Length: \u0662\r\n\r\n{}".encode(), "invalid length"),
        (OK + b"Content-Length:\r\n\r\n{}", "invalid length"),
        (OK + b"Content-Length: 1\r\n 2\r\n\r\n{}", "invalid length"),
        (OK + b"Content-Length: " + b"9" * 5000 + b"\r\n\r\n", "invalid length"),
        (OK + b"Content-Length: 65537\r\n\r\n", "more than 64 kB"),
        (OK + b"Content-Length: 99999999999999999999\r\n\r\n", "more than 64 kB"),
        (OK + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", "without a defined end"),
        (OK + b"Transfer-Encoding: chunked, chunked\r\nTransfer-Encoding: x\r\n\r\n", "without a defined end"),
        (OK + b"Transfer-Encoding: identity\r\n\r\n{}", "without a defined end"),
        (OK + b"Content-Encoding: gzip\r\n\r\n{}", "compressed"),
        (OK + b"Content-Encoding: identity\r\nContent-Encoding: x\r\n\r\n{}", "compressed"),
        (CHUNKED + b"-1\r\n", "without a defined end"),
        (CHUNKED + b"+1\r\nx\r\n", "without a defined end"),
        (CHUNKED + b"0x1\r\nx\r\n", "without a defined end"),
        (CHUNKED + b"1_0\r\nx\r\n", "without a defined end"),
        (CHUNKED + b"\r\n", "without a defined end"),
        (CHUNKED + b"FFFFFFFFF\r\n", "without a defined end"),
        (CHUNKED + b"FFFFFFFF\r\n", "more than 64 kB"),
        (CHUNKED + b"2\r\n{}x\r\n0\r\n\r\n", "longer than its stated size"),
        (CHUNKED + b"1\r\nx\r\n" * (MAX_CHUNKS + 1), f"in more than {MAX_CHUNKS} pieces"),
        (CHUNKED + b"8000\r\n" + b"x" * 0x8000 + b"\r\n8001\r\n", "more than 64 kB"),
        (OK + b"X: 1\r\n" * MAX_LINES, "lines of headers"),
        (CHUNKED + b"0\r\n" + b"X: 1\r\n" * MAX_LINES, "lines of headers"),
        (OK + b"X: " + b"x" * MAX_LINE_BYTES + b"\r\n\r\n", "line of more than 16 kB"),
        (OK + b"X: " + b"x" * MAX_LINE_BYTES, "line of more than 16 kB"),
        (OK + (b"X: " + b"x" * 9_000 + b"\r\n") * 40, "more than 256 kB in all"),
        (OK + b"\r\n" + b"x" * (MAX_BODY_BYTES + 1), "more than 64 kB"),
    ],
)
def test_what_is_refused(data: bytes, words: str) -> None:
    """In words of ours, the same however it comes in pieces; nothing of what came is repeated."""
    for piece in (1, 7, 16_384):
        with pytest.raises(InvalidAnswer, match=re.escape(words)):
            read(data, piece=piece)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"HTT",
        b"HTTP/1.1 200 OK",
        b"HTTP/1.1 100 Continue\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n",
        OK + b"Content-Length: 3\r\n\r\n{}",
        CHUNKED,
        CHUNKED + b"2",
        CHUNKED + b"2\r\n{}",
        CHUNKED + b"2\r\n{}\r\n",
        CHUNKED + b"2\r\n{}\r\n0\r\n",
        CHUNKED + b"2\r\n{}\r\n0\r\nX: 1\r\n",
    ],
)
def test_what_is_cut_off(data: bytes) -> None:
    """Half an answer is none."""
    with pytest.raises(AnswerCutOff):
        read(data)


def test_the_limits_themselves_still_fit() -> None:
    """One byte less than too much."""
    assert len(read(OK + b"\r\n" + b"x" * MAX_BODY_BYTES).body) == MAX_BODY_BYTES
    assert read(OK + b"X: 1\r\n" * (MAX_LINES - 2) + b"\r\n").status == 200
    assert read(OK + b"X" * MAX_LINE_BYTES + b"\n\n").status == 200
    assert len(read(CHUNKED + b"1\r\nx\r\n" * (MAX_CHUNKS - 1) + b"0\r\n\r\n").body) == MAX_CHUNKS - 1


def test_an_answer_without_a_body() -> None:
    """To HEAD and CONNECT: complete with its headers, whatever they say of a body."""
    reader = read(b"HTTP/1.1 407 Who \xe9\r\nContent-Length: 500\r\nContent-Encoding: gzip\r\n\r\n", head_only=True)
    assert (reader.status, reader.reason, reader.body) == (407, b"Who \xe9", b"")


def test_headers_that_nobody_named_are_skipped() -> None:
    """A caller names what it wants besides; what occurs twice is a list."""
    data = OK + b"Location: a\r\nX-Other: b\r\nRetry-After: 1\r\nRetry-After: 2\r\n\r\n"
    reader = read(data)
    assert (reader.header(b"location"), reader.header(b"x-other")) == (b"a", None)
    assert reader.header(b"retry-after") == b"1,2"
    plain = AnswerReader()
    plain.feed(data)
    assert plain.header(b"location") is None


@given(st.randoms(use_true_random=False).map(answer), st.integers(1, 40), st.booleans())
@example(b"HTTP/1.1 200 OK\r\n\r\n", 1, False)
def test_any_answer_has_one_outcome(data: bytes, piece: int, head_only: bool) -> None:
    """A grammar of HTTP and what lies beside it: the documented outcomes, the same in whatever pieces it comes."""
    assert outcome(data, piece, head_only=head_only) == outcome(data, head_only=head_only)


@given(st.binary(max_size=300), st.integers(1, 40))
def test_any_bytes_have_one_outcome(data: bytes, piece: int) -> None:
    """No HTTP at all."""
    assert outcome(data, piece) == outcome(data)


@given(st.binary(max_size=200), st.lists(st.integers(1, 60), max_size=20))
def test_a_chunked_body_comes_back(body: bytes, sizes: list[int]) -> None:
    """Whatever it holds, and however it is cut."""
    data, at = CHUNKED, 0
    for size in [*sizes, len(body) + 1]:
        piece = body[at : at + size]
        data += b"%x\r\n%s\r\n" % (len(piece), piece) if piece else b""
        at += size
    assert read(data + b"0\r\n\r\n").body == body


def test_more_than_an_exchange_may_have_is_never_kept() -> None:
    """An endless server is left after 256 kB, whatever it sends."""
    reader, taken = AnswerReader(), len(OK)
    reader.feed(OK)
    line = b"X: " + b"y" * 16_000 + b"\r\n"
    while taken + len(line) <= MAX_EXCHANGE_BYTES:
        reader.feed(line)
        taken += len(line)
    with pytest.raises(InvalidAnswer, match="more than 256 kB in all"):
        reader.feed(line)

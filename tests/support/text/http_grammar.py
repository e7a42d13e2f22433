"""A grammar of HTTP answers, and of what lies beside it: each rule has the right words, and wrong ones."""

from __future__ import annotations

import random

# What stands in for a byte of the body or a value.
_BODIES = [
    b"", b"{}", b'{"code":200}', b'{"code":6600,"message":"x"}', b"<html>", b"\0\xff\xfe", b"x" * 100, b"0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\n\r\n",
]  # fmt: skip
_STATUS_LINES = [
    b"HTTP/1.1 200 OK", b"HTTP/1.0 200 OK", b"HTTP/1.1 200", b"HTTP/1.1 200 ", b"HTTP/1.9 599 \xe9",
    b"HTTP/1.1 302 Found", b"HTTP/1.1 304 x", b"HTTP/1.1 204 x", b"HTTP/1.1 100 Continue", b"HTTP/1.1 101 x",
    b"HTTP/1.1 103 x", b"HTTP/1.1 407 Who", b"HTTP/1.1 429 x", b"HTTP/1.1 503 x", b"HTTP/1.1 999 x",
    b"HTTP/1.1 000 x", b"HTTP/1.1 20 x", b"HTTP/1.1 2000 x", b"HTTP/2 200", b"HTTP/1.1\t200 OK", b"http/1.1 200 OK",
    b"ICY 200 OK", b"SSH-2.0-x", b"", b"HTTP/1.1 200 O\rK", b"HTTP/1.1 200 O\0K", b"\x16\x03\x01\x02\x00\x01",
    b"PRI * HTTP/2.0", b"HTTP/1.1 -1 x",
]  # fmt: skip
_NAMES = [
    b"Content-Length", b"Transfer-Encoding", b"Content-Encoding", b"Retry-After", b"Date", b"Location", b"Set-Cookie",
    b"Connection", b"content-length", b"CONTENT-LENGTH", b"Content-Length ", b"X", b"", b"\0", b"\xff", b"Trailer",
    b"Content-Type", b"Proxy-Authenticate", b"Upgrade",
]  # fmt: skip
_VALUES = [
    b"0", b"1", b"2", b"12", b"65536", b"65537", b"999999999", b"9999999999", b"9" * 400, b"-1", b"+1", b"1.5",
    b"1e9", b"0x10", b"1, 1", b"1, 2", b"", b" ", b"\t", b"chunked", b"Chunked", b"chunked, chunked",
    b"gzip, chunked", b"gzip", b"gzip, gzip, gzip", b"identity", b"br", b"Mon, 02 Nov 2026 10:00:00 GMT",
    b"Mon, 01 Jan 99999999999 00:00:00 GMT", b"Mon, 31 Feb 2026 10:00:00 GMT",
    b"Mon, 02 Nov 2026 10:00:00 +99999999999999", b"Mon, 02 Nov 0000 10:00:00 GMT", b"Mon, 02 Nov 1970 24:60:60 GMT",
    b"Thu, 31 Dec 9999 23:59:59 GMT", b"Monday, 02-Nov-26 10:00:00 GMT", b"soon", b"/caf\xe9", b"https://[",
    b"https://[::1/x", b"https://\xe2\x84\x80.example/", b"http://a:99999999999/", b"\xff\xfe", b"\x1b[2J",
    b"\xe2\x80\xae", b"a\0b", b"a\rb", b"close", b"keep-alive", b"%" * 50, b"x" * 300, b"=?utf-8?B?//8=?=",
    b'"unclosed', b"(((((((((", b";;;;", "\u0661\u0662".encode(),
]  # fmt: skip
_SIZES = [
    b"0", b"00", b"1", b"2", b"a", b"A", b"ff", b"7fffffff", b"ffffffff", b"fffffffff", b"-1", b"+1", b"0x1", b"1_0",
    b"", b" 1", b"1 ", b"g", b"\0", "\u0661".encode(),
]  # fmt: skip
_EXTENSIONS = [b"", b"", b"", b";a=b", b';a="b;c"', b";" * 60, b" ;x", b";\0\r", b";" + b"x" * 200]
_ENDS = [b"\r\n"] * 60 + [b"\n", b"\n", b"\r", b"\r\r\n", b"", b"\n\r"]
_FOLDS = [b"", b"", b"", b"", b"", b"\r\n x", b"\r\n\t1", b"\r\n ", b"\n 2"]


def answer(chance: random.Random) -> bytes:
    """Return an answer: more often right than wrong in each of its parts, so that the later ones are reached."""
    interim = b"".join(_head(chance, b"HTTP/1.1 100 Continue") for _ in range(chance.choice((0, 0, 0, 1, 2, 9))))
    line = chance.choice(_STATUS_LINES) if chance.random() < 0.2 else b"HTTP/1.1 200 OK"
    body = chance.choice(_BODIES)
    chunked = chance.random() < 0.4
    framing = b"Transfer-Encoding: chunked" if chunked else chance.choice((b"", b"Content-Length: %d" % len(body)))
    data = interim + _head(chance, line, framing) + (_chunked(chance, body) if chunked else body)
    match chance.randrange(12):
        case 0:
            return data[: chance.randrange(len(data) + 1)]
        case 1:
            at = chance.randrange(len(data) + 1)
            return data[:at] + bytes((chance.randrange(256),)) + data[at + 1 :]
        case 2:
            return data + chance.choice((b"more", data, b"\0" * 100))
        case 3 if chance.random() < 0.1:
            return data.replace(b"x", b"x" * chance.choice((1_000, 5_000)), 80)
        case _:
            return data


def connect_answer(chance: random.Random) -> bytes:
    """Return what a proxy may say to CONNECT."""
    line = chance.choice(_STATUS_LINES) if chance.random() < 0.6 else b"HTTP/1.1 200 Connection established"
    data = _head(chance, line)
    return data[: chance.randrange(len(data) + 1)] if chance.random() < 0.1 else data


def _head(chance: random.Random, line: bytes, *headers: bytes) -> bytes:
    end = chance.choice(_ENDS)
    lines = [line, *filter(None, headers), *(_header(chance) for _ in range(_few(chance)))]
    return b"".join(made + (end if chance.random() < 0.9 else chance.choice(_ENDS)) for made in lines) + end


def _header(chance: random.Random) -> bytes:
    colon = b": " if chance.random() < 0.9 else chance.choice((b":", b"", b" : ", b":\t"))
    name = chance.choice(_NAMES[3:] if chance.random() < 0.8 else _NAMES)
    return name + colon + chance.choice(_VALUES) + chance.choice(_FOLDS)


def _chunked(chance: random.Random, body: bytes) -> bytes:
    pieces = [body[:1], body[1:]] if chance.random() < 0.5 else [body]
    chunks = b"".join(_chunk(chance, piece) for piece in pieces if piece)
    trailers = b"".join(_header(chance) + b"\r\n" for _ in range(_few(chance)))
    return chunks + b"0" + chance.choice(_EXTENSIONS) + b"\r\n" + trailers + b"\r\n"


def _chunk(chance: random.Random, piece: bytes) -> bytes:
    size = b"%x" % len(piece) if chance.random() < 0.9 else chance.choice(_SIZES)
    return size + chance.choice(_EXTENSIONS) + b"\r\n" + piece + chance.choice(_ENDS)


def _few(chance: random.Random) -> int:
    return chance.choice((0, 0, 1, 2, 3, 5, 300 if chance.random() < 0.01 else 1))

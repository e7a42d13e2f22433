"""Cut what a server sends into packets, and refuse what no server of the platform sends (MQTT 3.1.1). Pure."""

from __future__ import annotations

import enum

from ..fast_start.fast_dataclasses import dataclass

# A payload has 256 kB at the most, a topic 128 bytes: https://help.aliyun.com/zh/iot/product-overview/limits
MAX_PACKET_BYTES = 300_000
_ASCII_TEXT = frozenset(range(0x20, 0x7F)) | {0x09, 0x0A, 0x0D}
_MIN_TEXT_BYTES = 4


class Kind(enum.IntEnum):
    """Number the packets as section 2.2.1 does."""

    CONNECT = 1
    CONNACK = 2
    PUBLISH = 3
    PUBACK = 4
    PUBREC = 5
    PUBREL = 6
    PUBCOMP = 7
    SUBSCRIBE = 8
    SUBACK = 9
    UNSUBSCRIBE = 10
    UNSUBACK = 11
    PINGREQ = 12
    PINGRESP = 13
    DISCONNECT = 14


# How many bytes may follow the length. The platform takes eight filters in one SUBSCRIBE.
_LENGTHS = {
    Kind.CONNACK: (2, 2),
    Kind.PUBLISH: (3, MAX_PACKET_BYTES),
    Kind.PUBACK: (2, 2),
    Kind.SUBACK: (3, 10),
    Kind.UNSUBACK: (2, 2),
    Kind.PINGRESP: (0, 0),
}
_QOS_2 = {Kind.PUBREC, Kind.PUBREL, Kind.PUBCOMP}


class ProtocolViolation(Exception):
    """Say what was wrong, as a clause about the server; nothing that it sent is quoted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Packet:
    """Hold one whole packet: `data` from its first byte on, `body` what follows its length."""

    kind: Kind
    qos: int
    data: bytes
    body: bytes


class Inbound:
    """Hold what came and is not a whole packet yet, and what this side waits for; one per connection.

    Bad input is refused as soon as it shows: a packet that is too long at its length, before it is there. So no more is
    held than the largest packet and what was fed last.
    """

    __slots__ = ("_awaited", "_buffer", "_clean_session", "_logged_in", "_pings")

    def __init__(self, *, clean_session: bool) -> None:
        self._clean_session = clean_session
        self._buffer = bytearray()
        self._logged_in = False
        self._pings = 0
        self._awaited: set[tuple[Kind, int]] = set()

    def await_pingresp(self) -> None:
        """Note that a PINGREQ went out."""
        self._pings += 1

    def await_answer(self, kind: Kind, mid: int) -> None:
        """Note that a packet went out which `kind` answers (PUBACK, SUBACK, UNSUBACK)."""
        self._awaited.add((kind, mid))

    def feed(self, data: bytes) -> None:
        """Take what came."""
        self._buffer += data

    def next_packet(self) -> Packet | None:
        """Return the next whole packet, `None` where more has to come; raise `ProtocolViolation`."""
        try:
            packet = self._cut()
            if packet is not None:
                self._judge(packet)
        except ProtocolViolation as violation:
            protocol = None if self._logged_in else _other_protocol(self._buffer)
            if protocol is not None:
                raise ProtocolViolation(f"answered the login with {protocol}: it is no MQTT server") from violation
            raise
        if packet is not None:
            del self._buffer[: len(packet.data)]
        return packet

    def _cut(self) -> Packet | None:
        if not self._buffer:
            return None
        kind, qos = self._kind_and_qos(self._buffer[0])
        found = _length(self._buffer)
        if found is None:
            return None
        size, start = found
        lowest, highest = _LENGTHS[kind]
        if size > MAX_PACKET_BYTES:
            raise ProtocolViolation(f"sent {_a(kind)} of {size:,} bytes")
        if not lowest + (2 if qos else 0) <= size <= highest:
            raise ProtocolViolation(f"sent {_a(kind)} with the length {size}")
        if len(self._buffer) < start + size:
            return None
        data = bytes(self._buffer[: start + size])
        return Packet(kind=kind, qos=qos, data=data, body=data[start:])

    def _kind_and_qos(self, first: int) -> tuple[Kind, int]:
        number, flags = first >> 4, first & 0x0F
        try:
            kind = Kind(number)
        except ValueError:
            raise ProtocolViolation(f"sent a packet of the reserved type {number}") from None
        if kind in _QOS_2:
            raise ProtocolViolation(f"sent {_a(kind)}, of QoS 2, which the platform does not have")
        if kind not in _LENGTHS:
            raise ProtocolViolation(f"sent {_a(kind)}, which only clients send")
        if not self._logged_in and kind is not Kind.CONNACK:
            raise ProtocolViolation(f"sent {_a(kind)} before the CONNACK")
        if kind is not Kind.PUBLISH:
            if flags:
                raise ProtocolViolation(f"sent {_a(kind)} with the flags {flags}")
            return kind, 0
        # DUP and RETAIN may be set by brokers that only hand on what a publisher said.
        if (qos := flags >> 1 & 3) > 1:
            raise ProtocolViolation(f"sent a PUBLISH with QoS {qos}, which the platform does not have")
        return kind, qos

    def _judge(self, packet: Packet) -> None:
        match packet.kind:
            case Kind.CONNACK:
                self._judge_connack(packet.body[0], packet.body[1])
            case Kind.PUBLISH:
                _judge_publish(packet)
            case Kind.PINGRESP:
                if not self._pings:
                    raise ProtocolViolation("sent a PINGRESP that answers no PINGREQ")
                self._pings -= 1
            case kind:
                answer = (kind, int.from_bytes(packet.body[:2], "big"))
                if answer not in self._awaited:
                    raise ProtocolViolation(f"sent {_a(kind)} that answers nothing (number {answer[1]})")
                self._awaited.remove(answer)

    def _judge_connack(self, flags: int, code: int) -> None:
        if self._logged_in:
            raise ProtocolViolation(f"sent a second CONNACK, with the number {code}")
        if flags > 1:
            raise ProtocolViolation(f"sent a CONNACK with the flags {flags}")
        # A refusal is one, whatever it says of a session.
        if not code and flags and self._clean_session:
            raise ProtocolViolation("sent a CONNACK with the session of before, though a clean one was asked for")
        self._logged_in = not code


def _length(buffer: bytearray) -> tuple[int, int] | None:
    """Return the remaining length (section 2.2.3) and where the body begins, or `None` where it is not there yet."""
    length = 0
    for at in range(1, 5):
        if at >= len(buffer):
            return None
        length |= (buffer[at] & 0x7F) << 7 * (at - 1)
        if buffer[at] < 0x80:
            return length, at + 1
    raise ProtocolViolation("sent a length of more than four bytes")


def _judge_publish(packet: Packet) -> None:
    end = 2 + int.from_bytes(packet.body[:2], "big")
    if end + (2 if packet.qos else 0) > len(packet.body):
        raise ProtocolViolation("sent a PUBLISH that ends inside its header")
    try:
        topic = packet.body[2:end].decode()
    except UnicodeDecodeError:
        raise ProtocolViolation("sent a PUBLISH with a topic that is not UTF-8") from None
    if not topic or any(mark in topic for mark in "+#\0"):
        raise ProtocolViolation("sent a PUBLISH with a topic that is empty, or holds a wildcard or a zero")
    if packet.qos and packet.body[end : end + 2] == b"\0\0":
        raise ProtocolViolation("sent a PUBLISH with QoS 1 and the number 0")


def _a(kind: Kind) -> str:
    return f"{'an' if kind is Kind.UNSUBACK or kind is Kind.UNSUBSCRIBE else 'a'} {kind.name}"


def _other_protocol(start: bytearray) -> str | None:
    """Name what does not begin as MQTT does: a wrong host or port answers so."""
    if start.startswith((b"HTTP/", b"<")):
        return "HTTP"
    if start.startswith(b"SSH-"):
        return "SSH"
    if start.startswith((b"220 ", b"220-")):
        return "SMTP or FTP"
    if start.startswith(b"AMQP"):
        return "AMQP"
    # A record of TLS, an alert most often, inside the one that is open.
    if len(start) > 1 and 0x14 <= start[0] <= 0x17 and start[1] == 0x03:
        return "TLS inside TLS"
    # A frame of HTTP/2: SETTINGS on stream 0.
    if len(start) > 3 and start[:2] == b"\0\0" and start[3] == 0x04:
        return "HTTP/2"
    text = start[:16]
    return "text" if len(text) >= _MIN_TEXT_BYTES and _ASCII_TEXT.issuperset(text) else None

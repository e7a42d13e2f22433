"""Cut the bytes of a server into packets, and refuse what no server of the platform sends (MQTT 3.1.1). Pure."""

from __future__ import annotations

import enum

from ..fast_start.fast_dataclasses import dataclass
from .model import MAX_FILTERS, REFUSED, Connack, MqttEvent, Published, Qos, Received, Subscribed, Unsubscribed

# A payload has 256 kB at the most, a topic 128 bytes: https://help.aliyun.com/zh/iot/product-overview/limits
MAX_PACKET_BYTES = 300_000
# Where so much is held, no more is read: the platform leaves 100 messages unacknowledged, mosquitto 20.
MAX_HELD = 1000
MAX_HELD_BYTES = 1_048_576
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


# How many bytes may follow the length; how many of a PUBLISH depends on the server.
_LENGTHS = {
    Kind.CONNACK: (2, 2),
    Kind.PUBLISH: (3, 268_435_455),
    Kind.PUBACK: (2, 2),
    Kind.SUBACK: (3, 2 + MAX_FILTERS),
    Kind.UNSUBACK: (2, 2),
    Kind.PINGRESP: (0, 0),
}
_QOS_2 = {Kind.PUBREC, Kind.PUBREL, Kind.PUBCOMP}
_SUBACK_CODES = {0, 1, 2, REFUSED}


class ProtocolViolation(Exception):
    """Say what was wrong, as a clause about the server, without quoting what it sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Packet:
    """Hold one whole packet, and what it says to the owner of the connection, if anything."""

    kind: Kind
    data: bytes
    event: MqttEvent | None


class HeldMessages:
    """Count what one connection has handed on and its owner has not acknowledged.

    A message that is sent again (DUP) while it is held is not handed on a second time, and gets one PUBACK. A server
    that gives a held number to another message (no DUP) breaks a rule; it does no harm, and each gets its PUBACK.
    """

    __slots__ = ("_bytes", "_count", "_sizes")

    def __init__(self) -> None:
        self._sizes: dict[int, tuple[int, ...]] = {}
        self._count = self._bytes = 0

    @property
    def is_full(self) -> bool:
        """Say whether no more is to be read until something is acknowledged."""
        return self._count >= MAX_HELD or self._bytes >= MAX_HELD_BYTES

    def hold(self, message: Received) -> bool:
        """Hold a message of QoS 1; say whether it is to be handed on."""
        sizes = self._sizes.get(message.mid, ())
        if sizes and message.dup:
            return False
        self._sizes[message.mid] = (*sizes, len(message.payload))
        self._count += 1
        self._bytes += len(message.payload)
        return True

    def release(self, mid: int) -> bool:
        """Let go of the message that has held this number longest; say whether there was one, and PUBACK is due."""
        size, *others = self._sizes.pop(mid, None) or (None,)
        if size is None:
            return False
        if others:
            self._sizes[mid] = tuple(others)
        self._count -= 1
        self._bytes -= size
        return True


class Inbound:
    """Hold what came and is not a whole packet yet, and what this side waits for; one per connection.

    Bad input is refused as soon as it shows: a packet that is too long at its length, before it is there. So no more is
    held than the largest packet and what was fed last.
    """

    __slots__ = ("_awaited", "_buffer", "_clean_session", "_logged_in", "_max_packet_bytes", "_pings", "held")

    def __init__(self, *, clean_session: bool, max_packet_bytes: int = MAX_PACKET_BYTES) -> None:
        self._clean_session = clean_session
        self._max_packet_bytes = max_packet_bytes
        self._buffer = bytearray()
        self._logged_in = False
        self._pings = 0
        # What was handed on, and its owner has not acknowledged.
        self.held = HeldMessages()
        # By the number: the kind of its answer, and how many filters that is to answer.
        self._awaited: dict[int, tuple[Kind, int]] = {}

    def await_pingresp(self) -> None:
        """Note that a PINGREQ went out."""
        self._pings += 1

    def await_answer(self, kind: Kind, mid: int, filters: int = 0) -> None:
        """Note that a packet went out which `kind` answers (PUBACK, SUBACK, UNSUBACK); with SUBACK, for so many."""
        self._awaited[mid] = (kind, filters)

    def is_awaited(self, mid: int) -> bool:
        """Say whether the packet with this number has no answer yet."""
        return mid in self._awaited

    def feed(self, data: bytes) -> None:
        """Take what came."""
        self._buffer += data

    def next_packet(self) -> Packet | None:
        """Return the next whole packet, `None` if more has to come; raise `ProtocolViolation`."""
        try:
            packet = self._cut()
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
        if size > self._max_packet_bytes:
            raise ProtocolViolation(f"sent {_a(kind)} of {size:,} bytes")
        if not lowest + (2 if qos else 0) <= size <= highest:
            raise ProtocolViolation(f"sent {_a(kind)} with the length {size}")
        if len(self._buffer) < start + size:
            return None
        data = bytes(self._buffer[: start + size])
        return Packet(kind=kind, data=data, event=self._read(kind, data[0], data[start:]))

    def _kind_and_qos(self, first: int) -> tuple[Kind, int]:
        number, flags = first >> 4, first & 0x0F
        try:
            kind = Kind(number)
        except ValueError:
            raise ProtocolViolation(f"sent a packet of the reserved type {number}") from None
        if kind in _QOS_2:
            raise ProtocolViolation(f"sent {_a(kind)}, of QoS 2, which nobody asked for")
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
            raise ProtocolViolation(f"sent a PUBLISH with QoS {qos}, which nobody asked for")
        return kind, qos

    def _read(self, kind: Kind, first: int, body: bytes) -> MqttEvent | None:
        match kind:
            case Kind.CONNACK:
                return self._read_connack(body[0], body[1])
            case Kind.PUBLISH:
                message = _read_publish(first, body)
                return message if not message.qos or self.held.hold(message) else None
            case Kind.PINGRESP:
                if not self._pings:
                    raise ProtocolViolation("sent a PINGRESP that answers no PINGREQ")
                self._pings -= 1
                return None
            case _:
                return self._read_answer(kind, int.from_bytes(body[:2], "big"), body[2:])

    def _read_answer(self, kind: Kind, mid: int, codes: bytes) -> MqttEvent:
        awaited, filters = self._awaited.get(mid, (None, 0))
        if awaited is not kind:
            raise ProtocolViolation(f"sent {_a(kind)} that answers nothing (number {mid})")
        if len(codes) != filters:
            raise ProtocolViolation(f"sent {_a(kind)} with {len(codes)} codes for {filters} filters")
        if unknown := set(codes) - _SUBACK_CODES:
            raise ProtocolViolation(f"sent {_a(kind)} with the code {min(unknown)}")
        del self._awaited[mid]
        if kind is Kind.PUBACK:
            return Published(mid=mid)
        return Subscribed(mid=mid, granted=tuple(codes)) if kind is Kind.SUBACK else Unsubscribed(mid=mid)

    def _read_connack(self, flags: int, code: int) -> Connack:
        if self._logged_in:
            raise ProtocolViolation(f"sent a second CONNACK, with the number {code}")
        if flags > 1:
            raise ProtocolViolation(f"sent a CONNACK with the flags {flags}")
        # A refusal is one, whatever it says of a session.
        if not code and flags and self._clean_session:
            raise ProtocolViolation("sent a CONNACK with the session of before, though a clean one was asked for")
        self._logged_in = not code
        return Connack(code=code, session_present=bool(flags and not code))


def _length(buffer: bytearray) -> tuple[int, int] | None:
    """Return the remaining length (section 2.2.3) and where the body begins, or `None` if it has not arrived yet."""
    length = 0
    for at in range(1, 5):
        if at >= len(buffer):
            return None
        length |= (buffer[at] & 0x7F) << 7 * (at - 1)
        if buffer[at] < 0x80:
            return length, at + 1
    raise ProtocolViolation("sent a length of more than four bytes")


def _read_publish(first: int, body: bytes) -> Received:
    qos = Qos(first >> 1 & 3)
    end = 2 + int.from_bytes(body[:2], "big")
    start = end + (2 if qos else 0)
    if start > len(body):
        raise ProtocolViolation("sent a PUBLISH that ends inside its header")
    try:
        topic = body[2:end].decode()
    except UnicodeDecodeError:
        raise ProtocolViolation("sent a PUBLISH with a topic that is not UTF-8") from None
    if not topic or any(mark in topic for mark in "+#\0"):
        raise ProtocolViolation("sent a PUBLISH with a topic that is empty, or holds a wildcard or a zero")
    mid = int.from_bytes(body[end:start], "big")
    if qos and not mid:
        raise ProtocolViolation("sent a PUBLISH with QoS 1 and the number 0")
    return Received(
        topic=topic, payload=body[start:], qos=qos, retain=bool(first & 0x01), dup=bool(first & 0x08), mid=mid
    )


def _a(kind: Kind) -> str:
    return f"{'an' if kind is Kind.UNSUBACK or kind is Kind.UNSUBSCRIBE else 'a'} {kind.name}"


def _other_protocol(start: bytearray) -> str | None:
    """Name the protocol if the bytes do not begin as MQTT: a wrong host or port answers so."""
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

"""What the owner of a connection asks for, and the events that come back (MQTT 3.1.1). Pure."""

from __future__ import annotations

import enum

from ..fast_start.fast_dataclasses import dataclass

# Of a topic or a filter, in UTF-8 (section 1.5.3).
_MAX_TOPIC_BYTES = 65_535
# What may follow the length of a packet (section 2.2.3).
_MAX_REMAINING_BYTES = 268_435_455
# The code for one filter in a SUBACK that refuses it; the other codes are the QoS that is granted.
REFUSED = 0x80
# The platform takes no more in one SUBSCRIBE: https://help.aliyun.com/zh/iot/product-overview/limits
MAX_FILTERS = 8


class Qos(enum.IntEnum):
    """Number the two kinds of delivery that are used."""

    AT_MOST_ONCE = 0
    AT_LEAST_ONCE = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """Ask for the messages whose topics match a filter, at this QoS at most."""

    topic_filter: str
    qos: Qos


@dataclass(frozen=True, slots=True, kw_only=True)
class Will:
    """Hold the message that the server publishes if the connection ends without DISCONNECT."""

    topic: str
    payload: bytes
    qos: Qos
    retain: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Connack:
    """The answer to the login, as MQTT 3.1.1 numbers it: 0 takes it, any other refuses it."""

    code: int
    session_present: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """The server has a message of QoS 1 (PUBACK)."""

    mid: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscribed:
    """The answer to a SUBSCRIBE: for each filter, in their order, the QoS that is granted, or `REFUSED`."""

    mid: int
    granted: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsubscribed:
    """The answer to an UNSUBSCRIBE."""

    mid: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """A message from the server; one of QoS 1 waits to be acknowledged by its `mid`, which is 0 at QoS 0."""

    topic: str
    payload: bytes
    qos: Qos
    retain: bool
    dup: bool
    mid: int

    def __repr__(self) -> str:
        # A payload may hold a secret, and must not come into a log by chance.
        return f"Received(topic={self.topic!r}, {len(self.payload)} bytes, qos={self.qos}, mid={self.mid})"


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionLost:
    """The connection ended; if the server broke the protocol (`violation`), we ended it."""

    by_server: bool
    detail: str
    violation: bool = False


MqttEvent = Connack | Published | Subscribed | Unsubscribed | Received | ConnectionLost


def check_message(topic: str, payload: bytes) -> None:
    """Raise `ValueError` for a message that MQTT cannot carry: no server is asked to judge it."""
    size = len(_encoded(topic)) + len(payload)
    if "+" in topic or "#" in topic:
        raise ValueError("a topic to publish to holds no wildcard")
    # Two for the length of the topic, two for the number.
    if size + 4 > _MAX_REMAINING_BYTES:
        raise ValueError(f"a message of {size:,} bytes is too long for MQTT")


def check_filters(topic_filters: list[str]) -> None:
    """Raise `ValueError` for what cannot stand in one SUBSCRIBE or UNSUBSCRIBE: none or too many, or a bad filter."""
    if not 1 <= len(topic_filters) <= MAX_FILTERS:
        raise ValueError(f"{len(topic_filters)} filters in one packet; 1 to {MAX_FILTERS} are possible")
    for topic_filter in topic_filters:
        _encoded(topic_filter)
        *parents, last = topic_filter.split("/")
        misplaced = any("#" in level for level in parents) or ("#" in last and last != "#")
        if misplaced or any("+" in level and level != "+" for level in (*parents, last)):
            raise ValueError("a wildcard of a filter has a level of its own, and # is the last one")


def _encoded(topic: str) -> bytes:
    # A lone surrogate raises UnicodeEncodeError, which is a ValueError.
    encoded = topic.encode()
    if not 1 <= len(encoded) <= _MAX_TOPIC_BYTES or "\0" in topic:
        raise ValueError(f"a topic has 1 to {_MAX_TOPIC_BYTES:,} bytes, none of which is zero")
    return encoded

"""Paho, 1.6 and 2.x alike, as what packs the packets: it has no socket, and what it packs is collected.

Paho's own reconnect stays off: it has no jitter and repeats a refusal for ever. Its callbacks are not used: `inbound`
reads what came, and Paho gets the answers to keep its own state.
"""

from __future__ import annotations

from collections.abc import Callable

from ..core.secret import Secret
from ..fast_start.import_stubs import import_stub
from ..fast_start.typing_names import Any
from .model import Subscription, Will

# Paho wants them for the proxies of its own dial, for names that it makes up and for a log, none of which is used, and
# to recognize Windows: a third of the time that the bare script takes, and a quarter of its memory
# (docs/decisions/0011).
try:
    with (
        import_stub("urllib.request"),
        import_stub("uuid"),
        import_stub("platform", system=lambda: "Linux"),
        import_stub("logging", DEBUG=10, INFO=20, WARNING=30, ERROR=40),
    ):
        import paho.mqtt
        import paho.mqtt.client as mqtt
except (AttributeError, ImportError):
    # A Paho that asks more of them than they have.
    import paho.mqtt
    import paho.mqtt.client as mqtt

PAHO_VERSION: str = paho.mqtt.__version__
_MAX_MID = 65_535


class PahoError(Exception):
    """Say in Paho's words why it does not go on."""


class PahoClient:
    """Pack packets into `unsent`, and keep Paho's state; nothing here waits."""

    def __init__(
        self,
        *,
        client_id: str,
        username: str | None,
        password: Secret | None,
        clean_session: bool,
        will: Will | None,
        is_used: Callable[[int], bool],
    ) -> None:
        # Whether a packet of that number has no answer yet.
        self._is_used = is_used
        self._pipe = _Pipe()
        # Packed, and not sent yet: whoever sends from its beginning deletes that.
        self.unsent = self._pipe.packed
        self._client = _Client(self._pipe, client_id, clean_session)
        # Its window would hide what waits from `unsent`; how much is on its way is the owner's to limit.
        self._client.max_inflight_messages_set(0)
        self._client.username_pw_set(username, None if password is None else password.reveal())
        if will is not None:
            self._client.will_set(will.topic, will.payload, int(will.qos), will.retain)

    def connect(self, keepalive_s: int) -> None:
        """Pack CONNECT."""
        # Paho wants a name, though it dials nothing; if it ever did, this one leads nowhere (RFC 2606).
        _check(self._client.connect("dialled.invalid", keepalive=keepalive_s))

    def publish_unnumbered(self, topic: str, payload: bytes, retain: bool) -> None:
        """Pack a message of QoS 0."""
        _check(self._client.publish(topic, payload, 0, retain).rc)

    def publish(self, topic: str, payload: bytes, retain: bool) -> int:
        """Pack a message of QoS 1 and return its number, one that is free; 0 if none is."""

        def pack() -> tuple[int, int]:
            info = self._client.publish(topic, payload, 1, retain)
            return info.rc, info.mid

        return self._numbered(pack)

    def subscribe(self, subscriptions: tuple[Subscription, ...]) -> int:
        """Pack SUBSCRIBE and return its number, one that is free; 0 if none is."""
        asked = [(one.topic_filter, int(one.qos)) for one in subscriptions]
        return self._numbered(lambda: self._client.subscribe(asked))

    def unsubscribe(self, topic_filters: tuple[str, ...]) -> int:
        """Pack UNSUBSCRIBE and return its number, one that is free; 0 if none is."""
        return self._numbered(lambda: self._client.unsubscribe(list(topic_filters)))

    def acknowledge(self, mid: int) -> None:
        """Pack PUBACK."""
        # 1.6 has no public way; this one is the same in 1.6 and 2.x.
        _check(self._client._send_puback(mid))

    def ping(self) -> None:
        """Pack PINGREQ."""
        # By the public way Paho pings only if its own clock agrees; this one is in 1.6 and 2.x.
        _check(self._client._send_pingreq())

    def disconnect(self) -> None:
        """Pack DISCONNECT."""
        _check(self._client.disconnect())

    def take(self, packet: bytes) -> None:
        """Let Paho read an answer of the server: one whole packet."""
        self._pipe.put(packet)
        _check(self._client.loop_read())

    def _numbered(self, pack: Callable[[], tuple[int, int | None]]) -> int:
        for _ in range(_MAX_MID):
            begin = len(self.unsent)
            code, mid = pack()
            # Paho refuses a number that one of its own messages has.
            if code != mqtt.MQTT_ERR_QUEUE_SIZE:
                _check(code)
                if mid and not self._is_used(mid):
                    return mid
            del self.unsent[begin:]
        return 0


def _check(code: int) -> None:
    if code != mqtt.MQTT_ERR_SUCCESS:
        raise PahoError(str(mqtt.error_string(code)).rstrip("."))


class _Pipe:
    """Replace Paho's socket: it reads what was vetted, and what it sends is collected."""

    def __init__(self) -> None:
        self.packed = bytearray()
        self._vetted, self._at = b"", 0

    def put(self, packet: bytes) -> None:
        """Give Paho one packet to read."""
        self._vetted, self._at = packet, 0

    def recv(self, size: int) -> bytes:
        """Return what is left of the packet."""
        if self._at >= len(self._vetted):
            raise BlockingIOError
        begin, self._at = self._at, min(self._at + size, len(self._vetted))
        return self._vetted[begin : self._at]

    def send(self, data: bytes) -> int:
        """Take all."""
        self.packed += data
        return len(data)

    def setblocking(self, _: bool) -> None:
        """Do nothing: it never blocks."""

    def close(self) -> None:
        """Do nothing: the connection is closed by its owner."""


class _Client(mqtt.Client):
    """Take a pipe in place of dialling: the same private method in 1.6 and 2.x, tested with both.

    Paho is given no TLS, and so asks for none of its own.
    """

    def __init__(self, pipe: _Pipe, client_id: str, clean_session: bool) -> None:
        options: dict[str, Any] = {"client_id": client_id, "clean_session": clean_session, "protocol": mqtt.MQTTv311}
        if hasattr(mqtt, "CallbackAPIVersion"):
            options["callback_api_version"] = mqtt.CallbackAPIVersion.VERSION2
        super().__init__(**options, reconnect_on_failure=False)
        self.pipe = pipe

    def _create_socket_connection(self) -> Any:
        return self.pipe

"""One MQTT connection by Paho, 1.6 and 2.x alike, over a socket that is dialled already.

Paho packs and unpacks; what a server may send at all is decided in `inbound`, when to ping and give up in `keepalive`,
when to connect in the state machine. Paho's own reconnect stays off: it has no jitter and repeats a refusal for ever.
"""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import ssl
from collections.abc import Callable

from ..core.secret import Secret
from ..core.timings import IdleTime
from ..fast_start.fast_dataclasses import dataclass
from ..fast_start.import_stubs import import_stub
from ..fast_start.typing_names import Any
from ..net.tls import SESSIONS_ARE_FREED, BoundedContext, is_close, resumable, tls_reason
from .inbound import Inbound, Kind, Packet, ProtocolViolation
from .keepalive import Due, KeepAlive

# Paho wants them for the proxies of its own dial, for names that it makes up and for a log, none of which is used, and
# to tell Windows: a third of the time that the bare script takes, and a quarter of its memory (docs/decisions/0011).
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
_CLOSED = "the server closed the connection"
_PROTOCOL_REFUSED = 1
# What one call reads and hands on, so that no server keeps the loop to itself: so many packets and reads, for so long.
STEPS_A_CALL = 64
_MAX_CALL_S = 0.02
_READ_BYTES = 16_384
_MAX_WRITES_A_CALL = 16
# A server that reads has no more than 100 messages unacknowledged.
MAX_UNSENT_PUBACKS = 1000
# A server hangs up one round trip after DISCONNECT; the whole end of the process has half a second.
DISCONNECT_LINGER_S = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Connack:
    """The answer to the login, as MQTT 3.1.1 numbers it: 0 takes it, any other refuses it."""

    code: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """The server has a message (PUBACK)."""

    mid: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Unrequested:
    """The server sent so many messages that nobody subscribed to; they are acknowledged and dropped."""

    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionLost:
    """The connection ended; where the server broke the protocol (`violation`), from here."""

    by_server: bool
    detail: str
    violation: bool = False


MqttEvent = Connack | Published | Unrequested | ConnectionLost


class _Pipe:
    """Stand in the place of Paho's socket: it reads what was vetted, and what it sends is collected."""

    def __init__(self) -> None:
        self.unsent = bytearray()
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
        self.unsent += data
        return len(data)

    def setblocking(self, _: bool) -> None:
        """Do nothing: it never blocks."""

    def close(self) -> None:
        """Do nothing: the connection is closed by its owner."""


class _Client(mqtt.Client):
    """Take a pipe in place of dialling: the same private method in 1.6 and 2.x, tested with both.

    Paho is told nothing of TLS, and so asks for none of its own.
    """

    def __init__(self, pipe: _Pipe, client_id: str, clean_session: bool) -> None:
        options: dict[str, Any] = {"client_id": client_id, "clean_session": clean_session, "protocol": mqtt.MQTTv311}
        if hasattr(mqtt, "CallbackAPIVersion"):
            options["callback_api_version"] = mqtt.CallbackAPIVersion.VERSION2
        super().__init__(**options, reconnect_on_failure=False)
        self.pipe = pipe

    def _create_socket_connection(self) -> Any:
        return self.pipe


class Connection:
    """Log in on a dialled socket and keep the session; every call returns at once with what happened."""

    def __init__(
        self,
        sock: ssl.SSLSocket,
        *,
        client_id: str,
        username: str,
        password: Secret,
        keepalive_s: int,
        clean_session: bool,
        now: Callable[[], float],
        first_ping_s: float | None = None,
    ) -> None:
        self._now = now
        self._keepalive = KeepAlive(keepalive_s, now(), first_ping_s)
        # Of the connection that is over.
        self.idle_time = IdleTime()
        self._events: list[MqttEvent] = []
        # Whether the connection has ended; `tick` tells why, at once.
        self.over = False
        self._sock = sock
        sock.setblocking(False)
        self._inbound = Inbound(clean_session=clean_session)
        self._unread = False
        self._unsent_pubacks = 0
        self._pipe = _Pipe()
        self._client = _Client(self._pipe, client_id, clean_session)
        self._client.username_pw_set(username, password.reveal())
        self._client.on_publish = self._on_publish
        # Paho wants a name, though it dials nothing; if it ever did, this one leads nowhere (RFC 2606).
        self._guard(lambda: self._client.connect("dialled.invalid", keepalive=keepalive_s))
        self._send()

    def fileno(self) -> int:
        """Return the socket's descriptor."""
        return self._sock.fileno()

    def resumable(self) -> BoundedContext | None:
        """Return the TLS context with the session that the server gave, or `None`; where a session would leak, too."""
        return resumable(self._sock) if SESSIONS_ARE_FREED else None

    def want_write(self) -> bool:
        """Say whether bytes wait to be sent."""
        return not self.over and bool(self._pipe.unsent)

    def read(self) -> list[MqttEvent]:
        """Read what is there, within a bound; where it is reached, `tick` goes on at once."""
        self._receive()
        return self._take()

    def write(self) -> list[MqttEvent]:
        """Send what waits."""
        self._keepalive.sent(self._now())
        self._send()
        return self._take()

    def tick(self) -> list[MqttEvent]:
        """Ping where it is time; give up where the last ping went unanswered; read what was left."""
        if self._unread:
            self._receive()
        now = self._now()
        due = Due.NOTHING if self.over else self._keepalive.due(now)
        if due is Due.DEAD:
            self._lose(by_server=False, detail=f"no answer to the ping within {self._keepalive.waited_s(now):.0f} s")
        elif due is Due.PING:
            self._keepalive.pinged(now)
            self._inbound.await_pingresp()
            # By the public way Paho pings only where its own clock agrees; this one is in 1.6 and 2.x.
            self._guard(self._client._send_pingreq)
            self._send()
        return self._take()

    def probe(self) -> None:
        """Have `tick` ping at once, and expect the answer soon: for when the network has changed under us."""
        self._keepalive.request_probe(self._now())

    def next_check_at(self) -> float:
        """Return when `tick` has something to do, in seconds of `now`."""
        return float("-inf") if self._events or (self._unread and not self.over) else self._keepalive.next_at()

    def publish(self, topic: str, payload: bytes) -> int:
        """Send a message at QoS 1 and return its number; the number comes back as `Published`."""
        self._keepalive.sent(self._now())
        mid = 0
        try:
            mid = int(self._client.publish(topic, payload, qos=1).mid)
        except (ValueError, RuntimeError) as error:
            self._lose(by_server=True, detail=_describe(error))
        self._inbound.await_answer(Kind.PUBACK, mid)
        self._send()
        return mid

    def disconnect(self) -> None:
        """Send DISCONNECT and close; takes `DISCONNECT_LINGER_S` at the most."""
        if not self.over and self._sock.fileno() >= 0:
            # Closed with bytes unread, a socket sends a reset, which can overtake the DISCONNECT: through a second
            # descriptor the server is heard out.
            with socket.socket(fileno=os.dup(self._sock.fileno())) as rest:
                self._guard(self._client.disconnect)
                self._send()
                self._sock.close()
                self._drain_until_closed(rest)
        self.drop()

    def _drain_until_closed(self, rest: socket.socket) -> None:
        end = self._now() + DISCONNECT_LINGER_S
        with contextlib.suppress(OSError):
            rest.shutdown(socket.SHUT_WR)
            while (left_s := end - self._now()) > 0:
                rest.settimeout(left_s)
                if not rest.recv(65536):
                    return

    def drop(self) -> None:
        """Close without a word, and let go of all that belongs to the connection."""
        self.over = True
        self._sock.close()
        # It leads back to us: a ring that would hold a TLS context, 25 to 160 kB of it, until garbage is looked for.
        self._client.on_publish = None

    def _receive(self) -> None:
        self._unread = True
        unrequested = 0
        until = self._now() + _MAX_CALL_S
        for _ in range(STEPS_A_CALL):
            if self.over or self._now() > until:
                break
            try:
                packet = self._inbound.next_packet()
            except ProtocolViolation as violation:
                self._refuse(f"it {violation}")
                break
            if packet is not None:
                unrequested += packet.kind is Kind.PUBLISH
                self._hand_on(packet)
            elif not self._feed():
                self._unread = False
                break
        if unrequested:
            self._events.append(Unrequested(count=unrequested))

    def _feed(self) -> bool:
        """Read once; say whether anything came."""
        try:
            data = self._sock.recv(_READ_BYTES)
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError, BlockingIOError):
            return False
        except (OSError, ValueError) as error:
            self._break(error)
            return False
        if not data:
            self._lose(by_server=True, detail=_CLOSED)
            return False
        self._inbound.feed(data)
        self._keepalive.received(self._now())
        return True

    def _hand_on(self, packet: Packet) -> None:
        if packet.kind is Kind.CONNACK and not self._accepted(packet.body[1]):
            return
        self._pipe.put(packet.data)
        self._guard(self._client.loop_read)
        self._send()
        if packet.qos:
            self._unsent_pubacks = self._unsent_pubacks + 1 if self._pipe.unsent else 0
            if self._unsent_pubacks > MAX_UNSENT_PUBACKS:
                self._refuse("it sends messages and takes no acknowledgement of them")

    def _accepted(self, code: int) -> bool:
        # Not by Paho's word: it keeps some of the numbers to itself, and 2.x has others in their place.
        if code == _PROTOCOL_REFUSED:
            self._refuse("it does not take it (CONNACK 1)")
            return False
        self._events.append(Connack(code=code))
        # Nothing may follow a refusal.
        self.over = code != 0
        return not self.over

    def _send(self) -> None:
        unsent = self._pipe.unsent
        try:
            for _ in range(_MAX_WRITES_A_CALL):
                if self.over or not unsent:
                    return
                del unsent[: self._sock.send(unsent[:_READ_BYTES])]
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError, BlockingIOError):
            return
        except (OSError, ValueError) as error:
            self._break(error)

    def _guard(self, call: Callable[[], Any]) -> None:
        """Run one step of Paho. Whatever it trips over ends the connection."""
        if self.over:
            return
        try:
            code = int(call())
        except Exception as error:
            self._lose(by_server=True, detail=_describe(error))
            return
        if code != mqtt.MQTT_ERR_SUCCESS:
            self._refuse(str(mqtt.error_string(code)).rstrip("."))

    def _break(self, error: Exception) -> None:
        """End the connection that the socket says is over."""
        untaken = isinstance(error, OSError) and error.errno == errno.EPROTO
        broken = untaken or (isinstance(error, ssl.SSLError) and not is_close(error))
        by_server = broken or is_close(error) or isinstance(error, ConnectionError)
        self._lose(by_server=by_server, detail=_describe(error), violation=broken)

    def _refuse(self, what: str) -> None:
        """End the connection, and say what the server did."""
        self._lose(by_server=True, violation=True, detail=f"the server does not keep to MQTT 3.1.1: {what}")

    def _lose(self, *, by_server: bool, detail: str, violation: bool = False) -> None:
        if not self.over:
            self.over = True
            self.idle_time = self._keepalive.idle_time(self._now())
            # A reset that answers a probe comes from a router on the way, which has forgotten the connection.
            blamed = by_server and (violation or not self._keepalive.is_probing)
            self._events.append(ConnectionLost(by_server=blamed, detail=detail, violation=violation))

    def _take(self) -> list[MqttEvent]:
        events, self._events = self._events, []
        return events

    def _on_publish(self, _: Any, __: Any, mid: int, *___: Any) -> None:
        self._events.append(Published(mid=mid))


def _describe(error: Exception) -> str:
    # In the words of OpenSSL a close is an "EOF occurred in violation of protocol (_ssl.c:2393)".
    if is_close(error) or isinstance(error, ConnectionError):
        return _CLOSED
    if isinstance(error, ssl.SSLError):
        return f"TLS broke: {tls_reason(error)}"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return f"what the server sent makes no sense ({type(error).__name__})"

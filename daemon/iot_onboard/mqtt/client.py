"""One MQTT connection by Paho, 1.6 and 2.x alike, over a socket that is dialled already.

Paho packs and parses; when to ping and give up is decided in `keepalive`, when to connect in the state machine. Paho's
own reconnect stays off: it has no jitter and repeats a refusal for ever.
"""

from __future__ import annotations

import contextlib
import os
import socket
import ssl
from collections.abc import Callable

from ..core.secret import Secret
from ..fast_start.fast_dataclasses import dataclass
from ..fast_start.import_stubs import import_stub
from ..fast_start.typing_names import Any
from ..net.tls import SESSIONS_ARE_FREED, BoundedContext, is_close, resumable, tls_reason
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
# CONNACK 1..5 as paho 2.x reports them under callback API 2.
_PAHO2_CODES = {132: 1, 133: 2, 136: 3, 134: 4, 135: 5}
_CLOSED = "the server closed the connection"
_DETAILS = {
    int(mqtt.MQTT_ERR_CONN_LOST): _CLOSED,
    # Paho keeps CONNACK 1 to itself: it would like to try an older protocol.
    int(mqtt.MQTT_ERR_PROTOCOL): "the server broke the protocol, or does not take MQTT 3.1.1 (CONNACK 1)",
}
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
class ConnectionLost:
    """The connection ended."""

    by_server: bool
    detail: str


MqttEvent = Connack | Published | ConnectionLost


class _Client(mqtt.Client):
    """Take a dialled socket in place of dialling: the same private method in 1.6 and 2.x, tested with both.

    Its handshake is done: Paho is told nothing of TLS, and so asks for none of its own.
    """

    def __init__(self, dialled: ssl.SSLSocket, client_id: str, clean_session: bool) -> None:
        options: dict[str, Any] = {"client_id": client_id, "clean_session": clean_session, "protocol": mqtt.MQTTv311}
        if hasattr(mqtt, "CallbackAPIVersion"):
            options["callback_api_version"] = mqtt.CallbackAPIVersion.VERSION2
        super().__init__(**options, reconnect_on_failure=False)
        self.dialled = dialled

    def _create_socket_connection(self) -> ssl.SSLSocket:
        return self.dialled


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
    ) -> None:
        self._now = now
        self._keepalive = KeepAlive(keepalive_s, now())
        self._events: list[MqttEvent] = []
        # Whether the connection has ended; `tick` tells why, at once.
        self.over = False
        self._sock = sock
        self._client = _Client(sock, client_id, clean_session)
        self._client.username_pw_set(username, password.reveal())
        self._client.on_connect = self._on_connect
        self._client.on_publish = self._on_publish
        # Paho wants a name, though it dials nothing; if it ever did, this one leads nowhere (RFC 2606).
        self._guard(lambda: self._client.connect("dialled.invalid", keepalive=keepalive_s))
        self._notice_close()

    def fileno(self) -> int:
        """Return the socket's descriptor."""
        return self._sock.fileno()

    def resumable(self) -> BoundedContext | None:
        """Return the TLS context with the session that the server gave, or `None`; where a session would leak, too."""
        return resumable(self._sock) if SESSIONS_ARE_FREED else None

    def want_write(self) -> bool:
        """Say whether bytes wait to be sent."""
        return not self.over and bool(self._client.want_write())

    def read(self) -> list[MqttEvent]:
        """Read all that is there, also what waits inside TLS."""
        while self._guard(self._client.loop_read) and self._sock.fileno() >= 0 and self._sock.pending() > 0:
            pass
        if not self.over:
            self._keepalive.received(self._now())
        return self._take()

    def write(self) -> list[MqttEvent]:
        """Send what waits."""
        self._keepalive.sent(self._now())
        self._guard(self._client.loop_write)
        return self._take()

    def tick(self) -> list[MqttEvent]:
        """Ping where it is time; give up where the last ping went unanswered."""
        now = self._now()
        due = Due.NOTHING if self.over else self._keepalive.due(now)
        if due is Due.DEAD:
            self._lose(by_server=False, detail=f"no answer to the ping within {self._keepalive.waited_s(now):.0f} s")
        elif due is Due.PING:
            self._keepalive.pinged(now)
            # By the public way Paho pings only where its own clock agrees; this one is in 1.6 and 2.x.
            self._guard(self._client._send_pingreq)
        return self._take()

    def probe(self) -> None:
        """Have `tick` ping at once, and expect the answer soon: for when the network has changed under us."""
        self._keepalive.request_probe(self._now())

    def next_check_at(self) -> float:
        """Return when `tick` has something to do, in seconds of `now`."""
        return float("-inf") if self._events else self._keepalive.next_at()

    def publish(self, topic: str, payload: bytes) -> int:
        """Send a message at QoS 1 and return its number; the number comes back as `Published`."""
        self._keepalive.sent(self._now())
        mid = 0
        try:
            mid = int(self._client.publish(topic, payload, qos=1).mid)
        except (OSError, ValueError, RuntimeError) as error:
            self._lose(by_server=True, detail=_told(error))
        self._notice_close()
        return mid

    def disconnect(self) -> None:
        """Send DISCONNECT and close; takes `DISCONNECT_LINGER_S` at the most."""
        if not self.over and self._sock.fileno() >= 0:
            # Paho closes its socket at once. Closed with bytes unread, a socket sends a reset, which can overtake the
            # DISCONNECT: through a second descriptor the server is heard out.
            with socket.socket(fileno=os.dup(self._sock.fileno())) as rest:
                self._guard(self._client.disconnect)
                self._guard(self._client.loop_write)
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
        # These lead back to us: a ring that would hold a TLS context, 25 to 160 kB of it, until garbage is looked for.
        self._client.on_connect = self._client.on_publish = None

    def _guard(self, call: Callable[[], Any]) -> bool:
        """Run one step of Paho; say whether the connection goes on. Whatever Paho trips over ends the connection."""
        if self.over:
            return False
        try:
            code = int(call())
        except Exception as error:
            self._lose(by_server=True, detail=_told(error))
            return False
        refused = any(isinstance(event, Connack) and event.code for event in self._events)
        if code != mqtt.MQTT_ERR_SUCCESS and not refused:
            self._lose(by_server=True, detail=_DETAILS.get(code) or str(mqtt.error_string(code)).rstrip("."))
        return not self.over

    def _notice_close(self) -> None:
        # Paho sends at once, and closes its socket without a word where that fails.
        if self._client.socket() is None:
            self._lose(by_server=True, detail=_CLOSED)

    def _lose(self, *, by_server: bool, detail: str) -> None:
        if not self.over:
            self.over = True
            # A reset that answers a probe comes from a router on the way, which has forgotten the connection.
            self._events.append(ConnectionLost(by_server=by_server and not self._keepalive.is_probing, detail=detail))

    def _take(self) -> list[MqttEvent]:
        events, self._events = self._events, []
        return events

    def _on_connect(self, _: Any, __: Any, ___: Any, reason: Any, *____: Any) -> None:
        code = int(getattr(reason, "value", reason))
        self._events.append(Connack(code=_PAHO2_CODES.get(code, code)))

    def _on_publish(self, _: Any, __: Any, mid: int, *___: Any) -> None:
        self._events.append(Published(mid=mid))


def _told(error: Exception) -> str:
    # In the words of OpenSSL a close is an "EOF occurred in violation of protocol (_ssl.c:2393)".
    if is_close(error):
        return _CLOSED
    if isinstance(error, ssl.SSLError):
        return f"TLS broke: {tls_reason(error)}"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return f"what the server sent makes no sense ({type(error).__name__})"

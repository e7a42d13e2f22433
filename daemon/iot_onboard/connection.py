"""One MQTT connection by Paho, 1.6 and 2.x alike, over a socket that is dialled already.

Paho packs and parses; when to connect, ping and give up is decided here and in the state machine. Paho's own
reconnect stays off: it has no jitter and repeats a refusal for ever.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import paho.mqtt.client as mqtt

from .aliyun.login import Login

# CONNACK 1..5 as paho 2.x reports them under callback API 2.
_PAHO2_CODES = {132: 1, 133: 2, 136: 3, 134: 4, 135: 5}
_DETAILS = {
    int(mqtt.MQTT_ERR_CONN_LOST): "the server closed the connection",
    # Paho keeps CONNACK 1 to itself: it would like to try an older protocol.
    int(mqtt.MQTT_ERR_PROTOCOL): "the server broke the protocol, or does not take MQTT 3.1.1 (CONNACK 1)",
}
_PING_GRACE_MOST_S = 30.0
# Paho compares its own clock reading with the keep-alive: a moment later it agrees that the time has come.
_PING_SLACK_S = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnackAccepted:
    """CONNACK 0."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnackRefused:
    """CONNACK with a number, as MQTT 3.1.1 has it."""

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


Happening = ConnackAccepted | ConnackRefused | Published | ConnectionLost


class _DialledContext(ssl.SSLContext):
    """Give Paho the dialled socket as it is: its handshake is done, a second one does nothing."""

    def wrap_socket(self, sock: Any, *_: Any, **__: Any) -> ssl.SSLSocket:
        dialled: ssl.SSLSocket = sock
        return dialled


class _Client(mqtt.Client):
    """Take a dialled socket in place of dialling: the same private method in 1.6 and 2.x, tested with both."""

    dialled: ssl.SSLSocket

    def _create_socket_connection(self) -> ssl.SSLSocket:
        return self.dialled


class Connection:
    """Log in on a dialled socket and keep the session; every call returns at once with what happened."""

    def __init__(
        self, sock: ssl.SSLSocket, login: Login, *, keepalive_s: int, clean_session: bool, now: Callable[[], float]
    ) -> None:
        self._now = now
        self._keepalive_s = keepalive_s
        self._grace_s = min(0.45 * keepalive_s, _PING_GRACE_MOST_S)
        self._happened: list[Happening] = []
        self._over = False
        self._sock = sock
        self._last_in = self._last_out = now()
        self._client = _client(login, clean_session)
        self._client.dialled = sock
        self._client.on_connect = self._on_connect
        self._client.on_publish = self._on_publish
        host, port = sock.getpeername()[:2]
        try:
            self._client.connect(sock.server_hostname or host, port, keepalive=keepalive_s)
        except (OSError, ValueError) as error:
            self._lose(by_server=True, detail=_told(error))

    def fileno(self) -> int:
        """Return the socket's descriptor."""
        return self._sock.fileno()

    @property
    def over(self) -> bool:
        """Say whether the connection has ended; `tick` tells why, at once."""
        return self._over

    def want_write(self) -> bool:
        """Say whether bytes wait to be sent."""
        return not self._over and bool(self._client.want_write())

    def read(self) -> list[Happening]:
        """Read all that is there, also what waits inside TLS."""
        self._last_in = self._now()
        while self._guard(self._client.loop_read) and self._sock.fileno() >= 0 and self._sock.pending() > 0:
            pass
        return self._take()

    def write(self) -> list[Happening]:
        """Send what waits."""
        self._last_out = self._now()
        self._guard(self._client.loop_write)
        return self._take()

    def tick(self) -> list[Happening]:
        """Ping where it is time; give up where the last ping went unanswered."""
        now = self._now()
        if self._over:
            return self._take()
        if now >= self._last_in + self._keepalive_s + self._grace_s:
            self._lose(by_server=False, detail=f"no answer to the ping within {self._grace_s:.0f} s")
        elif now >= self._ping_at():
            self._guard(self._client.loop_misc)
            self._last_out = now
        return self._take()

    def next_check_at(self) -> float:
        """Return when `tick` has something to do, in seconds of `now`."""
        if self._happened:
            return float("-inf")
        return min(self._ping_at(), self._last_in + self._keepalive_s + self._grace_s)

    def publish(self, topic: str, payload: bytes) -> int:
        """Send a message at QoS 1 and return its number; the number comes back as `Published`."""
        self._last_out = self._now()
        mid = 0
        try:
            mid = int(self._client.publish(topic, payload, qos=1).mid)
        except (OSError, ValueError, RuntimeError) as error:
            self._lose(by_server=True, detail=_told(error))
        if self._client.socket() is None:
            # Paho sends at once, and closes its socket without a word where that fails.
            self._lose(by_server=True, detail="the server closed the connection")
        return mid

    def disconnect(self) -> None:
        """Say goodbye and close."""
        if not self._over:
            self._guard(self._client.disconnect)
            self._guard(self._client.loop_write)
        self.drop()

    def drop(self) -> None:
        """Close without a word."""
        self._over = True
        self._sock.close()

    def _ping_at(self) -> float:
        return min(self._last_in, self._last_out) + self._keepalive_s + _PING_SLACK_S

    def _guard(self, call: Callable[[], Any]) -> bool:
        """Run one step of Paho; say whether the connection goes on. Whatever Paho trips over ends the connection."""
        if self._over:
            return False
        try:
            code = int(call())
        except Exception as error:
            self._lose(by_server=True, detail=_told(error))
            return False
        if code != mqtt.MQTT_ERR_SUCCESS and not any(isinstance(h, ConnackRefused) for h in self._happened):
            self._lose(by_server=True, detail=_DETAILS.get(code) or str(mqtt.error_string(code)).rstrip("."))
        return not self._over

    def _lose(self, *, by_server: bool, detail: str) -> None:
        if not self._over:
            self._over = True
            self._happened.append(ConnectionLost(by_server=by_server, detail=detail))

    def _take(self) -> list[Happening]:
        happened, self._happened = self._happened, []
        return happened

    def _on_connect(self, _: Any, __: Any, ___: Any, reason: Any, *____: Any) -> None:
        code = int(getattr(reason, "value", reason))
        code = _PAHO2_CODES.get(code, code)
        self._happened.append(ConnackRefused(code=code) if code else ConnackAccepted())

    def _on_publish(self, _: Any, __: Any, mid: int, *___: Any) -> None:
        self._happened.append(Published(mid=mid))


def _client(login: Login, clean_session: bool) -> _Client:
    options: dict[str, Any] = {
        "client_id": login.client_id,
        "clean_session": clean_session,
        "protocol": mqtt.MQTTv311,
        "reconnect_on_failure": False,
    }
    if hasattr(mqtt, "CallbackAPIVersion"):
        options["callback_api_version"] = mqtt.CallbackAPIVersion.VERSION2
    client = _Client(**options)
    client.username_pw_set(login.username, login.password.reveal())
    client.tls_set_context(_DialledContext(ssl.PROTOCOL_TLS_CLIENT))
    return client


def _told(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return f"what the server sent makes no sense ({type(error).__name__})"

"""One MQTT connection (3.1.1) over a socket that is dialled already: TLS, TCP or Unix.

Paho packs what goes out (`paho_client`), `inbound` reads and judges what the server sends, `keepalive` decides when to
ping and when to give up, and `stream` moves the bytes. When to connect is decided by the owner of a connection.
"""

from __future__ import annotations

import socket
from collections import deque
from collections.abc import Callable

from ..core.secret import Secret
from ..core.timings import IdleTime
from ..fast_start.fast_dataclasses import replace
from ..fast_start.typing_names import Any
from ..net.tls import BoundedContext
from .inbound import MAX_PACKET_BYTES, Inbound, Kind, Packet, ProtocolViolation
from .keepalive import Due, KeepAlive
from .model import Connack, ConnectionLost, MqttEvent, Qos, Subscription, Will, check_filters, check_message
from .paho_client import PahoClient, PahoError
from .stream import Stream

_PROTOCOL_REFUSED = 1
# What one call reads and hands on, so that no server keeps the loop to itself: so many packets and reads, for so long.
STEPS_A_CALL = 64
_MAX_CALL_S = 0.02
# A server that reads has no more than 100 messages unacknowledged.
MAX_UNSENT_PUBACKS = 1000


class Connection:
    """Log in on a dialled socket and keep the session; every call returns at once, most with what happened.

    The server keeps a message of QoS 1 until the owner calls `acknowledge`. Where the connection ends before, and the
    session is not a clean one, the message comes again after the next login. While `MAX_HELD` messages or
    `MAX_HELD_BYTES` are not acknowledged nothing more is read; if that lasts for as long as the answer to a ping may
    take, the connection ends.
    """

    def __init__(
        self,
        sock: socket.socket,
        *,
        client_id: str,
        keepalive_s: int,
        clean_session: bool,
        now: Callable[[], float],
        username: str | None = None,
        password: Secret | None = None,
        will: Will | None = None,
        first_ping_s: float | None = None,
        max_packet_bytes: int = MAX_PACKET_BYTES,
    ) -> None:
        self._now = now
        self._keepalive = KeepAlive(keepalive_s, now(), first_ping_s)
        # Of the connection that is over.
        self.idle_time = IdleTime()
        self._events: list[MqttEvent] = []
        # Whether the connection has ended; `tick` reports why, at once.
        self.over = False
        self._stream = Stream(sock, now)
        self._inbound = Inbound(clean_session=clean_session, max_packet_bytes=max_packet_bytes)
        self._unread = False
        # Where in the stream of all bytes those PUBACKs end that wait to be sent.
        self._puback_ends: deque[int] = deque()
        self._paho = PahoClient(
            client_id=client_id,
            username=username,
            password=password,
            clean_session=clean_session,
            will=will,
            is_used=self._inbound.is_awaited,
        )
        self._guard(self._paho.connect, keepalive_s)
        self._send()

    def fileno(self) -> int:
        """Return the socket's descriptor."""
        return self._stream.fileno()

    def resumable(self) -> BoundedContext | None:
        """Return the TLS context with the session of the server; `None` without one, or if it would leak."""
        return self._stream.resumable()

    @property
    def unsent_bytes(self) -> int:
        """Return how much waits to be sent: an owner with much to publish holds back while it grows."""
        return len(self._paho.unsent)

    def want_write(self) -> bool:
        """Say whether bytes wait to be sent."""
        return not self.over and self._stream.send_failure is None and self.unsent_bytes > 0

    def want_read(self) -> bool:
        """Say whether to read; not while too much waits to be acknowledged."""
        return not self.over and not self._inbound.held.is_full

    def read(self) -> list[MqttEvent]:
        """Read what is there, within a bound; if it is reached, `tick` continues at once."""
        self._receive()
        return self._take()

    def write(self) -> list[MqttEvent]:
        """Send what waits."""
        self._send()
        return self._take()

    def tick(self) -> list[MqttEvent]:
        """Ping if it is time; give up if the last ping had no answer; read what was left."""
        if self._is_read_due():
            self._receive()
        now = self._now()
        due = Due.NOTHING if self.over else self._keepalive.due(now)
        if due is Due.DEAD:
            detail = f"no answer to the ping within {self._keepalive.waited_s(now):.0f} s"
            if self._inbound.held.is_full:
                detail = "too many messages wait for their acknowledgement"
            self._lose(ConnectionLost(by_server=False, detail=detail))
        elif due is Due.PING:
            self._keepalive.pinged(now)
            self._inbound.await_pingresp()
            self._guard(self._paho.ping)
            self._send()
        return self._take()

    def probe(self) -> None:
        """Have `tick` ping at once, and expect the answer soon: for when the network has changed under us."""
        self._keepalive.request_probe(self._now())

    def next_check_at(self) -> float:
        """Return when `tick` has something to do, in seconds of `now`."""
        return float("-inf") if self._events or self._is_read_due() else self._keepalive.next_at()

    def publish(self, topic: str, payload: bytes, *, qos: Qos = Qos.AT_LEAST_ONCE, retain: bool = False) -> int:
        """Send a message and return its number, which comes back as `Published`; raise `ValueError` for a bad topic.

        The number is 0 if nothing will come back: at QoS 0, and after the end of the connection.
        """
        check_message(topic, payload)
        if qos is Qos.AT_LEAST_ONCE:
            return self._ask(Kind.PUBACK, 0, self._paho.publish, topic, payload, retain)
        self._guard(self._paho.publish_unnumbered, topic, payload, retain)
        self._send()
        return 0

    def subscribe(self, *subscriptions: Subscription) -> int:
        """Send one SUBSCRIBE and return its number, which comes back as `Subscribed`; 0 after the end.

        Raise `ValueError` for a bad filter, for none, and for more than `MAX_FILTERS`.
        """
        check_filters([one.topic_filter for one in subscriptions])
        return self._ask(Kind.SUBACK, len(subscriptions), self._paho.subscribe, subscriptions)

    def unsubscribe(self, *topic_filters: str) -> int:
        """Send one UNSUBSCRIBE and return its number, which comes back as `Unsubscribed`; 0 after the end.

        Raise `ValueError` as `subscribe` does.
        """
        check_filters(list(topic_filters))
        return self._ask(Kind.UNSUBACK, 0, self._paho.unsubscribe, topic_filters)

    def acknowledge(self, *mids: int) -> None:
        """Send PUBACK for messages that were received, in the order given.

        A number that is acknowledged already, or was never received, or came before the end, is passed over.
        """
        for mid in mids:
            if self._inbound.held.release(mid):
                self._guard(self._paho.acknowledge, mid)
                self._puback_ends.append(self._stream.sent_bytes + self.unsent_bytes)
        self._send()
        if len(self._puback_ends) > MAX_UNSENT_PUBACKS:
            self._refuse("it sends messages but does not read their acknowledgements")

    def disconnect(self) -> None:
        """Send DISCONNECT and close; takes `DISCONNECT_LINGER_S` at the most."""
        if not self.over:
            self._guard(self._paho.disconnect)
            self._send()
            self._stream.close_after_sending()
        self.drop()

    def drop(self) -> None:
        """Close without a word."""
        self.over = True
        self._stream.close()

    def _ask(self, answer: Kind, filters: int, pack: Callable[..., int | None], *arguments: Any) -> int:
        """Send what the server answers, and return its number; 0 after the end."""
        mid = self._guard(pack, *arguments)
        if mid:
            self._inbound.await_answer(answer, mid, filters)
        elif not self.over:
            self._refuse("it leaves 65,535 packets unanswered")
        self._send()
        return mid

    def _is_read_due(self) -> bool:
        """Say whether to read now, whatever the socket says: more was there, or it cannot be written to any more."""
        return (self._unread and self.want_read()) or (self._stream.send_failure is not None and not self.over)

    def _receive(self) -> None:
        self._unread = True
        until = self._now() + _MAX_CALL_S
        for _ in range(STEPS_A_CALL):
            if not self.want_read() or self._now() > until:
                break
            try:
                packet = self._inbound.next_packet()
            except ProtocolViolation as violation:
                self._refuse(f"it {violation}")
                break
            if packet is not None:
                self._hand_on(packet)
            elif not self._feed():
                self._unread = False
                break
        failure = self._stream.send_failure
        if failure is not None and not (self._unread and self.want_read()):
            self._lose(failure)

    def _feed(self) -> bool:
        """Read once; say whether anything came."""
        data = self._stream.receive()
        if data is None:
            return False
        if isinstance(data, ConnectionLost):
            self._lose(data)
            return False
        self._inbound.feed(data)
        self._keepalive.received(self._now())
        return True

    def _hand_on(self, packet: Packet) -> None:
        event = packet.event
        if isinstance(event, Connack) and event.code == _PROTOCOL_REFUSED:
            self._refuse("it does not support it (CONNACK 1)")
            return
        if event is not None:
            self._events.append(event)
        if isinstance(event, Connack) and event.code:
            # Not by Paho's word: it has other numbers in their place. Nothing may follow a refusal.
            self.over = True
        elif packet.kind is not Kind.PUBLISH:
            # Paho would acknowledge a message at once; of the others it keeps a state.
            self._guard(self._paho.take, packet.data)

    def _send(self) -> None:
        if not self.over and self._stream.send(self._paho.unsent):
            self._keepalive.sent(self._now())
        while self._puback_ends and self._puback_ends[0] <= self._stream.sent_bytes:
            self._puback_ends.popleft()

    def _guard(self, step: Callable[..., int | None], *arguments: Any) -> int:
        """Run one step of Paho, and return its number. Whatever it trips over ends the connection."""
        if self.over:
            return 0
        try:
            return step(*arguments) or 0
        except PahoError as error:
            self._refuse(str(error))
        except Exception as error:
            detail = f"the server sent invalid data ({type(error).__name__})"
            self._lose(ConnectionLost(by_server=True, detail=detail))
        return 0

    def _refuse(self, what: str) -> None:
        """End the connection, and say what the server did."""
        detail = f"the server does not follow MQTT 3.1.1: {what}"
        self._lose(ConnectionLost(by_server=True, violation=True, detail=detail))

    def _lose(self, lost: ConnectionLost) -> None:
        if self.over:
            return
        self.over = True
        self.idle_time = self._keepalive.idle_time(self._now())
        # A reset that answers a probe comes from a router on the way, which has forgotten the connection.
        is_excused = self._keepalive.is_probing and not lost.violation
        self._events.append(replace(lost, by_server=False) if is_excused else lost)

    def _take(self) -> list[MqttEvent]:
        events, self._events = self._events, []
        return events

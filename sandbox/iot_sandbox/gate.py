"""The MQTT side: a login gate with the platform's rules before a mosquitto that does the rest."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import time
from collections import defaultdict

from . import packets, rules
from .devices import Devices

_FIRST_PACKET_S = 10.0
_KICK_POLL_S = 0.05
_READ_BYTES = 65_536
_MOST_PACKET_BYTES = 300_000

Identity = tuple[str, str]


class Refused(Exception):
    """Say why a session ends."""


class Gate:
    """Let correct logins through to the broker, one connection an identity, and hold them to the rules."""

    def __init__(self, devices: Devices, broker_port: int) -> None:
        self._devices = devices
        self._broker_port = broker_port
        self._connects: dict[Identity, list[float]] = defaultdict(list)
        self._online: dict[Identity, asyncio.StreamWriter] = {}
        self._clients: set[asyncio.StreamWriter] = set()

    async def listen(self, host: str, port: int, context: ssl.SSLContext) -> asyncio.Server:
        """Start to listen."""
        return await asyncio.start_server(self._serve, host, port, ssl=context, ssl_handshake_timeout=10)

    async def watch(self) -> None:
        """Carry out the operator's orders: kicks, and an outage that ends what stands."""
        while True:
            for identity in self._devices.take_kicks():
                writer = self._online.get(identity)
                if writer is not None:
                    self._devices.see("mqtt", *identity, "kicked", "by the operator")
                    writer.transport.abort()
            if self._devices.fault("outage-mqtt"):
                for writer in tuple(self._clients):
                    writer.transport.abort()
            await asyncio.sleep(_KICK_POLL_S)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._clients.add(writer)
        try:
            if not self._devices.fault("outage-mqtt"):
                await self._session(reader, writer)
        except (OSError, asyncio.IncompleteReadError, TimeoutError, packets.Malformed, Refused):
            pass
        finally:
            self._clients.discard(writer)
            writer.transport.abort()

    async def _session(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head, body, raw = await asyncio.wait_for(_packet(reader), _FIRST_PACKET_S)
        if head >> 4 != packets.CONNECT:
            raise packets.Malformed("the first packet is not CONNECT")
        connect = packets.parse_connect(body)
        identity = rules.identity_of(connect.username) or ("", "")
        code = self._decide(connect, identity)
        detail = f"{code} keepalive={connect.keepalive_s} clean={int(connect.clean_session)} {connect.client_id}"
        self._devices.see("mqtt", *identity, "connect", detail)
        if code:
            writer.write(packets.connack(code))
            await writer.drain()
            return
        older = self._online.get(identity)
        if older is not None:
            self._devices.see("mqtt", *identity, "kicked", "by a newer login")
            older.transport.abort()
        self._online[identity] = writer
        self._devices.change(*identity, activated=1, online=1)
        try:
            await self._bridge(reader, writer, raw, identity, connect.keepalive_s)
        finally:
            if self._online.get(identity) is writer:
                del self._online[identity]
                self._devices.change(*identity, online=0)
            self._devices.see("mqtt", *identity, "gone")

    def _decide(self, connect: rules.Connect, identity: Identity) -> int:
        now_s = time.monotonic()
        stamps = [at for at in self._connects[identity] if now_s - at < rules.CONNECT_WINDOW_S]
        self._connects[identity] = [*stamps, now_s]
        if self._devices.fault("throttle") is not None:
            return 3
        if not rules.within_budget(stamps, now_s):
            return 2
        return rules.connack_code(connect, self._devices.device(*identity))

    async def _bridge(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        connect: bytes,
        identity: Identity,
        keepalive_s: int,
    ) -> None:
        from_broker, to_broker = await asyncio.open_connection("127.0.0.1", self._broker_port)
        to_broker.write(connect)
        ways = [
            asyncio.create_task(self._up(reader, to_broker, writer, identity, keepalive_s)),
            asyncio.create_task(_down(from_broker, writer)),
        ]
        try:
            done, _ = await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            for way in done:
                way.result()
        finally:
            for way in ways:
                way.cancel()
            to_broker.transport.abort()

    async def _up(
        self,
        reader: asyncio.StreamReader,
        to_broker: asyncio.StreamWriter,
        writer: asyncio.StreamWriter,
        identity: Identity,
        keepalive_s: int,
    ) -> None:
        sent: dict[int, list[float]] = {0: [], 1: []}
        while True:
            head, body, raw = await asyncio.wait_for(_packet(reader), keepalive_s * 1.5)
            kind = head >> 4
            if kind == packets.PUBLISH:
                message = packets.parse_publish(head, body)
                _check(message)
                now_s = time.monotonic()
                recent = [at for at in sent[message.qos] if now_s - at < 1.0]
                sent[message.qos] = [*recent, now_s]
                if len(recent) >= rules.UPLINK_PER_S[message.qos]:
                    # The platform drops what is over without an error; the client is not told.
                    if message.qos:
                        writer.write(packets.puback(message.mid))
                    continue
                text = message.payload.decode("utf-8", "replace")
                self._devices.see("mqtt", *identity, "publish", f"{message.topic} {text}"[:2000])
            elif kind == packets.SUBSCRIBE and packets.subscribed_qos(body) > 1:
                raise Refused("QoS 2")
            to_broker.write(raw)
            await to_broker.drain()
            if kind == packets.DISCONNECT:
                self._devices.see("mqtt", *identity, "disconnect")
                return


def _check(message: packets.Publish) -> None:
    if message.qos > 1:
        raise Refused("QoS 2")
    if message.retain:
        raise Refused("retained messages")
    if len(message.payload) > rules.MOST_PAYLOAD_BYTES:
        raise Refused("payload over 256 KB")
    if len(message.topic.encode()) > 128 or message.topic.count("/") > 7:
        raise Refused("topic too long")


async def _down(from_broker: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while data := await from_broker.read(_READ_BYTES):
            writer.write(data)
            await writer.drain()


async def _packet(reader: asyncio.StreamReader) -> tuple[int, bytes, bytes]:
    head = await reader.readexactly(1)
    length, raw = 0, head
    for position in range(4):
        digit = await reader.readexactly(1)
        raw += digit
        length |= (digit[0] & 0x7F) << (7 * position)
        if not digit[0] & 0x80:
            break
    if length > _MOST_PACKET_BYTES:
        raise packets.Malformed("too long")
    body = await reader.readexactly(length)
    return head[0], body, raw + body

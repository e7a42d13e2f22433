"""What a logged-in device sends: carried to the broker by whole packets, and judged."""

from __future__ import annotations

import asyncio
import time

from . import packets, rules
from .devices import Devices
from .subscriptions import Subscriptions

_MOST_PACKET_BYTES = 300_000
_MOST_SHOWN = 4096
_LAST_WORD_S = 0.5


class Refused(Exception):
    """Say why the platform ends a session."""


class Uplink:
    """Carry one device's packets to the broker, and judge what it publishes and subscribes to."""

    def __init__(
        self,
        devices: Devices,
        identity: tuple[str, str],
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        to_broker: asyncio.StreamWriter,
        subscriptions: Subscriptions,
    ) -> None:
        self._devices = devices
        self._identity = identity
        self._reader = reader
        self._writer = writer
        self._to_broker = to_broker
        self._subscriptions = subscriptions
        self._sent: dict[int, list[float]] = {0: [], 1: []}

    async def run(self, keepalive_s: int) -> None:
        """Carry until DISCONNECT, silence for 1.5 times the keep-alive, or a packet that is refused."""
        while True:
            head, body, raw = await asyncio.wait_for(read_packet(self._reader), keepalive_s * 1.5)
            kind = head >> 4
            if kind == packets.PUBLISH:
                if not self._take(packets.parse_publish(head, body)):
                    continue
            elif kind == packets.SUBSCRIBE:
                raw = self._subscribe(body)
            elif kind == packets.UNSUBSCRIBE:
                self._subscriptions.end(body)
            self._to_broker.write(raw)
            await self._to_broker.drain()
            if kind == packets.DISCONNECT:
                self._devices.see("mqtt", *self._identity, "disconnect")
                # The broker's hang-up is its word that it has taken everything before.
                await asyncio.sleep(_LAST_WORD_S)
                return

    def _subscribe(self, body: bytes) -> bytes:
        fault = rules.subscribe_fault(packets.subscriptions(body))
        if fault:
            raise Refused(fault)
        for_broker, for_device = self._subscriptions.ask(body)
        self._writer.write(for_device)
        return for_broker

    def _take(self, message: packets.Publish) -> bool:
        size_bytes = len(message.payload)
        fault = rules.publish_fault(topic=message.topic, qos=message.qos, retain=message.retain, size_bytes=size_bytes)
        if fault is None and not rules.is_own_topic(message.topic, *self._identity):
            # MQTT 3.1.1 has no other way to say so; what the platform does is not documented.
            fault = "a topic that is not the device's"
        if fault:
            raise Refused(fault)
        now_s = time.monotonic()
        recent = [at for at in self._sent[message.qos] if now_s - at < 1.0]
        over = not rules.within_pace(recent, message.qos, now_s)
        self._sent[message.qos] = recent if over else [*recent, now_s]
        text = message.payload[:_MOST_SHOWN].decode("utf-8", "replace")
        self._devices.see(
            "mqtt",
            *self._identity,
            "over-pace" if over else "publish",
            f"{message.topic} {text}"[:2000],
            topic=message.topic,
            qos=message.qos,
            size=size_bytes,
            payload=text,
        )
        if over and message.qos:
            # What is over is dropped without an error: the client is told that all is well.
            self._writer.write(packets.puback(message.mid))
        return not over


async def read_packet(reader: asyncio.StreamReader) -> tuple[int, bytes, bytes]:
    """Read one packet: its first byte, its body, and all of it as it came."""
    raw = await reader.readexactly(1)
    length = None
    while length is None:
        raw += await reader.readexactly(1)
        length = packets.read_length(raw[1:])
    if length > _MOST_PACKET_BYTES:
        raise packets.Malformed("too long")
    body = await reader.readexactly(length)
    return raw[0], body, raw + body

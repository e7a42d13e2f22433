"""The MQTT side: a login gate with the platform's rules before a mosquitto that does the rest."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import time
from collections import defaultdict

from . import packets, rules
from .devices import Device, Devices
from .subscriptions import Subscriptions
from .uplink import Refused, Uplink, read_packet

_HANDSHAKE_S = 10.0
_FIRST_PACKET_S = 10.0
_BROKER_S = 5.0
_CLOSE_S = 0.5

Identity = tuple[str, str]


class _Patient(asyncio.StreamReaderProtocol):
    """Let what a client said before its connection broke be read to the end, as after a proper close."""

    def connection_lost(self, _: Exception | None) -> None:
        super().connection_lost(None)


class Gate:
    """Let correct logins through to the broker, one connection an identity, and hold them to the rules."""

    def __init__(self, devices: Devices, broker_path: str, context: ssl.SSLContext) -> None:
        self._devices = devices
        self._broker_path = broker_path
        self._context = context
        self._connects: dict[Identity, list[float]] = defaultdict(list)
        self._online: dict[Identity, asyncio.StreamWriter] = {}
        self._clients: set[asyncio.WriteTransport] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def accept(self, listener: socket.socket) -> None:
        """Take connections for ever; during an outage close each before its handshake."""
        loop = asyncio.get_running_loop()
        while True:
            try:
                connection, _ = await loop.sock_accept(listener)
            except OSError:
                # Out of descriptors, or a client that went away: neither may end the listening.
                await asyncio.sleep(0.05)
                continue
            self._devices.count("connections")
            if self._devices.fault("outage-mqtt") is not None:
                connection.close()
                continue
            task = asyncio.create_task(self._welcome(connection))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def kick(self, identity: Identity, by: str) -> None:
        """End the connection of an identity, if there is one."""
        writer = self._online.pop(identity, None)
        if writer is not None:
            self._devices.see("mqtt", *identity, "kicked", by)
            self._devices.count("kicked", *identity)
            self._devices.change(*identity, online=0)
            writer.transport.abort()

    def drop_all(self) -> None:
        """End every connection, handshakes under way too."""
        for transport in tuple(self._clients):
            transport.abort()
        for task in tuple(self._tasks):
            task.cancel()

    async def _welcome(self, connection: socket.socket) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader()
        protocol = _Patient(reader)
        try:
            transport, _ = await loop.connect_accepted_socket(
                lambda: protocol, connection, ssl=self._context, ssl_handshake_timeout=_HANDSHAKE_S
            )
        except (OSError, asyncio.CancelledError):
            connection.close()
            return
        writer = asyncio.StreamWriter(transport, protocol, reader, loop)
        self._clients.add(transport)
        try:
            await self._session(reader, writer)
        except (OSError, asyncio.IncompleteReadError, TimeoutError, packets.Malformed, asyncio.CancelledError):
            pass
        finally:
            self._clients.discard(transport)
            transport.abort()

    async def _session(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head, body, _ = await asyncio.wait_for(read_packet(reader), _FIRST_PACKET_S)
        if head != packets.CONNECT << 4:
            raise packets.Malformed("the first packet is not CONNECT")
        connect = packets.parse_connect(body)
        identity = rules.identity_of(connect.username) or ("", "")
        device = self._devices.device(*identity)
        code = self._decide(connect, identity, device)
        self._see_connect(connect, identity, code)
        if code or device is None:
            await _farewell(writer, packets.connack(code))
            return
        self.kick(identity, "by a newer login")
        self._online[identity] = writer
        try:
            await self._bridge(reader, writer, connect, device)
        except Refused as refusal:
            self._devices.see("mqtt", *identity, "refused", str(refusal))
        finally:
            if self._online.get(identity) is writer:
                del self._online[identity]
                self._devices.change(*identity, online=0)
            self._devices.see("mqtt", *identity, "gone")

    def _decide(self, connect: rules.Connect, identity: Identity, device: Device | None) -> int:
        if connect.level != 4:
            return 1
        now_s = time.monotonic()
        stamps = [at for at in self._connects[identity] if now_s - at < rules.CONNECT_WINDOW_S]
        if device is not None:
            self._connects[identity] = [*stamps, now_s]
        if self._devices.fault("throttle") is not None:
            return 3
        if not rules.within_budget(stamps, now_s):
            return 2
        return rules.connack_code(connect, device)

    def _see_connect(self, connect: rules.Connect, identity: Identity, code: int) -> None:
        clean = int(connect.clean_session)
        self._devices.see(
            "mqtt",
            *identity,
            "connect",
            f"{code} keepalive={connect.keepalive_s} clean={clean} {connect.client_id}",
            code=code,
            keepalive_s=connect.keepalive_s,
            clean_session=connect.clean_session,
            client_id=connect.client_id,
        )
        self._devices.count("refused" if code else "connects", *identity)

    async def _bridge(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, connect: rules.Connect, device: Device
    ) -> None:
        identity = (device.product_key, device.device_name)
        async with asyncio.timeout(_BROKER_S):
            from_broker, to_broker = await asyncio.open_unix_connection(self._broker_path)
            # The broker's session belongs to the identity, whatever client id and timestamp the login shows.
            hello = packets.build_connect(
                ".".join(identity), keepalive_s=connect.keepalive_s, clean_session=connect.clean_session
            )
            to_broker.write(hello)
            _, session, welcome = await read_packet(from_broker)
        ways = []
        try:
            if self._online.get(identity) is not writer:
                return
            if not self._devices.log_in(device):
                await _farewell(writer, packets.connack(4))
                return
            if not session[0] & 1:
                self._devices.forget_subscriptions(*identity)
            writer.write(welcome)
            subscriptions = Subscriptions(self._devices, identity)
            up = Uplink(self._devices, identity, reader, writer, to_broker, subscriptions)
            ways = [
                asyncio.create_task(up.run(connect.keepalive_s)),
                asyncio.create_task(_down(from_broker, writer, subscriptions)),
            ]
            done, _ = await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            for way in done:
                way.result()
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            to_broker.transport.abort()


async def _down(from_broker: asyncio.StreamReader, writer: asyncio.StreamWriter, subscriptions: Subscriptions) -> None:
    # By whole packets: the uplink writes PUBACKs of its own in between. A client that no longer listens is no end:
    # what it said before, such as DISCONNECT, is still on its way up.
    with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
        while True:
            _, _, raw = await read_packet(from_broker)
            if not writer.is_closing():
                writer.write(subscriptions.answer(raw))
                with contextlib.suppress(ConnectionError):
                    await writer.drain()


async def _farewell(writer: asyncio.StreamWriter, last: bytes) -> None:
    # An outage may have aborted it while the last packet was read: Python 3.11 cannot abort it again once it is closed.
    if writer.is_closing():
        return
    writer.write(last)
    writer.close()
    with contextlib.suppress(OSError, TimeoutError):
        await asyncio.wait_for(writer.wait_closed(), _CLOSE_S)

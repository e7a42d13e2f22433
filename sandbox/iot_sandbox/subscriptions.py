"""What a device subscribes to: its own topics, a hundred at the most, and the SUBACK that says what it got."""

from __future__ import annotations

from . import packets, rules
from .devices import Devices

_REFUSED = 0x80


class Subscriptions:
    """Stand between a device's SUBSCRIBE and the broker, which hears of the granted filters alone."""

    def __init__(self, devices: Devices, identity: tuple[str, str]) -> None:
        self._devices = devices
        self._identity = identity
        # Of each SUBSCRIBE under way that was granted in part: which of its filters were.
        self._granted: dict[bytes, list[bool]] = {}

    def ask(self, body: bytes) -> tuple[bytes, bytes]:
        """Judge a SUBSCRIBE; return the packet for the broker and the one for the device, either of them empty."""
        filters = packets.subscriptions(body)
        granted = [self._grant(topic, qos) for topic, qos in filters]
        mid = body[:2]
        if not any(granted):
            return b"", packets.suback(mid, [_REFUSED] * len(filters))
        if not all(granted):
            self._granted[mid] = granted
        kept = [wanted for wanted, good in zip(filters, granted, strict=True) if good]
        return packets.build_subscribe(mid, kept), b""

    def answer(self, raw: bytes) -> bytes:
        """Complete a SUBACK of the broker's with what it was not asked for; leave every other packet as it is."""
        if raw[0] >> 4 != packets.SUBACK:
            return raw
        granted = self._granted.pop(raw[2:4], None)
        if granted is None:
            return raw
        codes = iter(raw[4:])
        return packets.suback(raw[2:4], [next(codes, _REFUSED) if good else _REFUSED for good in granted])

    def end(self, body: bytes) -> None:
        """Note an UNSUBSCRIBE."""
        for topic in packets.unsubscriptions(body):
            self._devices.unsubscribe(*self._identity, topic)

    def _grant(self, topic: str, qos: int) -> bool:
        fault = rules.filter_fault(topic, *self._identity)
        if fault is None and not self._devices.subscribe(*self._identity, topic, rules.MOST_SUBSCRIPTIONS):
            fault = f"more than {rules.MOST_SUBSCRIPTIONS} subscriptions"
        what, detail = ("subscribe", topic) if fault is None else ("not-subscribed", f"{topic}: {fault}")
        self._devices.see("mqtt", *self._identity, what, detail, topic=topic, qos=qos)
        return fault is None

"""Say a line of the event table."""

from __future__ import annotations

from iot_onboard.events.format import sentence
from iot_onboard.events.model import Context, Details, Entry

CONTEXT = Context(product_key="pk", device_name="gw-0001", version="1.0", endpoint="host:8883")


def said(entry: Entry, details: Details) -> str:
    return sentence(entry, details, CONTEXT)

"""What a device reports of itself."""

from __future__ import annotations

import json

from iot_onboard.aliyun.topics import tags_report, version_report
from iot_onboard.core.identity import Identity

IDENTITY = Identity(product_key="a1b2c3d4e5f", device_name="gw-0001")


def test_reports() -> None:
    """Version and tags go to the documented topics, and an unknown tag is left out."""
    version = version_report(IDENTITY, "1.2")
    assert version.topic == "/ota/device/inform/a1b2c3d4e5f/gw-0001"
    assert json.loads(version.payload) == {"id": "1", "params": {"version": "1.2"}}
    tags = tags_report(IDENTITY, {"os": "Debian", "model": ""})
    assert tags.topic == "/sys/a1b2c3d4e5f/gw-0001/thing/deviceinfo/update"
    assert json.loads(tags.payload)["params"] == [{"attrKey": "os", "attrValue": "Debian"}]

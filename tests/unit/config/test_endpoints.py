"""Where registration and login go."""

from __future__ import annotations

import pytest

from iot_onboard.config.endpoints import mqtt_host, registration_url
from support.text.configuration import BASE, read


@pytest.mark.parametrize(
    ("text", "url", "host"),
    [
        (
            "",
            "https://iot-auth.cn-shanghai.aliyuncs.com/auth/register/device",
            "a1b2c3d4e5f.iot-as-mqtt.cn-shanghai.aliyuncs.com",
        ),
        (
            "region: us-east-1\n",
            "https://iot-auth.us-east-1.aliyuncs.com/auth/register/device",
            "a1b2c3d4e5f.iot-as-mqtt.us-east-1.aliyuncs.com",
        ),
        (
            "instance_id: iot-060a0abc\n",
            "https://iot-auth.cn-shanghai.aliyuncs.com/auth/register/device",
            "iot-060a0abc.mqtt.iothub.aliyuncs.com",
        ),
        (
            "instance_id: iot-060a0abc\nregistration: {url: 'https://r/x'}\nmqtt: {host: m}\n",
            "https://r/x",
            "m",
        ),
    ],
    ids=["usual", "region", "instance", "configured"],
)
def test_both_legs(text: str, url: str, host: str) -> None:
    """By the platform's rules for region and instance; what is configured wins."""
    config = read(BASE + text)
    assert (registration_url(config), mqtt_host(config)) == (url, host)

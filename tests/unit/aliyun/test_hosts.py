"""Where the platform is, by region and instance."""

from __future__ import annotations

from iot_onboard.aliyun import hosts


def test_hosts() -> None:
    """By region, and by instance where there is one."""
    assert hosts.registration_url("eu-central-1") == "https://iot-auth.eu-central-1.aliyuncs.com/auth/register/device"
    assert hosts.mqtt_host("pk", "cn-shanghai", None) == "pk.iot-as-mqtt.cn-shanghai.aliyuncs.com"
    assert hosts.mqtt_host("pk", "cn-shanghai", "iot-1") == "iot-1.mqtt.iothub.aliyuncs.com"

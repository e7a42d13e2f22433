"""The host names of the platform."""

from __future__ import annotations

VENDOR_DOMAIN = "aliyuncs.com"
# The regions that the vendor's documentation names; there may be more, so the configuration accepts any region.
KNOWN_REGIONS = frozenset(
    {
        "ap-northeast-1",
        "ap-southeast-1",
        "cn-beijing",
        "cn-shanghai",
        "cn-shenzhen",
        "eu-central-1",
        "us-east-1",
        "us-west-1",
    }
)


def registration_url(region: str) -> str:
    """Return the address of dynamic registration, the same for every kind of instance (vendor documentation)."""
    return f"https://iot-auth.{region}.aliyuncs.com/auth/register/device"


def mqtt_host(product_key: str, region: str, instance_id: str | None) -> str:
    """Return the MQTT host: by instance if there is an id, by product on older public instances (vendor docs)."""
    if instance_id:
        return f"{instance_id}.mqtt.iothub.aliyuncs.com"
    return f"{product_key}.iot-as-mqtt.{region}.aliyuncs.com"

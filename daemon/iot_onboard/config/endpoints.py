"""The addresses for registration and MQTT: as configured, or by the platform's rules. Pure."""

from __future__ import annotations

from ..aliyun import hosts
from .schema import Config


def registration_url(config: Config) -> str:
    """Return the URL of the registration."""
    return config.registration_url or hosts.registration_url(config.region)


def mqtt_host(config: Config) -> str:
    """Return the MQTT host."""
    return config.mqtt_host or hosts.mqtt_host(config.product_key, config.region, config.instance_id)

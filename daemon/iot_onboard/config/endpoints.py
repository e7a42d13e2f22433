"""Where both legs go: as configured, or as the platform's rules have it. Pure."""

from __future__ import annotations

from ..aliyun import hosts
from .schema import Config


def registration_url(config: Config) -> str:
    """Return where registration is asked for."""
    return config.registration_url or hosts.registration_url(config.region)


def mqtt_host(config: Config) -> str:
    """Return where the login goes."""
    return config.mqtt_host or hosts.mqtt_host(config.product_key, config.region, config.instance_id)

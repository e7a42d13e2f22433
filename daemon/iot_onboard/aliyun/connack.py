"""The numbers that refuse a login (MQTT 3.1.1, section 3.2.2.3), and what the platform means by each."""

from __future__ import annotations

import enum

from ..core.advice import SLOWLY, SOON, Advice, Responsible
from ..fast_start.fast_dataclasses import dataclass


class ConnackMeaning(enum.Enum):
    """Say how the daemon must react to a refused CONNECT."""

    SECRET_REFUSED = "secret refused"  # noqa: S105 - a meaning
    SLOW_RETRY = "slow retry"
    UNAVAILABLE = "unavailable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Connack:
    """Hold what a number means for the daemon, and for people."""

    asks_for: ConnackMeaning
    advice: Advice


_BY_REFUSALS = (
    "the gateway retries within 5 s at first; after three refusals in a row it registers once, in case the device was "
    "reset; then it retries about every hour"
)
_RESTART = "`sudo systemctl restart iot-onboard` retries at once."

CONNACKS = {
    1: Connack(
        asks_for=ConnackMeaning.SLOW_RETRY,
        advice=Advice(
            meaning="the server does not support MQTT 3.1.1",
            cure="check mqtt.host and mqtt.port in the configuration",
            responsible=Responsible.GATEWAY,
            explanation="The platform supports MQTT 3.1.1, so the server that answered is probably not the platform.",
            steps=(
                "`iot-onboard status` shows the endpoint. If mqtt.host or mqtt.port is set in "
                "/etc/iot-onboard/config.yaml or conf.d/, remove it: region and instance_id give the right host.",
                _RESTART,
            ),
            then=SLOWLY,
        ),
    ),
    2: Connack(
        asks_for=ConnackMeaning.SLOW_RETRY,
        advice=Advice(
            meaning="client ID refused; the platform also sends this when it throttles",
            cure="wait; after an hour check sign_method and mqtt.keepalive_s",
            responsible=Responsible.PLATFORM,
            explanation="The server refused the client ID or a parameter in it (sign method, keep-alive). The "
            "platform also sends this number when a device or the account logs in too often.",
            steps=(
                "Wait: the platform ends its limit after a while, and the gateway retries slowly.",
                "If it lasts for an hour, remove sign_method and mqtt.keepalive_s from /etc/iot-onboard/config.yaml "
                "and conf.d/, because the defaults are right. Then restart the service.",
            ),
            then=SLOWLY,
        ),
    ),
    3: Connack(
        asks_for=ConnackMeaning.UNAVAILABLE,
        advice=Advice(
            meaning="service unavailable; the platform also sends this when it throttles",
            cure="no action is needed here; after some hours, ask Alibaba Cloud's support",
            responsible=Responsible.PLATFORM,
            explanation="The platform can be reached, but it accepts no logins at the moment.",
            steps=("Wait: the gateway retries by itself.",),
            then=SOON,
        ),
    ),
    4: Connack(
        asks_for=ConnackMeaning.SECRET_REFUSED,
        advice=Advice(
            meaning="user name or password wrong; also a wrong host or region",
            cure="check region and instance_id, and in the console that the device exists and was not reset",
            responsible=Responsible.CONSOLE,
            explanation="The platform does not accept this gateway's secret. The device was reset or deleted in the "
            "console, or the gateway sent the login to the wrong region or instance.",
            steps=(
                "If the device was reset, no action is needed: the gateway registers once by itself.",
                "Look for the device: open https://iot.console.aliyun.com, choose the region and the instance; "
                "Devices > Devices. If it is missing, add it (Add Device) with exactly this DeviceName.",
                "If it exists, compare the region and the ID of the instance (Overview) with region and instance_id "
                "on the gateway (`sudo iot-onboard setup` asks for both).",
                _RESTART,
            ),
            then=_BY_REFUSALS,
        ),
    ),
    5: Connack(
        asks_for=ConnackMeaning.SECRET_REFUSED,
        advice=Advice(
            meaning="not authorised",
            cure="check in the console that the device exists and is enabled",
            responsible=Responsible.CONSOLE,
            explanation="The platform knows this device but does not accept its login. The device may be disabled or "
            "deleted.",
            steps=(
                "Open https://iot.console.aliyun.com, choose the region and the instance; Devices > Devices; search "
                "for the DeviceName. If it is disabled, enable it. If it is missing, add it.",
                _RESTART,
            ),
            then=_BY_REFUSALS,
        ),
    ),
}
UNKNOWN = Connack(
    asks_for=ConnackMeaning.SLOW_RETRY,
    advice=Advice(
        meaning="MQTT 3.1.1 does not define this number",
        cure="check mqtt.host and mqtt.port in the configuration",
        responsible=Responsible.GATEWAY,
        explanation="The server that answered does not follow MQTT 3.1.1 as the platform does.",
        steps=CONNACKS[1].advice.steps,
        then=SLOWLY,
    ),
)


def connack(code: int) -> Connack:
    """Return the meaning of CONNACK `code`."""
    return CONNACKS.get(code, UNKNOWN)

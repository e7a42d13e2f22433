"""The numbers with which the platform refuses a login (MQTT 3.1.1, section 3.2.2.3), as the platform means them."""

from __future__ import annotations

import enum

from ..core.advice import SLOWLY, SOON, Advice, Responsible
from ..fast_start.fast_dataclasses import dataclass


class ConnackMeaning(enum.Enum):
    """Say what a refused CONNECT asks for."""

    SECRET_REFUSED = "secret refused"  # noqa: S105 - a meaning
    SLOW_RETRY = "slow retry"
    UNAVAILABLE = "unavailable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Connack:
    """Hold what a number asks of the daemon, and what it asks of people."""

    asks_for: ConnackMeaning
    advice: Advice


_BY_REFUSALS = (
    "by itself, within 5 s at first; after three refusals running it registers once, in case the device was reset, and "
    "then goes on about hourly"
)
_RESTART = "`sudo systemctl restart iot-onboard` tries at once."

CONNACKS = {
    1: Connack(
        asks_for=ConnackMeaning.SLOW_RETRY,
        advice=Advice(
            meaning="the server does not take MQTT 3.1.1",
            cure="check mqtt.host and mqtt.port in the configuration",
            responsible=Responsible.GATEWAY,
            explanation="The platform speaks MQTT 3.1.1, so whoever answered is hardly the platform.",
            steps=(
                "`iot-onboard status` shows the endpoint. Where mqtt.host or mqtt.port is set in "
                "/etc/iot-onboard/config.yaml or conf.d/, remove it: region and instance_id give the right host.",
                _RESTART,
            ),
            then=SLOWLY,
        ),
    ),
    2: Connack(
        asks_for=ConnackMeaning.SLOW_RETRY,
        advice=Advice(
            meaning="client id refused; the platform also says so when throttling",
            cure="nothing at first; after an hour check sign_method and mqtt.keepalive_s",
            responsible=Responsible.PLATFORM,
            explanation="The server refused the client id or what hangs on it (sign method, keep-alive). The platform "
            "also answers so when a device or the account logs in too often.",
            steps=(
                "Wait: a throttle passes, and the gateway tries slowly.",
                "Where it stays for an hour: remove sign_method and mqtt.keepalive_s from "
                "/etc/iot-onboard/config.yaml and conf.d/, for the defaults are right, and restart the service.",
            ),
            then=SLOWLY,
        ),
    ),
    3: Connack(
        asks_for=ConnackMeaning.UNAVAILABLE,
        advice=Advice(
            meaning="service unavailable; the platform also says so when throttling",
            cure="nothing here; after hours, ask Alibaba Cloud's support",
            responsible=Responsible.PLATFORM,
            explanation="The platform is there and takes no logins at the moment.",
            steps=("Wait: the gateway tries again by itself.",),
            then=SOON,
        ),
    ),
    4: Connack(
        asks_for=ConnackMeaning.SECRET_REFUSED,
        advice=Advice(
            meaning="user name or password wrong; also a wrong host or region",
            cure="check region and instance_id, and in the console that the device is there and was not reset",
            responsible=Responsible.CONSOLE,
            explanation="The platform does not accept this gateway's secret. The device was reset or deleted in the "
            "console, or the login went to the wrong region or instance.",
            steps=(
                "Where the device was reset, nothing is to be done: the gateway registers once by itself.",
                "Look for the device: open https://iot.console.aliyun.com, choose the region and the instance; "
                "Devices > Devices. Where it is missing, add it (Add Device) with exactly this DeviceName.",
                "Where it is there: compare the region and the id of the instance (Overview) with region and "
                "instance_id at the gateway (`sudo iot-onboard setup` asks for both).",
                _RESTART,
            ),
            then=_BY_REFUSALS,
        ),
    ),
    5: Connack(
        asks_for=ConnackMeaning.SECRET_REFUSED,
        advice=Advice(
            meaning="not authorised",
            cure="check in the console that the device is there and enabled",
            responsible=Responsible.CONSOLE,
            explanation="The platform knows who asks, and does not let this device in. It may be disabled or deleted.",
            steps=(
                "Open https://iot.console.aliyun.com, choose the region and the instance; Devices > Devices; search "
                "for the DeviceName. Where it is disabled, enable it; where it is missing, add it.",
                _RESTART,
            ),
            then=_BY_REFUSALS,
        ),
    ),
}
UNKNOWN = Connack(
    asks_for=ConnackMeaning.SLOW_RETRY,
    advice=Advice(
        meaning="a number that MQTT 3.1.1 does not have",
        cure="check mqtt.host and mqtt.port in the configuration",
        responsible=Responsible.GATEWAY,
        explanation="Whoever answered does not speak MQTT 3.1.1 as the platform does.",
        steps=CONNACKS[1].advice.steps,
        then=SLOWLY,
    ),
)


def connack(code: int) -> Connack:
    """Return what CONNACK `code` says."""
    return CONNACKS.get(code, UNKNOWN)

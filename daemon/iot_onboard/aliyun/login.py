"""The MQTT login triple, and what the platform's CONNACK numbers mean."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from ..credentials import Credentials
from ..secret import Secret
from .signing import SignMethod, sign


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """Hold what a CONNECT carries."""

    client_id: str
    username: str
    password: Secret


def login(credentials: Credentials, method: SignMethod) -> Login:
    """Build the triple for a device secret.

    `securemode=2` is TLS. The part between the bars is not signed. No timestamp: it is optional and not checked
    (vendor SDK source), and without it the login is a constant that asks nothing of the clock.
    """
    identity = credentials.identity
    client = str(identity)
    signed = {"clientId": client, "deviceName": identity.device_name, "productKey": identity.product_key}
    return Login(
        client_id=f"{client}|securemode=2,signmethod={method.value}|",
        username=f"{identity.device_name}&{identity.product_key}",
        password=Secret(sign(method, credentials.device_secret, signed)),
    )


class ConnackMeaning(enum.Enum):
    """Say what a refused CONNECT asks for."""

    SECRET_REFUSED = "secret refused"  # noqa: S105
    UNHAPPY = "unhappy"
    UNAVAILABLE = "unavailable"


CONNACK_MEANINGS = {
    1: (ConnackMeaning.UNHAPPY, "the server does not take MQTT 3.1.1"),
    2: (ConnackMeaning.UNHAPPY, "client id refused; the platform also says so when throttling"),
    3: (ConnackMeaning.UNAVAILABLE, "service unavailable; the platform also says so when throttling"),
    4: (ConnackMeaning.SECRET_REFUSED, "user name or password wrong; also a wrong host or region"),
    5: (ConnackMeaning.SECRET_REFUSED, "not authorised"),
}


def connack_meaning(code: int) -> tuple[ConnackMeaning, str]:
    """Return what CONNACK `code` asks for, and a clause that explains it (MQTT 3.1.1, section 3.2.2.3)."""
    return CONNACK_MEANINGS.get(code, (ConnackMeaning.UNHAPPY, "a number that MQTT 3.1.1 does not have"))

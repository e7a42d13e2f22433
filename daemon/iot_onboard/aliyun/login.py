"""The client id, user name and password of an MQTT login."""

from __future__ import annotations

from ..core.identity import Credentials
from ..core.secret import Secret
from ..fast_start.fast_dataclasses import dataclass
from .signing import SignMethod, sign


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """Hold what a CONNECT packet carries."""

    client_id: str
    username: str
    password: Secret


def login(credentials: Credentials, method: SignMethod) -> Login:
    """Build the login for a device secret.

    `securemode=2` is TLS. The part between the bars is not signed. No timestamp: it is optional and not checked (vendor
    SDK source), and without it the login does not depend on the clock.
    """
    identity = credentials.identity
    client = str(identity)
    signed = {"clientId": client, "deviceName": identity.device_name, "productKey": identity.product_key}
    return Login(
        client_id=f"{client}|securemode=2,signmethod={method.value}|",
        username=f"{identity.device_name}&{identity.product_key}",
        password=Secret(sign(method, credentials.device_secret, signed)),
    )

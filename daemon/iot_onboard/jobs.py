"""The blocking work of the daemon, one function a job: each runs on the worker thread and returns a value.

A job that fails raises `OnboardError`. None of them decides anything.
"""

from __future__ import annotations

import secrets
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from . import settings
from .aliyun import hosts
from .aliyun.registration import credentials_of, registration_request
from .config import Config
from .credentials import Credentials, Identity
from .lifecycle import model as m
from .store import Store
from .trust import BoundedContext, tls_context

HANDSHAKE_TIMEOUT_S = 10.0
DIAL_TIMEOUT_S = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Jobs:
    """Hold what the jobs need of the world."""

    config: Config
    config_path: Path
    identity: Identity
    store: Store
    credentials_dir: Path | None
    utc_now: Callable[[], datetime]

    def load(self) -> m.Loaded | m.NothingStored:
        """Find the device secret: given by hand, or stored by an earlier registration."""
        path = settings.device_secret_path(self.config, self.credentials_dir)
        if path is not None:
            given = settings.read_secret(path, "device secret")
            return m.Loaded(credentials=Credentials(identity=self.identity, device_secret=given))
        stored = self.store.load()
        damage = ", ".join(stored.set_aside)
        if stored.credentials is not None:
            return m.Loaded(credentials=stored.credentials, damage=damage, recovered=stored.recovered)
        return m.NothingStored(writable=stored.writable, detail=stored.detail, damage=damage)

    def register(self) -> Credentials:
        """Ask the platform for this device's secret, once."""
        # Imported here because it brings `requests`: a gateway that is registered never pays for it.
        from .registrar import post

        path = settings.product_secret_path(self.config, self.config_path, self.credentials_dir)
        product_secret = settings.read_secret(path, "product secret")
        request = registration_request(
            url=self.registration_url,
            identity=self.identity,
            product_secret=product_secret,
            method=self.config.sign_method,
            nonce=secrets.token_hex(16),
        )
        answer = post(
            request,
            context=self._tls(),
            timeout_s=self.config.registration_timeout_s,
            proxy=self.config.proxy,
        )
        return credentials_of(answer, self.identity, self.utc_now())

    def save(self, credentials: Credentials) -> None:
        """Make the secret durable."""
        self.store.save(credentials)

    def dial(self) -> ssl.SSLSocket:
        """Reach the MQTT server over TCP and TLS; send no MQTT packet."""
        from .dialer import dial

        return dial(
            self.mqtt_host,
            self.config.mqtt_port,
            context=self._tls(),
            proxy=self.config.proxy,
            dial_timeout_s=DIAL_TIMEOUT_S,
        )

    @property
    def registration_url(self) -> str:
        """Return where registration is asked for."""
        return self.config.registration_url or hosts.registration_url(self.config.region)

    @property
    def mqtt_host(self) -> str:
        """Return where the login goes."""
        config = self.config
        return config.mqtt_host or hosts.mqtt_host(config.product_key, config.region, config.instance_id)

    def _tls(self) -> BoundedContext:
        return tls_context(self.config.tls_ca_file, handshake_timeout_s=HANDSHAKE_TIMEOUT_S)

"""The blocking work of the daemon, one function a job: each runs on the worker thread and returns a value.

A job that fails raises `OnboardError`. None of them decides anything.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable
from datetime import datetime

from ..config import endpoints
from ..config.schema import Config
from ..config.secrets import SecretFiles
from ..core.failures import OnboardError, StoreFailure, StoreFault
from ..core.identity import Credentials, Identity
from ..core.secret import KnownSecrets, Secret
from ..core.timings import Timings
from ..disk.credentials import Store
from ..fast_start.fast_dataclasses import dataclass
from ..fast_start.typing_names import TYPE_CHECKING
from ..lifecycle import model as m
from ..net.timing import PhaseTimer
from ..net.tls import BoundedContext, is_current, require_system_roots, tls_context

if TYPE_CHECKING:
    from ..net.happy_eyeballs import Resolved

HANDSHAKE_TIMEOUT_S = 10.0
DIAL_TIMEOUT_S = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Jobs:
    """Hold what the jobs need."""

    config: Config
    identity: Identity
    store: Store
    secrets: SecretFiles
    utc_now: Callable[[], datetime]
    known: KnownSecrets
    resolved: Resolved
    remember_name: Callable[[], None]

    def load(self) -> m.Loaded | m.NothingStored:
        """Find the device secret: provided by a person, or stored by an earlier registration."""
        from_file = self.secrets.device()
        if from_file is not None:
            # Only a login shows which device it belongs to: no name is remembered before that.
            self.known.add(from_file)
            return m.Loaded(credentials=Credentials(identity=self.identity, device_secret=from_file))
        stored = self.store.load()
        damage = ", ".join(stored.set_aside)
        if stored.credentials is not None:
            self.known.add(stored.credentials.device_secret)
            self.remember_name()
            return m.Loaded(credentials=stored.credentials, damage=damage, recovered=stored.recovered)
        # Imported here: a gateway that has its secret does not need it.
        from ..disk.storage import mount_id, storage_of

        found = storage_of(self.config.state_dir)
        return m.NothingStored(
            writable=stored.writable,
            storage=m.Storage(volatile=found.volatile, directory=found.directory, mount=mount_id(found.mount)),
            detail=stored.detail,
            damage=damage,
            others=stored.others,
        )

    def register(self) -> m.Registered:
        """Ask the platform for this device's secret, once, and only if it can be stored."""
        from ..disk.storage import storage_of

        if not self.config.allow_volatile and (why := storage_of(self.config.state_dir).volatile):
            raise OnboardError(StoreFailure(fault=StoreFault.VOLATILE, detail=why))
        # Imported here because it imports `requests`: a registered gateway does not need it.
        import secrets

        from ..aliyun.registration import credentials_of, registration_request

        try:
            from ..net.https import post
        except Exception:
            # `requests` of Debian 13 reads the system's roots when it is imported, and fails without them.
            require_system_roots()
            raise

        product_secret = self.secrets.product()
        request = registration_request(
            url=endpoints.registration_url(self.config),
            identity=self.identity,
            product_secret=product_secret,
            method=self.config.sign_method,
            nonce=secrets.token_hex(16),
        )
        # Whoever has the signature can register: it is kept out of the log like a secret.
        signature = Secret(dict(request.form)["sign"])
        self.known.add(product_secret)
        self.known.add_for_now(signature)
        context = self._tls()
        answer = post(request, context=context, timeout_s=self.config.registration_timeout_s, proxy=self.config.proxy)
        credentials = credentials_of(answer, self.identity, self.utc_now(), self.known)
        self.known.add(credentials.device_secret)
        return m.Registered(credentials=credentials, timings=context.timer.timings())

    def save(self, credentials: Credentials) -> None:
        """Make the secret durable."""
        self.store.save(credentials)
        self.remember_name()

    def dial(self, resumable: BoundedContext | None = None) -> tuple[ssl.SSLSocket, Timings]:
        """Connect to the MQTT server over TCP and TLS; send no MQTT packet. `resumable` is from the last connection."""
        from ..net.dial import dial

        context = resumable if resumable is not None and is_current(resumable, self.config.tls_ca_file) else self._tls()
        context.timer = PhaseTimer()
        dialled = dial(
            endpoints.mqtt_host(self.config),
            self.config.mqtt_port,
            context=context,
            proxy=self.config.proxy,
            dial_timeout_s=DIAL_TIMEOUT_S,
        )
        return dialled, context.timer.timings()

    def _tls(self) -> BoundedContext:
        context = tls_context(self.config.tls_ca_file, handshake_timeout_s=HANDSHAKE_TIMEOUT_S)
        context.resolved = self.resolved
        return context

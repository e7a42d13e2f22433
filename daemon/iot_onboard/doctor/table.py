"""The checks, in the order in which one rests on the other: what they look at, and what judges it."""

from __future__ import annotations

from typing import Any

from .checks import clock, configuration, network, secrets, service, state, tls
from .model import Check, Group
from .probes.clock import CLOCK
from .probes.configuration import CONFIG, CONFIG_FILES, NAMING
from .probes.network import (
    MQTT_CONNECTION,
    MQTT_NAME,
    NONEXISTENT_NAME,
    PROXY_CONNECTION,
    REGISTRATION_CONNECTION,
    REGISTRATION_NAME,
    RESOLVER_FILES,
    ROUTES,
)
from .probes.secrets import DEVICE_SECRET_FILE, PRODUCT_SECRET_FILE, STORE
from .probes.service import JOURNAL, PACKAGE, STATUS, UNIT
from .probes.state import RUNTIME, STATE, STATE_STORAGE
from .probes.tls import CA_FILE, MQTT_HANDSHAKE, MQTT_LISTEN, REGISTRATION_ANSWER, REGISTRATION_HANDSHAKE, ROOTS

_NETWORK = ("network",)
_CERTIFICATES = ("tls-roots", "clock-plausible")
_LOCAL = ("configuration", "identity", "secrets", "state", "clock")
_REMOTE = ("network", "dns", "proxy", "tcp", "tls", "endpoints")

# A row: what is looked at; below it, what brings the facts and what judges them, and what it stands on.
# fmt: off
CHECKS: tuple[Check[Any], ...] = (
    Check("config-valid", Group.CONFIGURATION, "all files can be read, and every key and value in them makes sense",
          CONFIG_FILES, (configuration.files, configuration.overrides, configuration.valid)),
    Check("config-complete", Group.CONFIGURATION, "product key and device name are given",
          CONFIG_FILES, (configuration.complete,), needs=("config-valid",)),
    Check("config-permissions", Group.CONFIGURATION, "the service may read it, and nobody else change it",
          CONFIG_FILES, (configuration.readable, configuration.exposure)),

    Check("device-name", Group.IDENTITY, "device_name comes to a name that the platform takes and no other board has",
          NAMING, (configuration.device_name, configuration.unique), needs=("config-complete",)),

    Check("platform-hosts", Group.PLATFORM, "the hosts are the vendor's, or somebody else's (a sandbox)",
          CONFIG, (configuration.hosts,), needs=("config-complete",)),
    Check("platform-region", Group.PLATFORM, "the region is a known one",
          CONFIG, (configuration.region,), needs=("config-complete",)),

    Check("product-secret", Group.SECRETS, "the product secret is there, holds a secret, and is closed to others",
          PRODUCT_SECRET_FILE, (secrets.by_hand,), needs=("device-name",)),
    Check("device-secret", Group.SECRETS, "the same for a device secret that is given by hand",
          DEVICE_SECRET_FILE, (secrets.by_hand,), needs=("device-name",)),
    Check("stored-secret", Group.SECRETS, "the secret that registration brought is whole, and this device's",
          STORE, (secrets.stored, secrets.previous, secrets.set_aside, secrets.others), needs=("device-name",)),
    Check("stored-permissions", Group.SECRETS, "stored secrets are the service's, and closed to others",
          STORE, (secrets.permissions,), needs=("device-name",)),

    Check("state-directory", Group.STATE, "the service's user, and nobody else, may write to the state directory",
          STATE, (state.directory, state.writable), needs=("config-valid",)),
    Check("state-disk", Group.STATE, "there is room, and the file system is sound",
          STATE, (state.space, state.filesystem), needs=("config-valid",)),
    Check("state-lasting", Group.STATE, "what is stored there outlasts a reboot: it is not in memory",
          STATE_STORAGE, (state.lasting,), needs=("config-valid",)),
    Check("runtime-directory", Group.STATE, "the status file can be written",
          RUNTIME, (state.runtime,), needs=("config-valid",)),

    Check("clock-plausible", Group.CLOCK, "it can be that early and that late, and has not gone back",
          CLOCK, (clock.plausible, clock.forward)),
    Check("clock-synchronised", Group.CLOCK, "somebody keeps the clock right, and it does not jump",
          CLOCK, (clock.synchronised, clock.steady)),

    Check("network-connection", Group.NETWORK, "there are a link, an address and a default route",
          ROUTES, (network.link, network.address, network.route)),

    Check("dns-resolver", Group.DNS, "a name server is configured",
          RESOLVER_FILES, (network.resolver,)),
    Check("dns-honest", Group.DNS, "the name server makes no answers up",
          NONEXISTENT_NAME, (network.honest,), follows=_NETWORK),
    Check("dns-registration", Group.DNS, "the registration host has an address, and not a private one",
          REGISTRATION_NAME, (network.name,), needs=("config-complete",), follows=_NETWORK),
    Check("dns-mqtt", Group.DNS, "the same for the MQTT host",
          MQTT_NAME, (network.name,), needs=("config-complete",), follows=_NETWORK),

    Check("proxy-reachable", Group.PROXY, "the configured proxy answers",
          PROXY_CONNECTION, (network.proxy,), needs=("config-valid",), follows=_NETWORK),

    Check("tcp-registration", Group.TCP, "the registration host answers at its port, or the proxy leads on to it",
          REGISTRATION_CONNECTION, (network.port,), needs=("dns-registration", "proxy-reachable"), follows=_NETWORK),
    Check("tcp-mqtt", Group.TCP, "the same for the MQTT host",
          MQTT_CONNECTION, (network.port,), needs=("dns-mqtt", "proxy-reachable"), follows=_NETWORK),

    Check("tls-roots", Group.TLS, "the vendor's root is as shipped, the system has that of the public hosts; both last",
          ROOTS, (tls.vendor_root, tls.system_roots)),
    Check("tls-ca-file", Group.TLS, "tls.ca_file can be used, and is not at its end",
          CA_FILE, (tls.ca_file,), needs=("config-valid",)),
    Check("tls-registration", Group.TLS, "the registration host's certificate verifies, and lasts",
          REGISTRATION_HANDSHAKE, (tls.handshake, tls.lasting),
          needs=("tls-ca-file", "tcp-registration"), follows=_CERTIFICATES),
    Check("tls-mqtt", Group.TLS, "the same for the MQTT host",
          MQTT_HANDSHAKE, (tls.handshake, tls.lasting), needs=("tls-ca-file", "tcp-mqtt"), follows=_CERTIFICATES),

    Check("endpoint-registration", Group.ENDPOINTS, "an HTTP server answers there; nothing is registered",
          REGISTRATION_ANSWER, (tls.http_answer,), needs=("tls-registration",)),
    Check("endpoint-clock", Group.ENDPOINTS, "our clock and the platform's agree",
          REGISTRATION_ANSWER, (tls.platform_clock,), needs=("endpoint-registration",)),
    Check("endpoint-mqtt", Group.ENDPOINTS, "what answers there waits for a login; none is sent",
          MQTT_LISTEN, (tls.waits_for_login,), needs=("tls-mqtt",)),

    Check("service-unit", Group.SERVICE, "the service is installed and starts at boot",
          UNIT, (service.unit,)),
    Check("service-running", Group.SERVICE, "the service runs, and did not end by itself",
          UNIT, (service.running, service.restarts), needs=("service-unit",), follows=("configuration",)),
    Check("service-state", Group.SERVICE, "the daemon says that it is online, and is the one that is installed",
          STATUS, (service.state, service.version), needs=("config-valid",), follows=(*_LOCAL, *_REMOTE)),
    Check("service-events", Group.SERVICE, "the daemon's last event in the journal is a good one",
          JOURNAL, (service.events,), follows=(*_LOCAL, *_REMOTE, "service-state")),

    Check("package-files", Group.PACKAGE, "our files are as shipped",
          PACKAGE, (service.package_files,)),
)
# fmt: on


def select(words: str) -> tuple[tuple[Check[Any], ...], frozenset[str]]:
    """Return the checks that a list of ids and groups asks for together with what they need, and the ids asked for.

    Raises `ValueError` with the word that is neither.
    """
    asked: set[str] = set()
    for word in filter(None, (part.strip() for part in words.split(","))):
        found = {check.id for check in CHECKS if word in {check.id, check.group.value}}
        if not found:
            raise ValueError(word)
        asked |= found
    if not asked:
        raise ValueError(repr(words))
    wanted = set(asked)
    for check in reversed(CHECKS):
        # Needs stand earlier in the table.
        if check.id in wanted:
            wanted |= set(check.needs)
    return tuple(check for check in CHECKS if check.id in wanted), frozenset(asked)

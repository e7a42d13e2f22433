"""The checks, in the order in which one rests on the other: what they look at, and what judges it."""

from __future__ import annotations

from typing import Any

from .checks import clock, configuration, endpoints, identity, names, network, package, reach, secrets, service, state
from .checks import tls as tls_rules
from .model import Check, Group
from .probes.anchors import CONFIGURED, SHIPPED, SYSTEM
from .probes.clock import CLOCK
from .probes.configuration import CONFIG_FILES
from .probes.endpoints import MQTT_SILENCE, REGISTRATION_ANSWER
from .probes.identity import IDENTITY, PLATFORM
from .probes.names import INVENTED, MQTT_NAME, REGISTRATION_NAME, RESOLVING
from .probes.network import TOWARDS
from .probes.package import MODULES, PACKAGE, SIGNING
from .probes.reach import MQTT_REACH, PROXY_WAY, REGISTRATION_REACH
from .probes.secrets import DEVICE_SECRET_FILE, PRODUCT_SECRET_FILE, STORE
from .probes.service import JOURNAL, STATUS, UNIT_PROPERTIES
from .probes.state import RUNTIME, STATE
from .probes.tls import MQTT_TLS, REGISTRATION_TLS

_NETWORK = ("network",)
_CLOCK = ("clock-plausible", "clock-forward")
_LOCAL = ("configuration", "identity", "secrets", "state", "clock")
_REMOTE = ("network", "dns", "proxy", "tcp", "tls", "endpoints")

# A row: what is looked at; below it, what brings the facts and what judges them, and what it stands on.
# fmt: off
CHECKS: tuple[Check[Any], ...] = (
    Check("config-files", Group.CONFIGURATION, "config.yaml and the files of conf.d can be read",
          CONFIG_FILES, configuration.files),
    Check("config-valid", Group.CONFIGURATION, "every key is known, and every value makes sense",
          CONFIG_FILES, configuration.valid, needs=("config-files",)),
    Check("config-set-up", Group.CONFIGURATION, "product key and device name are given",
          CONFIG_FILES, configuration.set_up, needs=("config-valid",)),
    Check("config-overrides", Group.CONFIGURATION, "files of conf.d do not contradict each other",
          CONFIG_FILES, configuration.overrides, needs=("config-files",)),
    Check("config-readable", Group.CONFIGURATION, "the service's user may read it all",
          CONFIG_FILES, configuration.readable, needs=("config-files",)),
    Check("config-exposure", Group.CONFIGURATION, "nobody else may change the configuration, or read a password in it",
          CONFIG_FILES, configuration.exposure, needs=("config-files",)),

    Check("device-name", Group.IDENTITY, "device_name comes to a name that the platform takes, on this hardware",
          IDENTITY, identity.device_name, needs=("config-set-up",)),
    Check("device-name-unique", Group.IDENTITY, "another gateway with the same image has another name",
          IDENTITY, identity.unique, needs=("device-name",)),

    Check("platform-live", Group.PLATFORM, "the hosts are the vendor's, or somebody else's (a sandbox)",
          PLATFORM, identity.endpoints, needs=("config-set-up",)),
    Check("platform-region", Group.PLATFORM, "the region is a known one",
          PLATFORM, identity.region, needs=("config-set-up",)),

    Check("product-secret", Group.SECRETS, "the product secret is there, holds a secret, and is closed to others",
          PRODUCT_SECRET_FILE, secrets.product_secret, needs=("device-name",)),
    Check("device-secret", Group.SECRETS, "the same for a device secret that is given by hand",
          DEVICE_SECRET_FILE, secrets.device_secret, needs=("device-name",)),
    Check("stored-secret", Group.SECRETS, "the secret that registration brought is whole",
          STORE, secrets.stored, needs=("device-name",)),
    Check("stored-modes", Group.SECRETS, "stored secrets belong to the service's user, and are closed to others",
          STORE, secrets.modes, needs=("device-name",)),
    Check("stored-previous", Group.SECRETS, "the previous generation of the secret is whole",
          STORE, secrets.previous, needs=("device-name",)),
    Check("stored-set-aside", Group.SECRETS, "no secret was ever found damaged",
          STORE, secrets.set_aside, needs=("device-name",)),
    Check("stored-identity", Group.SECRETS, "what is stored is this device's: no copied card, no new name",
          STORE, secrets.identity, needs=("device-name",)),

    Check("state-directory", Group.STATE, "the state directory is there, and the service's alone",
          STATE, state.directory, needs=("config-valid",)),
    Check("state-writable", Group.STATE, "the service's user may write there, and the disk is not read-only",
          STATE, state.writable, needs=("state-directory",)),
    Check("state-space", Group.STATE, "there is room, in bytes and in inodes",
          STATE, state.space, needs=("config-valid",)),
    Check("state-filesystem", Group.STATE, "the file system lasts over a boot, and has met no errors",
          STATE, state.filesystem, needs=("config-valid",)),
    Check("runtime-directory", Group.STATE, "the status file can be written",
          RUNTIME, state.runtime, needs=("config-valid",)),

    Check("clock-plausible", Group.CLOCK, "it can be that early and that late",
          CLOCK, clock.plausible),
    Check("clock-synchronised", Group.CLOCK, "somebody keeps the clock right",
          CLOCK, clock.synchronised),
    Check("clock-forward", Group.CLOCK, "the clock does not stand before a time that this gateway has had",
          CLOCK, clock.forward, follows=("clock-plausible",)),
    Check("clock-steady", Group.CLOCK, "the clock was not set while the service ran",
          CLOCK, clock.steady),

    Check("network-link", Group.NETWORK, "a cable, radio or modem has a signal",
          TOWARDS, network.link),
    Check("network-address", Group.NETWORK, "the gateway has an address",
          TOWARDS, network.address, follows=("network-link",)),
    Check("network-route", Group.NETWORK, "there is a way out: a default route for IPv4 or IPv6",
          TOWARDS, network.route, follows=("network-link", "network-address")),

    Check("dns-resolver", Group.DNS, "a name server is configured",
          RESOLVING, names.resolver),
    Check("dns-honest", Group.DNS, "the name server makes no answers up",
          INVENTED, names.honest, follows=_NETWORK),
    Check("dns-registration", Group.DNS, "the registration host has an address, and not a private one",
          REGISTRATION_NAME, names.host, needs=("config-set-up",), follows=_NETWORK),
    Check("dns-mqtt", Group.DNS, "the same for the MQTT host",
          MQTT_NAME, names.host, needs=("config-set-up",), follows=_NETWORK),

    Check("proxy-reachable", Group.PROXY, "the configured proxy answers",
          PROXY_WAY, reach.proxy, needs=("config-valid",), follows=_NETWORK),
    Check("proxy-registration", Group.PROXY, "it leads on to the registration host",
          REGISTRATION_REACH, reach.tunnel, needs=("dns-registration", "proxy-reachable")),
    Check("proxy-mqtt", Group.PROXY, "it leads on to the MQTT host",
          MQTT_REACH, reach.tunnel, needs=("dns-mqtt", "proxy-reachable")),

    Check("tcp-registration", Group.TCP, "the registration host answers at its port",
          REGISTRATION_REACH, reach.direct, needs=("dns-registration", "proxy-reachable"), follows=_NETWORK),
    Check("tcp-mqtt", Group.TCP, "the MQTT host answers at its port",
          MQTT_REACH, reach.direct, needs=("dns-mqtt", "proxy-reachable"), follows=_NETWORK),

    Check("tls-vendor-root", Group.TLS, "the vendor's root certificate is as shipped, and not at its end",
          SHIPPED, tls_rules.shipped),
    Check("tls-system-roots", Group.TLS, "the system's roots hold the public hosts' one, which ends on 2028-01-28",
          SYSTEM, tls_rules.system),
    Check("tls-own-root", Group.TLS, "tls.ca_file can be used, and is not at its end",
          CONFIGURED, tls_rules.configured, needs=("config-valid",)),
    Check("tls-registration", Group.TLS, "the handshake with the registration host verifies",
          REGISTRATION_TLS, tls_rules.handshake,
          needs=("tls-own-root", "proxy-registration", "tcp-registration"), follows=_CLOCK),
    Check("cert-registration", Group.TLS, "its certificate lasts",
          REGISTRATION_TLS, tls_rules.lasting, needs=("tls-registration",)),
    Check("tls-mqtt", Group.TLS, "the handshake with the MQTT host verifies",
          MQTT_TLS, tls_rules.handshake,
          needs=("tls-own-root", "proxy-mqtt", "tcp-mqtt"), follows=("tls-vendor-root", *_CLOCK)),
    Check("cert-mqtt", Group.TLS, "its certificate lasts",
          MQTT_TLS, tls_rules.lasting, needs=("tls-mqtt",)),

    Check("endpoint-registration", Group.ENDPOINTS, "an HTTP server answers there; nothing is registered",
          REGISTRATION_ANSWER, endpoints.registration, needs=("tls-registration",)),
    Check("endpoint-clock", Group.ENDPOINTS, "our clock and the platform's agree",
          REGISTRATION_ANSWER, endpoints.clock, needs=("endpoint-registration",)),
    Check("endpoint-mqtt", Group.ENDPOINTS, "what answers there waits for a login; none is sent",
          MQTT_SILENCE, endpoints.mqtt, needs=("tls-mqtt",)),

    Check("signing-vectors", Group.SIGNING, "signatures known from the vendor come out right",
          SIGNING, package.signing),

    Check("service-unit", Group.SERVICE, "the service is installed and starts at boot",
          UNIT_PROPERTIES, service.unit),
    Check("service-running", Group.SERVICE, "the service runs",
          UNIT_PROPERTIES, service.running, needs=("service-unit",), follows=("configuration",)),
    Check("service-restarts", Group.SERVICE, "it did not end by itself",
          UNIT_PROPERTIES, service.restarts, needs=("service-unit",)),
    Check("service-state", Group.SERVICE, "the daemon says that it is online",
          STATUS, service.state, needs=("config-valid",), follows=(*_LOCAL, *_REMOTE)),
    Check("service-version", Group.SERVICE, "the daemon that runs is the one that is installed",
          STATUS, service.version, needs=("config-valid",)),
    Check("service-events", Group.SERVICE, "the daemon's last event in the journal is a good one",
          JOURNAL, service.events, follows=(*_LOCAL, *_REMOTE, "service-state")),

    Check("package-files", Group.PACKAGE, "our files are as shipped",
          PACKAGE, package.files),
    Check("package-modules", Group.PACKAGE, "the Python modules that we stand on are there",
          MODULES, package.modules),
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
    wanted = set(asked)
    for check in reversed(CHECKS):
        # Needs stand earlier in the table.
        if check.id in wanted:
            wanted |= set(check.needs)
    return tuple(check for check in CHECKS if check.id in wanted), frozenset(asked)

"""The checks, each after the checks that it needs: what they look at, and the rules that decide."""

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

# A row: name, group and what it looks at; below, the probe with the facts, the rules for them, and the checks it needs.
# fmt: off
CHECKS: tuple[Check[Any], ...] = (
    Check("config-valid", Group.CONFIGURATION, "all files can be read, and every key and value in them is valid",
          CONFIG_FILES, (configuration.files, configuration.overrides, configuration.valid)),
    Check("config-complete", Group.CONFIGURATION, "product key and device name are set",
          CONFIG_FILES, (configuration.complete,), needs=("config-valid",)),
    Check("config-permissions", Group.CONFIGURATION, "the service can read it, and nobody else can change it",
          CONFIG_FILES, (configuration.readable, configuration.exposure)),

    Check("device-name", Group.IDENTITY, "device_name gives a name that the platform accepts and no other board has",
          NAMING, (configuration.device_name, configuration.unique), needs=("config-complete",)),

    Check("platform-hosts", Group.PLATFORM, "the hosts are the vendor's, or not (a sandbox)",
          CONFIG, (configuration.hosts,), needs=("config-complete",)),
    Check("platform-region", Group.PLATFORM, "the region is a known one",
          CONFIG, (configuration.region,), needs=("config-complete",)),

    Check("product-secret", Group.SECRETS, "the product secret file exists, holds a secret, and others cannot read it",
          PRODUCT_SECRET_FILE, (secrets.secret_file,), needs=("device-name",)),
    Check("device-secret", Group.SECRETS, "the same for the file of a device secret that is given by hand",
          DEVICE_SECRET_FILE, (secrets.secret_file,), needs=("device-name",)),
    Check("stored-secret", Group.SECRETS, "the device secret from the registration is intact, and is for this device",
          STORE, (secrets.stored, secrets.previous, secrets.set_aside, secrets.others), needs=("device-name",)),
    Check("stored-permissions", Group.SECRETS, "stored secrets belong to the service, and others cannot read them",
          STORE, (secrets.permissions,), needs=("device-name",)),

    Check("state-directory", Group.STATE, "the service's user, and nobody else, can write to the state directory",
          STATE, (state.directory, state.writable), needs=("config-valid",)),
    Check("state-disk", Group.STATE, "there is free space, and the file system has no errors",
          STATE, (state.space, state.filesystem), needs=("config-valid",)),
    Check("state-persistent", Group.STATE, "the state directory survives a reboot: it is not in memory",
          STATE_STORAGE, (state.persistent,), needs=("config-valid",)),
    Check("runtime-directory", Group.STATE, "the status file can be written",
          RUNTIME, (state.runtime,), needs=("config-valid",)),

    Check("clock-plausible", Group.CLOCK, "the time is possible, and has not gone back",
          CLOCK, (clock.plausible, clock.gone_back)),
    Check("clock-synchronised", Group.CLOCK, "the clock is synchronised, and does not jump",
          CLOCK, (clock.synchronised, clock.jumped)),

    Check("network-connection", Group.NETWORK, "there is a link, an address and a default route",
          ROUTES, (network.link, network.address, network.route)),

    Check("dns-resolver", Group.DNS, "a name server is configured",
          RESOLVER_FILES, (network.resolver,)),
    Check("dns-nonexistent-name", Group.DNS, "a name that does not exist gets no address",
          NONEXISTENT_NAME, (network.nonexistent_name,), follows=_NETWORK),
    Check("dns-registration", Group.DNS, "the registration host has an address, and not a private one",
          REGISTRATION_NAME, (network.name,), needs=("config-complete",), follows=_NETWORK),
    Check("dns-mqtt", Group.DNS, "the same for the MQTT host",
          MQTT_NAME, (network.name,), needs=("config-complete",), follows=_NETWORK),

    Check("proxy-reachable", Group.PROXY, "the configured proxy answers",
          PROXY_CONNECTION, (network.proxy,), needs=("config-valid",), follows=_NETWORK),

    Check("tcp-registration", Group.TCP, "the registration host accepts a TCP connection, direct or through the proxy",
          REGISTRATION_CONNECTION, (network.port,), needs=("dns-registration", "proxy-reachable"), follows=_NETWORK),
    Check("tcp-mqtt", Group.TCP, "the same for the MQTT host",
          MQTT_CONNECTION, (network.port,), needs=("dns-mqtt", "proxy-reachable"), follows=_NETWORK),

    Check("tls-roots", Group.TLS, "the vendor's root is unchanged, the system has the public root; none expires soon",
          ROOTS, (tls.vendor_root, tls.system_roots)),
    Check("tls-ca-file", Group.TLS, "tls.ca_file can be used, and does not expire soon",
          CA_FILE, (tls.ca_file,), needs=("config-valid",)),
    Check("tls-registration", Group.TLS, "the registration host's certificate is valid, and does not expire soon",
          REGISTRATION_HANDSHAKE, (tls.handshake, tls.validity),
          needs=("tls-ca-file", "tcp-registration"), follows=_CERTIFICATES),
    Check("tls-mqtt", Group.TLS, "the same for the MQTT host",
          MQTT_HANDSHAKE, (tls.handshake, tls.validity), needs=("tls-ca-file", "tcp-mqtt"), follows=_CERTIFICATES),

    Check("http-registration", Group.ENDPOINTS, "the registration host answers HTTP; nothing is registered",
          REGISTRATION_ANSWER, (tls.http_answer,), needs=("tls-registration",)),
    Check("clock-difference", Group.ENDPOINTS, "this gateway's clock and the platform's agree",
          REGISTRATION_ANSWER, (tls.platform_clock,), needs=("http-registration",)),
    Check("mqtt-server", Group.ENDPOINTS, "the MQTT host waits for a login, as an MQTT server does; none is sent",
          MQTT_LISTEN, (tls.mqtt_server,), needs=("tls-mqtt",)),

    Check("service-unit", Group.SERVICE, "the service is installed and starts at boot",
          UNIT, (service.unit,)),
    Check("service-running", Group.SERVICE, "the service runs, and systemd does not have to restart it",
          UNIT, (service.running, service.restarts), needs=("service-unit",), follows=("configuration",)),
    Check("service-state", Group.SERVICE, "the daemon is online, and has the installed version",
          STATUS, (service.state, service.version), needs=("config-valid",), follows=(*_LOCAL, *_REMOTE)),
    Check("service-events", Group.SERVICE, "the daemon's last event in the journal is no warning or error",
          JOURNAL, (service.events,), follows=(*_LOCAL, *_REMOTE, "service-state")),

    Check("package-files", Group.PACKAGE, "the files of the package are unchanged",
          PACKAGE, (service.package_files,)),
)
# fmt: on


# The names that checks had before: `--only` accepts them.
FORMER_NAMES = {
    "state-lasting": "state-persistent",
    "dns-honest": "dns-nonexistent-name",
    "endpoint-registration": "http-registration",
    "endpoint-clock": "clock-difference",
    "endpoint-mqtt": "mqtt-server",
}


def select(words: str) -> tuple[tuple[Check[Any], ...], frozenset[str]]:
    """Return the checks that a list of ids and groups selects with all that they need, and the selected ids.

    Raises `ValueError` with a word that is neither an id nor a group.
    """
    asked: set[str] = set()
    for word in filter(None, (part.strip() for part in words.split(","))):
        name = FORMER_NAMES.get(word, word)
        found = {check.id for check in CHECKS if name in {check.id, check.group.value}}
        if not found:
            raise ValueError(word)
        asked |= found
    if not asked:
        raise ValueError(repr(words))
    wanted = set(asked)
    for check in reversed(CHECKS):
        # The table has a check after those that it needs.
        if check.id in wanted:
            wanted |= set(check.needs)
    return tuple(check for check in CHECKS if check.id in wanted), frozenset(asked)

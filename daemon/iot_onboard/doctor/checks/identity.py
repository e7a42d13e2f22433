"""Judge what this gateway is called, what makes that name its own, and whom it speaks to. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from ...aliyun.hosts import KNOWN_REGIONS, VENDOR_DOMAIN
from ...config.device_name import Facts as Hardware
from ...config.endpoints import mqtt_host, registration_url
from ...config.schema import Config
from ..model import Finding, fail, ok, warn

_HTTPS_PORT = 443
# What images are shipped with: the same on every gateway that nobody renamed.
_EVERYBODYS = {"raspberrypi", "debian", "ubuntu", "localhost", "armbian", "orangepi", "gateway", "linux", "buildroot"}


@dataclass(frozen=True, slots=True, kw_only=True)
class NamingFacts:
    """Hold the template, what it comes to or why it comes to nothing, and what the hardware says."""

    template: str
    device_name: str | None
    problem: str
    hardware: Hardware


def device_name(facts: NamingFacts) -> Finding:
    """Judge whether there is a name that the platform would take."""
    if facts.device_name is not None:
        made = "" if facts.device_name == facts.template else f", made from {facts.template}"
        return ok(f"The device name is {facts.device_name}{made}.")
    fix = "give device_name another placeholder, or a name; {mac} and {machine_id} work on most boards"
    return fail(f"device_name {facts.template}: {facts.problem}.", fix)


def unique(facts: NamingFacts) -> Finding:
    """Judge whether a second gateway with the same image would have the same name."""
    template, hardware = facts.template, facts.hardware
    if "{hostname}" in template and (hardware.hostname or "").lower() in _EVERYBODYS:
        sentence = f"The device name comes from the host name {hardware.hostname}, which many gateways have."
        return warn(sentence, "sudo hostnamectl set-hostname NAME, or use {serial}, {mac} or {machine_id}")
    if ("{mac}" in template or "{mac:" in template) and all(int(address[:2], 16) & 2 for _, address in hardware.macs):
        sentence = "The device name comes from a hardware address that was made up, and may be another after a boot."
        return warn(sentence, "use {serial} or {machine_id} in device_name")
    if "{machine_id}" in template:
        return ok("The name comes from the machine id: an image must be copied with an empty /etc/machine-id.")
    if "{" in template:
        return ok("The name comes from this board's hardware: a copied card gets a name of its own.")
    return ok("The name is literal: a copied card would use this gateway's identity.")


def hosts(config: Config) -> Finding:
    """Judge whether the gateway speaks to the vendor or to somebody else."""
    both = (registration_endpoint(config)[0], mqtt_host(config))
    foreign = [host for host in both if not is_vendors(host)]
    if not foreign:
        return ok(f"Live: {both[0]} and {both[1]} are the vendor's.")
    if len(foreign) == 2:
        sentence = f"Not the live platform: registration goes to {foreign[0]}, MQTT to {foreign[1]}."
        return warn(sentence, "where that is not meant, remove registration.url and mqtt.host from the configuration")
    sentence = f"One leg goes to the vendor and the other to {foreign[0]}: a secret of the one is nothing to the other."
    return fail(sentence, "set both registration.url and mqtt.host, or neither", blocks=False)


def region(config: Config) -> Finding:
    """Judge whether the region is one we have heard of; the platform may have newer ones."""
    if config.registration_url is not None and (config.mqtt_host is not None or config.instance_id is not None):
        return ok(f"The region {config.region} names no host here.")
    if config.region in KNOWN_REGIONS:
        return ok(f"The region is {config.region}; the console shows at the top whether the product is in it.")
    sentence = f"The region {config.region} is none that we know: {', '.join(sorted(KNOWN_REGIONS))}."
    return warn(sentence, "if the names do not resolve, correct region in the configuration")


def registration_endpoint(config: Config) -> tuple[str, int]:
    """Return the host and the port that registration goes to."""
    url = urlsplit(registration_url(config))
    return url.hostname or "", url.port or _HTTPS_PORT


def mqtt_endpoint(config: Config) -> tuple[str, int]:
    """Return the host and the port of the login."""
    return mqtt_host(config), config.mqtt_port


def is_vendors(host: str) -> bool:
    """Say whether a host is under the vendor's domain."""
    return host == VENDOR_DOMAIN or host.endswith("." + VENDOR_DOMAIN)

"""Look at what this board says of itself, and where the configuration points."""

from __future__ import annotations

from urllib.parse import urlsplit

from ...config import endpoints
from ...config.device_name import expand
from ...config.hardware import read_facts
from ...config.problems import BadName, MissingFact
from ...core.identity import Identity
from ..checks.identity import IdentityFacts, PlatformFacts
from ..model import Probe, Seen
from .configuration import CONFIG


def _identity(seen: Seen) -> IdentityFacts:
    template, hardware = seen.of(CONFIG).device_name, read_facts(seen.root)
    name, problem = None, ""
    try:
        name = expand(template, hardware)
    except (BadName, MissingFact) as error:
        problem = str(error)
    return IdentityFacts(template=template, device_name=name, problem=problem, hardware=hardware)


def _named(seen: Seen) -> Identity:
    name = seen.of(IDENTITY).device_name
    if name is None:
        raise ValueError("asked for, though device-name failed")
    return Identity(product_key=seen.of(CONFIG).product_key, device_name=name)


def _platform(seen: Seen) -> PlatformFacts:
    config = seen.of(CONFIG)
    return PlatformFacts(
        region=config.region,
        registration_host=urlsplit(endpoints.registration_url(config)).hostname or "",
        mqtt_host=endpoints.mqtt_host(config),
        region_counts=config.registration_url is None or (config.mqtt_host is None and config.instance_id is None),
    )


IDENTITY: Probe[IdentityFacts] = Probe(name="reading this board's names", look=_identity, needs=(CONFIG,))
NAMED: Probe[Identity] = Probe(name="reading the device name", look=_named, needs=(CONFIG, IDENTITY))
PLATFORM: Probe[PlatformFacts] = Probe(name="finding the platform's hosts", look=_platform, needs=(CONFIG,))

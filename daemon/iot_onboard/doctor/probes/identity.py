"""Look at what this board says of itself."""

from __future__ import annotations

from ...config.device_name import expand
from ...config.hardware import read_facts
from ...config.problems import BadName, MissingFact
from ...core.identity import Identity
from ..checks.identity import NamingFacts
from ..model import Facts, Probe, assured
from .configuration import CONFIG


def _naming(facts: Facts) -> NamingFacts:
    template, hardware = facts.get(CONFIG).device_name, read_facts(facts.root)
    name, problem = None, ""
    try:
        name = expand(template, hardware)
    except (BadName, MissingFact) as error:
        problem = str(error)
    return NamingFacts(template=template, device_name=name, problem=problem, hardware=hardware)


def _identity(facts: Facts) -> Identity:
    name = assured(facts.get(NAMING).device_name)
    return Identity(product_key=facts.get(CONFIG).product_key, device_name=name)


NAMING = Probe(name="reading this board's names", look=_naming, needs=(CONFIG,))
IDENTITY = Probe(name="reading the device name", look=_identity, needs=(CONFIG, NAMING))

"""Read the configuration, as the daemon reads it, and the facts of this board."""

from __future__ import annotations

import os
from pathlib import Path

from ...config.environment import naming_of
from ...config.files import read_documents
from ...config.hardware import read_facts
from ...config.problems import MissingFact
from ...config.reader import parse
from ...config.schema import FRAGMENTS
from ...core.identity import Identity
from ...reporting.status_file import read_checked
from ..checks.configuration import ConfigFacts, NamingFacts
from ..model import Facts, Probe, require
from .files import chain_of, facts_of, service_account


def _read(facts: Facts) -> ConfigFacts:
    documents, unreadable = read_documents(facts.config_path)
    config, problems = parse(documents, unreadable, names_required=False)
    found = [facts_of(Path(document.name), follow=True) for document in documents]
    ca_file = config.tls_ca_file if config is not None else None
    return ConfigFacts(
        path=str(facts.config_path),
        documents=documents,
        unreadable=unreadable,
        files=[file for file in found if file is not None],
        config=config,
        problems=problems,
        as_root=os.geteuid() == 0,
        ca_file=facts_of(ca_file, follow=True) if ca_file is not None else None,
        directories=chain_of((facts.config_path.parent / FRAGMENTS).absolute()),
        account=service_account(),
    )


def _naming(facts: Facts) -> NamingFacts:
    config, hardware = facts.get(CONFIG), read_facts(facts.root)
    status = read_checked(config.runtime_dir, facts.root)
    running = (status.device_name or "") if status is not None else ""
    name, problem, kept = None, "", ""
    try:
        naming = naming_of(config, facts.root)
        name, kept = naming.identity.device_name, naming.mismatch
    except MissingFact as error:
        problem = str(error)
    return NamingFacts(
        template=config.device_name,
        device_name=name,
        problem=problem,
        hardware=hardware,
        kept=kept,
        running="" if "{" in running else running,
        as_root=os.geteuid() == 0,
    )


def _identity(facts: Facts) -> Identity:
    name = require(facts.get(NAMING).device_name)
    return Identity(product_key=facts.get(CONFIG).product_key, device_name=name)


CONFIG_FILES = Probe(
    name="the read of the configuration files",
    collect=_read,
    stuck="make sure that the configuration and the files in conf.d are regular files, on a disk that works",
)
CONFIG = Probe(
    name="the read of the configuration",
    collect=lambda facts: require(facts.get(CONFIG_FILES).config),
    needs=(CONFIG_FILES,),
)
NAMING = Probe(name="the read of this board's names", collect=_naming, needs=(CONFIG,))
IDENTITY = Probe(name="the read of the device name", collect=_identity, needs=(CONFIG, NAMING))

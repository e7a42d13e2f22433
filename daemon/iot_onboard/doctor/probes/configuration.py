"""Look at the configuration, as the daemon reads it."""

from __future__ import annotations

import os
from pathlib import Path

from ...config.files import read_documents
from ...config.reader import parse
from ...config.schema import FRAGMENTS
from ..checks.configuration import ConfigFacts
from ..model import Facts, Probe, assured
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


CONFIG_FILES = Probe(
    name="reading the configuration files",
    look=_read,
    stuck="make sure that the configuration and what is in conf.d are plain files, on a disk that answers",
)
CONFIG = Probe(
    name="reading the configuration", look=lambda facts: assured(facts.get(CONFIG_FILES).config), needs=(CONFIG_FILES,)
)

"""Look at the configuration, as the daemon reads it."""

from __future__ import annotations

import os
from pathlib import Path

from ...config.files import read_documents
from ...config.reader import parse
from ...config.schema import FRAGMENTS, Config
from ..checks.configuration import ConfigFacts
from ..model import Probe, Seen
from .accounts import service_account
from .files import chain_of, facts_of


def _read(seen: Seen) -> ConfigFacts:
    documents, unreadable = read_documents(seen.config_path)
    config, problems = parse(documents, unreadable, names_required=False)
    found = [facts_of(Path(document.name), follow=True) for document in documents]
    ca_file = config.tls_ca_file if config is not None else None
    return ConfigFacts(
        path=str(seen.config_path),
        documents=documents,
        unreadable=unreadable,
        files=[facts for facts in found if facts is not None],
        config=config,
        problems=problems,
        as_root=os.geteuid() == 0,
        ca_file=facts_of(ca_file, follow=True) if ca_file is not None else None,
        directories=chain_of((seen.config_path.parent / FRAGMENTS).absolute()),
        account=service_account(),
    )


def _config(seen: Seen) -> Config:
    config = seen.of(CONFIG_FILES).config
    if config is None:
        raise ValueError("asked for, though config-valid failed")
    return config


CONFIG_FILES: Probe[ConfigFacts] = Probe(
    name="reading the configuration files",
    look=_read,
    stuck="make sure that the configuration and what is in conf.d are plain files, on a disk that answers",
)
CONFIG: Probe[Config] = Probe(name="reading the configuration", look=_config, needs=(CONFIG_FILES,))

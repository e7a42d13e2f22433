"""`iot-onboard check-config`: report every problem of the configuration and of the secret files."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from ..config.environment import naming_of, secrets_directory
from ..config.files import load_documents, read_documents
from ..config.lists import listing
from ..config.reader import list_entries
from ..config.schema import SCHEMA, Document, Schema
from ..config.secrets import SYSTEMD_CREDENTIALS_DIR, read_device_secret, read_product_secret
from ..core.exit_codes import ExitCode
from ..net.tls import tls_context

EPILOG = """\
It changes nothing. Exit code: 0 everything is valid, 78 something is wrong, and each line says what and where.

examples:
  sudo iot-onboard check-config                        the configuration of this gateway, with its secret files
  iot-onboard check-config --config ./config.yaml      a configuration that is not installed yet
"""


def run(arguments: argparse.Namespace) -> int:
    """Print the result of the configuration, or raise its problems."""
    documents, unreadable = read_documents(arguments.config)
    config = load_documents(documents, unreadable)
    naming = naming_of(config)
    identity = naming.identity
    credentials_dir = secrets_directory(arguments.config)
    print(f"{arguments.config}: ok")
    print(f"  product key  {identity.product_key}")
    print(f"  device name  {identity.device_name}")
    if naming.mismatch:
        print(f"               kept, because the stored secret is for this name: {naming.mismatch}")
    print(f"  region       {config.region}")
    tls_context(config.tls_ca_file, handshake_timeout_s=0)
    if config.tls_ca_file is not None:
        print(f"  also trusted {config.tls_ca_file}")
    if read_device_secret(config, arguments.config, credentials_dir) is not None:
        print("  secret       device secret given by hand: no registration")
    else:
        read_product_secret(config, arguments.config, credentials_dir)
        handed_out = credentials_dir == SYSTEMD_CREDENTIALS_DIR
        where = "as systemd gives it to the running service" if handed_out else "only its owner can read it"
        print(f"  secret       product secret found, {where}")
    for line in lists_in(documents):
        print(f"  {line}")
    return ExitCode.DONE


def lists_in(documents: Sequence[Document], schema: Schema = SCHEMA) -> list[str]:
    """Return lines that show the lists that all files make together, each entry with its file and line."""
    return listing(list_entries(documents, schema), schema.lists)

"""`iot-onboard setup`: give this gateway its product identity, by questions or by arguments."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..config.environment import naming_of
from ..config.files import load
from ..config.hardware import read_facts
from ..config.problems import MissingFact
from ..config.schema import RULES, Config
from ..config.secrets import read_device_secret, read_product_secret
from ..config.values import MAX_SECRET_BYTES, Bad, secret_in
from ..core.exit_codes import ExitCode
from ..core.failures import Misconfigured, OnboardError
from ..core.secret import Secret
from ..disk.storage import storage_of
from ..provisioning.apply import ProvisioningResult, check, current, provision
from ..provisioning.plan import ProvisioningRequest
from ..provisioning.prompts import ask_config, ask_product_secret, say
from ..system.systemd import Restart, restart
from ..system.terminal import complain

EPILOG = """\
At a terminal it asks for the values that are missing. All other values stay as they are, so you can run it again.
It checks everything before it changes anything. A secret is never an argument, because all users can see arguments.

examples:
  sudo iot-onboard setup                                      asks, checks, writes, restarts the service
  sudo iot-onboard setup --device-name 'gw-{serial}'          changes one value
  sudo iot-onboard setup --product-key a1b2c3d4e5f --device-name 'gw-{serial}' --product-secret-file - <secret
  sudo iot-onboard setup --product-secret-file secret.txt     a new product secret
  iot-onboard status --wait 60                                afterwards: wait until it is online
"""
_NAMES = ("product_key", "device_name", "region", "instance_id")


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the values that can be given as arguments; a secret is never an argument."""
    parser.add_argument(
        "--product-key", type=_taken("product_key"), metavar="KEY", help="as the cloud console shows it"
    )
    parser.add_argument(
        "--product-secret-file", metavar="FILE", help="read the product secret from this file, - for standard input"
    )
    parser.add_argument(
        "--device-name", type=_taken("device_name"), metavar="NAME", help='a literal name, or for example "gw-{serial}"'
    )
    parser.add_argument("--region", type=_taken("region"), help="for example cn-shanghai")
    parser.add_argument("--instance-id", type=_taken("instance_id"), metavar="ID", help="empty if the product has none")
    parser.add_argument("--no-restart", action="store_true", help="only write the files")
    parser.add_argument(
        "--present", action="store_true", help="print the present values, one line each, and change nothing"
    )


def run(arguments: argparse.Namespace) -> int:
    """Ask for missing values, check everything, write it, and restart the service."""
    config_path: Path = arguments.config
    if arguments.present:
        say(_present(load(config_path, names_required=False)))
        return ExitCode.DONE
    if not _writable(config_path.parent):
        complain(f"setup writes to {config_path.parent}, which needs root. To do: sudo iot-onboard setup")
        return ExitCode.FAILED
    present = current(config_path)
    try:
        request = _request(arguments, present)
    except EOFError:
        say("")
        complain("nothing was changed")
        return ExitCode.FAILED
    check(config_path, request)
    result = provision(config_path, request)
    _report(result, config_path)
    # In an image build the disk is not the gateway's.
    if not arguments.no_restart:
        _warn_of_volatile_storage(result.config, config_path)
    return ExitCode.DONE if arguments.no_restart else _restart()


def _present(config: Config) -> str:
    """Return the present values of all configuration files, in the form that the package's questions read."""
    lines = [f"set-up: {'yes' if config.product_key else 'no'}"]
    return "\n".join([*lines, *(f"{key.replace('_', '-')}: {getattr(config, key) or ''}" for key in _NAMES)])


def _request(arguments: argparse.Namespace, present: Config) -> ProvisioningRequest:
    values = {key: getattr(arguments, key) or None for key in _NAMES if getattr(arguments, key) is not None}
    source: str | None = arguments.product_secret_file
    at_terminal = sys.stdin.isatty()
    product_secret = None
    if source is not None and not (source == "-" and at_terminal):
        product_secret = _secret_of(source)
    if at_terminal:
        everything = not values and source is None
        missing = [key for key in ("product_key", "device_name") if key not in values and not getattr(present, key)]
        asked = _NAMES if everything else missing
        if asked:
            say("This gives the gateway its product identity. Press Return to use the value in [brackets].")
        values |= ask_config(asked, present, read_facts())
        kept = _has_secret(present, arguments.config)
        if product_secret is None and (everything or not kept or source == "-"):
            product_secret = ask_product_secret(kept=kept)
    return ProvisioningRequest(values=values, product_secret=product_secret)


def _secret_of(source: str) -> Secret:
    try:
        if source == "-":
            data = sys.stdin.buffer.read(MAX_SECRET_BYTES + 1)
        else:
            with open(source, "rb") as file:
                data = file.read(MAX_SECRET_BYTES + 1)
        # An editor or a form may leave spaces at the end, and no secret has one.
        return secret_in(data.strip() if len(data) <= MAX_SECRET_BYTES else data)
    except OSError as error:
        failure = Misconfigured(
            detail=f"{source} cannot be read: {error.strerror}", cure="give a file that holds the secret"
        )
    except Bad as bad:
        where = "standard input" if source == "-" else source
        failure = Misconfigured(detail=f"{where} {bad}", cure="give only the product secret, on one line")
    raise OnboardError(failure)


def _has_secret(config: Config, config_path: Path) -> bool:
    try:
        if read_device_secret(config, config_path, None) is None:
            read_product_secret(config, config_path, None)
    except OnboardError:
        return False
    return True


def _report(result: ProvisioningResult, config_path: Path) -> None:
    for warning in result.warnings:
        complain(f"warning: {warning}")
    name = result.config.device_name
    try:
        naming = naming_of(result.config)
        name = naming.identity.device_name
        if naming.mismatch:
            complain(f"warning: the device name stays {name}, because the stored secret is for it: {naming.mismatch}")
    except MissingFact as missing:
        # The fact may appear later; in an image build this machine is not the gateway.
        name = f"{name} ({missing})"
        complain(f"warning: device_name: {missing}; this gateway waits until there is a name")
    if not _has_secret(result.config, config_path):
        complain("warning: there is no product secret yet; without it this gateway cannot register")
    say(f"This gateway is device {name} of product {result.config.product_key}, region {result.config.region}.")
    say("\n".join(f"Written: {path}" for path in result.written) or "Nothing changed: all values were already set.")


def _warn_of_volatile_storage(config: Config, config_path: Path) -> None:
    try:
        by_hand = read_device_secret(config, config_path, None) is not None
    except OnboardError:
        by_hand = True
    why = "" if by_hand or config.allow_volatile else storage_of(config.state_dir).volatile
    if why:
        complain(f"warning: the state directory {config.state_dir} does not survive a reboot: it is on {why}.")
        complain("The gateway does not register until state_dir is a directory on a disk or SD card.")


def _restart() -> int:
    outcome = restart()
    if outcome is Restart.DONE:
        say("The service restarts now. To follow it: journalctl -u iot-onboard -f")
        say("Or wait until it is online: iot-onboard status --wait 60")
        return ExitCode.DONE
    if outcome is Restart.FAILED:
        complain(f"{outcome.value}. To do: systemctl status iot-onboard")
        return ExitCode.FAILED
    say(f"Not restarted: {outcome.value}. The service uses the new values from the next boot.")
    return ExitCode.DONE


def _taken(key: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        text = text.strip()
        try:
            if text or RULES[key].default is not None:
                RULES[key].read(text)
        except Bad as bad:
            raise argparse.ArgumentTypeError(bad.advice) from None
        return text

    return read


def _writable(directory: Path) -> bool:
    there: Any = next(above for above in (directory, *directory.parents) if above.exists())
    return os.access(there, os.W_OK | os.X_OK, effective_ids=True)

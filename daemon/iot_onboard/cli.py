"""The command line: arguments, the composition root, and exit codes."""

from __future__ import annotations

import argparse
import enum
import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from . import __version__
from .config import Config
from .credentials import Identity
from .errors import Misconfigured, OnboardError
from .identity import BadName, MissingFact, expand
from .place import place_of
from .settings import ConfigError, device_secret_path, load, product_secret_path, read_secret

DEFAULT_CONFIG = Path("/etc/iot-onboard/config.yaml")


class ExitCode(enum.IntEnum):
    """Name what the process ends with; systemd is told not to restart on `CONFIGURATION`."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    INTERNAL = 70
    CONFIGURATION = 78


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    arguments = _parser().parse_args(argv)
    command: Callable[[argparse.Namespace], int] = arguments.command
    try:
        return command(arguments)
    except ConfigError as error:
        for problem in error.problems:
            _complain(str(problem))
        return ExitCode.CONFIGURATION
    except BadName as error:
        _complain(f"{arguments.config}: device_name: {error}")
        return ExitCode.CONFIGURATION
    except MissingFact as error:
        # A network interface may appear later in the boot: a restart may find it.
        _complain(f"{arguments.config}: device_name: {error}")
        return ExitCode.FAILED
    except OnboardError as error:
        _complain(_told(error))
        misconfigured = isinstance(error.failure, Misconfigured)
        return ExitCode.CONFIGURATION if misconfigured else ExitCode.FAILED
    except KeyboardInterrupt:
        return ExitCode.FAILED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.FAILED
    except Exception as error:
        # The message of an exception may quote data: its kind and place do not.
        _complain(f"internal error: {type(error).__name__} at {place_of(error)}; please report this line")
        return ExitCode.INTERNAL


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="iot-onboard", description="Register this gateway with Alibaba Cloud IoT Platform and keep it online."
    )
    parser.add_argument("--version", action="version", version=f"iot-onboard {__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")

    def add(name: str, help_text: str, function: Callable[[argparse.Namespace], int]) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=help_text, description=help_text)
        command.add_argument("--config", type=Path, default=DEFAULT_CONFIG, metavar="PATH", help="default: %(default)s")
        command.set_defaults(command=function)
        return command

    add("run", "run the daemon in the foreground", _run)
    add("check-config", "check the configuration and the secret files, and say every problem", _check_config)
    add("register", "get and store the device secret, then stop; for production lines", _register)
    status = add("status", "say whether the gateway is online (exit 0 online, 1 not, 2 daemon not running)", _status)
    status.add_argument("--json", action="store_true", help="print the status file's record")
    status.add_argument("--wait", type=float, metavar="SECONDS", help="return as soon as it is online")
    forget = add("forget", "set the stored device secret aside (it is not deleted)", _forget)
    forget.add_argument("--yes", action="store_true", help="do not ask")
    return parser


def _run(arguments: argparse.Namespace) -> int:
    return _supervise(arguments, register_only=False)


def _register(arguments: argparse.Namespace) -> int:
    return _supervise(arguments, register_only=True)


def _supervise(arguments: argparse.Namespace, *, register_only: bool) -> int:
    # Only the daemon pays for these imports: `status` and `check-config` stay quick.
    from .compose import supervise

    config = load(arguments.config)
    return supervise(config, arguments.config, register_only=register_only)


def _check_config(arguments: argparse.Namespace) -> int:
    config = load(arguments.config)
    identity = identity_of(config)
    credentials_dir = credentials_directory()
    print(f"{arguments.config}: ok")
    print(f"  product key  {identity.product_key}")
    print(f"  device name  {identity.device_name}")
    print(f"  region       {config.region}")
    device_secret = device_secret_path(config, credentials_dir)
    if device_secret is not None:
        read_secret(device_secret, "device secret")
        print("  secret       the device's own, given by file: no registration")
    else:
        read_secret(product_secret_path(config, arguments.config, credentials_dir), "product secret")
        print("  secret       product secret found, readable by its owner only")
    return ExitCode.DONE


def _status(arguments: argparse.Namespace) -> int:
    from .status import read, render

    config = load(arguments.config)
    deadline = time.monotonic() + max(0.0, arguments.wait or 0.0)
    status = read(config.runtime_dir)
    while (status is None or status.state != "online") and time.monotonic() < deadline:
        time.sleep(min(0.1, max(0.0, deadline - time.monotonic())))
        status = read(config.runtime_dir)
    if status is None:
        print("null" if arguments.json else "The daemon is not running. To do: systemctl start iot-onboard")
        return ExitCode.USAGE
    print(json.dumps(asdict(status)) if arguments.json else render(status, datetime.now(UTC)))
    return ExitCode.DONE if status.state == "online" else ExitCode.FAILED


def _forget(arguments: argparse.Namespace) -> int:
    from .store import Store

    config = load(arguments.config)
    identity = identity_of(config)
    if not arguments.yes:
        print(f"The device secret of {identity} will be set aside; an activated device then needs a reset in the")
        print("cloud console before it can register again. Type the device name to go on: ", end="", flush=True)
        if sys.stdin.readline().strip() != identity.device_name:
            _complain("nothing changed")
            return ExitCode.FAILED
    aside = Store(config.state_dir, identity).forget()
    if aside is None:
        print("No device secret is stored.")
    else:
        print(f"Set aside as {aside}. A running daemon keeps the secret in memory until it is restarted.")
    return ExitCode.DONE


def identity_of(config: Config) -> Identity:
    """Return what this gateway is called, by its configuration and its hardware."""
    from .hardware import read_facts

    return Identity(product_key=config.product_key, device_name=expand(config.device_name, read_facts()))


def credentials_directory() -> Path | None:
    """Return where systemd put this service's credentials."""
    directory = os.environ.get("CREDENTIALS_DIRECTORY")
    return Path(directory) if directory else None


def _told(error: OnboardError) -> str:
    failure = error.failure
    return f"{failure.detail}. To do: {failure.cure}" if isinstance(failure, Misconfigured) else failure.detail


def _complain(text: str) -> None:
    print(f"iot-onboard: {text}", file=sys.stderr)

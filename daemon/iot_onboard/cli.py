"""The entry point of the command line: choose a command, and turn an error into an exit code."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace

from . import __version__
from .config.problems import ConfigError, MissingFact
from .config.schema import CONFIG_DIR
from .core import tracebacks
from .core.exit_codes import ExitCode
from .core.failures import Misconfigured, OnboardError, is_temporary
from .fast_start.cheap_calls import collect_rarely
from .fast_start.typing_names import TYPE_CHECKING
from .system.terminal import complain

if TYPE_CHECKING:
    import argparse

    from .core.broken_code import BrokenCode

DEFAULT_CONFIG = CONFIG_DIR / "config.yaml"

_EPILOG = """\
examples:
  sudo iot-onboard setup         give this gateway its identity, and start the service
  iot-onboard status             online or not; if not: why, who has to act, what to do, when the next try comes
  sudo iot-onboard doctor        what is wrong, and how to fix it
  sudo iot-onboard bundle        one file for support, without secrets

Each command has a --help of its own. Manual: iot-onboard(8), iot-onboard.yaml(5), iot-onboard.service(8).
"""

# Each command has a module in `commands`, with _ instead of - in its name.
COMMANDS = {
    "run": "run the daemon in the foreground",
    "setup": "give this gateway its product identity: asks, checks, writes, restarts the service",
    "check-config": "check the configuration and the secret files, and report every problem",
    "register": "get and store the device secret, then stop; for production lines",
    "status": "show whether the gateway is online (exit 0 online, 1 not online, 2 daemon not running)",
    "explain": "explain an event, a code or a CONNACK number: what it means, who has to act, what to do",
    "events": "list the events of a boot from the journal, one line each",
    "timeline": "show how long each step from power-on to online took, as bars or a picture",
    "import-boot-file": "import iot-onboard.yaml from the boot partition; a unit runs it at boot",
    "doctor": "check everything that a gateway needs, and say what is wrong and how to fix it",
    "bundle": "write one file for support: status, doctor, journal, configuration; without secrets",
    "recover-start": "start the service when the cause that prevented its start is gone; a unit runs it",
    "forget": "set the stored device secret aside (it is not deleted)",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    collect_rarely()
    try:
        words = sys.argv[1:] if argv is None else list(argv)
        return _answer(_daemon(words) or _parse(words))
    except KeyboardInterrupt:
        return ExitCode.FAILED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.FAILED
    except Exception as error:
        if is_temporary(error):
            complain("this machine is short of memory, descriptors or threads, or its disk had an error; try again")
            return ExitCode.FAILED
        tracebacks.on_damaged_code(error)
        if (broken := _broken_code(error)) is not None:
            complain(f"{broken.clause}. To do: {broken.cure}")
            return ExitCode.FAILED
        # The message of an exception may quote data: its kind and place do not.
        frame = tracebacks.innermost_frame(error)
        complain(f"internal error: {type(error).__name__} at {frame}; please report this line")
        return ExitCode.INTERNAL


def _broken_code(error: Exception) -> BrokenCode | None:
    try:
        from .core.broken_code import broken_code

        return broken_code(error)
    except (OSError, ImportError, EOFError, ValueError):
        return None


def _answer(arguments: argparse.Namespace | SimpleNamespace) -> int:
    run: Callable[[argparse.Namespace | SimpleNamespace], int] = arguments.run
    try:
        return run(arguments)
    except ConfigError as error:
        for problem in error.problems:
            complain(str(problem))
        return ExitCode.FAILED if error.temporary else ExitCode.CONFIGURATION
    except MissingFact as error:
        complain(f"{arguments.config}: device_name: {error}")
        # A network interface may appear later in the boot: a restart may find it.
        return ExitCode.FAILED
    except OnboardError as error:
        if isinstance(error.failure, Misconfigured):
            complain(f"{error.failure.detail}. To do: {error.failure.cure}")
            return ExitCode.CONFIGURATION
        complain(error.failure.detail)
        return ExitCode.FAILED


def _daemon(words: list[str]) -> SimpleNamespace | None:
    """Return the arguments of `run`, if the command line has the unit's form, or else `None`.

    So the daemon needs no argparse, neither at its start nor in memory.
    """
    if words[:1] != ["run"] or not (len(words) == 1 or (len(words) == 3 and words[1] == "--config")):
        return None
    from .commands.run import run

    return SimpleNamespace(config=Path(words[2]) if len(words) == 3 else DEFAULT_CONFIG, run=run)


def _parse(words: list[str]) -> argparse.Namespace:
    import argparse

    parser = argparse.ArgumentParser(
        prog="iot-onboard",
        description="Register this gateway with Alibaba Cloud IoT Platform and keep it online.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog=_EPILOG,
    )
    parser.add_argument("--version", action="version", version=f"iot-onboard {__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    # The command is the first word that is not an option: no option before it takes a value.
    chosen = next((word for word in words if not word.startswith("-")), None)
    # If the command is the first word, no parser for the other commands is needed.
    for name in [name for name in COMMANDS if [name] == words[:1]] or COMMANDS:
        # The layout of EPILOG is kept as written.
        laid_out = argparse.RawDescriptionHelpFormatter
        subparser = commands.add_parser(name, help=COMMANDS[name], description=COMMANDS[name], formatter_class=laid_out)
        if name == chosen:
            subparser.add_argument(
                "--config", type=Path, default=DEFAULT_CONFIG, metavar="PATH", help="default: %(default)s"
            )
            configure(subparser, name)
    return parser.parse_args(words)


def configure(parser: argparse.ArgumentParser, name: str) -> None:
    """Add what is specific to a command: its arguments, the end of its help, and its function."""
    from importlib import import_module

    # Only the chosen command's module is imported: the other commands stay fast.
    module = import_module(f".commands.{name.replace('-', '_')}", __package__)
    parser.epilog = module.EPILOG
    if hasattr(module, "configure"):
        module.configure(parser)
    parser.set_defaults(run=module.run)

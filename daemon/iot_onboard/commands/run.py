"""`iot-onboard run`: the daemon, in the foreground."""

from __future__ import annotations

from types import SimpleNamespace

from ..config.environment import with_systemd_directories
from ..config.files import load
from ..config.problems import BadName, ConfigError, MissingFact
from ..config.watch import ConfigWatch
from ..core.exit_codes import ExitCode
from ..core.pacing import restart_delay_s
from ..fast_start.typing_names import TYPE_CHECKING
from ..reporting.runtime_files import StartLog

if TYPE_CHECKING:
    import argparse

_EPILOG = """\
The service does this: systemctl start iot-onboard. It runs until SIGTERM or SIGINT ends it.


examples:
  iot-onboard run --config ./config.yaml    at a desk, with a configuration of one's own
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add nothing: the daemon is told by its configuration alone."""
    parser.epilog = _EPILOG


def run(arguments: argparse.Namespace | SimpleNamespace) -> int:
    """Run until asked to stop; where nothing says yet who this gateway is, wait for that."""
    settings = ConfigWatch(arguments.config)
    try:
        config = load(arguments.config, names_required=False)
        if not config.product_key or not config.device_name:
            from ..service.awaiting_setup import wait_for_names

            return wait_for_names(config, settings)
        lives = StartLog(with_systemd_directories(config).runtime_dir)
        if restart_delay_s(short_lives := lives.begin()):
            from ..service.restart_delay import pause

            if not pause(config, short_lives):
                lives.end()
                return ExitCode.DONE
        # A gateway that waits for its names needs none of the loop's libraries.
        from ..service.main import supervise

        try:
            return supervise(config, arguments.config, settings, register_only=False)
        except MissingFact as missing:
            from ..service.awaiting_setup import wait_for_fact

            return wait_for_fact(config, settings, missing)
    except ConfigError as error:
        if error.unread:
            from ..service.awaiting_setup import wait_for_files

            return wait_for_files(arguments.config, settings, error)
        return _refuse(*(str(problem) for problem in error.problems))
    except BadName as error:
        return _refuse(f"{arguments.config}: device_name: {error}")


def _refuse(*problems: str) -> ExitCode:
    from ..service.awaiting_setup import tell_wrong

    tell_wrong(problems)
    return ExitCode.CONFIGURATION

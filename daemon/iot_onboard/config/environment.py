"""What a process of ours finds around it: the directories that systemd gives it, and what this gateway is called."""

from __future__ import annotations

import os
from pathlib import Path

from ..core.identity import Identity
from ..fast_start.fast_dataclasses import replace
from .device_name import Facts, expand
from .hardware import read_facts
from .schema import RULES, Config
from .secrets import service_credentials


def identity_of(config: Config) -> Identity:
    """Return what this gateway is called, by its configuration and its hardware; raise `MissingFact` or `BadName`."""
    template = config.device_name
    facts = read_facts() if "{" in template else Facts()
    return Identity(product_key=config.product_key, device_name=expand(template, facts))


def secrets_directory(config_path: Path) -> Path | None:
    """Return where systemd put this process's secrets, or what one run by hand has in their place."""
    directory = os.environ.get("CREDENTIALS_DIRECTORY")
    return Path(directory) if directory else service_credentials(config_path)


def withheld_secrets() -> dict[str, str]:
    """Return which secrets systemd could not hand out, and why, by their names."""
    told = os.environ.get("IOT_ONBOARD_WITHHELD")
    if not told:
        return {}
    # Loaded only where there is something to say.
    from .unloadable import read_environment

    return read_environment(told)


def with_systemd_directories(config: Config) -> Config:
    """Return the configuration with the directories that systemd made for this service in place of the usual ones.

    One that the configuration names itself stays, for commands run by hand look there, too.
    """
    return replace(
        config,
        state_dir=_made("STATE_DIRECTORY", config.state_dir, RULES["state_dir"].default),
        runtime_dir=_made("RUNTIME_DIRECTORY", config.runtime_dir, RULES["runtime_dir"].default),
    )


def unmade_directories(config: Config) -> frozenset[Path]:
    """Return which directories systemd makes for the service, and has not made for this process."""
    usual = (
        ("STATE_DIRECTORY", config.state_dir, RULES["state_dir"].default),
        ("RUNTIME_DIRECTORY", config.runtime_dir, RULES["runtime_dir"].default),
    )
    return frozenset(path for variable, path, default in usual if path == default and not os.environ.get(variable))


def _made(variable: str, configured: Path, usual: Path) -> Path:
    given = os.environ.get(variable)
    # systemd gives several directories with colons in between; ours is the first.
    return Path(given.split(":")[0]) if given and configured == usual else configured

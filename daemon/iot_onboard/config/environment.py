"""What a process of ours finds around it: the directories that systemd gives it, and what this gateway is called."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from ..core.identity import Identity
from ..fast_start.fast_dataclasses import dataclass, replace
from ..fast_start.typing_names import TYPE_CHECKING
from .problems import MissingFact
from .schema import CONFIG_DIR, DEVICE_SECRET, RULES, Config
from .secrets import device_secret_path, service_credentials

if TYPE_CHECKING:
    from .identity_memory import Remembered


@dataclass(frozen=True, slots=True, kw_only=True)
class Naming:
    """Hold what this gateway is called; `kept` says what speaks against a name that stays, or is empty.

    `fresh` is what the hardware gives now. `to_remember` is for when a secret of that name is here.
    """

    identity: Identity
    kept: str = ""
    fresh: str | None = None
    to_remember: Remembered | None = None


def identity_of(config: Config, root: Path = Path("/")) -> Identity:
    """Return what this gateway is called; raise `MissingFact` where it has to wait for a fact."""
    return naming_of(config, root).identity


def naming_of(config: Config, root: Path = Path("/")) -> Naming:
    """Return what this gateway is called, by its configuration, its hardware and its past; raise `MissingFact`.

    This is the one door: whoever asks for the name gets the one that the daemon uses.
    """
    template, product_key = config.device_name, config.product_key
    if "{" not in template:
        return Naming(identity=Identity(product_key=product_key, device_name=template))
    # Imported here: a gateway whose name is literal has no use for it.
    try:
        from .naming import decision_of
    except OSError as error:
        # No descriptor is to be had, or the disk stumbled.
        raise MissingFact(f"a file of this program cannot be read: {error.strerror}") from error
    state_dir = with_systemd_directories(config).state_dir
    decision = decision_of(template, product_key, state_dir, root, given_by_hand=_is_given_by_hand(config))
    return Naming(
        identity=Identity(product_key=product_key, device_name=decision.device_name),
        kept=decision.kept,
        fresh=decision.fresh,
        to_remember=decision.to_remember,
    )


def remember_name(config: Config, naming: Naming) -> None:
    """Keep the name for the next boots, now that there is a secret of it; where that fails, it is as it was before.

    A literal name is meant: what was taken from the hardware before counts no more.
    """
    with contextlib.suppress(OSError):
        if naming.to_remember is not None:
            from .naming import remember

            remember(config.state_dir, naming.to_remember)
        elif "{" not in config.device_name and os.path.lexists(config.state_dir / "identity.json"):
            from .naming import forget

            forget(config.state_dir)


def secrets_directory(config_path: Path) -> Path | None:
    """Return where systemd put this process's secrets, or what one run by hand has in their place."""
    directory = os.environ.get("CREDENTIALS_DIRECTORY")
    return Path(directory) if directory else service_credentials(config_path)


def unloadable_secrets() -> dict[str, str]:
    """Return which secrets systemd could not hand out, and why, by their names."""
    # The second is of a drop-in that an earlier version wrote in this boot.
    listed = os.environ.get("IOT_ONBOARD_UNLOADABLE") or os.environ.get("IOT_ONBOARD_WITHHELD")
    if not listed:
        return {}
    # Loaded only where there is something to say.
    from .unloadable import read_environment

    return read_environment(listed)


def _is_given_by_hand(config: Config) -> bool:
    """Say whether a person gave the device secret: by the configuration, beside it, or through systemd."""
    if DEVICE_SECRET in unloadable_secrets():
        return True
    usual = CONFIG_DIR / "config.yaml"
    return device_secret_path(config, usual, secrets_directory(usual)) is not None


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

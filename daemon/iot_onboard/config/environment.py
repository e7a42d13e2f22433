"""What a process gets from its environment: systemd's directories and secrets, and the name of this gateway."""

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
    """Hold the name of this gateway; `mismatch` says how the hardware differs if the name stays, or is empty.

    `fresh` is the name that the hardware gives now. `to_remember` has to be written when a secret of that name is
    stored.
    """

    identity: Identity
    mismatch: str = ""
    fresh: str | None = None
    to_remember: Remembered | None = None


def identity_of(config: Config, root: Path = Path("/")) -> Identity:
    """Return the identity of this gateway; raise `MissingFact` if a fact is not there yet."""
    return naming_of(config, root).identity


def naming_of(config: Config, root: Path = Path("/")) -> Naming:
    """Return the name of this gateway from its configuration, hardware and memory; raise `MissingFact`.

    All code gets the name from here, so that it is always the one that the daemon uses.
    """
    template, product_key = config.device_name, config.product_key
    if "{" not in template:
        return Naming(identity=Identity(product_key=product_key, device_name=template))
    # Imported here: a gateway with a literal name does not need it.
    try:
        from .naming import decision_of
    except OSError as error:
        # No descriptor is left, or the disk failed for a moment.
        raise MissingFact(f"a file of this program cannot be read: {error.strerror}") from error
    state_dir = with_systemd_directories(config).state_dir
    decision = decision_of(template, product_key, state_dir, root, has_secret_file=_has_secret_file(config))
    return Naming(
        identity=Identity(product_key=product_key, device_name=decision.device_name),
        mismatch=decision.mismatch,
        fresh=decision.fresh,
        to_remember=decision.to_remember,
    )


def remember_name(config: Config, naming: Naming) -> None:
    """Store the name for the next boots, now that it has a secret; if that fails, nothing changes.

    With a literal name, a name that was taken from the hardware before is removed.
    """
    with contextlib.suppress(OSError):
        if naming.to_remember is not None:
            from .naming import remember

            remember(config.state_dir, naming.to_remember)
        elif "{" not in config.device_name and os.path.lexists(config.state_dir / "identity.json"):
            from .naming import forget

            forget(config.state_dir)


def secrets_directory(config_path: Path) -> Path | None:
    """Return the directory of the secrets: systemd's, or the one for a command that a person runs."""
    directory = os.environ.get("CREDENTIALS_DIRECTORY")
    return Path(directory) if directory else service_credentials(config_path)


def unloadable_secrets() -> dict[str, str]:
    """Return which secrets systemd could not load, by name, with the reason."""
    # The second variable is from a drop-in that an earlier version wrote since the last boot.
    listed = os.environ.get("IOT_ONBOARD_UNLOADABLE") or os.environ.get("IOT_ONBOARD_WITHHELD")
    if not listed:
        return {}
    # Imported here: needed only in this case.
    from .unloadable import read_environment

    return read_environment(listed)


def _has_secret_file(config: Config) -> bool:
    """Say whether a person provided the device secret: by the configuration, a file beside it, or systemd."""
    if DEVICE_SECRET in unloadable_secrets():
        return True
    usual = CONFIG_DIR / "config.yaml"
    return device_secret_path(config, usual, secrets_directory(usual)) is not None


def with_systemd_directories(config: Config) -> Config:
    """Return the configuration with the directories that systemd created, in place of the default ones.

    A directory that the configuration names stays, because commands that a person runs use it too.
    """
    return replace(
        config,
        state_dir=_directory_from("STATE_DIRECTORY", config.state_dir, RULES["state_dir"].default),
        runtime_dir=_directory_from("RUNTIME_DIRECTORY", config.runtime_dir, RULES["runtime_dir"].default),
    )


def unmade_directories(config: Config) -> frozenset[Path]:
    """Return the directories that systemd creates for the service, and has not created for this process."""
    usual = (
        ("STATE_DIRECTORY", config.state_dir, RULES["state_dir"].default),
        ("RUNTIME_DIRECTORY", config.runtime_dir, RULES["runtime_dir"].default),
    )
    return frozenset(path for variable, path, default in usual if path == default and not os.environ.get(variable))


def _directory_from(variable: str, configured: Path, usual: Path) -> Path:
    value = os.environ.get(variable)
    # systemd separates several directories with colons; ours is the first.
    return Path(value.split(":")[0]) if value and configured == usual else configured

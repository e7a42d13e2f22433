"""Notice a change of the configuration or of a secret, and whether a restart would help.

Only a new process can use the change: systemd loads the credentials when it starts a service, and the service's user
cannot read their files.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from ..core.identity import Identity
from ..disk.credentials import is_stored
from ..disk.files import fingerprint
from ..fast_start.fast_dataclasses import dataclass
from .environment import identity_of, with_systemd_directories
from .files import load
from .problems import ConfigError, MissingFact
from .schema import DEVICE_SECRET, FRAGMENTS, PRODUCT_SECRET, Config

POLL_S = 2.0
# The hardware is asked for another name at every so many looks.
_LOOKS_A_NAME = 5

_Signature = dict[Path, tuple[int, ...] | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """The configuration changed: the new one is valid, or has problems."""

    problems: tuple[str, ...] = ()


class ConfigWatch:
    """Check the status of the files, and read them only if it differs."""

    def __init__(self, config_path: Path) -> None:
        """Take what is there now for known: made before the configuration is read, it misses nothing."""
        self._config_path = config_path
        directory = config_path.parent
        # Encrypted ones lie beside them, by the way that the manual shows.
        names = (PRODUCT_SECRET, DEVICE_SECRET)
        self._secrets = [directory / f"{name}{ending}" for name in names for ending in ("", ".cred")]
        self._config: Config | None = None
        self._identity: Identity | None = None
        self._looks = 0
        self._seen = self._signature()
        self._secrets_at_start = _signature(self._secrets)
        self._settling: _Signature | None = None

    def runs_with(self, config: Config, identity: Identity | None = None) -> None:
        """Take a configuration for the one of this process; the files that it names are watched too.

        So is the hardware, if the name comes from it.
        """
        self._config = config
        self._identity = identity if "{" in config.device_name else None
        named = (config.product_secret_file, config.device_secret_file, config.tls_ca_file)
        more = _signature(path for path in named if path is not None and path not in self._secrets)
        self._secrets += more
        self._secrets_at_start |= more
        self._seen |= more

    def look(self) -> Change | None:
        """Return what has changed since the last look, or `None`: nothing, or nothing that would help.

        A change counts once it has settled: an editor or a script may not be done yet.
        """
        now = self._signature()
        if now == self._seen:
            self._settling = None
            return Change() if self._has_another_name() else None
        if now != self._settling:
            self._settling = now
            return None
        before, self._seen, self._settling = self._seen, now, None
        try:
            config = load(self._config_path, names_required=False)
            if not config.product_key or not config.device_name:
                # A new process waits for a fact that is missing, and not for these.
                return None
        except ConfigError as error:
            if error.temporary:
                # Nothing is known of the change yet.
                self._seen = before
                return None
            return Change(problems=tuple(str(problem) for problem in error.problems))
        same = config == self._config and _signature(self._secrets) == self._secrets_at_start
        return None if same else Change()

    def _has_another_name(self) -> bool:
        """Say whether the hardware gives another name than that of this process, which has no secret yet."""
        if self._identity is None or self._config is None:
            return False
        self._looks += 1
        if self._looks % _LOOKS_A_NAME:
            return False
        try:
            state_dir = with_systemd_directories(self._config).state_dir
            return not is_stored(state_dir, self._identity) and identity_of(self._config) != self._identity
        except (MissingFact, OSError):
            # Nothing better is known.
            return False

    def _signature(self) -> _Signature:
        directory = self._config_path.parent / FRAGMENTS
        try:
            fragments = sorted(os.listdir(directory))  # noqa: PTH208 - names are wanted, not paths
        except OSError:
            fragments = []
        return _signature([self._config_path, *(directory / name for name in fragments), *self._secrets])


def _signature(paths: Iterable[Path]) -> _Signature:
    return {path: fingerprint(path) for path in paths}

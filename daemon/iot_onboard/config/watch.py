"""Notice that somebody has changed the configuration or a secret, and whether it is of use.

Only a new process can have it: systemd hands its credentials out when it starts a service, and the service's user
cannot read the files that they come from. So what counts here is whether starting afresh would help.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable
from pathlib import Path

from ..disk.files import fingerprint
from ..fast_start.fast_dataclasses import dataclass
from .device_name import Facts, expand
from .files import load
from .hardware import read_facts
from .problems import BadName, ConfigError, MissingFact
from .schema import DEVICE_SECRET, FRAGMENTS, PRODUCT_SECRET, Config

POLL_S = 2.0

_Signature = dict[Path, tuple[int, ...] | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """Say that there is another configuration now: a good one, or one with problems."""

    problems: tuple[str, ...] = ()


class ConfigWatch:
    """Look at the files by their status alone, and read them only where that differs."""

    def __init__(self, config_path: Path, facts: Callable[[], Facts] = read_facts) -> None:
        """Take what is there now for known: made before the configuration is read, it misses nothing."""
        self._config_path = config_path
        self._facts = facts
        directory = config_path.parent
        # Encrypted ones lie beside them, by the way that the manual shows.
        names = (PRODUCT_SECRET, DEVICE_SECRET)
        self._secrets = [directory / f"{name}{ending}" for name in names for ending in ("", ".cred")]
        self._config: Config | None = None
        self._seen = self._signature()
        self._secrets_at_start = _signature(self._secrets)
        self._settling: _Signature | None = None

    def runs_with(self, config: Config) -> None:
        """Take a configuration for the one of this process; the files that it names are watched too."""
        self._config = config
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
            return None
        if now != self._settling:
            self._settling = now
            return None
        before, self._seen, self._settling = self._seen, now, None
        try:
            config = load(self._config_path, names_required=False)
            if not config.product_key or not config.device_name:
                return None
            # A new process waits for a fact that is missing: a network interface may appear later.
            with contextlib.suppress(MissingFact):
                expand(config.device_name, self._facts())
        except ConfigError as error:
            if error.passing:
                # Nothing is known of the change yet.
                self._seen = before
                return None
            return Change(problems=tuple(str(problem) for problem in error.problems))
        except BadName as bad:
            return Change(problems=(f"{self._config_path}: device_name: {bad}",))
        same = config == self._config and _signature(self._secrets) == self._secrets_at_start
        return None if same else Change()

    def _signature(self) -> _Signature:
        directory = self._config_path.parent / FRAGMENTS
        try:
            fragments = sorted(os.listdir(directory))  # noqa: PTH208 - names are wanted, not paths
        except OSError:
            fragments = []
        return _signature([self._config_path, *(directory / name for name in fragments), *self._secrets])


def _signature(paths: Iterable[Path]) -> _Signature:
    return {path: fingerprint(path) for path in paths}

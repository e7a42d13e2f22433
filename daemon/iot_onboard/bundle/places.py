"""The directories and files of a gateway, by its configuration, also by an invalid one. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..config.reader import values_of
from ..config.schema import RULES, Document
from ..core.proxy import ProxyAddress


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Hold every path that a configuration file names, and the defaults; the last named comes first."""

    state_dirs: tuple[Path, ...]
    runtime_dirs: tuple[Path, ...]
    secret_files: tuple[Path, ...]
    proxies: tuple[ProxyAddress, ...]


def places_of(documents: Sequence[Document]) -> Places:
    """Return the places; an error in one key of a file does not hide the other keys."""
    values_by_file = [values_of(document) for document in reversed(documents)]

    def paths(key: str) -> tuple[Path, ...]:
        named = [values.get(key) for values in values_by_file]
        return tuple(dict.fromkeys(path for path in (*named, RULES[key].default) if isinstance(path, Path)))

    return Places(
        state_dirs=paths("state_dir"),
        runtime_dirs=paths("runtime_dir"),
        secret_files=(*paths("product_secret_file"), *paths("device_secret_file")),
        proxies=tuple(proxy for values in values_by_file if isinstance(proxy := values.get("proxy"), ProxyAddress)),
    )

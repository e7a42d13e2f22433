"""Find every secret on this gateway that this user may read, so that none of them gets into the bundle."""

from __future__ import annotations

import json
import os
import re
import stat
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit

from ..config.files import MAX_BYTES as CONFIG_MAX_BYTES
from ..config.schema import DEVICE_SECRET, FRAGMENTS, PRODUCT_SECRET
from ..core.masking import MAX_OF_ONE, most_likely
from ..disk.credentials_format import DIRECTORY, SUBDEVICES
from ..disk.files import read_plain
from ..disk.untrusted_path import list_foreign, read_foreign
from ..provisioning.boot_partition import PLACES, find
from ..system.text_style import printable
from .mask import PLACEHOLDERS, mask_configuration
from .places import Places

# Where the service manager keeps credentials, for the running service and before (systemd.exec(5)).
_CREDENTIAL_PLACES = ("run/credentials/iot-onboard.service", "etc/credstore", "run/credstore", "usr/lib/credstore")
_PROXIES = re.compile(r".*_proxy", re.IGNORECASE)
_STORED = re.compile(r'"device_secret"\s*:\s*"((?:[^"\\]|\\.)*)')
_SECRET_FIELDS = re.compile(r'"[^"\\]*(?i:secret|token|password)[^"\\]*"\s*:\s*"((?:[^"\\]|\\.)*)')
# What a damaged file may still contain of a secret.
_WORDS = re.compile(r"[^\s\"',:{}\[\]\\]{8,}")
_FIELDS = {"product_key", "device_name", "device_secret", "issued_at"}
# Larger than any file that the daemon takes, but for a configuration.
_MAX_BYTES = 300_000
# A state directory may hold 2,000 sub-devices, each with two generations and some files that were set aside. Deeper or
# larger directories are not ours: the search stops there, and the manifest says so.
_MAX_STORED = 10_000
_MAX_DEPTH = 4
# Each file here is a secret, whole or damaged. Other files hold secrets only in fields with certain names.
_FOLDERS = (DIRECTORY, SUBDEVICES)


@dataclass(slots=True, kw_only=True)
class Known:
    """Hold what was found, and apart those of sub-devices, which may be many; `unread` names files that may hold more.

    `omitted` counts further words that may be secrets, in files that cannot be parsed.
    """

    secrets: set[str] = field(default_factory=set, repr=False)
    many: set[str] = field(default_factory=set, repr=False)
    unread: list[str] = field(default_factory=list)
    omitted: int = 0


def known_secrets(config_path: Path, places: Places, root: Path = Path("/")) -> Known:
    """Return the secrets of files, credentials, configuration and environment; the machine id counts as one."""
    known = Known()
    for path in _secret_files(config_path, places, root):
        _add(known, {line.strip() for line in _read(path, known).splitlines()})
    for path in _configuration_files(config_path, root):
        _add(known, _in_configuration(_read(path, known, max_bytes=CONFIG_MAX_BYTES)))
    for state_dir in places.state_dirs:
        for path in _stored(state_dir, known):
            folder = path.relative_to(state_dir).parts[0]
            text = _read(path, known, read_foreign)
            if folder == SUBDEVICES:
                known.many |= most_likely(_in_store(path.name, text), MAX_OF_ONE)
            else:
                _add(known, _in_store(path.name, text) if folder in _FOLDERS else _in_json(text))
    known.many -= known.secrets
    known.secrets |= {proxy.password.reveal() for proxy in places.proxies if proxy.password is not None}
    for name, value in os.environ.items():
        if _PROXIES.fullmatch(name):
            known.secrets |= _passwords(value)
    # Confidential too (machine-id(5)): it identifies this machine.
    known.secrets |= {_read(root / "etc/machine-id", known).strip()}
    known.secrets.discard("")
    return known


def _add(known: Known, words: set[str]) -> None:
    """Add the secrets that a file may contain; of a file that cannot be parsed, only some words."""
    chosen = most_likely(words - {""}, MAX_OF_ONE)
    known.omitted += len(words - {""}) - len(chosen)
    known.secrets |= chosen


def _secret_files(config_path: Path, places: Places, root: Path) -> Iterable[Path]:
    directory = config_path.parent
    found = [directory / PRODUCT_SECRET, directory / DEVICE_SECRET, *places.secret_files]
    # Copies that a person or dpkg left beside them.
    found += [path for path in _listed(directory) if "secret" in path.name.lower()]
    credentials = os.environ.get("CREDENTIALS_DIRECTORY")
    for place in (*(root / name for name in _CREDENTIAL_PLACES), *([Path(credentials)] if credentials else [])):
        found += [path for path in _listed(place) if "secret" in path.name.lower()]
    return dict.fromkeys(found)


def _configuration_files(config_path: Path, root: Path) -> Iterable[Path]:
    # Hidden files and copies too: a backup of an editor contains the old password.
    here = [path for path in _listed(config_path.parent) if ".yaml" in path.name]
    places = [root / place.relative_to("/") for place in PLACES]
    return [config_path, *here, *_listed(config_path.parent / FRAGMENTS), *find(places)]


def _in_configuration(text: str) -> set[str]:
    covered = mask_configuration(text).covered
    found = set(covered) | {unquote(value) for value in covered}
    # The pattern does not begin with the scheme: on a long run of letters that would be slow.
    for address in re.findall(r"://[^\s\"']+", text):
        found |= _passwords(address)
    return {secret for secret in found if secret.lower() not in PLACEHOLDERS}


def _passwords(address: str) -> set[str]:
    try:
        password = urlsplit(address).password or ""
    except ValueError:
        return set()
    return {password, unquote(password)}


def _in_store(name: str, text: str) -> set[str]:
    """Return the secret of a stored file, complete or damaged; if nothing is certain, all words that may be one."""
    stored = {match[1] for match in _STORED.finditer(text)}
    if not stored:
        return {word for word in _WORDS.findall(text) if word not in _FIELDS and word not in name}
    return stored | {_unescaped(secret) for secret in stored}


def _unescaped(text: str) -> str:
    try:
        return str(json.loads(f'"{text}"'))
    except ValueError:
        return text


def _in_json(text: str) -> set[str]:
    """Return the values of fields that are named like a secret, in another file of the state directory."""
    found = {match[1] for match in _SECRET_FIELDS.finditer(text)}
    return found | {_unescaped(secret) for secret in found}


def _stored(state_dir: Path, known: Known) -> list[Path]:
    """Return the files that may hold secrets, to a bounded depth; links other than to the stores are not followed."""
    found: list[Path] = []
    # An operator may have put these elsewhere, with a link.
    stores = [state_dir / folder for folder in _FOLDERS]
    # The gateway's own secret is first: nothing beyond the limits is masked.
    left = [state_dir, *reversed(stores)]
    directories = 0
    while left and len(found) <= _MAX_STORED and directories < _MAX_STORED:
        directories += 1
        directory = left.pop()
        for name, status in _foreign(directory, known):
            path = directory / name
            if stat.S_ISDIR(status.st_mode):
                if len(path.relative_to(state_dir).parts) > _MAX_DEPTH:
                    known.unread.append(printable(f"{path}: too deep"))
                elif path not in stores:
                    left.append(path)
            elif path not in stores and (".json" in name or path.relative_to(state_dir).parts[0] in _FOLDERS):
                found.append(path)
    if left or len(found) > _MAX_STORED:
        known.unread.append(printable(f"more than {_MAX_STORED} files in {state_dir}"))
    return found[:_MAX_STORED]


def _foreign(directory: Path, known: Known) -> list[tuple[str, os.stat_result]]:
    try:
        found, more = list_foreign(directory, _MAX_STORED)
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError:
        known.unread.append(printable(str(directory)))
        return []
    if more:
        known.unread.append(printable(f"more than {_MAX_STORED} files in {directory}"))
    return found


def _listed(directory: Path, known: Known | None = None) -> list[Path]:
    try:
        return sorted(directory.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError:
        if known is not None:
            known.unread.append(str(directory))
        return []


def _read(
    path: Path, known: Known, read: Callable[[Path, int], bytes] | None = None, max_bytes: int = _MAX_BYTES
) -> str:
    try:
        data = read(path, max_bytes) if read else read_plain(path.resolve(), max_bytes, follow=False)
        return data.decode("utf-8", "replace")
    except (FileNotFoundError, NotADirectoryError):
        return ""
    except OSError:
        known.unread.append(printable(str(path)))
        return ""

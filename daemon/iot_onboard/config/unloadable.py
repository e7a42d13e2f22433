"""Decide what replaces secrets that systemd cannot load, because it would never start the service. Pure.

If one credential cannot be loaded, systemd ends the service with status 243 before it starts: an encrypted one with a
lost key or the key of another machine, or a file that the disk cannot read. A drop-in in /run replaces such a
credential until the next boot.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath

from ..core import units
from ..fast_start.fast_dataclasses import dataclass, replace
from .schema import CONFIG_DIR, DEVICE_SECRET, PRODUCT_SECRET

# The last of the drop-ins: they are read in the order of their names.
DROP_IN = PurePosixPath(f"/run/systemd/system/{units.SERVICE}.d/zz-iot-onboard-withheld.conf")
# systemd.exec(5), "Process Exit Codes".
CREDENTIALS = "243"
_VARIABLE = 'Environment="IOT_ONBOARD_UNLOADABLE='
# In a drop-in that an earlier version wrote in this boot.
_FORMER_VARIABLE = 'Environment="IOT_ONBOARD_WITHHELD='
_WORDS = {PRODUCT_SECRET: "product secret", DEVICE_SECRET: "device secret"}
_PLAIN_PATH = re.compile(r"/[\w./@+-]+", re.ASCII)
_DIRECTIVES = {"LoadCredential", "LoadCredentialEncrypted", "SetCredential", "SetCredentialEncrypted"}
# What the unit has systemd load if there is no file, and a file that always loads.
_PLACEHOLDER = "\\n"
_NOTHING = "/dev/null"


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialSource:
    """Hold where systemd loads one secret from; without a path there is no file that we could try to load."""

    name: str
    path: str = ""
    encrypted: bool = False

    @property
    def line(self) -> str:
        """Return the line of the unit."""
        return f"LoadCredential{'Encrypted' if self.encrypted else ''}={self.name}:{self.path}"

    @property
    def words(self) -> str:
        """Say what it is, and why systemd may not be able to load it."""
        what = f"{_WORDS[self.name]} {self.path}".rstrip()
        if self.encrypted:
            return f"the encrypted {what} (its key belongs to another gateway, or is lost)"
        return f"the {what} (it cannot be read)"


SHIPPED = tuple(CredentialSource(name=name, path=str(CONFIG_DIR / name)) for name in _WORDS)


def read_unit(text: str) -> tuple[CredentialSource, ...]:
    """Return the secrets in the output of `systemctl cat`, as systemd reads it, without our own drop-in."""
    loaded: dict[str, CredentialSource] = {}
    contained: dict[str, CredentialSource] = {}
    ours = False
    for line in text.splitlines():
        if line.startswith("# /"):
            ours = line.removeprefix("# ") == str(DROP_IN)
        key, equals, value = (part.strip() for part in line.partition("="))
        if ours or not equals or key not in _DIRECTIVES:
            continue
        found = loaded if key.startswith("Load") else contained
        name, _, content = value.partition(":")
        if not value:
            found.clear()
        elif found is contained and content == _PLACEHOLDER:
            found.pop(name, None)
        elif name in _WORDS:
            path = content if found is loaded and _PLAIN_PATH.fullmatch(content) else ""
            found[name] = CredentialSource(name=name, path=path, encrypted=key.endswith("Encrypted"))
    return (*loaded.values(), *contained.values())


def decide(
    present: str,
    *,
    failed: bool,
    sources: Iterable[CredentialSource],
    loadable: Mapping[CredentialSource, bool | None],
) -> str:
    """Return the wanted content of the drop-in; an empty text means no drop-in.

    `loadable` says for the unit's `sources` and the shipped ones whether a test could load them now, `None` if there is
    no such secret. `failed`: systemd could not load one, with `present` as the drop-in.
    """
    there = [one for one in sources if loadable[one] is not None]
    unreadable = [one for one in there if one.path and not loadable[one]]
    untried = [one for one in there if not one.path]
    # A plain file is used in place of a secret that cannot be loaded: `setup` writes it.
    plain = {one.name: replace(one, path=_NOTHING) if loadable[one] is False else one for one in SHIPPED}
    if unreadable:
        wanted = _render([plain[one.name] for one in unreadable], unreadable)
    else:
        good = {one.name: one for one in there if one.path}
        wanted = _render({**plain, **good}.values(), untried, only_these=True)
    if failed:
        last = _render([replace(one, path=_NOTHING) for one in SHIPPED], there, only_these=True)
        return last if present in (wanted, last) else wanted
    if not present:
        # Remove a secret only after systemd has failed: our own test may be wrong.
        return ""
    if unreadable:
        return wanted
    return present if untried else ""


def _render(
    loaded: Iterable[CredentialSource], unloadable: Iterable[CredentialSource], *, only_these: bool = False
) -> str:
    """Return the drop-in; `only_these`: the service gets no other credential, from any other drop-in."""
    lines = [
        f"# Made by {units.RECOVERY}: systemd could not load a secret of this service (status",
        "# 243/CREDENTIALS), and did not start it. Deleted at the next boot; see iot-onboard.service(8).",
        "[Unit]",
        # Before each start this checks whether the secret can be loaded again.
        f"Wants={units.RECOVERY}",
        "[Service]",
    ]
    if only_these:
        lines += ["LoadCredential=", "SetCredential="]
    for one in loaded:
        lines += [one.line, f"SetCredential={one.name}:{_PLACEHOLDER}"]
    words = {one.name: one.words for one in unloadable}
    lines.append(f'{_VARIABLE}{";".join(f"{name}={text}" for name, text in words.items())}"')
    return "\n".join(lines) + "\n"


def read_drop_in(text: str) -> dict[str, str]:
    """Return which secrets our drop-in replaces, by name, with the reason."""
    for line in text.splitlines():
        for variable in (_VARIABLE, _FORMER_VARIABLE):
            if line.startswith(variable):
                return read_environment(line.removeprefix(variable).removesuffix('"'))
    return {}


def read_environment(text: str) -> dict[str, str]:
    """Return the same from the variable that the drop-in sets."""
    entries = (entry.partition("=") for entry in text.split(";"))
    return {name: words for name, _, words in entries if name in _WORDS}

"""Decide what stands in for secrets that systemd cannot load: else it never starts the service. Pure.

systemd ends a service with 243 before its first line where one credential cannot be loaded: an encrypted one whose key
is another machine's or gone, a file that the disk does not give. A drop-in in /run stands in until the next boot.
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
_WORDS = {PRODUCT_SECRET: "product secret", DEVICE_SECRET: "device secret"}
_PLAIN_PATH = re.compile(r"/[\w./@+-]+", re.ASCII)
_DIRECTIVES = {"LoadCredential", "LoadCredentialEncrypted", "SetCredential", "SetCredentialEncrypted"}
# What the unit has systemd hand out where there is no file, and a file that always loads.
_STAND_IN = "\\n"
_NOTHING = "/dev/null"


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialSource:
    """Hold where systemd has one secret from; without a path it is not in a file that we could try to load."""

    name: str
    path: str = ""
    encrypted: bool = False

    @property
    def line(self) -> str:
        """Return the unit's line."""
        return f"LoadCredential{'Encrypted' if self.encrypted else ''}={self.name}:{self.path}"

    @property
    def words(self) -> str:
        """Say what it is, and why systemd may not hand it out."""
        what = f"{_WORDS[self.name]} {self.path}".rstrip()
        if self.encrypted:
            return f"the encrypted {what} (its key is another gateway's, or gone)"
        return f"the {what} (it cannot be read)"


SHIPPED = tuple(CredentialSource(name=name, path=str(CONFIG_DIR / name)) for name in _WORDS)


def read_unit(text: str) -> tuple[CredentialSource, ...]:
    """Return the secrets of what `systemctl cat` prints, as systemd understands it, our own drop-in left out."""
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
        elif found is contained and content == _STAND_IN:
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
    """Return what is to be in the drop-in now; nothing: there is to be none, systemd does as the unit says.

    `loadable` says of the unit's `sources` and the shipped ones whether they could be loaded just now, `None` where
    there is no such secret; `failed`, that systemd could not do it, with `present` in the drop-in.
    """
    there = [one for one in sources if loadable[one] is not None]
    unreadable = [one for one in there if one.path and not loadable[one]]
    untried = [one for one in there if not one.path]
    # A plain file counts in the place of what cannot be loaded: `setup` writes it.
    plain = {one.name: replace(one, path=_NOTHING) if loadable[one] is False else one for one in SHIPPED}
    if unreadable:
        wanted = _render([plain[one.name] for one in unreadable], unreadable)
    else:
        good = {one.name: one for one in there if one.path}
        wanted = _render({**plain, **good}.values(), untried, alone=True)
    if failed:
        last = _render([replace(one, path=_NOTHING) for one in SHIPPED], there, alone=True)
        return last if present in (wanted, last) else wanted
    if not present:
        # Only a failure takes anything away: a look from here may be wrong.
        return ""
    if unreadable:
        return wanted
    return present if untried else ""


def _render(loaded: Iterable[CredentialSource], unloadable: Iterable[CredentialSource], *, alone: bool = False) -> str:
    """Return the drop-in; `alone`: the service gets no other credential, whoever has added it."""
    lines = [
        f"# Made by {units.RECOVERY}: systemd could not hand out a secret of this service (status",
        "# 243/CREDENTIALS), and would not start it. Gone at the next boot; see iot-onboard.service(8).",
        "[Unit]",
        # Before each start it looks whether the secret can be had again.
        f"Wants={units.RECOVERY}",
        "[Service]",
    ]
    if alone:
        lines += ["LoadCredential=", "SetCredential="]
    for one in loaded:
        lines += [one.line, f"SetCredential={one.name}:{_STAND_IN}"]
    words = {one.name: one.words for one in unloadable}
    lines.append(f'{_VARIABLE}{";".join(f"{name}={text}" for name, text in words.items())}"')
    return "\n".join(lines) + "\n"


def read_drop_in(text: str) -> dict[str, str]:
    """Return which secrets our drop-in takes away, and why, by their names."""
    line = next((line for line in text.splitlines() if line.startswith(_VARIABLE)), _VARIABLE)
    return read_environment(line.removeprefix(_VARIABLE).removesuffix('"'))


def read_environment(text: str) -> dict[str, str]:
    """Return the same from the variable that it sets."""
    entries = (entry.partition("=") for entry in text.split(";"))
    return {name: words for name, _, words in entries if name in _WORDS}

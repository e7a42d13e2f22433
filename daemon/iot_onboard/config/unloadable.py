"""Decide what stands in for credentials that systemd cannot hand out: else it never starts the service. Pure.

systemd ends a service with 243 before its first line where one credential cannot be loaded: an encrypted one whose key
is another machine's or gone, a file that the disk does not give. A drop-in in /run takes its place until the next boot.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Collection, Iterable
from pathlib import PurePosixPath

from ..core import units
from ..fast_start.fast_dataclasses import dataclass
from .schema import CONFIG_DIR, DEVICE_SECRET, PRODUCT_SECRET

# The last of the drop-ins: they are read in the order of their names.
DROP_IN = PurePosixPath(f"/run/systemd/system/{units.SERVICE}.d/zz-iot-onboard-withheld.conf")
# systemd.exec(5), "Process Exit Codes".
CREDENTIALS = "243"
ENVIRONMENT = "IOT_ONBOARD_WITHHELD"
_WORDS = {PRODUCT_SECRET: "product secret", DEVICE_SECRET: "device secret"}
_PLAIN_PATH = re.compile(r"/[\w./@+-]+", re.ASCII)
_SETTINGS = {"LoadCredential", "LoadCredentialEncrypted", "SetCredential", "SetCredentialEncrypted"}


class Stage(enum.Enum):
    """Say how much is taken away: what was added to the shipped unit, or every credential."""

    AS_SHIPPED = "as shipped"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialSource:
    """Hold one secret that the unit has systemd hand out; without a path it is in the unit or in a credential store."""

    name: str
    path: str = ""
    encrypted: bool = False

    @property
    def words(self) -> str:
        """Say what it is, and why systemd may not hand it out."""
        what = " ".join(filter(None, (_WORDS[self.name], self.path)))
        if self.encrypted:
            return f"the encrypted {what} (its key is another gateway's, or gone)"
        return f"the {what} (it cannot be read)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Override:
    """Hold what the drop-in says; `failed_at` names the failure that it was made for."""

    stage: Stage
    failed_at: str
    withheld: tuple[CredentialSource, ...]


SHIPPED = tuple(CredentialSource(name=name, path=str(CONFIG_DIR / name)) for name in (PRODUCT_SECRET, DEVICE_SECRET))


def read_unit(text: str) -> tuple[CredentialSource, ...]:
    """Return the secrets of what `systemctl cat` prints, as systemd understands it, our own drop-in left out."""
    loaded: dict[str, CredentialSource] = {}
    contained: dict[str, CredentialSource] = {}
    ours = False
    for line in text.splitlines():
        if line.startswith("# /"):
            ours = line.removeprefix("# ") == str(DROP_IN)
        key, equals, value = (part.strip() for part in line.partition("="))
        if ours or not equals or key not in _SETTINGS:
            continue
        found = loaded if key.startswith("Load") else contained
        name, _, content = value.partition(":")
        if not value:
            found.clear()
        elif name in _WORDS:
            path = content if found is loaded else ""
            found[name] = CredentialSource(name=name, path=path, encrypted=key.endswith("Encrypted"))
    # What the unit itself contains in plain can always be handed out.
    return (*loaded.values(), *(given for given in contained.values() if given.encrypted))


def decide(
    present: Override | None,
    failed_at: str | None,
    given: Iterable[CredentialSource],
    closed: Collection[CredentialSource],
) -> Override | None:
    """Return what is to stand in now; `None`: nothing, systemd does as the unit says.

    `failed_at` is when the service ended with 243, or `None` where that is not how it ended last; `closed` are those of
    `given` that could not be opened just now.
    """
    if failed_at is None:
        return present if closed else None
    if present is not None and present.failed_at == failed_at:
        return present
    added = tuple(one for one in given if one not in SHIPPED)
    stage = Stage.AS_SHIPPED if present is None and added else Stage.NONE
    suspects = added if stage is Stage.AS_SHIPPED else tuple(given)
    return Override(
        stage=stage, failed_at=failed_at, withheld=tuple(one for one in suspects if one in closed) or suspects
    )


def render(override: Override) -> str:
    """Return the drop-in."""
    lines = [
        f"# Made by {units.CREDENTIALS}: systemd could not hand out a secret of this service (status",
        "# 243/CREDENTIALS), and would not start it. Gone at the next boot; see iot-onboard.service(8).",
        "[Unit]",
        # Before each start it looks whether the secret can be had again.
        f"Wants={units.CREDENTIALS}",
        "[Service]",
        "LoadCredential=",
        "SetCredential=",
    ]
    if override.stage is Stage.AS_SHIPPED:
        for given in SHIPPED:
            lines += [f"LoadCredential={given.name}:{given.path}", f"SetCredential={given.name}:\\n"]
    lines.append(f'Environment="{ENVIRONMENT}={_entries(override.withheld)}"')
    lines += ["[X-iot-onboard]", f"Stage={override.stage.value}", f"FailedAt={override.failed_at}"]
    return "\n".join(lines) + "\n"


def read_override(text: str) -> Override | None:
    """Read our drop-in; `None` where it is not whole."""
    found = {key: value for key, equals, value in (line.partition("=") for line in text.splitlines()) if equals}
    try:
        stage, failed_at = Stage(found["Stage"]), found["FailedAt"]
        entries = found["Environment"].strip('"').partition("=")[2]
    except (KeyError, ValueError):
        return None
    return Override(stage=stage, failed_at=failed_at, withheld=read_environment(entries))


def read_environment(text: str) -> tuple[CredentialSource, ...]:
    """Return the secrets that the drop-in's variable names."""
    parts = (entry.split(":", 2) for entry in text.split())
    return tuple(
        CredentialSource(name=part[0], path=part[2], encrypted=part[1] == "encrypted")
        for part in parts
        if len(part) == 3 and part[0] in _WORDS
    )


def _entries(withheld: Iterable[CredentialSource]) -> str:
    # A path that systemd would read otherwise than it is written is left out: it is said, and nothing more.
    return " ".join(
        f"{one.name}:{'encrypted' if one.encrypted else 'plain'}:{one.path if _PLAIN_PATH.fullmatch(one.path) else ''}"
        for one in withheld
    )

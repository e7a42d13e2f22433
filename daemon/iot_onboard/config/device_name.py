"""Make the device name from a template and the facts of the hardware. Pure."""

from __future__ import annotations

import hashlib
import hmac
import re

from ..aliyun.names import device_name_problem
from ..fast_start.fast_dataclasses import dataclass
from .problems import BadName, MissingFact

# Never change this: another number would rename every gateway that uses {machine_id}.
_APPLICATION = bytes.fromhex("6d3b2f6e0f0d4c559d0e2f0b7a5b7c11")
# Kept as text: a gateway with a literal name compiles none of the patterns.
_PLACEHOLDER = r"\{([^{}]*)\}"
# The smallest number of characters that each may give.
_MIN_LENGTHS = {"serial": 1, "mac": 12, "machine_id": 16, "hostname": 1}
_MACHINE_ID = r"(?!0{32})[0-9a-f]{32}"
_MAC_OF = r"mac:[A-Za-z0-9._-]{1,15}"
_MAX_LENGTH = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Hold what identifies one gateway; `macs` pairs interface names with addresses (`b8:27:eb:00:00:01`).

    `more_serials` are the serial numbers of the same board from other sources. `more_macs` count only if the template
    names their interface. `doubts` pairs a placeholder with the reason why other gateways may have the same value.
    `unread` are placeholders that could not be read because of a temporary error.
    """

    serial: str | None = None
    more_serials: tuple[str, ...] = ()
    macs: tuple[tuple[str, str], ...] = ()
    more_macs: tuple[tuple[str, str], ...] = ()
    machine_id: str | None = None
    hostname: str | None = None
    doubts: tuple[tuple[str, str], ...] = ()
    # Why the host name may change soon, or nothing.
    settling: str = ""
    unread: tuple[str, ...] = ()
    # The different values of two sources, if they disagree.
    disagreement: str = ""

    @property
    def board(self) -> str | None:
        """Return the serial number that only this board has, whatever card is in it; `None` if it has none."""
        return self.serial if "serial" not in dict(self.doubts) else None

    def is_board(self, name: str | None) -> bool:
        """Say whether one source gives this serial number: another kernel may show another source or letter case."""
        own = [self.board, *self.more_serials]
        return name is not None and name.lower() in {serial.lower() for serial in own if serial is not None}


def template_problem(template: str) -> str | None:
    """Say what is wrong with a template, without the hardware, or `None`."""
    if "{" not in template and "}" not in template:
        return device_name_problem(template)
    names = re.findall(_PLACEHOLDER, template)
    for name in names:
        if name not in _MIN_LENGTHS and not re.fullmatch(_MAC_OF, name, re.ASCII):
            import difflib

            close = difflib.get_close_matches(name, _MIN_LENGTHS, 1)
            hint = f"; did you mean {{{close[0]}}}?" if close else ""
            known = " ".join(f"{{{known}}}" for known in _MIN_LENGTHS)
            return f"{{{name}}} is not a placeholder; there are {known} {{mac:eth0}}{hint}"
    rest = re.sub(_PLACEHOLDER, "", template)
    if "{" in rest or "}" in rest:
        return "has a brace without its counterpart"
    if len(rest) + sum(_MIN_LENGTHS[name.partition(":")[0]] for name in names) > _MAX_LENGTH:
        # No facts can ever make a valid name from it.
        return "is too long"
    # Each placeholder gives at least one character; here the literal part is checked.
    return device_name_problem((rest + "aaaa")[:_MAX_LENGTH])


def expand(template: str, facts: Facts) -> str:
    """Return the device name; raise `MissingFact` or `BadName`.

    At least one placeholder must have a value that no other gateway has.
    """
    placeholders = placeholders_of(template)
    values = {placeholder: _fact(placeholder, facts) for placeholder in placeholders}
    if facts.settling and "hostname" in values:
        raise MissingFact(facts.settling)
    doubts = dict(facts.doubts)
    if values and values.keys() <= doubts.keys():
        raise MissingFact(doubts[placeholders[0]])
    name = re.sub(_PLACEHOLDER, lambda match: values[match[1]], template) if values else template
    if problem := device_name_problem(name):
        raise BadName(f"expands to {name!r}, which {problem}")
    return name


def made_of(template: str, facts: Facts) -> tuple[tuple[str, str], ...]:
    """Return each placeholder with its value; for the machine id, the value derived from it."""
    return tuple((placeholder, _fact(placeholder, facts)) for placeholder in placeholders_of(template))


def placeholders_of(template: str) -> list[str]:
    """Return the placeholders of a template, each once; a literal name has none."""
    return list(dict.fromkeys(re.findall(_PLACEHOLDER, template))) if "{" in template else []


def _fact(placeholder: str, facts: Facts) -> str:
    if placeholder == "serial" and facts.serial:
        return facts.serial.lower()
    if placeholder == "hostname" and facts.hostname:
        return facts.hostname
    # Before systemd has set the id, the file says "uninitialized" on every gateway (machine-id(5)).
    if placeholder == "machine_id" and re.fullmatch(_MACHINE_ID, facts.machine_id or "", re.ASCII):
        return _machine_name(facts.machine_id or "")
    if placeholder == "mac" and facts.macs:
        return _bare(min(facts.macs, key=lambda pair: (_rank(pair[0]), pair[0]))[1])
    interface = placeholder.partition(":")[2]
    for name, address in (*facts.macs, *facts.more_macs):
        if name == interface:
            return _bare(address)
    if placeholder in facts.unread:
        raise MissingFact(f"{{{placeholder}}} cannot be read now")
    if doubt := dict(facts.doubts).get(placeholder):
        raise MissingFact(doubt)
    others = "; {mac} and {machine_id} work on most boards" if placeholder == "serial" else ""
    raise MissingFact(f"this machine has no {{{placeholder}}} now{others}")


def _machine_name(machine_id: str) -> str:
    """Derive 16 hex digits for this application: the raw machine id is confidential (machine-id(5)).

    64 bits are enough to be unique, and leave 16 of the platform's 32 characters for a prefix.
    """
    return hmac.new(machine_id.encode(), _APPLICATION, hashlib.sha256).hexdigest()[:16]


def _bare(mac: str) -> str:
    return mac.replace(":", "").lower()


def _rank(interface: str) -> int:
    order = ("eth0", "end0", "en", "eth", "wlan0")
    return next((rank for rank, prefix in enumerate(order) if interface.startswith(prefix)), len(order))

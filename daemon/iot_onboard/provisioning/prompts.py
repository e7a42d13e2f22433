"""Ask the operator at a terminal for a gateway's identity, and check each answer."""

from __future__ import annotations

import getpass
import sys
from collections.abc import Collection
from typing import Any

from ..config.device_name import Facts, expand
from ..config.problems import BadName, MissingFact
from ..config.schema import RULES, Config
from ..config.values import Bad, secret
from ..core.secret import Secret
from ..fast_start.fast_dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Hold one question for a key of the configuration; if the key has no default, a dash means none."""

    key: str
    text: str


QUESTIONS = (
    Question(key="product_key", text="Product key, as the cloud console shows it"),
    Question(
        key="device_name", text="Device name; {serial} {mac} {machine_id} {hostname} are replaced by this gateway's"
    ),
    Question(key="region", text="Region"),
    Question(key="instance_id", text="Instance ID, or - for a public instance from before 2021-07-30"),
)


def ask_config(keys: Collection[str], present: Config, facts: Facts) -> dict[str, Any]:
    """Return the keys with changed values; raise `EOFError` if the operator ends the input."""
    changes: dict[str, Any] = {}
    for question in QUESTIONS:
        if question.key in keys:
            now = getattr(present, question.key)
            default = now or _suggestion(question.key, facts)
            answer = _ask_until_good(question, default, facts)
            if answer != (now or None):
                changes[question.key] = answer
    return changes


def ask_product_secret(*, kept: bool) -> Secret | None:
    """Return a new secret, or `None` to keep the present state; show only its length, not the secret."""
    default = "keep the present one" if kept else "none: systemd gives it to the service as a credential"
    while True:
        answer = getpass.getpass(f"Product secret, as the cloud console shows it; hidden here [{default}]: ").strip()
        if not answer:
            return None
        try:
            taken = secret(answer)
        except Bad as bad:
            say(f"  It {bad.advice}")
        else:
            say(f"  {len(answer)} characters.")
            return taken


def say(text: str) -> None:
    """Print a line at once."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def name_here(template: str, facts: Facts) -> str:
    """Return the device name that a template gives on this machine; raise `BadName`."""
    try:
        return expand(template, facts)
    except MissingFact as missing:
        return f"{template} ({missing})"


def _ask_until_good(question: Question, default: str | None, facts: Facts) -> str | None:
    optional = RULES[question.key].default is None
    shown = default or ("none" if optional else "")
    while True:
        answer = input(f"{question.text}{f' [{shown}]' if shown else ''}: ").strip() or default or ""
        if optional and answer in {"", "-"}:
            return None
        try:
            RULES[question.key].read(answer)
            if question.key == "device_name":
                say(f"  On this machine: {name_here(answer, facts)}")
        except Bad as bad:
            say(f"  It {bad.advice}")
        except BadName as bad:
            say(f"  It {bad}")
        else:
            return answer


def _suggestion(key: str, facts: Facts) -> str | None:
    if key != "device_name":
        return None
    return "{serial}" if facts.board else "{mac}" if facts.macs else "{machine_id}"

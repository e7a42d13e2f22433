"""Decide which device this gateway is: by its configuration, its hardware, and its name of before. Pure.

A name is taken from the hardware once. From then on the secret belongs to it, so the name stays as long as the board
and the configuration stay. See docs/decisions/0025.
"""

from __future__ import annotations

from collections.abc import Callable

from ..fast_start.fast_dataclasses import dataclass, replace
from .device_name import Facts, expand, made_of
from .identity_memory import Remembered
from .problems import BadName, MissingFact


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """Hold the device name; `mismatch` says how the hardware differs if the name of before stays, or is empty.

    `fresh` is the name that the hardware gives now, if any. `to_remember` has to be written when a secret of that name
    is stored; `None` if it is written already.
    """

    device_name: str
    mismatch: str = ""
    fresh: str | None = None
    to_remember: Remembered | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """Hold what is known from before: the remembered name, or why it cannot be read; and which names have a secret.

    `has_secret_file`: a person provided the device secret in a file, which does not say to which name it belongs.
    """

    remembered: Remembered | None
    is_stored: Callable[[str], bool]
    has_secret_file: bool = False
    unread: str = ""


def decide(template: str, product_key: str, facts: Facts, legacy: Facts, past: Past) -> Decision:
    """Return which device this gateway is; raise `MissingFact` if a fact is not there yet.

    `legacy` are the facts by the rules of version 0.1.0.
    """
    fresh, problem = _expanded(template, facts)
    settled, _ = _expanded(template, replace(facts, settling=""))
    remembered = past.remembered
    # If the configuration names another device, that is the intention of the operator.
    is_same = remembered is not None and (remembered.template, remembered.product_key) == (template, product_key)
    name, mismatch = _name_of_before(remembered if is_same else None, settled, problem, facts)
    if name is None:
        is_sure = settled is not None and past.is_stored(settled)
        name, mismatch = _name_of_0_1_0(template, facts, legacy, past)
        if past.unread and name is None and not is_sure:
            raise MissingFact(past.unread)
        if name is None and (fresh is not None or is_sure):
            name = settled
    if name is None:
        raise MissingFact(problem)
    if (
        past.unread
        or "serial" in facts.unread
        or (mismatch and remembered is not None and remembered.device_name == name)
    ):
        # The remembered record says more than the present facts: do not replace it.
        return Decision(device_name=name, mismatch=mismatch, fresh=settled)
    board = remembered.board if remembered is not None and facts.is_board(remembered.board) else facts.board
    now = _memory_of(template, product_key, name, legacy if mismatch else facts, board)
    return Decision(device_name=name, mismatch=mismatch, fresh=settled, to_remember=None if now == remembered else now)


def _name_of_before(
    before: Remembered | None, settled: str | None, problem: str, facts: Facts
) -> tuple[str | None, str]:
    if before is None:
        return None, ""
    if settled == before.device_name:
        return settled, ""
    if "serial" in facts.unread:
        # It is unknown whether the card was moved to another board.
        raise MissingFact("the board's serial number cannot be read now")
    # A board without its own serial number counts as another board.
    if not facts.is_board(before.board):
        return None, ""
    return before.device_name, _mismatch(settled, problem)


def _name_of_0_1_0(template: str, facts: Facts, legacy: Facts, past: Past) -> tuple[str | None, str]:
    """Return the name by the rules of 0.1.0 if its secret is stored, and no other name is known to be right."""
    _, problem = _expanded(template, facts)
    settled, _ = _expanded(template, replace(facts, settling=""))
    old, _ = _expanded(template, legacy)
    is_open = settled is None or past.remembered is None or past.remembered.device_name == old
    if old is None or old == settled or not is_open:
        return None, ""
    if not past.is_stored(old) and not _may_be_of_0_1_0(template, facts, legacy, past):
        return None, ""
    return old, _mismatch(settled, problem)


def _may_be_of_0_1_0(template: str, facts: Facts, legacy: Facts, past: Past) -> bool:
    """Say whether a secret file may belong to the name of 0.1.0: before the first login nothing else shows it."""
    # While the host name may still change, the present one is probably not the right one.
    old, _ = _expanded(template, replace(legacy, settling=facts.settling))
    return past.has_secret_file and past.remembered is None and not past.unread and old is not None


def _mismatch(settled: str | None, problem: str) -> str:
    # The text after the semicolon says how to get a name; that is not needed here.
    return problem.partition(";")[0] if settled is None else f"the hardware gives {settled} now"


def _expanded(template: str, facts: Facts) -> tuple[str | None, str]:
    try:
        return expand(template, facts), ""
    except (MissingFact, BadName) as error:
        return None, str(error)


def _memory_of(template: str, product_key: str, name: str, facts: Facts, board: str | None) -> Remembered:
    try:
        parts = made_of(template, facts)
    except MissingFact:
        parts = ()
    return Remembered(product_key=product_key, device_name=name, template=template, board=board, made_of=parts)

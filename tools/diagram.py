"""Draw the state machine from its table: `make reference`."""

from __future__ import annotations

from iot_onboard.lifecycle.model import Phase, StopRequested, Tick
from iot_onboard.lifecycle.table import TABLE

_HEAD = """\
# State machine

Made from the table in `lifecycle/table.py` by `make reference`. The text in `lifecycle/__init__.py` gives the reasons.
"""


def mermaid() -> str:
    """Return the table as a Mermaid state diagram; stops and hanging jobs are in every state, and only in one note."""
    arrows: dict[tuple[str, str], list[str]] = {}
    for (phase, given), rule in TABLE.items():
        for target in sorted(rule.targets, key=lambda target: target.value):
            everywhere = target is Phase.STOPPED and given in {StopRequested, Tick}
            if target is not phase and not everywhere:
                arrows.setdefault((phase.name, target.name), []).append(rule.label)
    lines = ["stateDiagram-v2", "    [*] --> BOOT"]
    lines += [f"    {start} --> {end}: {' / '.join(labels)}" for (start, end), labels in arrows.items()]
    lines += ["    note right of ONLINE: asked to stop, any state goes to STOPPED"]
    return "\n".join(lines) + "\n"


def page() -> str:
    """Return docs/state-machine.md."""
    return f"{_HEAD}\n```mermaid\n{mermaid()}```\n"

"""Draw the state machine from its table: `python -m iot_onboard.lifecycle.diagram`."""

from __future__ import annotations

from .model import Phase
from .table import TABLE


def mermaid() -> str:
    """Return the table as a Mermaid state diagram; stops, which every state has, are one note."""
    arrows: dict[tuple[str, str], list[str]] = {}
    for (phase, _), rule in TABLE.items():
        for target in sorted(rule.targets, key=lambda target: target.value):
            if target is not Phase.STOPPED and target is not phase:
                arrows.setdefault((phase.name, target.name), []).append(rule.label)
    lines = ["stateDiagram-v2", "    [*] --> BOOT"]
    lines += [f"    {start} --> {end}: {' / '.join(labels)}" for (start, end), labels in arrows.items()]
    lines += ["    note right of ONLINE: asked to stop, any state goes to STOPPED"]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(mermaid(), end="")  # noqa: T201

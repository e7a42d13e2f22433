"""The documents show what the code does."""

from __future__ import annotations

from support.tree import ROOT
from tools.diagram import mermaid


def test_the_diagram_is_the_tables() -> None:
    """docs/state-machine.md holds the diagram that the table makes."""
    assert mermaid() in (ROOT / "docs" / "state-machine.md").read_text()

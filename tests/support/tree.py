"""Where things lie in this tree."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parents[2]
DAEMON = ROOT / "daemon"
TESTS = ROOT / "tests"
VECTORS_FILE = TESTS / "vectors" / "vectors.json"

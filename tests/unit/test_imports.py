"""Pure modules import nothing of the world."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent.parent / "daemon" / "iot_onboard"
FORBIDDEN = {"os", "socket", "time", "random", "threading", "requests", "paho", "systemd"}
PURE = {
    "advice",
    "aliyun",
    "boot_file",
    "bundle.assemble",
    "bundle.mask",
    "bundle.places",
    "bundle.scrub",
    "boot_start",
    "causes",
    "config",
    "config_plain",
    "config_yaml",
    "config_values",
    "credentials",
    "credentials_file",
    "doctor.certificate",
    "doctor.judge",
    "doctor.model",
    "doctor.report",
    "endpoints",
    "errors",
    "event_table",
    "events",
    "exit_codes",
    "explanations",
    "history",
    "http_wire",
    "identity",
    "lifecycle",
    "netlink",
    "pacing",
    "problems",
    "provision",
    "proxy",
    "records",
    "reference",
    "repetition",
    "secret",
    "spans",
    "status_record",
    "status_report",
    "status_view",
    "story",
    "story_report",
    "story_trouble",
    "text_style",
    "timeline",
    "timeline_report",
    "timeline_svg",
    "typed",
    "withheld",
}


def pure(name: str) -> bool:
    return any(name == module or name.startswith(f"{module}.") for module in PURE)


def module_files() -> dict[str, Path]:
    files = {str(path.relative_to(PACKAGE).with_suffix("")).replace("/", "."): path for path in PACKAGE.rglob("*.py")}
    return {name: path for name, path in files.items() if pure(name)}


def imports(path: Path) -> list[tuple[int, str]]:
    found: list[tuple[int, str]] = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found += [(0, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            module = node.module or ""
            found += [(node.level, f"{module}.{alias.name}".lstrip(".")) for alias in node.names]
    return found


@pytest.mark.parametrize("name", sorted(module_files()))
def test_pure_modules_stay_pure(name: str) -> None:
    """No clock, chance, socket, thread or library of the world, and no import of an impure module of ours."""
    for level, target in imports(module_files()[name]):
        if level == 0:
            assert target.split(".")[0] not in FORBIDDEN, f"{name} imports {target}"
            continue
        whole = ".".join([*name.split(".")[:-level], target])
        assert pure(whole) or whole.startswith("__version__"), f"{name} imports {whole}, which is not pure"


def test_every_pure_module_of_the_design_exists() -> None:
    """The list above names real modules."""
    assert all(any(name == module or name.startswith(f"{module}.") for name in module_files()) for module in PURE)


def test_the_architecture_names_the_pure_modules() -> None:
    """docs/architecture.md has the list above."""
    named = re.search(
        r"^Pure: `([^`]+)`", (PACKAGE.parent.parent / "docs" / "architecture.md").read_text(), re.MULTILINE
    )
    assert named is not None
    assert set(named[1].split()) == PURE


def test_nothing_imports_the_edge() -> None:
    """The command line knows everybody, and nobody knows it."""
    for path in PACKAGE.rglob("*.py"):
        if path.name != "__main__.py":
            assert "cli" not in {part for _, target in imports(path) for part in target.split(".")}, path

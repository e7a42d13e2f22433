"""Pure modules import nothing of the world."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent.parent / "daemon" / "iot_onboard"
FORBIDDEN = {"os", "socket", "time", "random", "threading", "requests", "paho", "systemd"}
PURE = {
    "errors", "secret", "credentials", "config", "config_values", "identity", "pacing", "events", "http_wire", "proxy",
    "credentials_file", "netlink", "status_report", "aliyun", "lifecycle",
}  # fmt: skip


def module_files() -> dict[str, Path]:
    files = {str(path.relative_to(PACKAGE).with_suffix("")).replace("/", "."): path for path in PACKAGE.rglob("*.py")}
    return {name: path for name, path in files.items() if name.split(".")[0] in PURE}


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
        top = target.split(".")[0]
        if level == 0:
            assert top not in FORBIDDEN, f"{name} imports {target}"
        elif level == 1 and "." in name:
            continue
        elif top != "__version__":
            assert top in PURE, f"{name} imports {target}, which is not pure"


def test_every_pure_module_of_the_design_exists() -> None:
    """The list above names real modules."""
    assert {name.split(".")[0] for name in module_files()} == PURE

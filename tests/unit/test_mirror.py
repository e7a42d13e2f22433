"""The tests mirror the tree: each module has a test of its own name, and each test's name is that of a module."""

from __future__ import annotations

import ast
from pathlib import Path, PurePosixPath

import pytest

from support.tree import DAEMON, ROOT, TESTS

PACKAGE = DAEMON / "iot_onboard"
# What is not of the product, and is mirrored all the same, by the folder's name below tests/unit and tests/adapters.
OTHER_TREES = {"tools": ROOT / "tools", "sandbox": ROOT / "sandbox" / "iot_sandbox", "support": TESTS / "support"}
MAX_EXCEPTIONS = 10

# Modules without a test of their own name, and why each needs none.
EXCEPTIONS: dict[str, str] = {}
# Tests that are not of one module, and what each is of.
EXTRAS: dict[str, str] = {
    "adapters/mqtt/test_messages.py": "messages and subscriptions: client, inbound and Paho together",
    "adapters/mqtt/test_mosquitto.py": "the client against a broker that is not ours",
    "adapters/disk/test_power_cut.py": "whatever is written through disk.files, by a disk that forgets",
    "adapters/net/test_resumption.py": "a session of TLS over two dials: dial, tls and early_dial together",
    "unit/lifecycle/test_clones.py": "two gateways of one identity: a run of the whole state machine",
}


def modules(tree: Path) -> set[str]:
    """Return the modules of a tree by their paths without an ending: `events/table/setup`."""
    found = (path.relative_to(tree).with_suffix("") for path in tree.rglob("*.py") if path.name != "__init__.py")
    return {path.as_posix() for path in found}


def path_of_test(module: str) -> str:
    path = PurePosixPath(module)
    return str(path.with_name(f"test_{path.name.strip('_')}.py"))


MODULES = sorted(modules(PACKAGE))
KINDS = ("unit", "adapters")
# What runs a command by its name.
RUNNERS = {"iot_onboard.cli.main", "support.process.commands.Etc", "support.gateway.gateway.Gateway"}
TEST_FILES = sorted(
    path.relative_to(TESTS).as_posix() for kind in KINDS for path in (TESTS / kind).glob("*/**/test_*.py")
)


def uses(test: Path, module: str) -> bool:
    """Say whether a test imports a module, runs it as a program, or, of a command, gives its name to the edge."""
    name = f"iot_onboard.{module.replace('/', '.')}".removesuffix(".__main__")
    imported, words = set(), set()
    for node in ast.walk(ast.parse(test.read_text())):
        if isinstance(node, ast.Import):
            imported |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported |= {node.module or "", *(f"{node.module}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            words.add(node.value)
    if name in imported | words or any(f"{name} import " in text for text in words):
        return True
    is_command = module.startswith("commands/") and module.rpartition("/")[2].replace("_", "-") in words
    return is_command and bool(RUNNERS & imported or "iot_onboard" in words)


@pytest.mark.parametrize("module", MODULES)
def test_every_module_has_a_test_of_its_own(module: str) -> None:
    """By its name, in the same folder below tests/unit or tests/adapters, and it imports or runs it."""
    paths = [TESTS / kind / path_of_test(module) for kind in KINDS]
    there = [path for path in paths if path.exists()]
    if module in EXCEPTIONS:
        assert not there, f"{module} has a test: strike it from EXCEPTIONS"
        return
    wanted = " or ".join(str(path.relative_to(ROOT)) for path in paths)
    assert there, f"daemon/iot_onboard/{module}.py has no test of its own: {wanted}"
    for path in there:
        assert uses(path, module), f"{path.relative_to(ROOT)} neither imports nor runs {module}"


@pytest.mark.parametrize("file", TEST_FILES)
def test_every_test_is_named_after_a_module(file: str) -> None:
    """In the folder that mirrors the module's; a room that has gone leaves no tests behind."""
    below = file.split("/")[1:]
    if below[0] in OTHER_TREES:
        expected, tree = {path_of_test(module) for module in modules(OTHER_TREES[below[0]])}, below[1:]
    else:
        expected, tree = {path_of_test(module) for module in MODULES}, below
    named = "/".join(tree) in expected
    assert named or file in EXTRAS, f"tests/{file} is named after no module: move it, or give EXTRAS the reason"
    assert not (named and file in EXTRAS), f"tests/{file} is named after a module: strike it from EXTRAS"


def test_exceptions_are_few_and_real() -> None:
    """Ten at the most, each of a module or a file that is there, each with its reason."""
    assert len(EXCEPTIONS) <= MAX_EXCEPTIONS
    assert set(EXCEPTIONS) <= set(MODULES)
    assert set(EXTRAS) <= set(TEST_FILES)
    assert all({**EXCEPTIONS, **EXTRAS}.values())


def test_names_tell_tests_apart(tmp_path: Path) -> None:
    """A file that only mentions a module is no test of it."""
    test = tmp_path / "test_it.py"
    for text, module, expected in (
        ("from iot_onboard.core.secret import Secret", "core/secret", True),
        ("from iot_onboard.core import secret", "core/secret", True),
        ("import iot_onboard.core.secret", "core/secret", True),
        ("CODE = 'from iot_onboard.core.secret import Secret'", "core/secret", True),
        ("from iot_onboard.core.secrets import x", "core/secret", False),
        ("# iot_onboard.core.secret", "core/secret", False),
        ("'''Like iot_onboard.core.secret.'''", "core/secret", False),
        ("RUN = ['-m', 'iot_onboard']", "__main__", True),
        ("RUN = ['-m', 'iot_onboard', 'check-config']", "commands/check_config", True),
        ("from iot_onboard.cli import main\nmain(['events'])", "commands/events", True),
        ("from iot_onboard.cli import main\nmain(['event'])", "commands/events", False),
        ("from support.process.commands import Etc\nEtc().command('events')", "commands/events", True),
        ("WORDS = ['events']", "commands/events", False),
    ):
        test.write_text(text)
        assert uses(test, module) is expected, text

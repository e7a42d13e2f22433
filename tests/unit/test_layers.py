"""The rooms of the house: imports run down only, without a circle, and pure rooms stay away from the world."""

from __future__ import annotations

import ast
from graphlib import TopologicalSorter

import pytest

from tools.rooms import MODULES, PACKAGE, TREES, imports, own_imports, room

# From the top down: a room may import what stands below it. Rooms in one row do not know each other.
LAYERS = (
    {"__main__"},
    {"cli"},
    {"commands"},
    {"service", "doctor", "bundle"},
    {"reporting", "boot_log"},
    {"lifecycle", "mqtt", "provisioning"},
    {"config", "events", "net", "system"},
    {"aliyun", "disk"},
    {"core"},
    {"fast_start"},
    {"__init__"},
)

# Rooms that are pure as a whole, and the pure modules of the others.
PURE = {
    "core",
    "aliyun",
    "events",
    "lifecycle",
    "doctor.checks",
    "boot_log.boots",
    "boot_log.entries",
    "boot_log.listing",
    "boot_log.timeline",
    "boot_log.timeline_model",
    "boot_log.timeline_svg",
    "boot_log.timeline_text",
    "bundle.assemble",
    "bundle.mask",
    "bundle.places",
    "config.device_name",
    "config.endpoints",
    "config.identity_decision",
    "config.identity_memory",
    "config.identity_rules",
    "config.legacy_facts",
    "config.lists",
    "config.plain_reader",
    "config.problems",
    "config.reader",
    "config.schema",
    "config.start_probe",
    "config.unloadable",
    "config.values",
    "config.yaml_nodes",
    "config.yaml_reader",
    "disk.credentials_format",
    "disk.mounts",
    "disk.storage_kind",
    "doctor.model",
    "doctor.report",
    "fast_start.fast_dataclasses",
    "fast_start.typing_names",
    "mqtt.inbound",
    "mqtt.keepalive",
    "mqtt.model",
    "net.rtnetlink",
    "provisioning.boot_file",
    "provisioning.plan",
    "reporting.backlog",
    "reporting.headline",
    "reporting.history",
    "reporting.service_unit",
    "reporting.start_failure",
    "reporting.status",
    "reporting.status_view",
    "service.start_pacing",
    "system.text_style",
}

# What a pure module may import besides pure modules; of a module with names behind it, these alone.
ALLOWED: dict[str, set[str] | None] = {
    "__future__": None,
    "base64": None,
    "codecs": {"BOM_UTF8", "BOM_UTF16_BE", "BOM_UTF16_LE"},
    "collections": None,
    "collections.abc": None,
    "dataclasses": None,
    "datetime": None,
    "difflib": None,
    "enum": None,
    "errno": None,
    "hashlib": {"sha1", "sha256", "md5", "new"},
    "hmac": None,
    "html": {"escape"},
    "ipaddress": None,
    "itertools": None,
    "json": None,
    "math": None,
    # A path is a value here: WORLD has what would follow it.
    "pathlib": {"Path", "PurePath", "PurePosixPath"},
    "re": None,
    "shlex": {"quote"},
    "stat": None,
    "string": None,
    "struct": None,
    "textwrap": None,
    "typing": None,
    "urllib.parse": None,
    "yaml": None,
}
# Names that look at the world although the module they come from is allowed.
WORLD_NAMES = {"open", "input", "print", "exec", "eval", "compile", "__import__"}
WORLD_METHODS = {
    "absolute", "chmod", "cwd", "exists", "expanduser", "file_digest", "glob", "home", "is_dir", "is_file",
    "is_symlink", "iterdir", "lchmod", "link_to", "lstat", "mkdir", "now", "open", "owner", "read_bytes",
    "read_text", "readlink", "rename", "resolve", "rglob", "rmdir", "samefile", "stat", "symlink_to", "today",
    "touch", "unlink", "utcnow", "write_bytes", "write_text",
}  # fmt: skip


def level(name: str) -> int:
    """Return how far down a room stands; a room that no row names is a defect of its own."""
    return next(number for number, rooms in enumerate(LAYERS) if room(name) in rooms)


def is_pure(name: str) -> bool:
    return any(name == pure or name.startswith(f"{pure}.") for pure in PURE)


@pytest.mark.parametrize("name", sorted(MODULES))
def test_imports_run_down_only(name: str) -> None:
    """A module imports from its own room and from rooms below, and nothing else of ours; late imports count too."""
    for target in own_imports(name):
        assert room(target) == room(name) or level(target) > level(name), f"{name} imports {target}"


def test_no_import_leads_back_to_where_it_came_from() -> None:
    """Inside a room, too: there is an order in which every module finds what it imports."""
    TopologicalSorter({name: own_imports(name) - {name} for name in MODULES}).prepare()


@pytest.mark.parametrize("name", sorted(filter(is_pure, MODULES)))
def test_a_pure_module_knows_nothing_of_the_world(name: str) -> None:
    """No library but the allowed ones, no impure module of ours, and nothing that opens, sleeps or asks the time."""
    for target, part in imports(name):
        if target.startswith("."):
            assert is_pure(target[1:]) or room(target[1:]) in {"fast_start", "__init__"}, f"{name} imports {target}"
            continue
        assert target in ALLOWED, f"{name} imports {target}"
        names = ALLOWED[target]
        assert names is None or part in names or not part, f"{name} imports {part} from {target}"
    for node in ast.walk(TREES[name]):
        called = node.func if isinstance(node, ast.Call) else node
        if isinstance(node, ast.Name):
            assert node.id not in WORLD_NAMES, f"{name}:{node.lineno} uses {node.id}"
        elif isinstance(called, ast.Attribute) and (called is not node or names_a_class(called.value)):
            assert called.attr not in WORLD_METHODS, f"{name}:{called.lineno} uses {called.attr}"


def names_a_class(node: ast.expr) -> bool:
    """Tell `datetime.now`, handed on without a call, from a field of that name."""
    return isinstance(node, ast.Name) and node.id in {"date", "datetime", "Path"}


def test_the_rows_name_what_is_there() -> None:
    """Every room stands in one row, and every pure name is a room or a module."""
    assert sorted(name for row in LAYERS for name in row) == sorted({room(name) for name in MODULES})
    assert all(any(name == pure or name.startswith(f"{pure}.") for name in MODULES) for pure in PURE)


def test_the_package_itself_is_nearly_empty() -> None:
    """What is not in a room is the entrance."""
    assert {path.name for path in PACKAGE.iterdir() if path.is_file()} == {"__init__.py", "__main__.py", "cli.py"}

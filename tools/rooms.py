"""Read the imports in the package, and draw its rooms: `make reference`."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

PACKAGE = Path(__file__).parent.parent / "daemon" / "iot_onboard"
# The entry point, which is in no room.
ENTRANCE = ("__init__", "__main__")


def modules() -> dict[str, Path]:
    """Return every module by its name below the package; a room's own name means its `__init__`."""
    paths = {
        path.relative_to(PACKAGE).with_suffix("").as_posix().replace("/", "."): path for path in PACKAGE.rglob("*.py")
    }
    return {name.removesuffix(".__init__"): path for name, path in paths.items()}


MODULES = modules()
TREES = {name: ast.parse(path.read_text()) for name, path in MODULES.items()}


def imports(name: str) -> Iterator[tuple[str, str]]:
    """Yield the imports of a module, anywhere in it: a module (ours begins with a dot), and the imported name."""
    package = name.split(".") if MODULES[name].name == "__init__.py" and name != "__init__" else name.split(".")[:-1]
    for node in ast.walk(TREES[name]):
        if isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield from ((node.module or "", alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = [*package[: len(package) - node.level + 1], *(node.module or "").split(".")]
            for alias in node.names:
                whole = ".".join(filter(None, [*base, alias.name]))
                above = ".".join(filter(None, base)) or "__init__"
                yield (f".{whole}", "") if whole in MODULES else (f".{above}", alias.name)


def own_imports(name: str) -> set[str]:
    """Return the package's own modules that a module imports."""
    return {target[1:] for target, _ in imports(name) if target.startswith(".")}


def room(name: str) -> str:
    """Return the room of a module."""
    return name.split(".")[0]


def arrows() -> dict[str, set[str]]:
    """Return the rooms that each room imports from."""
    found: dict[str, set[str]] = {room(name): set() for name in MODULES if room(name) not in ENTRANCE}
    for name in MODULES:
        if room(name) in found:
            found[room(name)] |= {room(target) for target in own_imports(name)} - {room(name), *ENTRANCE}
    return found


def below(rooms: Mapping[str, set[str]], start: str) -> set[str]:
    """Return every room that can be reached from one, over any number of arrows."""
    reached: set[str] = set()
    waiting = [start]
    while waiting:
        new = rooms[waiting.pop()] - reached
        reached |= new
        waiting += new
    return reached


def mermaid() -> str:
    """Return the picture: the rooms from the top down, without arrows that a longer path already implies."""
    rooms = arrows()
    lines = ["flowchart TD"]
    for start in sorted(rooms, key=lambda name: (-len(below(rooms, name)), name)):
        over_others = {end for middle in rooms[start] for end in below(rooms, middle)}
        ends = sorted(rooms[start] - over_others)
        lines.append(f"    {start} --> {' & '.join(ends)}" if ends else f"    {start}")
    return "\n".join(lines) + "\n"


def table() -> str:
    """Return each room's description, in the order of the picture."""
    rooms = arrows()
    rows = ["| room | what is in it |", "|---|---|"]
    for name in sorted(rooms, key=lambda name: (-len(below(rooms, name)), name)):
        about = (ast.get_docstring(TREES[name]) or "").partition("\n")[0]
        rows.append(f"| `{name}` | {about} |")
    return "\n".join(rows) + "\n"


def refreshed(page: str) -> str:
    """Return a page with its picture and table replaced by the present ones."""
    page = re.sub(r"^flowchart TD\n(    .*\n)+", lambda _: mermaid(), page, count=1, flags=re.MULTILINE)
    return re.sub(r"^\| room \|.*\n(\|.*\n)+", lambda _: table(), page, count=1, flags=re.MULTILINE)


if __name__ == "__main__":
    architecture = Path(sys.argv[1])
    architecture.write_text(refreshed(architecture.read_text()))

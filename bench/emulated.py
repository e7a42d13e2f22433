"""Starts on an emulated arm64: the daemon, the bare script and Python alone, in the root file system of the tests.

Emulation in user mode translates each instruction that is met for the first time, so what is measured is processor
time of this machine; only its relations say something about a board.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from .contenders import Contender, Device
from .figures import Figures
from .running import Running
from .world import World

_TREE = Path(__file__).resolve().parent.parent
IMAGE = _TREE / ".cache" / "images" / "trixie-arm64"
_EMULATOR = Path("/proc/sys/fs/binfmt_misc/qemu-aarch64")
_SITE = Path("/opt/bench/site")
_PATIENCE_S = 120.0


def why_not() -> str | None:
    """Say why nothing can be measured, or `None`."""
    if not IMAGE.with_name(f"{IMAGE.name}.made-by").is_file():
        return f"no {IMAGE.name}: make images"
    return None if _EMULATOR.exists() else "no emulator is registered: make images"


def starts(world: World, contenders: Sequence[Contender], figures: Figures, repetitions: int) -> None:
    """The processor's time of whole lives up to CONNACK, the secret on disk, and of a Python that does nothing."""
    ours = next(contender.site for contender in contenders if contender.name == "daemon")
    # Inside they use Debian's own Paho.
    measured = [replace(contender, site=_SITE) for contender in contenders if contender.name != "vendor"]
    with ExitStack() as stack:
        root = _root(world, stack, ours)
        # The first start of each writes the byte code that the others find.
        for repetition in range(1 + repetitions):
            nothing = _nothing(root)
            for contender in measured:
                with _start(root, contender, Device(world)) as running:
                    running.wait_for(b"nline", _PATIENCE_S)
                    cpu_s = running.kill().cpu_s
                if repetition:
                    figures.add("arm64_cpu_s", contender.name, cpu_s)
                    figures.add("arm64_pythons", contender.name, cpu_s / nothing)


def _root(world: World, stack: ExitStack, ours: Path) -> Path:
    """Lay a layer in memory over the image, and bring what the contenders need; the stack takes it down."""
    top = world.memory / "emulated"
    for name in ("upper", "work", "root"):
        (top / name).mkdir(parents=True)
    root = top / "root"
    layers = f"lowerdir={IMAGE},upperdir={top / 'upper'},workdir={top / 'work'}"
    _mount(stack, root, "-t", "overlay", "-o", layers, "overlay")
    _mount(stack, root / "proc", "-t", "proc", "proc")
    for directory in (world.directory, world.memory):
        _mount(stack, root / directory.relative_to("/"), "--bind", str(directory))
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ours / "iot_onboard", root / _SITE.relative_to("/") / "iot_onboard", ignore=ignored)
    shutil.copytree(_TREE / "config" / "ca", root / _SITE.parent.relative_to("/") / "config" / "ca")
    shutil.copy(_TREE / "bench" / "bare_paho.py", root / _SITE.parent.relative_to("/"))
    shutil.copy("/etc/hosts", root / "etc" / "hosts")
    return root


def _mount(stack: ExitStack, where: Path, *what: str) -> None:
    where.mkdir(parents=True, exist_ok=True)
    subprocess.run(["mount", *what, str(where)], check=True)
    stack.callback(subprocess.run, ["umount", "--lazy", str(where)], check=True)


def _start(root: Path, contender: Contender, device: Device) -> Running:
    arguments = [
        str(_SITE.parent / "bare_paho.py") if argument.endswith("/bare_paho.py") else argument
        for argument in contender.arguments(device, 300)
    ]
    return Running(_python(root, *arguments), _environment())


def _nothing(root: Path) -> float:
    with Running(_python(root, "-c", "print('done', flush=True)"), _environment()) as running:
        running.wait_for(b"done", _PATIENCE_S)
        return running.kill().cpu_s


def _python(root: Path, *arguments: str) -> list[str]:
    return ["chroot", str(root), "/usr/bin/python3", "-S", *arguments]


def _environment() -> dict[str, str]:
    libraries = f"{_SITE}:/usr/lib/python3/dist-packages"
    return {"PATH": os.environ["PATH"], "PYTHONPATH": libraries, "LC_ALL": "C.UTF-8"}

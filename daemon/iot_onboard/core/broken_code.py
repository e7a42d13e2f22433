"""Which module or file cannot be loaded, out of the exception that came of it; and what helps. Pure.

The launcher has a smaller one of these, for what fails before this can be imported.
"""

from __future__ import annotations

import re

from ..fast_start.fast_dataclasses import dataclass
from .failures import Cause, OnboardError, Transient

OURS = "iot_onboard"
_DEBIAN = {
    OURS: "iot-onboard",
    "paho": "python3-paho-mqtt",
    "yaml": "python3-yaml",
    "systemd": "python3-systemd",
    "requests": "python3-requests",
    "urllib3": "python3-urllib3",
    "certifi": "python3-certifi",
    "idna": "python3-idna",
    "chardet": "python3-chardet",
    "charset_normalizer": "python3-charset-normalizer",
}
# What stands here comes before what Debian ships, whoever put it there.
_LOCAL = "/usr/local/"
_CANNOT_IMPORT_NAME = re.compile(r"cannot import name '(\w+)'")


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokenCode:
    """Name the module that cannot be loaded, its file where known, and the kind of error; for `repeats` see `trial`."""

    module: str
    file: str
    kind: str
    repeats: str = ""

    @property
    def trial(self) -> str:
        """Return the Python statements that fail as long as this is broken: an empty module can be imported."""
        return self.repeats or f"import {self.module}"

    @property
    def clause(self) -> str:
        """Say what cannot be loaded."""
        what = f"{self.file} (module {self.module})" if self.file else f"the module {self.module}"
        return f"{what} cannot be loaded: {self.kind}"

    @property
    def cure(self) -> str:
        """Say what to do."""
        top = self.module.partition(".")[0]
        package = _DEBIAN.get(top)
        if self.file.endswith(".pyc"):
            # It is made anew, or done without.
            return f"sudo rm {self.file}"
        if self.file.startswith(_LOCAL):
            directory = self.file.partition(f"/{top}/")[0] + f"/{top}"
            return f"remove {directory}, which stands in front of the Debian package {package or 'of that name'}"
        return f"sudo apt-get install --reinstall {package or 'iot-onboard python3 libpython3-stdlib'}"


def broken_code(error: BaseException) -> BrokenCode | None:
    """Return what could not be loaded, or `None` where an error is of another kind."""
    module, file = _where(error)
    kind = type(error).__name__
    # Where a library was being loaded, that is what failed, and not what it asked for.
    repeats = f"import {module}" if module and module.partition(".")[0] != OURS else ""
    if isinstance(error, OSError) and error.strerror:
        kind = error.strerror
    if isinstance(error, ImportError):
        name = _CANNOT_IMPORT_NAME.match(error.msg or "")
        if name and error.name:
            repeats = repeats or f"from {error.name} import {name[1]}"
        module, file = error.name or module, error.path or ("" if error.name else file)
        kind = "it is not there" if isinstance(error, ModuleNotFoundError) else kind
    elif isinstance(error, SyntaxError):
        # No frame is of a module whose source makes no sense: the innermost is of the one that imports it.
        file = error.filename or file
        module = _module_of(file) or module
    elif isinstance(error, AttributeError) and _is_library(error.obj):
        module, file = str(getattr(error.obj, "__name__", "")), str(getattr(error.obj, "__file__", None) or "")
        kind = f"it has no {error.name}"
        repeats = repeats or f"import {module}; {module}.{error.name}"
    return BrokenCode(module=module, file=file, kind=kind, repeats=repeats) if module else None


def _is_library(owner: object) -> bool:
    """Say whether it is a module that neither we nor Python brought: another version than ours, for what it lacks."""
    return type(owner).__name__ == "module" and "-packages/" in str(getattr(owner, "__file__", None))


def software_fault(broken: BrokenCode) -> OnboardError:
    """Return what to raise: a fault of this gateway, which somebody mends here."""
    return OnboardError(Transient(cause=Cause.LOCAL, detail=broken.clause, soon=True, cure=broken.cure))


def _module_of(file: str) -> str:
    """Return the name of a library's or our own module by the path of its source, empty where that does not say."""
    _, packages, tail = file.rpartition("-packages/")
    if not packages:
        _, ours, tail = file.rpartition(f"/{OURS}/")
        tail = f"{OURS}/{tail}" if ours else ""
    return tail.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def _where(error: BaseException) -> tuple[str, str]:
    """Return the innermost module that was being loaded, and its file."""
    module, file, trace = "", "", error.__traceback__
    while trace is not None:
        frame = trace.tb_frame
        if frame.f_code.co_name == "<module>" and (name := str(frame.f_globals.get("__name__"))) != "__main__":
            module, file = name, frame.f_code.co_filename
        elif frame.f_code.co_name == "get_code" and "bytecode_path" in frame.f_locals:
            # Of the import system: it reads what was compiled, or compiles the source.
            module = str(frame.f_locals.get("fullname", module))
            file = str(frame.f_locals["bytecode_path"] or frame.f_locals.get("source_path", ""))
        trace = trace.tb_next
    return module, file

"""Find from an exception which module or file cannot be loaded, and what to do. Pure.

The launcher has a smaller version, for failures before this module can be imported.
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
# A library here is imported before the one of the Debian package.
_LOCAL = "/usr/local/"
_CANNOT_IMPORT_NAME = re.compile(r"cannot import name '(\w+)'")


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokenCode:
    """Name the module that cannot be loaded, its file if known, and the kind of error; see `import_check`."""

    module: str
    file: str
    kind: str
    statements: str = ""

    @property
    def import_check(self) -> str:
        """Return Python statements that fail while this is broken; for an empty file `import` alone would not."""
        return self.statements or f"import {self.module}"

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
            # Python compiles it again, or runs without it.
            return f"sudo rm {self.file}"
        if self.file.startswith(_LOCAL):
            directory = self.file.partition(f"/{top}/")[0] + f"/{top}"
            return f"remove {directory}, which hides the Debian package {package or 'of that name'}"
        return f"sudo apt-get install --reinstall {package or 'iot-onboard python3 libpython3-stdlib'}"


def broken_code(error: BaseException) -> BrokenCode | None:
    """Return what could not be loaded, or `None` if the error has another reason."""
    module, file = _where(error)
    kind = type(error).__name__
    # If the error came up while a library was loaded, the library is broken, not what it imports.
    statements = f"import {module}" if module and module.partition(".")[0] != OURS else ""
    if isinstance(error, OSError) and error.strerror:
        kind = error.strerror
    if isinstance(error, ImportError):
        name = _CANNOT_IMPORT_NAME.match(error.msg or "")
        if name and error.name:
            statements = statements or f"from {error.name} import {name[1]}"
        module, file = error.name or module, error.path or ("" if error.name else file)
        kind = "it is missing" if isinstance(error, ModuleNotFoundError) else kind
    elif isinstance(error, SyntaxError):
        # A module with a syntax error has no frame: the innermost frame is that of the module that imports it.
        file = error.filename or file
        module = _module_of(file) or module
    elif isinstance(error, AttributeError) and _is_library(error.obj):
        module, file = str(getattr(error.obj, "__name__", "")), str(getattr(error.obj, "__file__", None) or "")
        kind = f"it has no {error.name}"
        statements = statements or f"import {module}; {module}.{error.name}"
    return BrokenCode(module=module, file=file, kind=kind, statements=statements) if module else None


def _is_library(owner: object) -> bool:
    """Say whether it is a third-party module; one that lacks an attribute is of a version that we do not support."""
    return type(owner).__name__ == "module" and "-packages/" in str(getattr(owner, "__file__", None))


def software_fault(broken: BrokenCode) -> OnboardError:
    """Return the exception to raise: a fault that somebody has to fix on this gateway."""
    return OnboardError(Transient(cause=Cause.LOCAL, detail=broken.clause, soon=True, cure=broken.cure))


def _module_of(file: str) -> str:
    """Return the name of a library's or our own module from the path of its source, or nothing."""
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
            # A frame of the import system: it reads the compiled file, or compiles the source.
            module = str(frame.f_locals.get("fullname", module))
            file = str(frame.f_locals["bytecode_path"] or frame.f_locals.get("source_path", ""))
        trace = trace.tb_next
    return module, file

#!/usr/bin/python3 -I
"""Run the current code of iot-onboard, or older code if its files are damaged.

The package installs this as /usr/bin/iot-onboard. One file names the current code, so one rename switches to the new
version (docs/decisions/0020). If that code cannot be loaded, a new interpreter tries the next of `VARIANTS`, and one
line says what is damaged, what runs instead, and what to do. Imports little, and only from the standard library: each
start compiles this file.
"""

import faulthandler
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

_PACKAGE = "iot_onboard"
_USR = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
_SHARE = _USR + "/share/iot-onboard"
# `current` and then the fallbacks, in the order in which they are tried. `uncached`: the same code, compiled again;
# `before`: the code before the last upgrade; `dist-packages`: where 0.1.0 had its code, which is complete until an
# upgrade from 0.1.0 has switched.
VARIANTS = {
    "current": "",
    "uncached": "it runs without its compiled files, and starts slowly",
    "before": "the code of before the last upgrade runs instead",
    "dist-packages": "the code of version 0.1.0 runs instead",
}
# A damaged compiled file may end Python with a signal. What faulthandler then writes into this file of the runtime
# directory begins with one of these texts; the text of SIGABRT is left out, because a watchdog sends that signal too.
_CRASHED = "crashed"
_SIGNALS = {
    "Segmentation fault": "SIGSEGV",
    "Bus error": "SIGBUS",
    "Illegal instruction": "SIGILL",
    "Floating point exception": "SIGFPE",
}
_EXIT_INTERNAL = 70
# EMFILE, ENFILE, ENOMEM: these are temporary, and older code would fail with them too.
_TEMPORARY = {24, 23, 12}
_NULL_BYTES = "null bytes"


def main() -> int:
    """Run the command line with the code that this process is for."""
    variant = str(sys._xoptions.get("iot-onboard", "current"))
    try:
        if sys.argv[1:2] == ["run"] and (signal := _record_crashes()) and variant == "current":
            _restart_as(
                "uncached", {"iot-onboard-cause": f"the last process was ended by {signal}, as by a damaged file"}
            )
        run = _load(variant)
    except Exception as error:
        _start_next(variant, error)
        _write_line(f"internal error: {_description(error)}; please report this line")
        return _EXIT_INTERNAL
    if variant != "current":
        cause = sys._xoptions.get("iot-onboard-cause")
        # `... .pyc cannot be loaded`: Python compiles it again, or runs without it.
        compiled = str(cause).partition(".pyc ")
        cure = f"sudo rm {compiled[0]}.pyc" if compiled[1] else "sudo apt-get install --reinstall iot-onboard"
        _write_line(f"{cause}: {VARIANTS[variant]}. To do: {cure}")
    return int(run())


def _load(variant: str) -> "Callable[[], int]":
    if variant != "current":
        sys.pycache_prefix, sys.dont_write_bytecode = "/nonexistent", True
    sys.path.insert(0, _directory(variant))
    from iot_onboard.cli import main as run
    from iot_onboard.core import tracebacks

    if variant == "uncached" and "iot-onboard-module" in sys._xoptions:
        # The module that failed may be imported much later; try now whether compiling it again is enough.
        __import__(str(sys._xoptions["iot-onboard-module"]))
    # A module that is imported later may be damaged too.
    tracebacks.on_damaged_code = lambda error: _start_next(variant, error)
    return run


def _directory(variant: str) -> str:
    """Return the directory of the code; raise `ImportError` if there is none."""
    named_by = ""
    if variant == "dist-packages":
        found = _USR + "/lib/python3/dist-packages"
    elif variant == "before":
        found = _SHARE + "/code/before"
    else:
        named_by = _SHARE + "/current"
        try:
            with open(named_by, errors="replace") as file:
                found = f"{_SHARE}/code/{file.read().strip()}"
        except OSError as error:
            if error.errno in _TEMPORARY:
                raise
            raise ImportError("which code is current?", name=_PACKAGE, path=named_by) from error
    # Without this check Python would search for it in other directories.
    if not os.path.isfile(f"{found}/{_PACKAGE}/__init__.py"):
        raise ImportError("no code", name=_PACKAGE, path=named_by or found)
    return found


def _start_next(variant: str, error: BaseException) -> None:
    """Start again with the next fallback if an error comes from damaged files; otherwise return.

    For libraries, only `uncached` can help: it ignores their compiled files.
    """
    ours = _is_damage(error)
    if not ours and not (variant == "current" and _may_be_bad_bytecode(error)):
        return
    names = list(VARIANTS)
    for other in names[names.index(variant) + 1 :]:
        # The error came from compiling the source: to compile it again does not help.
        if other == "uncached" and (isinstance(error, SyntaxError) or _NULL_BYTES in str(error)):
            continue
        try:
            _directory(other)
        except ImportError:
            continue
        if not ours and other != "uncached":
            return
        _restart_as(other, {"iot-onboard-cause": _description(error), "iot-onboard-module": _failed_module(error)})


def _restart_as(variant: str, options: "dict[str, str]") -> None:
    """Start again with this code, in a new interpreter."""
    options = {**options, **sys._xoptions, "iot-onboard": variant}
    words = [word for name, value in options.items() for word in ("-X", f"{name}={value}")]
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, "-I", *words, __file__, *sys.argv[1:]])


def _record_crashes() -> str:
    """Have Python record a crash for the next process; return the signal that ended the last process, or nothing."""
    directory = os.environ.get("RUNTIME_DIRECTORY", "").partition(":")[0]
    if not directory:
        return ""
    marker, recorded = f"{directory}/{_CRASHED}", b""
    try:
        # It may be a link or a pipe, because another user may own the directory.
        descriptor = os.open(marker, os.O_RDONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK, 0o600)
        recorded = os.read(descriptor, 200)
        os.close(descriptor)
        os.unlink(marker)
        faulthandler.enable(os.open(marker, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    except OSError:
        return ""
    return next((name for words, name in _SIGNALS.items() if words.encode() in recorded.partition(b"\n")[0]), "")


def _may_be_bad_bytecode(error: BaseException) -> bool:
    """Say whether a module failed while it was loaded, but not because of a missing import or its source."""
    if isinstance(error, (OSError, MemoryError, ImportError, SyntaxError)):
        return False
    return bool(_failed_module(error)) and _NULL_BYTES not in str(error)


def _is_damage(error: BaseException) -> bool:
    if isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno in _TEMPORARY):
        return False
    return _is_ours(_failed_module(error))


def _failed_module(error: BaseException) -> str:
    """Return the name of the module that could not be loaded, or nothing if the error has another reason."""
    if isinstance(error, ImportError) and error.name:
        return error.name
    if isinstance(error, SyntaxError) and error.filename:
        return _PACKAGE if f"/{_PACKAGE}/" in error.filename else ""
    if isinstance(error, AttributeError) and isinstance(error.obj, type(sys)) and _is_ours(error.obj.__name__):
        return error.obj.__name__
    found, name, trace = "", "", error.__traceback__
    while trace is not None:
        frame = trace.tb_frame
        name = str(frame.f_globals.get("__name__"))
        if frame.f_code.co_name == "<module>":
            found = name
        elif frame.f_code.co_name == "_load_unlocked":
            found = frame.f_locals["spec"].name
        trace = trace.tb_next
    # Python may leave no frame of such a module, only one of the module that imports it.
    return _PACKAGE if _NULL_BYTES in str(error) and (name == "__main__" or _is_ours(name)) else found


def _is_ours(module: str) -> bool:
    return module.partition(".")[0] == _PACKAGE


def _description(error: BaseException) -> str:
    """Return the damaged file, or the module if no file is known, and the type of the error; never its message."""
    file = _compiled_file(error) or getattr(error, "path", None) or getattr(error, "filename", None)
    if _NULL_BYTES in str(error):
        file = _file_with_null_bytes()
    return f"{file or _failed_module(error) or 'the start'} cannot be loaded ({type(error).__name__})"


def _compiled_file(error: BaseException) -> str:
    """Return the compiled file that the import system was reading, or nothing."""
    if isinstance(error, (OSError, SyntaxError)) or _NULL_BYTES in str(error):
        return ""
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_name == "get_code":
            return str(trace.tb_frame.f_locals.get("bytecode_path") or "")
        trace = trace.tb_next
    return ""


def _file_with_null_bytes() -> str:
    """Return the first file with null bytes in the code that was tried: Python does not say which it was."""
    for directory, _, names in os.walk(sys.path[0]):
        for name in sorted(names):
            if name.endswith(".py"):
                with open(f"{directory}/{name}", "rb") as file:
                    if b"\0" in file.read():
                        return file.name
    return ""


def _write_line(text: str) -> None:
    """Write a line to stderr, or drop it if nobody reads: no start waits for a journal that hangs."""
    # The journal reads this prefix as the priority "error".
    level = "<3>" if "JOURNAL_STREAM" in os.environ else ""
    try:
        # Imported here: a normal start writes no line.
        import select

        if select.select([], [2], [], 0)[1]:
            # A writable pipe takes this much at once.
            os.write(2, f"{level}iot-onboard: {text}\n".encode(errors="backslashreplace")[:4096])
    except (OSError, ValueError, ImportError):
        return


if __name__ == "__main__":
    sys.exit(main())

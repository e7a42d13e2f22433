"""What cannot be loaded is named out of what Python raised, and nothing else is taken for that."""

from __future__ import annotations

import importlib
import marshal
import py_compile
import sys
from pathlib import Path

import pytest

from iot_onboard.core.broken_code import BrokenCode, broken_code, software_fault
from iot_onboard.core.failures import Cause, Transient


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A library of two modules, which is taken away again."""
    directory = tmp_path / "site-packages" / "chardet_x"
    directory.mkdir(parents=True)
    (directory / "__init__.py").write_text("from . import part\n")
    (directory / "part.py").write_text("VALUE = 1\n")
    monkeypatch.syspath_prepend(directory.parent)
    for name in ("chardet_x", "chardet_x.part"):
        sys.modules.pop(name, None)
    return directory


def found(module: str) -> BrokenCode | None:
    with pytest.raises(Exception) as raised:  # noqa: PT011 - whatever it is
        importlib.import_module(module)
    for name in [name for name in sys.modules if name.startswith("chardet_x")]:
        del sys.modules[name]
    return broken_code(raised.value)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("def half(", "SyntaxError"),
        ("from os import unheard", "ImportError"),
        ("import os\nos.unheard()", "AttributeError"),
        ("open('/nowhere/at/all')", "No such file or directory"),
        ("import ssl\nraise ssl.SSLError('x')", "SSLError"),
        ("1 / 0", "ZeroDivisionError"),
    ],
)
def test_a_source_that_fails(library: Path, text: str, kind: str) -> None:
    """The innermost module that was loaded, and its file."""
    (library / "part.py").write_text(text + "\n")
    broken = found("chardet_x")
    assert broken is not None
    assert broken.kind == kind
    if kind != "ImportError":
        assert broken.file == str(library / "part.py")


@pytest.mark.parametrize("name", ["chardet_x.part", "chardet_x.nothing"])
def test_a_module_that_is_missing(library: Path, name: str) -> None:
    """By its name."""
    (library / "part.py").unlink()
    broken = found(name)
    assert broken is not None
    assert broken.module.startswith("chardet_x")


@pytest.mark.parametrize("kept", [16, 20, 60])
def test_what_was_compiled_is_cut(library: Path, kept: int) -> None:
    """That file is named, and can be removed."""
    compiled = Path(str(py_compile.compile(str(library / "part.py"), doraise=True)))
    compiled.write_bytes(compiled.read_bytes()[:kept])
    broken = found("chardet_x")
    assert broken is not None
    assert broken.file == str(compiled)
    assert broken.cure == f"sudo rm {compiled}"


@pytest.mark.parametrize(
    ("module", "file", "cure"),
    [
        ("paho.mqtt", "", "sudo apt-get install --reinstall python3-paho-mqtt"),
        ("iot_onboard.x", "/usr/share/x.py", "sudo apt-get install --reinstall iot-onboard"),
        ("json", "", "sudo apt-get install --reinstall iot-onboard python3 libpython3-stdlib"),
        (
            "requests.adapters",
            "/usr/local/lib/python3.13/dist-packages/requests/adapters.py",
            "remove /usr/local/lib/python3.13/dist-packages/requests, which hides the Debian package python3-requests",
        ),
    ],
)
def test_the_cure_names_the_package(module: str, file: str, cure: str) -> None:
    """Or the directory that stands in front of it."""
    assert BrokenCode(module=module, file=file, kind="x").cure == cure


@pytest.mark.parametrize(
    "work", [lambda: 1 // 0, lambda: int("s3cr3t"), lambda: marshal.loads(b""), lambda: Path("/no/x").read_bytes()]
)
def test_an_error_at_work_is_another_thing(work: object) -> None:
    """Nothing was being loaded."""
    with pytest.raises(Exception) as raised:  # noqa: PT011 - whatever it is
        work()  # type: ignore[operator]
    assert broken_code(raised.value) is None


def test_it_is_a_fault_of_this_gateway() -> None:
    """Looked at again soon, with the cure of this very one."""
    failure = software_fault(BrokenCode(module="paho", file="", kind="it is missing")).failure
    assert isinstance(failure, Transient)
    assert (failure.cause, failure.soon, failure.slow) == (Cause.LOCAL, True, False)
    assert failure.cure.endswith("python3-paho-mqtt")


@pytest.mark.parametrize("text", ["from chardet_x.part import VALUE", "import chardet_x.part\nchardet_x.part.VALUE"])
def test_a_module_that_is_empty_is_tried_for_what_it_lacks(library: Path, text: str) -> None:
    """It can be imported: that alone would say each time that it is whole."""
    (library / "__init__.py").write_text("")
    (library / "part.py").write_text("")
    with pytest.raises(Exception) as raised:  # noqa: PT011 - whatever it is
        exec(text, {"__name__": "iot_onboard.mqtt.client"})
    broken = broken_code(raised.value)
    assert broken is not None
    with pytest.raises((AttributeError, ImportError)):
        exec(broken.import_check, {})
    for name in ("chardet_x", "chardet_x.part"):
        sys.modules.pop(name)
    (library / "part.py").write_text("VALUE = 1\n# longer\n")
    exec(broken.import_check, {})
    for name in ("chardet_x", "chardet_x.part"):
        sys.modules.pop(name)

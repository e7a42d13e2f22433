"""A library is spared what it imports for nothing, and nobody else is."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SPARED = ("urllib.request", "email", "http", "uuid", "platform", "logging")
LOOK = f"import json, sys; print(json.dumps([name in sys.modules for name in {SPARED}]))"
# Who has one that does not come from a file.
HOLDERS = (
    "import iot_onboard.mqtt.paho_client, json, sys\n"
    "of = lambda module: [vars(module).get(name) for name in ('uuid', 'platform', 'logging', 'request')]\n"
    "stands_in = lambda found: type(found) is type(sys) and found.__spec__ is None\n"
    "print(json.dumps([name for name, module in sys.modules.items() if any(map(stands_in, of(module)))]))"
)


def output_of(script: str, **environment: str) -> list[object]:
    """Run a program, apart from what this machine hooks into every start of Python; return what it prints."""
    path = os.pathsep.join(filter(None, (environment.get("PYTHONPATH"), *sys.path)))
    command = [sys.executable, "-S", "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env={**os.environ, "PYTHONPATH": path})
    found: list[object] = json.loads(done.stdout)
    return found


def after(script: str) -> set[str]:
    """Run a program; return which of the spared modules are there in the end."""
    return {name for name, there in zip(SPARED, output_of(f"{script}\n{LOOK}"), strict=True) if there}


def test_paho_is_imported_without_what_it_does_not_use_here() -> None:
    """The connection's module is there, the libraries are not."""
    assert after("import iot_onboard.mqtt.paho_client") == set()
    assert after("import paho.mqtt.client") == set(SPARED), "or it need not be left out any more"


@pytest.mark.parametrize(
    ("import_it", "of_it"),
    [
        ("import urllib.request", "urllib.request.getproxies"),
        ("from urllib import request as r; import urllib.request", "urllib.request.getproxies"),
        ("import logging", "logging.getLogger"),
        ("import platform", "platform.machine"),
        ("import uuid", "uuid.uuid4"),
    ],
)
def test_whoever_imports_it_later_gets_the_real_one(import_it: str, of_it: str) -> None:
    """With all that it has."""
    assert after(f"import iot_onboard.mqtt.paho_client; {import_it}; assert callable({of_it})")


def test_the_real_one_stays_where_it_is_there() -> None:
    """Paho gets it, as it is."""
    script = "import sys, logging; real = logging; import iot_onboard.mqtt.paho_client, paho.mqtt.client as client"
    assert after(f"{script}; assert sys.modules['logging'] is real is client.logging") == {"logging"}


def test_nobody_but_paho_gets_what_stands_in() -> None:
    """No module of Python's that comes with Paho keeps one."""
    holders = [name for name in output_of(HOLDERS) if not str(name).startswith("paho.")]
    assert holders == []


@pytest.mark.parametrize(
    "asks", ["logging.getLogger('paho')", "from logging import getLogger", "import logging.handlers"]
)
def test_a_paho_that_asks_for_more_gets_the_real_ones(tmp_path: Path, asks: str) -> None:
    """Rather a slow start than none."""
    found = importlib.util.find_spec("paho")
    assert found is not None
    assert found.submodule_search_locations
    shutil.copytree(found.submodule_search_locations[0], tmp_path / "paho")
    client = tmp_path / "paho" / "mqtt" / "client.py"
    client.write_text(client.read_text().replace("import logging\n", f"import logging\n{asks}\n", 1))
    script = "import iot_onboard.mqtt.paho_client, paho.mqtt, json, sys\n"
    script += "print(json.dumps([paho.mqtt.__file__, 'logging' in sys.modules]))"
    assert output_of(script, PYTHONPATH=str(tmp_path)) == [str(tmp_path / "paho" / "mqtt" / "__init__.py"), True]


def test_a_failure_on_the_way_leaves_nothing_behind() -> None:
    """Also where the import breaks."""
    script = "from contextlib import suppress; from iot_onboard.fast_start.import_stubs import import_stub\n"
    script += "with suppress(ImportError), import_stub('urllib.request'): raise ImportError\n"
    assert after(script) == set()

"""A library is spared what it imports for nothing, and nobody else is."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

LOOK = "import json, sys; print(json.dumps([name in sys.modules for name in ('urllib.request', 'email', 'http')]))"


def after(script: str) -> list[bool]:
    """Run a program; return whether `urllib.request` and what it brings are there in the end."""
    done = subprocess.run([sys.executable, "-c", f"{script}; {LOOK}"], capture_output=True, text=True, check=True)
    found: list[bool] = json.loads(done.stdout)
    return found


def test_paho_is_imported_without_the_library_of_its_proxies() -> None:
    """The connection's module is there, the library is not."""
    assert after("import iot_onboard.connection") == [False, False, False]
    assert after("import paho.mqtt.client") == [True, True, True], "or it need not be left out any more"


@pytest.mark.parametrize(
    "import_it", ["import urllib.request", "from urllib import request as r; import urllib.request"]
)
def test_whoever_imports_it_later_gets_the_real_one(import_it: str) -> None:
    """With all that it has."""
    script = f"import iot_onboard.connection; {import_it}; assert callable(urllib.request.getproxies)"
    assert after(script) == [True, True, True]


def test_the_real_one_stays_where_it_is_there() -> None:
    """Paho gets it, as it is."""
    script = "import sys, urllib.request; real = urllib.request; import iot_onboard.connection"
    assert after(f"{script}; assert sys.modules['urllib.request'] is real is urllib.request") == [True, True, True]


def test_a_failure_on_the_way_leaves_nothing_behind() -> None:
    """Also where the import breaks."""
    script = "from contextlib import suppress; from iot_onboard.left_out import left_out\n"
    script += "with suppress(ImportError), left_out('urllib.request'): raise ImportError\n"
    assert after(f"{script}pass") == [False, False, False]

"""What all tests share."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from support.process import loopback

# Time limits per example measure the neighbours on a shared machine, not the code.
settings.register_profile("shared", deadline=None, suppress_health_check=[HealthCheck.too_slow])
# Whoever builds the package looks for no new examples: the same few each time, against this release's libraries.
settings.register_profile("package", settings.get_profile("shared"), derandomize=True, max_examples=20)
settings.load_profile("shared")

# Whoever starts the tests in the background has them ignore it, and what the tests start would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)

GUARD = loopback.Guard()
GUARD.install()
loopback.forget_proxies()


@pytest.fixture(autouse=True)
def connect_guard() -> Iterator[loopback.Guard]:
    """Fail a test that spoke beyond loopback, also where the code under test took the refusal for an error."""
    yield GUARD
    if refused := GUARD.take():
        raise loopback.BeyondLoopback(f"refused, for it leaves this machine: {', '.join(refused)}")

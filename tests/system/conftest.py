"""Systems booted for one test each; where none can be booted the reason stands in plain sight."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.machine import images
from support.machine.machine import Machine
from support.machine.site import Site


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "system" in item.path.parts and item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(300))


@pytest.fixture(autouse=True)
def _bootable() -> None:
    why_not = images.why_not()
    if why_not is not None:
        # In CI a system test that does not run is a failure.
        (pytest.fail if os.environ.get("CI") else pytest.skip)(f"no system tests: {why_not}")


@pytest.fixture(params=images.RELEASES)
def release(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def site(release: str, tmp_path: Path, _bootable: None) -> Iterator[Site]:
    with Site(tmp_path, images.installed(release)) as site:
        yield site


@pytest.fixture
def old_site(tmp_path: Path, _bootable: None) -> Iterator[Site]:
    """Hold a site whose machines have no package yet."""
    with Site(tmp_path, []) as site:
        yield site


@pytest.fixture
def gateway(site: Site) -> Machine:
    """A machine with its identity, known to the platform, not booted yet."""
    return site.gateway("gw0001")

"""A sandbox and a gateway for each test that asks; or one sandbox for a whole module, and a device of its own each."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.gateway.gateway import Gateway
from support.platform.client import PK
from support.platform.sandbox import Sandbox


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Sandbox]:
    with Sandbox(tmp_path / "sandbox") as running:
        yield running


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[Gateway]:
    with Gateway(tmp_path / "gateway") as made:
        yield made


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """A sandbox that the tests of a module share."""
    with Sandbox(tmp_path_factory.mktemp("platform") / "sandbox") as running:
        running.add_product(PK)
        yield running


@pytest.fixture
def name(platform: Sandbox, request: pytest.FixtureRequest) -> str:
    """The name of a device of this test alone."""
    digest = hashlib.sha256(request.node.name.encode()).hexdigest()[:12]
    platform.add_device(PK, digest)
    return digest

"""`register` beside a platform that is not there; tests/process has one that answers."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.gateway.gateway import Gateway
from support.gateway.stored import store

NOWHERE = "https://127.0.0.1:9/auth/register/device"


@pytest.fixture
def gateway(tmp_path: Path) -> Gateway:
    made = Gateway(tmp_path / "gateway")
    made.write_config(NOWHERE, 9, Path("/none"))
    made.config.write_text(made.config.read_text().replace("tls: {ca_file: /none}\n", ""))
    made.product_secret.write_text("hunter2\n")
    made.product_secret.chmod(0o600)
    return made


def test_one_try(gateway: Gateway) -> None:
    """Where it fails, 1 with the reason, and no word of another try."""
    done = gateway.command("register")
    assert (done.returncode, "127.0.0.1" in done.stderr, "No further try" in done.stderr) == (1, True, True)
    assert not gateway.credentials.exists()


def test_a_stored_secret_is_enough(gateway: Gateway) -> None:
    """Nobody is asked, and it says so."""
    store(gateway)
    before = gateway.credentials.read_bytes()
    done = gateway.command("register")
    assert (done.returncode, "No registration is needed" in done.stderr) == (0, True)
    assert gateway.credentials.read_bytes() == before


def test_without_a_product_secret(gateway: Gateway) -> None:
    """It says what to do, and does not wait for it as the service would."""
    gateway.product_secret.unlink()
    done = gateway.command("register")
    assert (done.returncode, "sudo iot-onboard setup" in done.stderr) == (78, True)

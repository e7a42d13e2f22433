"""`setup` by arguments; tests/process has an operator at a terminal."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from iot_onboard.config.files import load
from support.machine.namespace import why_no_namespace
from support.process.commands import Etc
from support.tree import DAEMON

NAMES = ("--product-key", "abc", "--device-name", "gw-0001")


@pytest.fixture(autouse=True)
def _nobody_at_the_terminal(etc: Etc, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    etc.write("")
    with open(os.devnull) as nothing:
        monkeypatch.setattr(sys, "stdin", nothing)
        yield


def secret_file(etc: Etc, text: str) -> Path:
    path = etc.directory / "given"
    path.write_text(text)
    return path


def test_what_is_given_is_written(etc: Etc) -> None:
    """Names and secret, closed to others; what was done is said, and the secret is not."""
    path = secret_file(etc, "hunter2hunter2\n")
    done = etc.command("setup", *NAMES, "--product-secret-file", str(path), "--no-restart")
    assert (done.code, done.err) == (0, "")
    assert "This gateway is device gw-0001 of product abc, region cn-shanghai." in done.out
    assert "hunter2" not in done.out
    assert (load(etc.config).product_key, etc.secret.read_text()) == ("abc", "hunter2hunter2\n")
    assert etc.secret.stat().st_mode & 0o777 == 0o600
    again = etc.command("setup", *NAMES, "--product-secret-file", str(path), "--no-restart")
    assert "Nothing changed" in again.out


def test_a_missing_secret_is_a_warning(etc: Etc) -> None:
    """It may come another way; a name that this machine cannot fill in is told as it stands."""
    done = etc.command("setup", "--product-key", "abc", "--device-name", "gw-{mac:nowhere0}", "--no-restart")
    assert done.code == 0
    assert "warning: there is no product secret yet" in done.err
    assert "gw-{mac:nowhere0} (this machine has no {mac:nowhere0} now)" in done.out


@pytest.mark.parametrize(
    ("words", "code", "logged"),
    [
        ((), 78, "product_key: is missing"),
        (("--product-key", "a b"), 2, "argument --product-key: may hold letters and digits only"),
        (("--device-name", "gw-{seral}"), 2, "did you mean {serial}?"),
        (("--region", ""), 2, "argument --region: is not a region"),
        ((*NAMES, "--product-secret-file", "/no/such/file"), 78, "/no/such/file cannot be read: No such file"),
        ((*NAMES, "--product-secret-file", "-"), 78, "standard input is empty"),
    ],
)
def test_what_is_wrong_changes_nothing(etc: Etc, words: tuple[str, ...], code: int, logged: str) -> None:
    """Every argument is held to the configuration's rules before anything is written."""
    before = etc.files()
    done = etc.command("setup", *words, "--no-restart")
    assert (done.code, logged in done.err) == (code, True), done.err
    assert etc.files() == before


@pytest.mark.parametrize("text", ["", "hunter2 hunter2\n", "hunter2" * 1000], ids=["empty", "two words", "too long"])
def test_a_file_that_holds_no_secret(etc: Etc, text: str) -> None:
    """It is named, and nothing of it is shown."""
    path = secret_file(etc, text)
    done = etc.command("setup", *NAMES, "--product-secret-file", str(path), "--no-restart")
    assert (done.code, f"iot-onboard: {path} " in done.err, "hunter2" in done.err) == (78, True, False)
    assert not etc.secret.exists()


@pytest.mark.skipif(os.geteuid() != 0 or why_no_namespace() is not None, reason="only root mounts")
@pytest.mark.parametrize(
    ("words", "extra", "warned"),
    [((), "", True), (("--no-restart",), "", False), ((), "allow_volatile: true\n", False)],
)
def test_a_state_directory_in_memory_is_a_warning(etc: Etc, words: tuple[str, ...], extra: str, warned: bool) -> None:
    """Said before the gateway waits for ever; not in an image build, whose disk is another machine's affair."""
    etc.write(extra)
    path = secret_file(etc, "hunter2hunter2\n")
    # No service manager is asked: this system's own is not seen there.
    mounts = f'mount -t tmpfs tmpfs {etc.state_dir} && mount -t tmpfs tmpfs /run && exec "$@"'
    setup = [sys.executable, "-m", "iot_onboard", "setup", "--config", str(etc.config)]
    setup += [*NAMES, "--product-secret-file", str(path), *words]
    environment = os.environ | {"PYTHONPATH": str(DAEMON)}
    done = subprocess.run(
        ["unshare", "-m", "sh", "-ec", mounts, "sh", *setup],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        env=environment,
        check=True,
    )
    assert (f"{etc.state_dir} does not survive a reboot: it is on tmpfs at" in done.stderr) is warned

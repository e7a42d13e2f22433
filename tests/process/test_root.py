"""Root's commands over directories of another user's: root changes, shows and waits for nothing that lies there."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.gateway.gateway import PRODUCT_KEY
from support.platform.sandbox import Sandbox, wait_for
from support.process import hostile
from support.process.hostile import COMMANDS, DEVICE_NAME, ENVIRONMENT, KINDS, OWNER, STORED, WRITERS, Home, Make
from support.process.unprivileged import open_directory

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root has rights to lose")
FILES = 10_000


@pytest.fixture
def home(sandbox: Sandbox) -> Iterator[Home]:
    with open_directory() as directory:
        made = Home(directory)
        lay_out(made, sandbox)
        yield made


def lay_out(home: Home, platform: Sandbox) -> None:
    secret = platform.add(PRODUCT_KEY, DEVICE_NAME).read_text()
    (home.directory / "ca.pem").write_text(platform.ca_file.read_text())
    url = f"https://127.0.0.1:{platform.https_port}/auth/register/device"
    home.lay_out(
        f"registration: {{url: '{url}', timeout_s: 2}}\nmqtt: {{host: 127.0.0.1, port: {platform.mqtt_port}}}\n"
        f"tls: {{ca_file: {home.directory}/ca.pem}}\n",
        secret,
    )


def hold(home: Home, command: tuple[str, ...], swap_every_s: float | None = None) -> None:
    """Run a command, and see that it has given nothing away."""
    assert home.attacked(command, swap_every_s) == []


@pytest.mark.parametrize("where", ["inside", "around"])
@pytest.mark.parametrize("make", KINDS, ids=lambda make: make.__name__)
def test_no_kind_of_file_gives_root_away(home: Home, make: Make, where: str) -> None:
    """In each place where root looks: nothing outside changes, nothing of it is shown, and nobody waits."""
    for name in hostile.INSIDE if where == "inside" else hostile.AROUND:
        home.put(make, name)
    for command in COMMANDS if where == "inside" else COMMANDS[1:5]:
        hold(home, command)


def test_any_number_of_files_is_no_obstacle(home: Home) -> None:
    """Nothing reads, lists or prints them all."""
    (home.state_dir / "credentials").mkdir()
    os.chown(home.state_dir / "credentials", OWNER, OWNER)
    for number in range(FILES):
        for name in (f"state/credentials/{PRODUCT_KEY}.{number}.json", f"run/x{number}.json"):
            path = f"{home.directory}/{name}"
            os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))
            os.chown(path, OWNER, OWNER)
    began_at = time.monotonic()
    for command in COMMANDS:
        hold(home, command)
    assert time.monotonic() - began_at < 60.0
    assert len(home.run("doctor", "--only", "secrets").said) < 100_000


def owners(directory: Path) -> set[int]:
    return {path.lstat().st_uid for path in (directory, *directory.rglob("*"))}


def test_what_root_registers_is_the_services(home: Home) -> None:
    """With a product secret that root alone may read; the runtime files, too, and then it can be forgotten."""
    assert home.run("register").code == 0
    assert (home.state_dir / "credentials" / STORED).exists()
    assert owners(home.state_dir) == owners(home.runtime_dir) == {OWNER}
    assert home.run("forget", "--yes").code == 0
    assert owners(home.state_dir) == {OWNER}


def test_a_run_of_roots_is_the_services(home: Home) -> None:
    """The daemon by hand comes online as the owner, stays so, and leaves a record of its logins that counts."""
    with subprocess.Popen(home.command("run"), stderr=subprocess.PIPE, env=ENVIRONMENT) as process:
        try:
            status = home.runtime_dir / "status.json"
            wait_for(lambda: status.exists() and '"online"' in status.read_text(), "online")
            # A change of configuration would end it: what its user may not see is none.
            time.sleep(5.0)
            assert process.poll() is None
        finally:
            process.terminate()
            process.wait()
    assert process.returncode == 0
    assert owners(home.state_dir) == owners(home.runtime_dir) == {OWNER}


def test_a_directory_that_a_link_of_theirs_leads_to_is_safe(home: Home) -> None:
    """The state directory below one of theirs, which they can put anything in the place of."""
    below = home.state_dir / "below"
    home.config.write_text(home.config.read_text().replace(f"state_dir: {home.state_dir}\n", f"state_dir: {below}\n"))
    for make in (hostile.link_to_directory, hostile.link_to_file, hostile.pipe, hostile.directory):
        home.put(make, "state/below")
        for command in WRITERS:
            hold(home, command)
        below.unlink() if not below.is_dir() or below.is_symlink() else (below / "below").rmdir()


def test_where_others_may_change_the_path_root_does_nothing(home: Home) -> None:
    """It is said what to change; the exit code lets a service be started again."""
    os.chown(home.state_dir, 0, 0)
    home.state_dir.chmod(0o777)
    for command in (("register",), ("run",), ("forget", "--yes")):
        done = home.run(*command)
        assert done.code == 1
        assert b"users other than root may change state" in done.said
    assert list(home.state_dir.iterdir()) == []


def test_swaps_while_root_is_at_work_lead_nowhere(home: Home) -> None:
    """The owner replaces what lies there by links, pipes and directories, and back, without a pause."""
    for command in (*COMMANDS, *WRITERS):
        hold(home, command, swap_every_s=0.0)

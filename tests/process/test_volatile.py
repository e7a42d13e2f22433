"""A state directory in memory, and the real daemon: it asks for no secret, and uses one that is there."""

from __future__ import annotations

import os

import pytest

from support.gateway.gateway import Gateway
from support.machine.namespace import why_no_namespace
from support.platform.sandbox import Sandbox

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 or why_no_namespace() is not None, reason="only root mounts in a name space of its own"
)


def configure(sandbox: Sandbox, gateway: Gateway) -> None:
    """Without the switch, also where this machine's temporary directory is in memory."""
    gateway.configure(sandbox)
    gateway.config.write_text(gateway.config.read_text().replace("allow_volatile: true\n", ""))


def on(gateway: Gateway, mount: str) -> list[str]:
    """Return the wrapper that mounts something at the state directory, in a name space of the daemon's own."""
    return ["unshare", "-m", "sh", "-ec", f'cd {gateway.directory}\n{mount}\nexec "$@"', "sh"]


TMPFS = "mount -t tmpfs -o mode=0700 tmpfs state"
RAMFS = "mount -t ramfs ramfs state"
OVERLAY = (
    "mkdir -p up && mount -t tmpfs tmpfs up && mkdir up/u up/w && "
    "mount -t overlay o -o lowerdir=state,upperdir=up/u,workdir=up/w state"
)


@pytest.mark.parametrize("mount", [TMPFS, RAMFS, OVERLAY])
def test_nothing_is_sent(sandbox: Sandbox, gateway: Gateway, mount: str) -> None:
    """Not a connection to the registration or to the MQTT host: blocked, with the cure; a stop is quick."""
    configure(sandbox, gateway)
    gateway.start(*on(gateway, mount))
    gateway.wait_for_state("blocked")
    assert "set state_dir to a directory on a disk or SD card" in gateway.wait_for_line("does not survive a reboot")
    assert sandbox.seen("register") == sandbox.seen("connect") == []
    assert gateway.stop() == 0


@pytest.mark.parametrize("mount", [f"{TMPFS} && cp -a kept/. state/", OVERLAY])
def test_a_secret_that_is_there_is_used(sandbox: Sandbox, gateway: Gateway, mount: str) -> None:
    """As under an overlay over a card that has it: online as ever, and nothing is asked for."""
    configure(sandbox, gateway)
    gateway.online().stop()
    gateway.state_dir.rename(gateway.directory / "kept")
    gateway.state_dir.mkdir()
    if "kept" not in mount:
        mount = mount.replace("lowerdir=state", "lowerdir=kept")
    gateway.start(*on(gateway, mount))
    gateway.wait_for_state("online")
    assert len(sandbox.seen("register")) == 1


def test_the_switch(sandbox: Sandbox, gateway: Gateway) -> None:
    """`allow_volatile`, set while it is blocked, ends the process for one that has it; that one registers."""
    configure(sandbox, gateway)
    gateway.start(*on(gateway, TMPFS))
    gateway.wait_for_state("blocked")
    gateway.config.write_text(gateway.config.read_text() + "allow_volatile: true\n")
    assert gateway.wait() == 0
    gateway.start(*on(gateway, TMPFS))
    gateway.wait_for_state("online")
    assert len(sandbox.seen("register")) == 1


def test_a_mount_that_comes_late(sandbox: Sandbox, gateway: Gateway) -> None:
    """Noticed within seconds, without a restart; then it registers there."""
    configure(sandbox, gateway)
    late = "mkdir -p disk && (sleep 2; mount --bind disk state) &"
    gateway.start(*on(gateway, f"{TMPFS} && mount --make-rprivate / && {late}"))
    gateway.wait_for_state("blocked")
    gateway.wait_for_state("online", 20)
    assert (gateway.directory / "disk" / "credentials" / gateway.credentials.name).exists()

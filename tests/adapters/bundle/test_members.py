"""What goes into the bundle, out of real files and programs."""

from __future__ import annotations

import os
import pwd
from collections.abc import Iterable
from pathlib import Path

import pytest

from iot_onboard.bundle.gather import PartOmitted
from iot_onboard.bundle.members import Member, members
from support.gateway.secrets_laid_out import IDENTITY, laid_out
from support.process.probing import program


def brought_by(listed: Iterable[Member], name: str) -> bytes:
    return next(member for member in listed if member.name == name).collect()


def test_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Programs with how they were called and how they ended, directories with their modes, proxies by name."""
    config_path, places = laid_out(tmp_path)
    program(tmp_path / "bin", "systemctl", 'echo "said $1"; echo sorry >&2; exit 4')
    program(tmp_path / "bin", "journalctl", "exit 0")
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:/usr/bin:/bin")
    monkeypatch.setenv("https_proxy", "http://me:envir0nment@proxy.example:1")
    listed = members(config_path, places, tmp_path)
    assert brought_by(listed, "unit/cat.txt") == (
        b"$ systemctl cat iot-onboard.service\nsaid cat\nsorry\n(ended with 4)\n"
    )
    with pytest.raises(PartOmitted, match="no output"):
        brought_by(listed, "journal/this-boot.txt")
    for name in ("events.txt", "events-last-boot.txt", "timeline.txt"):
        with pytest.raises(PartOmitted):
            brought_by(listed, name)
    entry = (
        '{"IOT_EVENT":"connect-failed","MESSAGE":"No connection.","PRIORITY":"4","_BOOT_ID":"'
        + "0" * 32
        + '","__MONOTONIC_TIMESTAMP":"1000000","__REALTIME_TIMESTAMP":"1790000000000000"}'
    )
    program(tmp_path / "bin", "journalctl", f"echo '{entry}'")
    assert b"connect-failed" in brought_by(listed, "events.txt")
    assert b"%" in brought_by(listed, "timeline.txt")
    listing = brought_by(listed, "files.txt").decode()
    assert f"-rw------- {pwd.getpwuid(os.geteuid()).pw_name}:" in listing
    assert f"{IDENTITY}.json.corrupt-1" in listing
    assert f"{tmp_path}/runtime: No such file or directory" in listing
    proxies = brought_by(listed, "network/proxies.txt").decode()
    assert "https_proxy" in proxies
    assert "proxy.example" not in proxies
    assert brought_by(listed, "config/conf.d/proxy.yaml").startswith(b"proxy:")
    assert brought_by(listed, "boot-boot-firmware/iot-onboard.yaml") == b"product_secret: fr0mTheCard\n"
    assert len({member.name for member in listed}) == len(listed)


def test_the_name_that_is_remembered(tmp_path: Path) -> None:
    """It is there where there is one; no link is followed to something else."""
    config_path, places = laid_out(tmp_path)
    memory = places.state_dirs[0] / "identity.json"
    assert not [member for member in members(config_path, places, tmp_path) if "identity" in member.name]
    memory.write_text('{"device_name": "gw-0001"}')
    assert b"gw-0001" in brought_by(members(config_path, places, tmp_path), f"state{memory}")
    memory.unlink()
    memory.symlink_to("/etc/hostname")
    with pytest.raises(OSError, match="symbolic links"):
        brought_by(members(config_path, places, tmp_path), f"state{memory}")

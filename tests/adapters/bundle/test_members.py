"""What the bundle finds, gathers and writes, on real files."""

from __future__ import annotations

import io
import os
import pwd
import stat
import tarfile
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from iot_onboard.bundle.archive import pack, put
from iot_onboard.bundle.gather import LeftOut, gather
from iot_onboard.bundle.known_secrets import known_secrets
from iot_onboard.bundle.members import Member, members
from iot_onboard.bundle.places import Places, places_of
from iot_onboard.config.files import read_documents
from iot_onboard.core.identity import Credentials, Identity
from iot_onboard.core.secret import Secret
from iot_onboard.disk.credentials_format import encode
from support.process.probing import program
from support.process.unprivileged import open_directory, unprivileged
from support.tree import ROOT

SHIPPED = ROOT / "config" / "config.yaml"
IDENTITY = Identity(product_key="a1b2c3d4e5f", device_name="gw-0001")


def stored(secret: str) -> bytes:
    return encode(Credentials(identity=IDENTITY, device_secret=Secret(secret)))


def laid_out(directory: Path) -> tuple[Path, Places]:
    """Lay secrets out wherever a gateway may have some."""
    etc, credentials = directory / "etc/iot-onboard", directory / "state/credentials"
    (etc / "conf.d").mkdir(parents=True)
    credentials.mkdir(parents=True)
    files = {
        etc / "product-secret": b"pr0ductS3cret\n",
        etc / "device-secret": b"d3viceByHand\n",
        etc / "product-secret.dpkg-old": b"pr0ductBefore\n",
        etc / "config.yaml.bak": b"product_secret: wr0ngPlace\n",
        etc / "conf.d/proxy.yaml": b"proxy: http://gw:hunter%402@127.0.0.1:9\n",
        directory / "elsewhere": b"c0nfigured\n",
        directory / "run/credentials/iot-onboard.service/product-secret": b"handedOut1",
        directory / "etc/credstore/device-secret": b"cr3dstore1",
        directory / "boot/firmware/iot-onboard.yaml": b"product_secret: fr0mTheCard\n",
        directory / "etc/machine-id": b"0123456789abcdef0123456789abcdef\n",
        credentials / f"{IDENTITY}.json": stored("st0redNow1"),
        credentials / f"{IDENTITY}.json.1": stored("st0redBef0re"),
        credentials / f"{IDENTITY}.json.forgotten-1": stored('f0rg"otten\\'),
        credentials / f"{IDENTITY}.json.corrupt-1": stored("c0rruptCutOff")[: -len(stored("x")) // 3],
        credentials / f"{IDENTITY}.json.corrupt-2": b"\0\0 rubbish wh0leRubbish1 rubbish",
        credentials / "other.device.json": stored("an0ther1"),
    }
    for path, data in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        path.chmod(0o600)
    (etc / "config.yaml").write_text(
        f"product_key: a1b2c3d4e5f\ndevice_name: gw-0001\nproduct_secret_file: {directory}/elsewhere\n"
        f"state_dir: {directory}/state\nruntime_dir: {directory}/runtime\n"
    )
    return etc / "config.yaml", places_of(read_documents(etc / "config.yaml")[0])


SECRETS = {
    "pr0ductS3cret",
    "d3viceByHand",
    "pr0ductBefore",
    "wr0ngPlace",
    "hunter@2",
    "hunter%402",
    "c0nfigured",
    "handedOut1",
    "cr3dstore1",
    "fr0mTheCard",
    "0123456789abcdef0123456789abcdef",
    "st0redNow1",
    "st0redBef0re",
    'f0rg"otten\\',
    "c0rruptCutOff",
    "wh0leRubbish1",
    "an0ther1",
}


def test_every_secret_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In files, credentials, generations, what was set aside and damaged, configuration, boot file and environment."""
    config_path, places = laid_out(tmp_path)
    monkeypatch.setenv("https_proxy", "http://me:envir0nment@proxy.example:1")
    known = known_secrets(config_path, places, tmp_path)
    assert known.secrets >= {*SECRETS, "envir0nment"}
    assert "a1b2c3d4e5f" not in known.secrets
    assert "gw-0001" not in known.secrets
    assert known.unread == []
    assert "pr0ductS3cret" not in repr(known)


def test_examples_are_no_secrets(tmp_path: Path) -> None:
    """What stands in the shipped configuration would be looked for in every text."""
    (tmp_path / "config.yaml").write_text(SHIPPED.read_text())
    documents = read_documents(tmp_path / "config.yaml")[0]
    assert known_secrets(tmp_path / "config.yaml", places_of(documents), tmp_path).secrets == set()


def test_secrets_without_a_configuration_that_makes_sense(tmp_path: Path) -> None:
    """A mistake in one file does not hide what has to be covered, nor does one that is no YAML at all."""
    config_path, _ = laid_out(tmp_path)
    with config_path.open("a") as file:
        file.write("product_secret: wr0ngPlace2\nregon: x\n")
    (config_path.parent / "conf.d/90.yaml").write_text("device_secret: wr0ngPlace3\n: : :\n")
    known = known_secrets(config_path, places_of(read_documents(config_path)[0]), tmp_path)
    assert known.secrets >= {*SECRETS, "wr0ngPlace2", "wr0ngPlace3"}
    config_path.write_text("device_secret: wr0ngPlace4\n: : :\n")
    known = known_secrets(config_path, places_of(read_documents(config_path)[0]), tmp_path)
    assert known.secrets >= {"wr0ngPlace4", "pr0ductS3cret", "hunter@2", "fr0mTheCard"}


def test_what_may_not_be_read_is_named() -> None:
    """Whoever gets the bundle is told which secrets nobody could look for; a named pipe hangs nobody."""
    with open_directory() as directory:
        config_path, places = laid_out(directory)
        (directory / "state/credentials").chmod(0o700)
        os.mkfifo(directory / "etc/iot-onboard/secret-pipe")
        with unprivileged():
            known = known_secrets(config_path, places, directory)
    assert str(directory / "etc/iot-onboard/product-secret") in known.unread
    assert str(directory / "state/credentials") in known.unread
    assert str(directory / "etc/iot-onboard/secret-pipe") in known.unread


def test_parts_come_side_by_side() -> None:
    """Each waits for all others; the order of the jobs is kept."""
    together = threading.Barrier(6)
    jobs: dict[str, Callable[[], int]] = {str(number): lambda: together.wait(20) for number in range(6)}
    brought = gather(jobs, limit_s=30)
    assert list(brought) == list(jobs)
    assert {part.value for part in brought.values()} == set(range(6))


def test_what_hangs_or_breaks_is_left_out() -> None:
    """The others are there, and the reason is said, without a word of what an exception quotes."""
    release = threading.Event()

    def leaves_out() -> bool:
        raise LeftOut("there is none")

    def broken() -> bool:
        raise ValueError("hunter2")

    def missing() -> bool:
        return bool(Path("/nowhere").read_bytes())

    began = time.monotonic()
    jobs = {"hangs": lambda: release.wait(60), "none": leaves_out, "broken": broken, "missing": missing}
    brought = gather({**jobs, "good": lambda: True}, limit_s=0.5)
    release.set()
    assert time.monotonic() - began < 20
    assert brought["good"].value
    assert brought["hangs"].why_not == "did not end within 0 s"
    assert brought["none"].why_not == "there is none"
    assert brought["broken"].why_not.startswith("broke: ValueError at ")
    assert brought["missing"].why_not == "cannot be read: No such file or directory"
    assert "hunter2" not in str(brought)


def brought_by(listed: Iterable[Member], name: str) -> bytes:
    return next(member for member in listed if member.name == name).bring()


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
    with pytest.raises(LeftOut, match="nothing to say"):
        brought_by(listed, "journal/this-boot.txt")
    for name in ("story.txt", "story-last-boot.txt", "timeline.txt"):
        with pytest.raises(LeftOut):
            brought_by(listed, name)
    entry = (
        '{"IOT_EVENT":"connect-failed","MESSAGE":"No connection.","PRIORITY":"4","_BOOT_ID":"'
        + "0" * 32
        + '","__MONOTONIC_TIMESTAMP":"1000000","__REALTIME_TIMESTAMP":"1790000000000000"}'
    )
    program(tmp_path / "bin", "journalctl", f"echo '{entry}'")
    assert b"connect-failed" in brought_by(listed, "story.txt")
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


def test_an_archive() -> None:
    """One folder, files of their owner alone, and the same bytes for the same parts."""
    parts = {"MANIFEST.txt": b"first", "a/b.txt": b"\xff\0x"}
    data = pack("bundle", parts, 1_790_000_000)
    assert data == pack("bundle", parts, 1_790_000_000)
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        assert tar.getnames() == ["bundle/MANIFEST.txt", "bundle/a/b.txt"]
        assert {(entry.mode, entry.uid, entry.mtime) for entry in tar} == {(0o600, 0, 1_790_000_000)}
        inner = tar.extractfile("bundle/a/b.txt")
        assert inner is not None
        assert inner.read() == b"\xff\0x"


def test_a_link_is_replaced_and_not_followed(tmp_path: Path) -> None:
    """Whoever may write to the directory cannot make root overwrite another file."""
    victim = tmp_path / "victim"
    victim.write_text("precious")
    target = tmp_path / "b.tar.gz"
    target.symlink_to(victim)
    (tmp_path / "b.tar.gz.new").symlink_to(victim)
    put(target, b"archive")
    assert victim.read_text() == "precious"
    assert (target.is_symlink(), target.read_bytes()) == (False, b"archive")
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b.tar.gz", "victim"]


def test_whole_or_not_at_all(tmp_path: Path) -> None:
    """Where it cannot be put in place, nothing of it stays, and what was there is what it was."""
    (tmp_path / "b.tar.gz").mkdir()
    with pytest.raises(OSError, match="directory"):
        put(tmp_path / "b.tar.gz", b"archive")
    assert [path.name for path in tmp_path.iterdir()] == ["b.tar.gz"]
    with pytest.raises(OSError, match="No such file"):
        put(tmp_path / "nowhere/b.tar.gz", b"archive")

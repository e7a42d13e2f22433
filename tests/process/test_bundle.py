"""The bundle as a command: what is in it, that it is always made, and that it can be mailed."""

from __future__ import annotations

import json
import os
import re
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from iot_onboard.core.identity import Credentials, Identity
from iot_onboard.core.secret import Secret
from iot_onboard.disk.credentials_format import encode
from support.gateway.gateway import PRODUCT_KEY, Gateway
from support.machine.namespace import network, why_no_namespace
from support.platform.sandbox import Sandbox
from support.process.probing import program
from support.process.unprivileged import as_nobody, open_directory
from support.text.archives import unpacked
from support.text.forms import slips, traces

needs_namespace = pytest.mark.skipif(why_no_namespace() is not None, reason=str(why_no_namespace()))
# Of each of the doctor's checks and of each program; the rest is a slow machine.
BOUND_S = 60.0

PRODUCT, CURRENT, PREVIOUS, DAMAGED, PROXY, PASTED = (
    "ffFnFlKQW3HYjjPR",
    "4q8Ql+zT/3bY7v~w",
    "Zk29xQ81pLmN43vB",
    "Qw7+er/Ty9uIop1A",
    'p@ss"w%rd/\\ü 1',
    "pasted-By-Mistake-7",
)
SECRETS = (PRODUCT, CURRENT, PREVIOUS, DAMAGED, PROXY, PASTED)


def stored(gateway: Gateway, secret: str) -> bytes:
    identity = Identity(product_key=PRODUCT_KEY, device_name=gateway.device_name)
    return encode(Credentials(identity=identity, device_secret=Secret(secret)))


def plant(gateway: Gateway) -> None:
    """Put every secret where a gateway has it."""
    gateway.product_secret.write_text(PRODUCT + "\n")
    gateway.product_secret.chmod(0o600)
    gateway.credentials.parent.mkdir(mode=0o700)
    files = {
        "": stored(gateway, CURRENT),
        ".1": stored(gateway, PREVIOUS),
        ".corrupt-1": stored(gateway, DAMAGED)[:-70],
    }
    for ending, data in files.items():
        path = gateway.credentials.with_name(gateway.credentials.name + ending)
        path.write_bytes(data)
        path.chmod(0o600)
    gateway.config.write_text(
        f"product_key: {PRODUCT_KEY}\ndevice_name: {gateway.device_name}\n"
        f"registration: {{url: 'https://127.0.0.1:9/x'}}\nmqtt: {{host: 127.0.0.1, port: 9}}\n"
        f"state_dir: {gateway.state_dir}\nruntime_dir: {gateway.runtime_dir}\n"
        f"proxy: http://gw:p%40ss%22w%25rd%2F%5C%C3%BC%201@127.0.0.1:9\n"
    )
    (gateway.config.parent / "conf.d").mkdir()
    (gateway.config.parent / "conf.d/10-mistake.yaml").write_text(
        f"# product secret: {PRODUCT}\ndevice_secret: {PASTED}\n"
    )


def entry(message: str) -> str:
    """Return a line of the journal as programs read it."""
    return json.dumps(
        {
            "IOT_EVENT": "connect-failed",
            "MESSAGE": message,
            "PRIORITY": "4",
            "_BOOT_ID": "0" * 32,
            "__MONOTONIC_TIMESTAMP": "1000000",
            "__REALTIME_TIMESTAMP": "1790000000000000",
        }
    )


@needs_namespace
def test_no_secret_leaves_the_gateway(gateway: Gateway, tmp_path: Path) -> None:
    """Planted in every form in journal, unit, resolver, hosts, names and configuration, none is in the archive.

    What stands around them still is.
    """
    plant(gateway)
    everything = b"\n".join(b"before " + slip + b" after" for secret in SECRETS for slip in slips(secret))
    told_of = [entry(f"before {slip.decode('utf-8', 'replace')} after") for name in SECRETS for slip in slips(name)]
    entries = "".join(f"{entry}\n" for entry in told_of).encode()
    (tmp_path / "said").write_bytes(b"first line\n" + everything + b"\n" + entries + b"last line\n")
    for name in ("journalctl", "systemctl", "dpkg", "timedatectl"):
        program(tmp_path / "bin", name, f"cat {tmp_path}/said")
    command = network(tmp_path / "net", hosts=f"10.0.0.1 host # {PROXY} {CURRENT}\n")
    (tmp_path / "net/resolv.conf").write_bytes(b"nameserver 127.0.0.1\n" + everything)
    (gateway.config.parent / f"conf.d/{PASTED}.yaml").write_bytes(everything)
    environment = {
        **gateway.environment,
        "PATH": f"{tmp_path}/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "https_proxy": f"http://u:{PREVIOUS}@proxy.example:3128",
    }
    output = tmp_path / "b.tar.gz"
    config = ["--config", str(gateway.config)]
    bundle = [sys.executable, "-m", "iot_onboard", "bundle", *config, "--output", str(output)]
    done = subprocess.run([*command, *bundle], capture_output=True, env=environment, check=False, timeout=2 * BOUND_S)
    assert done.returncode == 0, done.stderr
    files = unpacked(output)
    for part in (
        "events.txt",
        "timeline.txt",
        "journal/this-boot.txt",
        "unit/show.txt",
        "network/resolv.conf",
        "network/hosts",
        "config/config.yaml",
    ):
        assert part in files, files["MANIFEST.txt"].decode()
    logged = {**files, "the names": "\n".join(files).encode(), "what was printed": done.stdout + done.stderr}
    for name, data in logged.items():
        # Lines of base64 may be folded anywhere.
        whole = data + data.replace(b"\n", b"")
        for secret in SECRETS:
            for trace in traces(secret):
                assert trace not in whole, f"{trace!r} in {name}"
    journal = files["journal/this-boot.txt"].decode("utf-8", "replace").splitlines()
    assert (journal[1], journal[-1]) == ("first line", "last line")
    assert sum(line.startswith("before ") for line in journal) == len(SECRETS) * len(slips(PRODUCT))
    assert files["events.txt"].count(b"before ") == len(told_of)
    assert files["config/conf.d/10-mistake.yaml"].decode().count("\n") == 2


def test_of_a_gateway_that_is_well(sandbox: Sandbox, gateway: Gateway, tmp_path: Path) -> None:
    """Status, doctor, configuration and manifest are in it; the platform notices nothing but a handshake."""
    gateway.configure(sandbox)
    gateway.online()
    seen = sandbox.seen()
    done = gateway.command("bundle", "--output", str(tmp_path / "b.tar.gz"))
    assert done.returncode == 0, done.stderr
    assert "Written to" in done.stdout
    assert stat.S_IMODE((tmp_path / "b.tar.gz").stat().st_mode) == 0o600
    files = unpacked(tmp_path / "b.tar.gz")
    assert next(iter(files)) == "MANIFEST.txt"
    assert b"online" in files["status.txt"]
    assert json.loads(files["status.json"])["state"] == "online"
    assert json.loads(files["doctor.json"])["schema"] == 1
    assert b"checks: " in files["doctor.txt"]
    assert "runtime/connects.json" in files
    assert files["config/config.yaml"] == gateway.config.read_bytes()
    assert sandbox.seen() == seen


def test_of_a_gateway_where_nothing_works(gateway: Gateway, tmp_path: Path) -> None:
    """No configuration, no daemon, no systemd, no program that helps: it is made, and says what is missing."""
    environment = {**gateway.environment, "PATH": "/nowhere"}
    for name in ("journalctl", "systemctl", "dpkg", "dpkg-query", "ip", "timedatectl", "uptime", "df"):
        program(tmp_path / "bin", name, "exit 1")
    environment["PATH"] = f"{tmp_path}/bin"
    bundle = [sys.executable, "-m", "iot_onboard", "bundle", "--config", str(gateway.config)]
    # Root's other tests may run a daemon without a configuration just then: it keeps its status in the usual place.
    alone = ["/usr/bin/unshare", "-m", "/bin/sh", "-c", '/bin/mount -t tmpfs none /run && exec "$@"', "sh"]
    command = [*(alone if os.geteuid() == 0 else []), *bundle]
    done = subprocess.run(
        command, capture_output=True, text=True, env=environment, cwd=tmp_path, check=False, timeout=2 * BOUND_S
    )
    assert done.returncode == 0, done.stderr
    (path,) = tmp_path.glob("*.tar.gz")
    assert re.fullmatch(r"iot-onboard-bundle-[A-Za-z0-9._-]+-\d{8}T\d{6}Z\.tar\.gz", path.name)
    manifest = unpacked(path)["MANIFEST.txt"].decode()
    assert re.search(r"status\.txt +the daemon does not run", manifest)
    assert re.search(r"unit/cat\.txt +ended with 1", manifest)
    assert re.search(r"config/config\.yaml +cannot be read: No such file", manifest)


def test_it_is_named_after_the_device(gateway: Gateway, tmp_path: Path) -> None:
    """Without characters that other systems do not take in a name."""
    gateway.config.write_text("product_key: a1b2c3d4e5f\ndevice_name: 'gw:7@site'\nmqtt: {host: 127.0.0.1, port: 9}\n")
    with gateway.config.open("a") as file:
        file.write("registration: {url: 'https://127.0.0.1:9/x'}\n")
    command = [sys.executable, "-m", "iot_onboard", "bundle", "--config", str(gateway.config)]
    subprocess.run(command, env=gateway.environment, cwd=tmp_path, check=True, timeout=2 * BOUND_S)
    (path,) = tmp_path.glob("*.tar.gz")
    assert path.name.startswith("iot-onboard-bundle-gw-7-site-")


@pytest.mark.realtime
def test_programs_and_files_that_hang(gateway: Gateway, tmp_path: Path) -> None:
    """Each has its time limit, and they wait side by side; what they would have told is left out, and that is said."""
    for name in ("journalctl", "systemctl", "ip", "df"):
        program(tmp_path / "bin", name, "exec sleep 600")
    os.mkfifo(gateway.config, 0o600)
    gateway.environment["PATH"] = f"{tmp_path}/bin:/usr/bin:/bin"
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "iot_onboard", "bundle", "--config", str(gateway.config), "--output", f"{tmp_path}/b"],
        env=gateway.environment, capture_output=True, text=True, check=False, timeout=2 * BOUND_S,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert time.monotonic() - began < BOUND_S
    manifest = unpacked(tmp_path / "b")["MANIFEST.txt"].decode()
    assert re.search(r"journal/this-boot\.txt +journalctl did not end within 10 s", manifest)
    assert re.search(r"config/config\.yaml +cannot be read: .*not a regular file", manifest)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can run a program as somebody else")
def test_as_an_ordinary_user() -> None:
    """It is made with what that user may see, and says that with sudo there would be more."""
    with open_directory() as directory, open_directory() as place:
        gateway = Gateway(directory / "gateway")
        plant(gateway)
        (directory / "mine").mkdir()
        os.chown(directory / "mine", 65534, 65534)
        done = subprocess.run(
            as_nobody([sys.executable, "-m", "iot_onboard", "bundle", "--config", str(gateway.config)], place),
            cwd=directory / "mine", env=gateway.environment, capture_output=True, text=True,
            check=False, timeout=2 * BOUND_S,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert "With sudo" in done.stdout
        (path,) = (directory / "mine").glob("*.tar.gz")
        manifest = unpacked(path)["MANIFEST.txt"].decode()
    assert f"could not be masked\n  {gateway.product_secret}\n" in manifest


def test_where_it_cannot_be_written(gateway: Gateway, tmp_path: Path) -> None:
    """One sentence, and 1."""
    done = gateway.command("bundle", "--output", str(tmp_path / "nowhere/b.tar.gz"))
    assert done.returncode == 1
    assert done.stderr == f"iot-onboard: {tmp_path}/nowhere/b.tar.gz cannot be written: No such file or directory\n"


def test_a_link_in_its_place_is_replaced_and_not_followed(gateway: Gateway, tmp_path: Path) -> None:
    """Whoever may write to the directory cannot make root overwrite another file; it is its owner's alone."""
    victim, target = tmp_path / "victim", tmp_path / "b.tar.gz"
    victim.write_text("precious")
    target.symlink_to(victim)
    done = gateway.command("bundle", "--output", str(target))
    assert done.returncode == 0, done.stderr
    assert victim.read_text() == "precious"
    assert (target.is_symlink(), stat.S_IMODE(target.stat().st_mode)) == (False, 0o600)

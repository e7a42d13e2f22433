"""Debian's own judges, and ours, of the package as it was built."""

from __future__ import annotations

import io
import re
import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from support.machine import images
from support.machine.machine import Machine
from support.machine.site import BRIDGE, Site
from support.tree import ROOT

# docs/decisions/0008: below the design's 300 kB.
MAX_BYTES = 265_000
UNITS = sorted(path.name for path in (ROOT / "systemd").glob("*.service"))


@pytest.fixture
def disk(release: str, tmp_path: Path, _bootable: None) -> Iterator[Machine]:
    """Give a system with the package installed, not booted."""
    machine = Machine("judged", images.installed(release), tmp_path / "disk", netns="", bridge="")
    try:
        yield machine
    finally:
        machine.close()


@pytest.fixture
def bare(release: str, tmp_path: Path, _bootable: None) -> Iterator[Machine]:
    """Give a system that has what the package depends on, and no source of packages but an older version of it."""
    with Site(tmp_path / "site", []) as site:
        machine = Machine("bare", [images.image(release)], tmp_path / "bare", netns=site.netns, bridge=BRIDGE)
        try:
            repository = machine.root / "var/older"
            repository.mkdir()
            shutil.copy(images.package(images.OLD_VERSION), repository)
            scan = ["dpkg-scanpackages", "."]
            index = subprocess.run(scan, cwd=repository, check=True, capture_output=True, text=True).stdout
            machine.write("/var/older/Packages", index)
            machine.write("/etc/apt/sources.list", "deb [trusted=yes] file:/var/older ./\n")
            yield machine
        finally:
            machine.close()


def _output_of(*command: str) -> str:
    done = subprocess.run(command, check=False, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert done.returncode == 0, done.stdout
    return done.stdout


@cache
def _members() -> dict[str, tarfile.TarInfo]:
    data = subprocess.run(["dpkg-deb", "--fsys-tarfile", images.package()], check=True, capture_output=True).stdout
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        return {member.name.removeprefix("."): member for member in archive.getmembers()}


def test_lintian_finds_nothing() -> None:
    """Debian's checker has no error, no warning and nothing pedantic to say."""
    command = ["lintian", "--pedantic", "--allow-root", "--fail-on", "error,warning,pedantic"]
    assert _output_of(*command, str(images.package())).strip() == ""


def test_the_package_is_small() -> None:
    """Over a metered link a gateway gets an upgrade for less than a photo."""
    assert images.package().stat().st_size <= MAX_BYTES


def test_it_depends_on_nothing_but_debian() -> None:
    """No pip, no repository of ours: what it depends on is in Debian 12, and the version bound is there too."""
    depends = {item.strip() for item in _output_of("dpkg-deb", "--field", str(images.package()), "Depends").split(",")}
    assert depends == {
        "python3-paho-mqtt (>= 1.6)",
        "python3-requests",
        "python3-systemd",
        "python3-yaml",
        "python3:any",
        "ca-certificates",
        "debconf (>= 0.5) | debconf-2.0",
        "systemd | systemd-standalone-sysusers | systemd-sysusers",
    }
    assert _output_of("dpkg-deb", "--field", str(images.package()), "Architecture").strip() == "all"


def test_it_holds_the_daemon_and_nothing_of_the_workshop() -> None:
    """Every module of the daemon is there and nothing beside it: no stand-in of the platform, no tests."""
    code = "/usr/share/iot-onboard/code/"
    held = {name.removeprefix(code) for name, member in _members().items() if name.startswith(code) and member.isfile()}
    assert len({name.partition("/")[0] for name in held}) == 1
    modules = {name.partition("/")[2] for name in held}
    daemon = ROOT / "daemon"
    assert modules == {str(path.relative_to(daemon)) for path in daemon.glob("iot_onboard/**/*.py")}
    assert not [name for name in _members() if "dist-packages" in name]
    assert not [name for name in _members() if "sandbox" in name]


def test_the_file_that_switches_comes_after_all_that_it_switches_to() -> None:
    """dpkg renames the files of an archive in their order; links it makes before, so none leads to code."""
    names = list(_members())
    code = [name for name in names if name.startswith("/usr/share/iot-onboard/code/")]
    switch = "/usr/share/iot-onboard/current"
    needed = [*code, "/usr/bin/iot-onboard", "/usr/share/iot-onboard/ca/aliyun-iot-root-ca.pem"]
    assert names.index(switch) > max(map(names.index, needed))
    assert _members()[switch].isfile()
    links = [name for name, member in _members().items() if member.issym()]
    assert links == ["/usr/lib/systemd/system/multi-user.target.wants/iot-onboard-upgrade.service"]


def test_all_of_it_is_roots_and_writable_by_nobody_else() -> None:
    """No file of the package is a way in: root owns all, nobody else writes, nothing runs as its owner."""
    assert {(member.uid, member.gid, member.uname, member.gname) for member in _members().values()} == {
        (0, 0, "root", "root")
    }
    loose = [name for name, member in _members().items() if member.mode & 0o7022 and not member.issym()]
    assert loose == []


def test_units_are_understood(disk: Machine) -> None:
    """Each release's systemd takes the units without a word."""
    done = disk.offline("systemd-analyze", "verify", "--man=no", *UNITS)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


SHUT_IN = [
    "iot-onboard.service",
    "iot-onboard-import.service",
    "iot-onboard-recovery.service",
    "iot-onboard-wait-online.service",
]


@pytest.mark.parametrize("unit", SHUT_IN)
def test_a_unit_is_shut_in(disk: Machine, unit: str) -> None:
    """`systemd-analyze security` says 1.5 or less, and memory and tasks have a limit."""
    done = disk.offline("systemd-analyze", "security", "--no-pager", "--offline=true", "--threshold=15", unit)
    assert done.returncode == 0, done.stdout
    assert f"Overall exposure level for {unit}: " in done.stdout
    text = (ROOT / "systemd" / unit).read_text()
    assert re.search(r"^MemoryMax=\d+M$", text, re.MULTILINE)
    assert re.search(r"^TasksMax=\d+$", text, re.MULTILINE)


def test_what_is_installed_upgraded_and_purged_leaves_no_trace(bare: Machine, release: str, tmp_path: Path) -> None:
    """piuparts installs, removes, upgrades and purges the package, and finds all as it was before."""
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    options = ["--install-purge-install", "--install-remove-install", "--pedantic-purge-test"]
    # The directory is debconf's, wherever a package has questions.
    options += ["--no-eatmydata", "--keep-sources-list", "--ignore=/var/cache/debconf/tmp.ci/"]
    chroot = [f"--existing-chroot={bare.root}", f"--distribution={release}", f"--tmpdir={scratch}"]
    # In memory, in a mount namespace of its own: what it copies and mounts goes away with it.
    in_memory = f'mount -t tmpfs tmpfs {scratch} && exec "$@"'
    command = ["unshare", "--mount", "sh", "-c", in_memory, "sh", "piuparts", *chroot, *options]
    output = _output_of(*command, str(images.package()))
    assert "PASS: Installation, upgrade and purging tests." in output
    assert "PASS: All tests." in output


def test_the_packages_own_tests_pass_on_a_booted_system(site: Site, tmp_path: Path) -> None:
    """autopkgtest runs debian/tests on a system that the package was installed on, none of them skipped."""
    machine = site.machine("tested")
    machine.boot()
    server = [str(ROOT / "tests/system/autopkgtest-machine"), str(machine.pid)]
    tree = tmp_path / "tree"
    shutil.copytree(ROOT / "debian", tree / "debian")
    # A tree that counts as built: the machine has no tools to unpack a source with.
    (tree / "debian/files").touch()
    output = _output_of("autopkgtest", "--no-built-binaries", str(tree), "--", *server)
    outcomes = set(re.findall(r"^(\w+) +(PASS|FAIL|SKIP)\b", output, re.MULTILINE))
    assert outcomes == {("commands", "PASS"), ("service", "PASS")}

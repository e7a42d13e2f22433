"""The files of a gateway's identity as they lie on a disk."""

from __future__ import annotations

import fcntl
import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from iot_onboard.config.files import load
from iot_onboard.config.problems import ConfigError
from iot_onboard.core.failures import OnboardError
from iot_onboard.core.secret import Secret
from iot_onboard.provisioning.apply import check, lock_path, provision
from iot_onboard.provisioning.plan import ProvisioningRequest
from support.machine.namespace import UNSHARE, why_no_namespace
from support.process.unprivileged import open_directory, unprivileged

WISH = ProvisioningRequest(
    values={"product_key": "a1b2c3d4e5f", "device_name": "gw-0001"}, product_secret=Secret("hunter2")
)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "etc" / "config.yaml"
    path.parent.mkdir()
    path.write_text("region: cn-shanghai\n")
    path.chmod(0o644)
    return path


def listing(directory: Path) -> dict[str, tuple[int, int, bytes]]:
    """Return what there is: mode, inode and content of each file."""
    return {
        str(path.relative_to(directory)): (stat.S_IMODE(path.stat().st_mode), path.stat().st_ino, path.read_bytes())
        for path in directory.rglob("*")
        if path.is_file()
    }


def test_the_files(config: Path) -> None:
    """The secret is closed, the names are open, the shipped file is as it was, and nothing else is left behind."""
    before = os.umask(0o077)
    try:
        done = provision(config, WISH)
    finally:
        os.umask(before)
    directory = config.parent
    assert done.written == (directory / "product-secret", directory / "conf.d" / "50-identity.yaml")
    files = {name: (mode, content) for name, (mode, _, content) in listing(directory).items()}
    assert files.pop("conf.d/50-identity.yaml")[0] == 0o644
    assert files == {"config.yaml": (0o644, b"region: cn-shanghai\n"), "product-secret": (0o600, b"hunter2\n")}
    assert load(config).device_name == "gw-0001"


def test_what_stands_there_is_not_written_again(config: Path) -> None:
    """The same once more changes no file; a mode that was opened is closed."""
    provision(config, WISH)
    before = listing(config.parent)
    assert provision(config, WISH).written == ()
    assert listing(config.parent) == before
    (config.parent / "product-secret").chmod(0o644)
    assert provision(config, WISH).written == (config.parent / "product-secret",)
    assert listing(config.parent)["product-secret"][0] == 0o600


def test_a_problem_changes_nothing(config: Path) -> None:
    """Not even the secret is written."""
    theirs = config.parent / "conf.d" / "90-mine.yaml"
    theirs.parent.mkdir()
    theirs.write_text("regon: x\n")
    before = listing(config.parent)
    with pytest.raises(ConfigError, match="regon: is not a known key"):
        provision(config, WISH)
    assert listing(config.parent) == before


def test_a_device_secret_of_before_is_set_aside(config: Path) -> None:
    """It would be used instead of a registration; it is kept."""
    provision(config, ProvisioningRequest(values=WISH.values, device_secret=Secret("own")))
    done = provision(config, WISH)
    assert not (config.parent / "device-secret").exists()
    assert (config.parent / "device-secret.old").read_text() == "own\n"
    assert "set aside as device-secret.old" in done.warnings[0]


@pytest.mark.parametrize("name", ["product-secret", "conf.d/50-identity.yaml"])
def test_a_directory_in_the_way_is_told(config: Path, name: str) -> None:
    """The file that could not be written is named, and no temporary file stays."""
    (config.parent / name).mkdir(parents=True)
    with pytest.raises(OnboardError, match="cannot be written: Is a directory"):
        provision(config, WISH)
    assert not list(config.parent.rglob("*.new"))


def test_without_permission() -> None:
    """The file and the reason are named."""
    with open_directory() as directory:
        (directory / "config.yaml").write_text("")
        directory.chmod(0o555)
        with unprivileged(), pytest.raises(OnboardError, match="cannot be written: Permission denied"):
            provision(directory / "config.yaml", WISH)
        assert [path.name for path in directory.iterdir()] == ["config.yaml"]


def test_the_first_time_there_is_no_directory(tmp_path: Path) -> None:
    """It is made; that the configuration itself is missing is a problem like any other."""
    with pytest.raises(ConfigError, match=r"config.yaml:1: \(file\): cannot be read"):
        provision(tmp_path / "a" / "config.yaml", WISH)
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o755


def test_a_proxys_password_is_closed_too(config: Path) -> None:
    """With it, the names' file is not for everybody; without it again, it is."""
    fragment = config.parent / "conf.d" / "50-identity.yaml"
    provision(config, ProvisioningRequest(values={**WISH.values, "proxy": "http://u:hunter2@proxy:3128"}))
    assert stat.S_IMODE(fragment.stat().st_mode) == 0o640
    provision(config, ProvisioningRequest(values={"proxy": "http://proxy:3128"}))
    assert stat.S_IMODE(fragment.stat().st_mode) == 0o644


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
@pytest.mark.skipif(why_no_namespace() is not None, reason=str(why_no_namespace()))
def test_what_is_closed_to_others_is_the_services_to_read(config: Path, tmp_path: Path) -> None:
    """Its group is that of the service's user, where the package has made that one."""
    accounts = tmp_path / "passwd"
    accounts.write_text("root:x:0:0:root:/root:/bin/sh\niot-onboard:x:12345:12346::/nonexistent:/bin/false\n")
    mount = 'mount --bind "$1" /etc/passwd && shift && exec "$@"'
    give = "import sys; from pathlib import Path; from support.disk.writers import give_identity; "
    give += "give_identity(Path(sys.argv[1]), 'gw-0001', proxy='http://u:hunter2@proxy:3128')"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    command = ["sh", "-c", mount, "sh", str(accounts), sys.executable, "-c", give, str(config.parent)]
    subprocess.run([*UNSHARE, *command], check=True, env=environment)
    found = (config.parent / "conf.d" / "50-identity.yaml").stat()
    assert (stat.S_IMODE(found.st_mode), found.st_uid, found.st_gid) == (0o640, 0, 12346)


def test_one_provisioning_waits_for_another(config: Path) -> None:
    """Both would read before either writes, and one of them would be lost: what the first has set stays."""
    script = "import pathlib, sys; from iot_onboard.disk.lock_file import lock_file\n"
    script += "with lock_file(pathlib.Path(sys.argv[1]), 5): print('in', flush=True); sys.stdin.read()"
    command = [sys.executable, "-c", script, str(lock_path(config.parent))]
    second = threading.Thread(target=provision, args=(config, WISH))
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as first:
        assert first.stdout is not None
        assert first.stdout.readline() == b"in\n"
        second.start()
        second.join(0.3)
        assert second.is_alive()
        assert not (config.parent / "product-secret").exists()
        fragment = config.parent / "conf.d" / "50-identity.yaml"
        fragment.parent.mkdir()
        fragment.write_text("region: us-east-1\n")
    second.join(10.0)
    assert (config.parent / "product-secret").exists()
    assert (load(config).region, load(config).device_name) == ("us-east-1", "gw-0001")


def test_a_lock_on_the_directory_holds_nothing_up(config: Path) -> None:
    """Everybody who may read it can take one."""
    directory = os.open(config.parent, os.O_RDONLY)
    fcntl.flock(directory, fcntl.LOCK_EX)
    provision(config, WISH)
    os.close(directory)
    assert (config.parent / "product-secret").exists()


def test_an_own_secret_set_aside_before_is_kept(config: Path) -> None:
    """Each under a name of its own."""
    for secret in ("first", "second"):
        provision(config, ProvisioningRequest(values=WISH.values, device_secret=Secret(secret)))
        provision(config, WISH)
    kept = {path.name: path.read_text() for path in config.parent.glob("device-secret*")}
    assert kept == {"device-secret.old": "first\n", "device-secret.old-1": "second\n"}


def test_checking_writes_nothing(config: Path) -> None:
    """The result is told, or what is wrong with it."""
    before = listing(config.parent)
    assert check(config, WISH).device_name == "gw-0001"
    with pytest.raises(ConfigError, match="product_key: is missing"):
        check(config, ProvisioningRequest(values={"device_name": "gw-0001"}))
    assert listing(config.parent) == before


@pytest.mark.skipif(os.geteuid() != 0, reason="gives files away")
@pytest.mark.parametrize("made_before", [False, True])
def test_a_narrow_umask_does_not_shut_the_service_out(config: Path, made_before: bool) -> None:
    """A root shell with umask 077 is usual; what an older version made so is opened, too."""
    fragments = config.parent / "conf.d"
    umask = os.umask(0o077)
    try:
        if made_before:
            fragments.mkdir()
        provision(config, WISH)
    finally:
        os.umask(umask)
    assert stat.S_IMODE(fragments.stat().st_mode) == 0o755
    assert stat.S_IMODE((fragments / "50-identity.yaml").stat().st_mode) == 0o644
    assert stat.S_IMODE((config.parent / "product-secret").stat().st_mode) == 0o600

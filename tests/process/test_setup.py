"""`iot-onboard setup`, as an operator at a terminal and as a script uses it."""

from __future__ import annotations

import stat
import subprocess
import sys
from pathlib import Path

import pytest

from iot_onboard.config.files import load
from support.gateway.gateway import Gateway
from support.process.terminal import Terminal
from support.process.unprivileged import as_nobody, open_directory

SECRET = "hunter2hunter2"


@pytest.fixture
def fresh(gateway: Gateway) -> Gateway:
    """Return a gateway as the package leaves it: nothing says who it is."""
    gateway.config.write_text("region: cn-shanghai\n")
    return gateway


def setup(gateway: Gateway, *arguments: str, given: str = "") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "iot_onboard", "setup", "--config", str(gateway.config), *arguments]
    return subprocess.run(command, input=given, capture_output=True, text=True, timeout=30, check=False)


def terminal(gateway: Gateway, *arguments: str) -> Terminal:
    command = [sys.executable, "-m", "iot_onboard", "setup", "--config", str(gateway.config), *arguments]
    return Terminal(command, gateway.environment)


def fragment(gateway: Gateway) -> str:
    lines = (gateway.config.parent / "conf.d" / "50-identity.yaml").read_text().splitlines()
    return "\n".join(line for line in lines if not line.startswith("#"))


def files(gateway: Gateway) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in gateway.config.parent.rglob("*") if path.is_file()}


def test_by_arguments(fresh: Gateway) -> None:
    """All is given, nothing is asked; the secret comes by standard input and is shown nowhere."""
    names = ("--product-key", "a1b2c3d4e5f", "--device-name", "gw-0001")
    done = setup(fresh, *names, "--product-secret-file", "-", "--instance-id", "iot-060a0abc", given=SECRET + "\n")
    assert (done.returncode, done.stderr) == (0, "")
    assert "This gateway is device gw-0001 of product a1b2c3d4e5f, region cn-shanghai." in done.stdout
    assert "Not restarted: " in done.stdout
    assert SECRET not in done.stdout
    assert fragment(fresh) == "product_key: a1b2c3d4e5f\ndevice_name: gw-0001\ninstance_id: iot-060a0abc"
    assert fresh.product_secret.read_text() == SECRET + "\n"
    assert stat.S_IMODE(fresh.product_secret.stat().st_mode) == 0o600
    assert fresh.command("check-config").returncode == 0


def test_again_changes_only_what_is_given(fresh: Gateway) -> None:
    """The secret and the other names stay; the same once more writes nothing."""
    setup(fresh, "--product-key", "abc", "--device-name", "gw-0001", "--product-secret-file", "-", given=SECRET)
    done = setup(fresh, "--region", "us-east-1", "--no-restart")
    assert (done.returncode, done.stderr) == (0, "")
    assert fragment(fresh) == "product_key: abc\ndevice_name: gw-0001\nregion: us-east-1"
    before = files(fresh)
    again = setup(fresh, "--region", "us-east-1", "--product-secret-file", "-", "--no-restart", given=SECRET)
    assert "Nothing changed" in again.stdout
    assert files(fresh) == before
    setup(fresh, "--instance-id", "iot-1", "--no-restart")
    assert load(fresh.config).instance_id == "iot-1"
    setup(fresh, "--instance-id", "", "--no-restart")
    assert load(fresh.config).instance_id is None


@pytest.mark.parametrize(
    ("arguments", "given", "code", "words"),
    [
        ((), "", 78, "product_key: is missing"),
        (("--product-key", "abc"), "", 78, "device_name: is missing"),
        (("--product-key", "a b"), "", 2, "argument --product-key: may hold letters and digits only"),
        (("--device-name", "gw-{seral}"), "", 2, "did you mean {serial}?"),
        (("--region", ""), "", 2, "argument --region: is not a region"),
        (("--product-secret-file", "-"), "", 78, "standard input is empty"),
        (("--product-secret-file", "-"), SECRET + " " + SECRET, 78, "standard input does not hold a secret"),
        (("--product-secret-file", "-"), SECRET * 1000, 78, "standard input does not hold a secret"),
        (("--product-secret-file", "/no/such/file"), "", 78, "/no/such/file cannot be read: No such file"),
        (("--product-key", "abc", "--device-name", "abc"), "", 2, "argument --device-name: has 3 characters"),
    ],
)
def test_what_is_wrong_is_told(fresh: Gateway, arguments: tuple[str, ...], given: str, code: int, words: str) -> None:
    """Nothing is asked of a script, and nothing changes."""
    before = files(fresh)
    done = setup(fresh, *arguments, given=given)
    assert (done.returncode, words in done.stderr) == (code, True), done.stderr
    assert SECRET not in done.stderr
    assert files(fresh) == before


def test_a_script_without_a_secret_is_warned(fresh: Gateway) -> None:
    """It may come by a systemd credential; a name that this machine cannot fill in is told, and is no error."""
    done = setup(fresh, "--product-key", "abc", "--device-name", "gw-{mac:nowhere0}", "--no-restart")
    assert done.returncode == 0
    assert "there is no product secret yet" in done.stderr
    assert "gw-{mac:nowhere0} (this machine has no {mac:nowhere0} now)" in done.stdout


def test_a_file_that_wins_is_told(fresh: Gateway) -> None:
    """An operator sees that what was set does not count."""
    theirs = fresh.config.parent / "conf.d" / "90-mine.yaml"
    theirs.parent.mkdir()
    theirs.write_text("device_name: gw-9999\n")
    done = setup(fresh, "--product-key", "abc", "--device-name", "gw-0001", "--no-restart")
    assert done.returncode == 0
    assert f"warning: {theirs} is read later and sets device_name too" in done.stderr
    assert "device gw-9999" in done.stdout


def test_at_a_terminal(fresh: Gateway) -> None:
    """Each answer is checked as it comes; the secret is not shown, its length is."""
    with terminal(fresh) as shown:
        shown.answer("Product key", "a b")
        shown.expect("may hold letters and digits only")
        shown.answer("Product key", "a1b2c3d4e5f")
        shown.answer("Device name", "gw-{seral}")
        shown.expect("did you mean {serial}?")
        shown.answer("Device name", "gw-0001")
        shown.expect("On this machine: gw-0001")
        shown.answer("Region [cn-shanghai]", "")
        shown.answer("Instance ID", "")
        shown.answer("Product secret", "hunter2 hunter2")
        shown.expect("does not hold a secret")
        shown.answer("Product secret", SECRET)
        shown.expect("14 characters.")
        assert shown.wait() == 0
        assert "hunter2" not in shown.shown
    assert fragment(fresh) == "product_key: a1b2c3d4e5f\ndevice_name: gw-0001"
    assert fresh.product_secret.read_text() == SECRET + "\n"


def test_at_a_terminal_again(fresh: Gateway) -> None:
    """Return keeps each value; the secret that is there stays."""
    names = ("--product-key", "abc", "--device-name", "gw-0001", "--instance-id", "iot-1")
    setup(fresh, *names, "--product-secret-file", "-", given=SECRET)
    before = files(fresh)
    with terminal(fresh) as shown:
        for question in ("[abc]", "[gw-0001]", "[cn-shanghai]", "[iot-1]", "[keep the present one]"):
            shown.answer(question, "")
        assert shown.wait() == 0
        assert "Nothing changed" in shown.shown
    assert files(fresh) == before
    with terminal(fresh) as shown:
        for question, answer in (("[abc]", ""), ("[gw-0001]", ""), ("[cn-shanghai]", ""), ("[iot-1]", "-")):
            shown.answer(question, answer)
        shown.answer("[keep the present one]", "")
        assert shown.wait() == 0
    assert load(fresh.config).instance_id is None


def test_at_a_terminal_only_what_is_missing_is_asked(fresh: Gateway) -> None:
    """With some arguments the rest of what has to be known, and with all of it nothing."""
    with terminal(fresh, "--product-key", "abc", "--no-restart") as shown:
        shown.answer("Device name", "gw-0001")
        shown.answer("Product secret", SECRET)
        assert shown.wait() == 0
        assert "Region" not in shown.shown
    with terminal(fresh, "--region", "us-east-1") as shown:
        assert shown.wait() == 0
        assert "[" not in shown.shown
    assert load(fresh.config).region == "us-east-1"


@pytest.mark.parametrize("key", ["\x04", "\x03"], ids=["end", "interrupt"])
def test_going_away_changes_nothing(fresh: Gateway, key: str) -> None:
    """Ctrl-D and Ctrl-C leave all as it was, without a traceback."""
    before = files(fresh)
    with terminal(fresh) as shown:
        shown.answer("Product key", "abc")
        shown.expect("Device name")
        shown.type(key)
        assert shown.wait() == 1
        assert "Traceback" not in shown.shown
    assert files(fresh) == before


def test_it_needs_root() -> None:
    """Who may not write is told before any question."""
    with open_directory() as directory, open_directory() as place:
        config = directory / "config.yaml"
        config.write_text("")
        directory.chmod(0o555)
        command = as_nobody([sys.executable, "-m", "iot_onboard", "setup", "--config", str(config)], place)
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith(f"iot-onboard: setup writes to {directory}, which needs root. To do: sudo ")


def test_what_setup_writes_the_daemon_runs_with(fresh: Gateway, tmp_path: Path) -> None:
    """check-config finds the names and the secret."""
    given = tmp_path / "given"
    given.write_text(SECRET + "\r\n")
    setup(fresh, "--product-key", "abc", "--device-name", "gw-0001", "--product-secret-file", str(given))
    answer = fresh.command("check-config")
    assert (answer.returncode, "product secret found" in answer.stdout) == (0, True)


@pytest.mark.parametrize(
    "text",
    [
        "{product_key: a1b2c3d4e5f, device_name: gw-0002}",
        '"product_key": a1b2c3d4e5f\n"device_name": "gw-0002"\n',
        "product_key: a1b2c3d4e5f\r\ndevice_name: gw-0002\r\n",
        "\ufeffproduct_key: a1b2c3d4e5f\ndevice_name: gw-0002\n",
        "? product_key\n: a1b2c3d4e5f\n? device_name\n: gw-0002\n",
        "%YAML 1.1\n---\n  product_key: >-\n    a1b2c3d4e5f\n  device_name: gw-0002\n...\n",
    ],
)
@pytest.mark.parametrize("name", ["config.yaml", "conf.d/50-identity.yaml", "conf.d/99-mine.yaml"])
def test_what_is_set_up_is_told_by_whoever_reads_it(fresh: Gateway, text: str, name: str) -> None:
    """In whatever form and file it stands, the package's scripts hear of it, and nothing is written."""
    assert setup(fresh, "--present").stdout.splitlines()[0] == "set-up: no"
    path = fresh.config.parent / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, newline="")
    before = files(fresh)
    done = setup(fresh, "--present")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[:3] == ["set-up: yes", "product-key: a1b2c3d4e5f", "device-name: gw-0002"]
    assert files(fresh) == before


def test_what_cannot_be_read_is_neither_set_up_nor_free(fresh: Gateway) -> None:
    """Nothing is said of it, so that no old answer is written over it."""
    (fresh.config.parent / "conf.d").mkdir()
    (fresh.config.parent / "conf.d/50-identity.yaml").write_text("product_key: [\n")
    done = setup(fresh, "--present")
    assert (done.returncode, done.stdout) == (78, "")


def test_blanks_around_an_answer_are_left_out(fresh: Gateway) -> None:
    """Forms and editors leave them, and no name or secret has any."""
    names = ("--product-key", " a1b2c3d4e5f ", "--device-name", "gw-0001\t\r\n")
    done = setup(fresh, *names, "--product-secret-file", "-", "--no-restart", given=f" {SECRET} \r\n")
    assert (done.returncode, done.stderr) == (0, "")
    assert fragment(fresh) == "product_key: a1b2c3d4e5f\ndevice_name: gw-0001"
    assert fresh.product_secret.read_text() == SECRET + "\n"

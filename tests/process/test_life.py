"""A gateway's life, as a whole process against the sandbox."""

from __future__ import annotations

import hashlib
import json
import random
import socket
import time
from functools import partial
from pathlib import Path

import pytest

from support.gateway.gateway import PRODUCT_KEY, Gateway
from support.platform.sandbox import Sandbox, wait_for
from support.process.descriptors import none_left_for


def test_first_boot_then_second(sandbox: Sandbox, gateway: Gateway) -> None:
    """First boot registers once and stores; the second asks nothing and never imports `requests`."""
    gateway.configure(sandbox)
    gateway.online()
    assert gateway.credentials.stat().st_mode & 0o777 == 0o600
    assert gateway.credentials.parent.stat().st_mode & 0o777 == 0o700
    assert gateway.stop() == 0
    gateway.environment["PYTHONPROFILEIMPORTTIME"] = "1"
    gateway.online()
    imported = {line.rpartition("|")[2].strip() for line in gateway.lines().splitlines() if "import time" in line}
    assert "paho.mqtt.client" in imported
    assert not {"requests", "urllib3"} & imported
    assert len(sandbox.seen("register")) == 1


def test_version_and_tags_are_told_once_a_boot(sandbox: Sandbox, gateway: Gateway) -> None:
    """A restart of the service within the boot tells nothing again."""
    gateway.configure(sandbox)
    gateway.online().wait_for_line("tags reported")
    gateway.stop()
    gateway.online()
    topics = [row["detail"].split()[0] for row in sandbox.seen("publish")]
    assert topics == [
        f"/ota/device/inform/{PRODUCT_KEY}/gw-0001",
        f"/sys/{PRODUCT_KEY}/gw-0001/thing/deviceinfo/update",
    ]


def test_the_login_keeps_the_session_by_default(sandbox: Sandbox, gateway: Gateway) -> None:
    """clean_session is false, the keep-alive is the configured one, and DISCONNECT ends it."""
    gateway.configure(sandbox)
    gateway.online().stop()
    assert sandbox.seen("connect")[0]["detail"].startswith("0 keepalive=30 clean=0 ")
    wait_for(lambda: sandbox.seen("disconnect"), "DISCONNECT")


@pytest.mark.timeout(300)
def test_killed_at_random_moments_of_a_first_boot(sandbox: Sandbox, tmp_path: Path) -> None:
    """SIGKILL at 50 random moments of a first boot, and a second start comes online with no operator."""
    chance = random.Random(20261124)
    for number in range(50):
        with Gateway(tmp_path / f"gateway{number}", f"gw-{number:04}") as gateway:
            gateway.configure(sandbox)
            gateway.start()
            time.sleep(chance.uniform(0.0, 0.6))
            gateway.kill()
            gateway.online()
            gateway.kill()


@pytest.mark.parametrize(
    ("answer", "state", "words"),
    [
        ("not-json", "waiting", "not JSON"),
        ("not-object", "waiting", "not an object"),
        ("no-data", "waiting", "without data"),
        ("other-device", "waiting", "another device"),
        ("huge", "waiting", "more than 64 kB"),
        ("cut-off", "waiting", "Registration failed"),
        ("reset", "waiting", "Registration failed"),
        ("slow", "waiting", "time limit"),
        ("http-500", "waiting", "HTTP 500"),
        ("redirect", "waiting", "redirect"),
        ("code:6288", "blocked", "switch dynamic registration on"),
        ("code:6600", "blocked", "right product secret"),
        ("code:6203", "waiting", "fault of the platform"),
        ("code:429", "waiting", "slow down"),
        ("code:7777", "waiting", "unknown code"),
        ("code-string", "online", "Online"),
    ],
)
def test_strange_answers(sandbox: Sandbox, gateway: Gateway, answer: str, state: str, words: str) -> None:
    """Each answer leads to the right wait, says why, and stores nothing that is not a secret of ours."""
    gateway.configure(sandbox)
    sandbox.command("answer", answer)
    gateway.start()
    gateway.wait_for_state(state)
    gateway.wait_for_line(words)
    assert gateway.credentials.exists() == (state == "online")
    assert gateway.stop() == 0


def test_retry_after_is_obeyed(sandbox: Sandbox, gateway: Gateway) -> None:
    """A throttled registration waits as long as the server asked."""
    gateway.configure(sandbox)
    sandbox.command("throttle", "--seconds", "60", "--retry-after", "600")
    gateway.start()
    gateway.wait_for_state("waiting")
    assert "Next try in 10 min" in gateway.wait_for_line("slow down") or "11 min" in gateway.lines()


def test_a_cloud_outage_is_waited_out(sandbox: Sandbox, gateway: Gateway) -> None:
    """The connection ends, and comes back when the platform does."""
    gateway.configure(sandbox)
    gateway.online()
    sandbox.stop()
    gateway.wait_for_state("waiting")
    sandbox.start()
    gateway.wait_for_state("online", 40)


@pytest.mark.timeout(120)
def test_a_connection_lost_without_a_descriptor_left(sandbox: Sandbox, gateway: Gateway) -> None:
    """It is told and waited out by the same process: no traceback, nothing that blames the makers, then online."""
    gateway.configure(sandbox)
    gateway.online()
    with none_left_for(gateway.pid):
        sandbox.command("kick", PRODUCT_KEY, gateway.device_name)
        # Why is written if the module that looks for secrets in the text is loaded, and else that it is not shown.
        gateway.wait_for_line("Cannot connect:", 30)
    wait_for(lambda: len(sandbox.seen("connect")) == 2, "another login", 30)
    gateway.wait_for_state("online")
    assert "Traceback" not in gateway.lines()
    assert "Internal error" not in gateway.lines()


@pytest.mark.timeout(120)
def test_a_reset_device_heals(sandbox: Sandbox, gateway: Gateway) -> None:
    """ResetThing while online: three refusals, one registration, online; the old secret is the previous generation."""
    gateway.configure(sandbox)
    gateway.online()
    before = gateway.credentials.read_bytes()
    sandbox.command("reset", PRODUCT_KEY, gateway.device_name)
    sandbox.command("kick", PRODUCT_KEY, gateway.device_name)
    gateway.wait_for_line("registers once", 60)
    gateway.wait_for_state("online")
    assert gateway.credentials.with_name(gateway.credentials.name + ".1").read_bytes() == before
    assert len(sandbox.seen("register")) == 2


@pytest.mark.parametrize(
    "damage", [b"", b"\0" * 300, b"{", b'{"format": 1}', b"x" * 100_000], ids=["empty", "zeros", "cut", "bare", "large"]
)
def test_a_damaged_secret_is_set_aside(sandbox: Sandbox, gateway: Gateway, damage: bytes) -> None:
    """The damaged file is kept, and the device, not yet activated anew, registers again."""
    gateway.configure(sandbox)
    assert gateway.command("register").returncode == 0
    gateway.credentials.write_bytes(damage)
    gateway.online()
    aside = list(gateway.credentials.parent.glob("*.corrupt-*"))
    assert [path.read_bytes() for path in aside] == [damage]


@pytest.mark.parametrize("readable", [True, False])
def test_a_downgrade_registers_nothing(sandbox: Sandbox, gateway: Gateway, readable: bool) -> None:
    """A secret in a newer format is used where it can be, and else waited for; the file stays as it is."""
    gateway.configure(sandbox)
    assert gateway.command("register").returncode == 0
    record = {**json.loads(gateway.credentials.read_text()), "format": 2}
    if not readable:
        record["sealed"] = record.pop("device_secret")
    del record["sha256"]
    record["sha256"] = hashlib.sha256(json.dumps(record, sort_keys=True).encode()).hexdigest()
    gateway.credentials.write_text(json.dumps(record))
    gateway.start()
    if readable:
        gateway.wait_for_state("online")
    else:
        assert "Next try in" in gateway.wait_for_line("in format 2, which a newer iot-onboard has written")
        gateway.wait_for_state("blocked")
    assert gateway.stop() == 0
    assert json.loads(gateway.credentials.read_text()) == record
    assert [path.name for path in gateway.credentials.parent.iterdir()] == [gateway.credentials.name]
    assert len(sandbox.seen("register")) == 1


def test_a_store_that_cannot_be_written_blocks_registration(sandbox: Sandbox, gateway: Gateway) -> None:
    """No secret is asked for that could not be kept."""
    gateway.configure(sandbox)
    gateway.state_dir.rmdir()
    gateway.state_dir.write_text("a file in the way")
    gateway.start()
    gateway.wait_for_state("blocked")
    gateway.wait_for_line("does not register until it can write there")
    assert sandbox.seen("register") == []


@pytest.mark.parametrize("state", ["online", "waiting", "blocked", "registering"])
def test_sigterm_ends_within_half_a_second(sandbox: Sandbox, gateway: Gateway, state: str) -> None:
    """In every state that lasts, also with a request that hangs on the worker."""
    gateway.configure(sandbox, "")
    sandbox.command("answer", {"waiting": "not-json", "blocked": "code:6288"}.get(state, "normal"))
    if state == "registering":
        mute = socket.create_server(("127.0.0.1", 0))
        url = f"https://127.0.0.1:{mute.getsockname()[1]}/auth/register/device"
        gateway.write_config(url, sandbox.mqtt_port, sandbox.ca_file)
    gateway.start()
    gateway.wait_for_state(state)
    assert gateway.stop_time_s() <= 0.5


def test_the_interpreter_is_not_torn_down_beside_a_job(sandbox: Sandbox, gateway: Gateway, tmp_path: Path) -> None:
    """Both `run` and `register` end as they stand: else a job that returns meanwhile ends them by SIGSEGV."""
    (tmp_path / "sitecustomize.py").write_text("import atexit\natexit.register(print, 'torn down', flush=True)\n")
    gateway.environment["PYTHONPATH"] = f"{tmp_path}:{gateway.environment.get('PYTHONPATH', '')}"
    gateway.configure(sandbox)
    assert "torn down" in gateway.command("check-config").stdout
    registered = gateway.command("register")
    assert (registered.returncode, "torn down" in registered.stdout) == (0, False)
    assert gateway.online().stop() == 0
    assert "Asked to stop." in gateway.lines()
    assert "torn down" not in gateway.lines()


def test_no_secret_shows(sandbox: Sandbox, gateway: Gateway) -> None:
    """Neither secret is in the log, the status, the arguments or the environment, at the most talkative level."""
    gateway.configure(sandbox, "log_level: debug\n")
    gateway.online()
    device_secret = json.loads(gateway.credentials.read_text())["device_secret"]
    proc = Path(f"/proc/{gateway.pid}")
    places = [
        gateway.log.read_bytes(),
        (gateway.runtime_dir / "status.json").read_bytes(),
        (proc / "cmdline").read_bytes(),
        (proc / "environ").read_bytes(),
    ]
    for secret in (device_secret, gateway.product_secret.read_text().strip()):
        assert all(secret.encode() not in place for place in places)


def test_it_talks_to_the_service_manager(sandbox: Sandbox, gateway: Gateway, tmp_path: Path) -> None:
    """READY once the loop runs, STATUS on changes, WATCHDOG from the loop, STOPPING at the end."""
    gateway.configure(sandbox)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(10)
        gateway.environment |= {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "400000"}
        gateway.start()
        heard: list[str] = []
        while not ("READY=1" in heard and heard.count("WATCHDOG=1") >= 3 and any("online" in line for line in heard)):
            heard.append(manager.recv(4096).decode())
        gateway.stop()
        while heard[-1] != "STOPPING=1":
            heard.append(manager.recv(4096).decode())


def test_a_card_in_another_gateway(sandbox: Sandbox, gateway: Gateway) -> None:
    """It registers as that one and says so, keeps the first one's secret, and back there it asks for nothing."""
    gateway.configure(sandbox)
    gateway.online().stop()
    first = gateway.credentials
    before = first.read_bytes()
    gateway.device_name = "gw-0002"
    right = gateway.config.read_text()
    gateway.config.write_text(right.replace("gw-0001", "gw-0002"))
    sandbox.add(PRODUCT_KEY, "gw-0002")
    gateway.online()
    gateway.wait_for_line(f"the card holds the secret of {PRODUCT_KEY}.gw-0001. That secret is kept for later")
    assert gateway.stop() == 0
    assert (first.read_bytes(), gateway.credentials.exists()) == (before, True)
    gateway.config.write_text(right)
    gateway.online()
    assert (gateway.stop(), first.read_bytes()) == (0, before)
    assert len(sandbox.seen("register")) == 2
    assert gateway.lines().count("This card was in another gateway") == 1


def test_the_connect_count_survives_restarts(sandbox: Sandbox, gateway: Gateway) -> None:
    """Invariant 3: the sixth CONNECT in a minute waits, also when the service was restarted each time."""
    gateway.configure(sandbox)
    for _ in range(5):
        gateway.online().stop()
    gateway.start()
    gateway.wait_for_state("waiting")
    assert len(sandbox.seen("connect")) == 5


def has_started(gateway: Gateway, times: int) -> bool:
    return gateway.lines().count(" starts for ") == times


def test_an_endless_row_of_short_lives_pauses(sandbox: Sandbox, gateway: Gateway) -> None:
    """Ended so often within a minute of its start it waits, and says so; asked to stop, it is gone at once."""
    gateway.configure(sandbox)
    for number in range(1, 12):
        gateway.start()
        wait_for(partial(has_started, gateway, number), f"start {number}")
        gateway.kill()
    gateway.start()
    gateway.wait_for_line("ended 11 times in a row within a minute of its start. It continues in 10 s.")
    assert gateway.stop_time_s() <= 0.5
    # Those that were killed in a registration have left a budget that is spent, for a minute.
    gateway.start()
    gateway.wait_for_state("online", 75)
    assert gateway.stop() == 0
    assert not (gateway.runtime_dir / "lives.json").exists()

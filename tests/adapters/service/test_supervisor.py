"""Input, step, effects: the state machine in its loop, with real files, real sockets and real signals."""

from __future__ import annotations

import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest

from iot_onboard.config.reader import parse
from iot_onboard.config.schema import PRODUCT_SECRET, Document
from iot_onboard.config.secrets import secret_files
from iot_onboard.config.watch import ConfigWatch
from iot_onboard.core import backoff
from iot_onboard.core.exit_codes import ExitCode
from iot_onboard.core.secret import KnownSecrets
from iot_onboard.disk.credentials import Store
from iot_onboard.events.format import Line
from iot_onboard.events.model import Context, Event
from iot_onboard.fast_start.fast_dataclasses import replace
from iot_onboard.lifecycle import model as m
from iot_onboard.lifecycle.state import Policy, State
from iot_onboard.net.route_watch import RouteWatch
from iot_onboard.reporting.reporter import Reporter
from iot_onboard.reporting.runtime_files import BudgetLog
from iot_onboard.reporting.status_file import read
from iot_onboard.service.jobs import Jobs
from iot_onboard.service.supervisor import Supervisor
from iot_onboard.system.clock import Clock
from iot_onboard.system.notify import Notifier
from support.gateway.stored import DEVICE
from support.platform.broker import CONNECT, DISCONNECT, PUBLISH, Broker
from support.platform.tlsserver import certificates
from support.process.manager import ServiceManager
from support.process.recording import recording_journal

IDENTITY = DEVICE.identity


@dataclass
class Gateway:
    """A supervisor in this process: a line of the journal may call for the next step of a test."""

    directory: Path
    port: int
    lines: list[Line] = field(default_factory=list)
    reactions: dict[Event, Callable[[], object]] = field(default_factory=dict)
    remembered: list[list[str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        ca_file, _ = certificates("ours")
        text = f"product_key: {IDENTITY.product_key}\ndevice_name: {IDENTITY.device_name}\n"
        text += f"mqtt: {{host: localhost, port: {self.port}}}\ntls: {{ca_file: {ca_file}}}\n"
        text += f"state_dir: {self.directory}/state\nruntime_dir: {self.directory}/run\n"
        config, problems = parse([Document(name="c", text=text)])
        assert config is not None, problems
        self.config = config
        self.directory.mkdir(exist_ok=True)
        self.config_path = self.directory / "config.yaml"
        self.config_path.write_text(text)
        config.state_dir.mkdir()
        self.store = Store(config.state_dir, IDENTITY)
        self.store.save(DEVICE)

    def run(self, *, store: Store | None = None, state: State | None = None, watch: ConfigWatch | None = None) -> int:
        clock, notifier, known = Clock(), Notifier(), KnownSecrets()
        jobs = Jobs(
            config=self.config,
            identity=IDENTITY,
            store=store or self.store,
            secrets=secret_files(self.config, self.config_path, None, {}),
            utc_now=lambda: datetime.now(UTC),
            known=known,
            resolved={},
            remember_name=lambda: self.remembered.append(self.events()),
        )
        reporter = Reporter(
            context=Context(product_key=IDENTITY.product_key, device_name=IDENTITY.device_name, version="1.0"),
            paho_version="2.1.0",
            registration_url="https://register.example/",
            mqtt_endpoint=f"localhost:{self.port}",
            runtime_dir=self.config.runtime_dir,
            journal=recording_journal(self._record_line),
            notifier=notifier,
            clock=clock,
            known=known,
        )
        watch = watch or ConfigWatch(self.config_path)
        watch.runs_with(self.config)
        network = RouteWatch()
        supervisor = Supervisor(
            state=state or State(),
            jobs=jobs,
            reporter=reporter,
            notifier=notifier,
            clock=clock,
            network=network,
            budget_log=BudgetLog(self.config.runtime_dir),
            watch=watch,
        )
        try:
            return supervisor.run()
        finally:
            network.close()

    def _record_line(self, line: Line) -> None:
        self.lines.append(line)
        event = Event(dict(line.fields)["IOT_EVENT"])
        self.reactions.pop(event, lambda: None)()

    def events(self) -> list[str]:
        return [dict(line.fields)["IOT_EVENT"] for line in self.lines]


def stop() -> None:
    os.kill(os.getpid(), signal.SIGTERM)


@pytest.fixture
def broker() -> Iterator[Broker]:
    with Broker() as server:
        yield server


@pytest.fixture
def gateway(tmp_path: Path, broker: Broker) -> Gateway:
    return Gateway(tmp_path, broker.port)


def test_it_comes_online_reports_and_takes_its_leave(gateway: Gateway, broker: Broker) -> None:
    """From the stored secret to DISCONNECT: each effect is run, in the order of the state machine."""
    gateway.reactions[Event.REPORTED] = stop
    assert gateway.run() == ExitCode.DONE
    broker.join()
    assert gateway.events() == ["started", "secret-found", "connecting", "online", "reported", "stopping"]
    assert broker.kinds == [CONNECT, PUBLISH, PUBLISH, DISCONNECT]
    status = read(gateway.config.runtime_dir)
    assert status is not None
    assert (status.state, status.last_event, status.secret) == ("stopped", "stopping", "on disk")
    assert len(BudgetLog(gateway.config.runtime_dir).read().connects) == 1


def test_a_name_is_remembered_with_its_secret_or_with_its_login(gateway: Gateway, broker: Broker) -> None:
    """A stored secret says whose it is; of one given by hand only a login does."""
    gateway.reactions[Event.REPORTED] = stop
    assert gateway.run() == ExitCode.DONE
    assert gateway.remembered == [["started"]]
    broker.join()


def test_a_name_is_remembered_once_a_secret_given_by_hand_proved_good(gateway: Gateway, broker: Broker) -> None:
    """Not before, and once in a process."""

    def kick() -> None:
        gateway.reactions[Event.ONLINE] = stop
        broker.kick()

    secret = gateway.directory / "device-secret"
    secret.write_text(DEVICE.device_secret.reveal() + "\n")
    secret.chmod(0o600)
    gateway.config = replace(gateway.config, device_secret_file=secret)
    gateway.reactions[Event.REPORTED] = kick
    assert gateway.run() == ExitCode.DONE
    broker.join()
    assert broker.kinds.count(CONNECT) == 2
    assert len(gateway.remembered) == 1
    assert "online" in gateway.remembered[0]


def test_a_lost_session_comes_back(gateway: Gateway, broker: Broker) -> None:
    """A wait ends by its timer; the version is not reported twice in a boot."""

    def kick() -> None:
        gateway.reactions[Event.ONLINE] = stop
        broker.kick()

    gateway.reactions[Event.REPORTED] = kick
    assert gateway.run() == ExitCode.DONE
    broker.join()
    assert broker.kinds.count(CONNECT) == 2
    assert len(broker.topics) == 2
    assert gateway.events()[-3:] == ["connecting", "online", "stopping"]


def test_the_service_manager_hears_each_turn_of_its_life(gateway: Gateway, tmp_path: Path) -> None:
    """READY once it runs, WATCHDOG at half the time although nothing happens, STOPPING at the end."""
    gateway.reactions[Event.REPORTED] = lambda: threading.Timer(0.55, stop).start()
    with ServiceManager(tmp_path, watchdog_s=0.2) as manager:
        assert gateway.run() == ExitCode.DONE
    heard = manager.heard
    assert heard.count("STOPPING=1") == 1
    assert heard.count("READY=1") == 1
    assert 4 <= heard.count("WATCHDOG=1") <= 9
    assert any(words.startswith("STATUS=online at ") for words in heard)


def test_a_stop_in_the_middle_of_a_job_is_obeyed(gateway: Gateway) -> None:
    """The loop goes on while the worker blocks: here in a handshake that nobody answers."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        gateway = Gateway(gateway.directory / "other", silent.getsockname()[1])
        gateway.reactions[Event.CONNECTING] = lambda: threading.Timer(0.2, stop).start()
        assert gateway.run() == ExitCode.DONE
    assert gateway.events() == ["started", "secret-found", "connecting", "stopping"]


def test_a_defect_in_a_job_ends_the_process_and_says_where(gateway: Gateway) -> None:
    """Kind and place: what an exception says may quote a secret."""
    assert gateway.run(store=object()) == ExitCode.INTERNAL  # type: ignore[arg-type]  # a defect
    assert gateway.events() == ["started", "internal-error"]
    assert "AttributeError at " in gateway.lines[-1].message


def test_what_a_step_spends_is_on_disk_before_anything_is_sent(gateway: Gateway, broker: Broker) -> None:
    """However the process ends: a CONNECT that nobody remembers is one too many."""
    seen: list[int] = []
    broker.on_login = lambda: seen.append(len(BudgetLog(gateway.config.runtime_dir).read().connects))
    gateway.reactions[Event.REPORTED] = stop
    assert gateway.run() == ExitCode.DONE
    broker.join()
    assert seen == [1]


def test_refused_logins_lead_to_no_early_dial(gateway: Gateway, broker: Broker) -> None:
    """The registration after them is refused itself as a rule: the MQTT host is left alone meanwhile (decision 10)."""
    broker.connack = bytes((0x20, 2, 0, 4))
    (gateway.directory / PRODUCT_SECRET).write_text("0123456789abcdef\n")
    (gateway.directory / PRODUCT_SECRET).chmod(0o600)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"https://127.0.0.1:{silent.getsockname()[1]}/"
        gateway.config = replace(gateway.config, registration_url=url)
        gateway.reactions[Event.REREGISTERING] = lambda: threading.Timer(0.5, stop).start()
        assert gateway.run(state=State(refusals=2)) == ExitCode.DONE
    assert gateway.events()[-3:] == ["connecting", "reregistering", "stopping"]
    broker.join()
    assert len(broker.connections) == 1


def test_a_first_registration_does_lead_to_one(gateway: Gateway, broker: Broker) -> None:
    """What the test before would see."""
    (gateway.directory / PRODUCT_SECRET).write_text("0123456789abcdef\n")
    (gateway.directory / PRODUCT_SECRET).chmod(0o600)
    gateway.store.forget()
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"https://127.0.0.1:{silent.getsockname()[1]}/"
        gateway.config = replace(gateway.config, registration_url=url)
        gateway.reactions[Event.REGISTERING] = lambda: threading.Timer(0.5, stop).start()
        assert gateway.run() == ExitCode.DONE
    assert len(broker.connections) == 1


@pytest.mark.parametrize(
    ("phase", "event"), [(m.Goal.CONNECT, Event.CONNECT_FAILED), (m.Goal.REGISTER, Event.REGISTRATION_FAILED)]
)
def test_a_defect_in_a_job_that_a_peer_has_a_say_in_is_lived_with(
    gateway: Gateway, phase: m.Goal, event: Event
) -> None:
    """The process goes on: the line says where, who has to act, and when the next try comes, which is not soon."""
    gateway.config = replace(gateway.config, proxy=3)  # type: ignore[arg-type]  # a defect
    if phase is m.Goal.REGISTER:
        (gateway.directory / PRODUCT_SECRET).write_text("0123456789abcdef\n")
        (gateway.directory / PRODUCT_SECRET).chmod(0o600)
        gateway.store.forget()
    gateway.reactions[event] = stop
    assert gateway.run() == ExitCode.DONE
    (line,) = [line for line in gateway.lines if dict(line.fields)["IOT_EVENT"] == event.value]
    assert "internal error: AttributeError at iot_onboard.net.proxy_tunnel:" in line.message
    assert "iot-onboard bundle" in line.message
    assert dict(line.fields)["IOT_CAUSE"] == "defect"
    assert float(dict(line.fields)["IOT_NEXT_TRY_S"]) >= backoff.SLOW.floor_s


def test_a_defect_in_the_loop_ends_the_process_and_says_where(gateway: Gateway) -> None:
    """A state that nothing leads to is not lived with."""
    assert gateway.run(state=State(phase=m.Phase.WAITING, goal=m.Goal.SAVE, wake_at=0.0)) == ExitCode.INTERNAL
    assert gateway.events()[-1] == "internal-error"


@pytest.mark.realtime
def test_a_correction_of_the_configuration_ends_a_wait(gateway: Gateway) -> None:
    """Looked at while it waits, for nothing announces it; the process ends in order, to be started afresh."""
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    gateway = Gateway(gateway.directory / "other", port)

    def correct() -> None:
        gateway.config_path.write_text(gateway.config_path.read_text() + "log_level: debug\n")

    gateway.reactions[Event.CONNECT_FAILED] = correct
    assert gateway.run() == ExitCode.DONE
    assert gateway.events()[-1] == "config-changed"


def test_one_try_ends_where_a_secret_is_stored(gateway: Gateway, broker: Broker) -> None:
    """Registration alone opens no session."""
    assert gateway.run(state=State(policy=Policy(register_only=True))) == ExitCode.DONE
    broker.join()
    assert broker.kinds == []

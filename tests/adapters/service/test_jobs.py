"""The blocking work, each job on its own against real files and real servers."""

from __future__ import annotations

import json
import os
import ssl
import subprocess
import sys
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest

from iot_onboard.config.reader import parse
from iot_onboard.config.schema import Document
from iot_onboard.config.secrets import secret_files
from iot_onboard.core.failures import Misconfigured, OnboardError, Rejected
from iot_onboard.core.secret import KnownSecrets
from iot_onboard.core.timings import Timings
from iot_onboard.disk.credentials import Store
from iot_onboard.lifecycle import model as m
from iot_onboard.net.tls import tls_context
from iot_onboard.service.jobs import Jobs
from support.gateway.stored import DEVICE
from support.machine.namespace import UNSHARE, why_no_namespace
from support.platform.tlsserver import TlsServer
from support.tree import TESTS

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
GIVEN = "g1venByHandg1venByHandg1venByHa"


def jobs(
    directory: Path, server: TlsServer | None = None, extra: str = "", unloadable: Mapping[str, str] | None = None
) -> Jobs:
    text = f"product_key: {DEVICE.identity.product_key}\ndevice_name: gw-0001\nstate_dir: {directory}/state\n{extra}"
    if server is not None:
        text += f"registration: {{url: 'https://localhost:{server.port}/auth/register/device', timeout_s: 5}}\n"
        text += f"mqtt: {{host: localhost, port: {server.port}}}\ntls: {{ca_file: {server.ca_file}}}\n"
    config, problems = parse([Document(name="c", text=text)])
    assert config is not None, problems
    (directory / "state").mkdir(exist_ok=True)
    return Jobs(
        config=config,
        identity=DEVICE.identity,
        store=Store(config.state_dir, DEVICE.identity),
        secrets=secret_files(config, directory / "config.yaml", None, unloadable or {}),
        utc_now=lambda: NOON,
        known=KnownSecrets(),
        resolved={},
        remember_name=lambda: None,
    )


def secret_file(path: Path, secret: str) -> None:
    path.write_text(secret + "\n")
    path.chmod(0o600)


def test_nothing_stored_is_said(tmp_path: Path) -> None:
    """With a store that can be written, and what it lies on."""
    found = jobs(tmp_path).load()
    assert isinstance(found, m.NothingStored)
    assert (found.writable, found.detail, found.others) == (True, "", ())
    assert found.storage.directory == str(tmp_path / "state/credentials")
    assert found.storage.mount


IN_MEMORY = """
import sys
from pathlib import Path
from iot_onboard.core.failures import OnboardError
from service.test_jobs import jobs

work = jobs(Path(sys.argv[1]), extra=sys.argv[2])
print(work.load().storage.volatile)
try:
    work.register()
except OnboardError as error:
    print(type(error.failure).__name__, error.failure.detail)
"""


@pytest.mark.parametrize(("extra", "refused"), [("", True), ("allow_volatile: true\n", False)])
def test_nothing_is_asked_for_that_cannot_be_kept(tmp_path: Path, extra: str, refused: bool) -> None:
    """The look before the request sees a directory in memory; where that is meant the next thing missing is told."""
    if (reason := why_no_namespace()) is not None:
        pytest.skip(reason)
    (tmp_path / "state").mkdir()
    mount = 'mount -t tmpfs tmpfs "$1/state" && shift && exec "$@"'
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([*sys.path, str(TESTS / "adapters")])}
    code = [sys.executable, "-c", IN_MEMORY, str(tmp_path), extra]
    command = [*UNSHARE, "sh", "-c", mount, "sh", str(tmp_path), *code]
    output = subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout.splitlines()
    where = f"tmpfs at {tmp_path}/state, which is in memory"
    assert output[0] == where
    assert (output[1] == f"StoreFailure {where}") is refused
    assert refused or output[1].startswith("Misconfigured")


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    """By another process, and whole."""
    jobs(tmp_path).save(DEVICE)
    assert jobs(tmp_path).load() == m.Loaded(credentials=DEVICE)


def test_a_damaged_store_is_told_with_what_was_set_aside(tmp_path: Path) -> None:
    """Nothing is deleted, and the operator hears of it."""
    jobs(tmp_path).save(DEVICE)
    (path,) = (tmp_path / "state" / "credentials").glob("*.json")
    path.write_text("half a rec")
    found = jobs(tmp_path).load()
    assert isinstance(found, m.NothingStored)
    assert path.name in found.damage


def test_a_secret_given_by_hand_goes_before_a_stored_one(tmp_path: Path) -> None:
    """The store is not even looked at; a file that cannot be read is a failure, not a reason to register."""
    by_hand = jobs(tmp_path, extra=f"device_secret_file: {tmp_path}/given\n")
    by_hand.save(DEVICE)
    secret_file(tmp_path / "given", GIVEN)
    found = by_hand.load()
    assert isinstance(found, m.Loaded)
    assert found.credentials.device_secret.reveal() == GIVEN
    (tmp_path / "given").unlink()
    with pytest.raises(OnboardError):
        by_hand.load()


def test_a_secret_that_systemd_withholds_is_no_reason_to_register(tmp_path: Path) -> None:
    """It may be good and this device's only one."""
    with pytest.raises(OnboardError) as caught:
        jobs(tmp_path, unloadable={"device-secret": "its key is gone"}).load()
    assert isinstance(caught.value.failure, Misconfigured)


class Platform(TlsServer):
    """Answer a registration with JSON."""

    def __init__(self, answer: dict[str, object]) -> None:
        self._answer = json.dumps(answer).encode()
        self.requests: list[bytes] = []
        super().__init__(self._serve_http)

    def _serve_http(self, connection: ssl.SSLSocket) -> None:
        request = b""
        while b"sign=" not in request:
            request += connection.recv(65536)
        self.requests.append(request)
        head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(self._answer)}\r\nConnection: close\r\n\r\n"
        connection.sendall(head.encode() + self._answer)


def test_a_registration_brings_a_secret_and_how_long_it_took(tmp_path: Path) -> None:
    """Dated by the clock of the gateway, signed with the product secret, which stays here."""
    identity = DEVICE.identity
    data = {"productKey": identity.product_key, "deviceName": identity.device_name, "deviceSecret": GIVEN}
    secret_file(tmp_path / "product-secret", "pr0ductSecret")
    with Platform({"code": 200, "data": data}) as server:
        registered = jobs(tmp_path, server).register()
    assert registered.credentials.device_secret.reveal() == GIVEN
    assert registered.credentials.issued_at == NOON
    assert None not in (registered.timings.tcp_ms, registered.timings.tls_ms, registered.timings.answer_ms)
    (request,) = server.requests
    assert b"deviceName=gw-0001" in request
    assert b"pr0ductSecret" not in request


def test_a_refused_registration_is_the_platforms_word(tmp_path: Path) -> None:
    """By its code; and without a product secret nothing is asked at all."""
    with Platform({"code": 6288, "message": "off"}) as server:
        with pytest.raises(OnboardError) as caught:
            jobs(tmp_path, server).register()
        assert (isinstance(caught.value.failure, Misconfigured), server.requests) == (True, [])
        secret_file(tmp_path / "product-secret", "pr0ductSecret")
        with pytest.raises(OnboardError) as caught:
            jobs(tmp_path, server).register()
    assert isinstance(caught.value.failure, Rejected)
    assert caught.value.failure.code == "6288"


def test_a_dial_sends_no_mqtt(tmp_path: Path) -> None:
    """TCP and TLS stand, measured, and the server hears not a byte until somebody logs in."""
    heard: list[bytes] = []
    with TlsServer(lambda connection: heard.append(connection.recv(1))) as server:
        work = jobs(tmp_path, server)
        dialled, timings = work.dial()
        assert "127.0.0.1" in work.resolved["localhost"]
        assert isinstance(timings, Timings)
        assert None not in (timings.tcp_ms, timings.tls_ms)
        assert dialled.version() is not None
        dialled.unwrap().close()
        server.join()
    assert heard == [b""]


def test_a_dial_takes_what_the_last_connection_left_only_while_that_is_good(tmp_path: Path) -> None:
    """A context whose CA file has changed since is left alone."""
    heard: list[bytes] = []
    with TlsServer(lambda connection: heard.append(connection.recv(1))) as server:
        work = jobs(tmp_path, server)
        first, _ = work.dial()
        kept = first.context
        again, _ = work.dial(kept)  # type: ignore[arg-type]  # tls_context makes no other
        assert again.context is kept
        copy = tmp_path / "ca.pem"
        copy.write_bytes(server.ca_file.read_bytes())
        of_a_copy = tls_context(copy, handshake_timeout_s=5.0)
        of_a_copy.verified_at = time.monotonic()
        other, _ = jobs(tmp_path, server).dial(of_a_copy)
        assert other.context is not of_a_copy
        for dialled in (first, again, other):
            dialled.close()

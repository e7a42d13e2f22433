"""A gateway: a directory of its own, and the real daemon as a process."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, Self

from iot_onboard.disk.storage import storage_of
from support.platform.sandbox import Sandbox, wait_for
from support.process.stopwatch import time_to_end_s

PRODUCT_KEY = "a1b2c3d4e5f"


class Gateway:
    """Configure, start and look at one daemon."""

    def __init__(self, directory: Path, device_name: str = "gw-0001") -> None:
        self.directory = directory
        self.device_name = device_name
        self.config = directory / "etc" / "config.yaml"
        self.product_secret = directory / "etc" / "product-secret"
        self.state_dir = directory / "state"
        self.runtime_dir = directory / "run"
        self.log = directory / "log"
        self.environment = {name: value for name, value in os.environ.items() if not name.endswith("_DIRECTORY")}
        self._process: subprocess.Popen[bytes] | None = None
        self.config.parent.mkdir(parents=True)
        self.state_dir.mkdir()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    @property
    def credentials(self) -> Path:
        return self.state_dir / "credentials" / f"{PRODUCT_KEY}.{self.device_name}.json"

    def configure(self, sandbox: Sandbox, extra: str = "") -> None:
        """Point the gateway at a sandbox that knows it."""
        secret = sandbox.add(PRODUCT_KEY, self.device_name)
        self.product_secret.write_text(secret.read_text())
        self.product_secret.chmod(0o600)
        url = f"https://127.0.0.1:{sandbox.https_port}/auth/register/device"
        self.write_config(url, sandbox.mqtt_port, sandbox.ca_file, extra)

    def write_config(self, url: str, mqtt_port: int, ca_file: Path, extra: str = "") -> None:
        self.config.write_text(
            f"product_key: {PRODUCT_KEY}\ndevice_name: {self.device_name}\n"
            f"registration: {{url: '{url}', timeout_s: 2}}\n"
            f"mqtt: {{host: 127.0.0.1, port: {mqtt_port}, keepalive_s: 30}}\n"
            f"tls: {{ca_file: {ca_file}}}\nstate_dir: {self.state_dir}\nruntime_dir: {self.runtime_dir}\n"
            f"{self._switch()}{extra}"
        )

    def _switch(self) -> str:
        """Permit a state directory in memory where this machine's temporary directory is."""
        return "allow_volatile: true\n" if storage_of(self.state_dir).volatile else ""

    def command(self, name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "iot_onboard", name, "--config", str(self.config), *arguments]
        return subprocess.run(command, capture_output=True, text=True, env=self.environment, timeout=30, check=False)

    def start(self, *wrapper: str, stderr: int | None = None) -> None:
        command = [*wrapper, sys.executable, "-m", "iot_onboard", "run", "--config", str(self.config)]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                command,
                stderr=log if stderr is None else stderr,
                stdout=log,
                env=self.environment,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def stop(self) -> int:
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        return self.wait()

    def wait(self, seconds: float = 15.0) -> int:
        assert self._process is not None
        code = self._process.wait(seconds)
        self._process = None
        return code

    def kill(self) -> None:
        if self._process is not None:
            # A wrapper such as faketime has the daemon as its child: the whole group has to go. Of one that has ended
            # and was waited for, the number may be somebody else's by now.
            if self._process.returncode is None:
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None

    def status(self) -> dict[str, Any]:
        try:
            found: dict[str, Any] = json.loads((self.runtime_dir / "status.json").read_text())
        except (OSError, ValueError):
            return {}
        return found if self._process is None or found.get("pid") == self.pid else {}

    def wait_for_state(self, state: str, seconds: float = 20.0) -> dict[str, Any]:
        def found() -> dict[str, Any] | None:
            assert self._process is None or self._process.poll() is None, self.lines()
            status = self.status()
            return status if status.get("state") == state else None

        try:
            return wait_for(found, f"state {state}", seconds)
        except AssertionError as error:
            raise AssertionError(f"{error}: {self.lines()}") from None

    def wait_for_line(self, words: str, seconds: float = 20.0) -> str:
        def found() -> str | None:
            return next((line for line in self.lines().splitlines() if words in line), None)

        try:
            return wait_for(found, f"the line {words!r}", seconds)
        except AssertionError as error:
            raise AssertionError(f"{error}: {self.lines()}") from None

    def lines(self) -> str:
        return self.log.read_text() if self.log.exists() else ""

    def online(self) -> Self:
        self.start()
        self.wait_for_state("online")
        return self

    def stop_time_s(self) -> float:
        """Stop the daemon; return how long it took."""
        assert self._process is not None
        took = time_to_end_s(self._process, self._process.terminate)
        assert self.wait() == 0
        return took

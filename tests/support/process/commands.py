"""Run a command in this process, with a configuration of its own."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from iot_onboard.cli import main

NAMES = "product_key: a1b2c3d4e5f\ndevice_name: gw-0001\n"


@dataclass(frozen=True, slots=True)
class Done:
    """Hold what a command answered, what it complained of, and its exit code."""

    code: int
    out: str
    err: str


class Etc:
    """Hold a configuration in a directory, with its state beside it."""

    def __init__(
        self, directory: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, text: str = NAMES
    ) -> None:
        self.directory = directory
        self.config = directory / "etc" / "config.yaml"
        self.secret = directory / "etc" / "product-secret"
        self.state_dir = directory / "state"
        self._capsys = capsys
        self.config.parent.mkdir()
        self.state_dir.mkdir()
        self.write(text)
        # As on a gateway, outside of the unit.
        for name in ("CREDENTIALS_DIRECTORY", "STATE_DIRECTORY", "RUNTIME_DIRECTORY"):
            monkeypatch.delenv(name, raising=False)

    def write(self, text: str) -> None:
        self.config.write_text(f"{text}state_dir: {self.state_dir}\nruntime_dir: {self.directory / 'run'}\n")

    def give_secret(self, text: str = "s3cr3tS3CR3T\n", mode: int = 0o600) -> None:
        self.secret.write_text(text)
        self.secret.chmod(mode)

    def files(self) -> dict[str, bytes]:
        return {str(path): path.read_bytes() for path in self.directory.rglob("*") if path.is_file()}

    def command(self, name: str, *words: str) -> Done:
        """Run one; what the parser refuses ends with its code, too."""
        self._capsys.readouterr()
        try:
            code = main([name, "--config", str(self.config), *words])
        except SystemExit as ended:
            code = int(str(ended.code))
        said = self._capsys.readouterr()
        return Done(code, said.out, said.err)

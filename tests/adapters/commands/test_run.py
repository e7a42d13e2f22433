"""`run`, up to where the daemon begins: what it starts with, waits for, or ends because of."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.gateway.gateway import Gateway
from support.process.commands import NAMES, Etc


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[Gateway]:
    with Gateway(tmp_path / "gateway") as made:
        made.write_config("https://127.0.0.1:9/", 9, Path("/none"))
        yield made


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        (f"{NAMES}regon: x\nlog_level: x\n", ["3: regon: is not a known key", "4: log_level: must be one of"]),
        ("product_key: abc\ndevice_name: abc\n", ["2: device_name: has 3 characters"]),
        ("- a\n", ["1: (file): "]),
    ],
)
def test_a_wrong_configuration_ends_it(etc: Etc, text: str, problems: list[str]) -> None:
    """With 78, which systemd does not start again, and a line for each problem."""
    etc.config.write_text(text)
    done = etc.command("run")
    assert done.code == 78
    lines = [line.partition("config.yaml:")[2] for line in done.err.splitlines()]
    assert [line.startswith(problem) for line, problem in zip(lines, problems, strict=True)] == [True] * len(problems)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("device_name: gw-0001\n", "", "No product identity is configured: device_name is missing"),
        ("device_name: gw-0001\n", "device_name: '{mac:nowhere0}'\n", "this machine has no {mac:nowhere0} now"),
    ],
    ids=["names", "hardware"],
)
def test_what_may_still_come_is_waited_for(gateway: Gateway, old: str, new: str, words: str) -> None:
    """The process lives, says what it waits for, and ends well when it is asked to."""
    gateway.config.write_text(gateway.config.read_text().replace(old, new))
    gateway.start()
    gateway.wait_for_line(words)
    assert gateway.stop() == 0


def test_a_configuration_that_cannot_be_read_now_is_waited_for(gateway: Gateway) -> None:
    """Not ended because of: once it can be read, a new process starts with it."""
    text = gateway.config.read_text()
    gateway.config.unlink()
    gateway.config.mkdir()
    gateway.environment["RUNTIME_DIRECTORY"] = str(gateway.runtime_dir)
    gateway.start()
    gateway.wait_for_line("The configuration cannot be read")
    gateway.config.rmdir()
    gateway.config.write_text(text)
    assert gateway.wait() == 0

"""The table of commands."""

from __future__ import annotations

import inspect
from importlib import import_module
from pathlib import Path

import pytest

import iot_onboard.commands
from iot_onboard.cli import COMMANDS, _parse, main
from support.text.wording import commands_in

MODULES = {path.stem for path in Path(iot_onboard.commands.__file__).parent.glob("*.py")} - {"__init__"}


def test_every_command_module_has_one_row() -> None:
    """No module without a row, no row without a module."""
    assert {command.replace("-", "_") for command in COMMANDS} == MODULES


@pytest.mark.parametrize("module", sorted(MODULES))
def test_a_command_module_has_its_two_functions(module: str) -> None:
    """`run(arguments)`, and `configure(parser)` where there are any."""
    found = import_module(f"iot_onboard.commands.{module}")
    for function in (found.run, getattr(found, "configure", found.run)):
        assert len(inspect.signature(function).parameters) == 1


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_takes_a_configuration(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    """--help names --config, and says in the table's words what the command does."""
    with pytest.raises(SystemExit) as ended:
        main([command, "--help"])
    answer = capsys.readouterr().out
    assert ended.value.code == 0
    assert "--config PATH" in answer
    assert COMMANDS[command].split(",")[0] in " ".join(answer.split())


@pytest.mark.parametrize("words", [[], ["--config", "x", "status"], ["stat"], ["-", "status"]])
def test_nonsense_is_a_usage_error(words: list[str]) -> None:
    """Exit 2 without a command, with an option before it, with half of one."""
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2


def test_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    """Each with its line."""
    with pytest.raises(SystemExit):
        main(["--help"])
    answer = " ".join(capsys.readouterr().out.split())
    for command, words in COMMANDS.items():
        assert f"{command} {words}" in answer


@pytest.mark.parametrize("command", [None, *COMMANDS])
def test_help_has_examples_that_work(command: str | None, capsys: pytest.CaptureFixture[str]) -> None:
    """Each is a command line that is understood, and one of them is of this command."""
    with pytest.raises(SystemExit):
        main([*([command] if command else []), "--help"])
    examples = capsys.readouterr().out.partition("examples:\n")[2]
    found = list(commands_in(examples))
    assert found
    assert command is None or command in {words[0] for words in found}
    for words in found:
        _parse(words)


@pytest.mark.parametrize("words", [["run", "--config"], ["run", "extra"], ["run", "--confg", "x"], ["run", "-x", "y"]])
def test_a_daemon_that_is_told_nonsense_does_not_start(words: list[str]) -> None:
    """Its short way past the parser is for the words of the unit alone."""
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2


def test_the_daemon_is_told_where_its_configuration_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """By the short way as by the long one: the file that is not there is named, exit 78."""
    path = tmp_path / "none.yaml"
    for words in (["run", "--config", str(path)], ["run", f"--config={path}"]):
        assert main(words) == 78
        assert str(path) in capsys.readouterr().err

"""Write the completion for bash from the command table: `make reference`.

It is not in the daemon's package, because it imports every command, and no gateway needs it.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

from iot_onboard.cli import COMMANDS, configure
from iot_onboard.doctor.table import CHECKS
from iot_onboard.events.explain import topics

FILE = "completion/iot-onboard"
_EVERYWHERE = ("--config", "--help")
_FILES, _DIRECTORIES = {"FILE", "PATH"}, {"DIRECTORY"}
_BOOTS = "0 -1 -2 -3"
_HEAD = """\
# bash completion for iot-onboard. Made from the command table by `make reference`.
# shellcheck shell=bash

_iot_onboard() {
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} command='' word
    # bash makes three words of --option=value.
    [[ $cur == = ]] && cur=''
    [[ $prev == = ]] && prev=${COMP_WORDS[COMP_CWORD - 2]}
    for word in "${COMP_WORDS[@]:1:COMP_CWORD - 1}"; do
        if [[ $word != -* ]]; then
            command=$word
            break
        fi
    done
    COMPREPLY=()
    case "$command $prev" in
"""
_TAIL = """\
        '')
            if [[ $cur == -* ]]; then
                mapfile -t COMPREPLY < <(compgen -W '--help --version' -- "$cur")
            else
                mapfile -t COMPREPLY < <(compgen -W '{commands}' -- "$cur")
            fi
            ;;
    esac
}}
complete -F _iot_onboard iot-onboard
"""


def script() -> str:
    """Return the script: the values of options that take one, and the options of each command."""
    return "".join(
        [
            _HEAD,
            *_values(),
            "    esac\n",
            '    case "$command" in\n',
            *_commands(),
            _TAIL.format(commands=" ".join(COMMANDS)),
        ]
    )


def options(command: str) -> list[argparse.Action]:
    """Return the options that only this command has."""
    parser = argparse.ArgumentParser(add_help=False)
    configure(parser, command)
    return [action for action in parser._actions if action.option_strings]


def _values() -> Iterator[str]:
    yield from _case("*' --config'", _files("-f"))
    for command in COMMANDS:
        for option in options(command):
            if option.nargs == 0:
                continue
            for name in option.option_strings:
                yield from _case(f"'{command} {name}'", _value(option))


def _value(option: argparse.Action) -> list[str]:
    metavar = str(option.metavar)
    if metavar in _FILES:
        return _files("-f")
    if metavar in _DIRECTORIES:
        return _files("-d")
    if metavar == "N":
        return [_words(_BOOTS)]
    if option.dest == "only":
        names = " ".join(dict.fromkeys([*(check.group.value for check in CHECKS), *(check.id for check in CHECKS)]))
        # A list: the part before the last comma stays.
        return [
            "local before=''",
            "[[ $cur == *,* ]] && before=${cur%,*},",
            f'mapfile -t COMPREPLY < <(compgen -P "$before" -W \'{names}\' -- "${{cur##*,}}")',
        ]
    return []


def _commands() -> Iterator[str]:
    for command in COMMANDS:
        names = [name for option in options(command) for name in option.option_strings]
        offered = _words(" ".join([*names, *_EVERYWHERE]))
        if command == "explain":
            known = " ".join(topic.name for topic in topics())
            lines = ["if [[ $cur == -* ]]; then", f"    {offered}", "else", f"    {_words(known)}", "fi"]
        else:
            lines = [offered]
        yield from _case(command, lines, leave=False)


def _case(pattern: str, lines: list[str], *, leave: bool = True) -> Iterator[str]:
    yield f"        {pattern})\n"
    yield from (f"            {line}\n" for line in [*lines, *(["return"] if leave else [])])
    yield "            ;;\n"


def _words(words: str) -> str:
    return f"mapfile -t COMPREPLY < <(compgen -W '{words}' -- \"$cur\")"


def _files(kind: str) -> list[str]:
    return ["compopt -o filenames", f'mapfile -t COMPREPLY < <(compgen {kind} -- "$cur")']


if __name__ == "__main__":
    (Path(sys.argv[1]) / FILE).write_text(script())

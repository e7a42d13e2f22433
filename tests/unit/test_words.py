"""The words of daemon/: plain technical English in what operators read, and the field's terms in names."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from iot_onboard.core.advice import Responsible
from iot_onboard.events.explain import Topic, topics
from iot_onboard.events.model import Entry
from support.text.wording import hard_words
from support.tree import DAEMON, ROOT

FILES = sorted(DAEMON.rglob("*.py"))
TREES = {path: ast.parse(path.read_text()) for path in FILES}
TOLD = re.compile(r"(?<![a-z])(told|tells?|telling)(?![a-z])", re.IGNORECASE)
# Former names, and the term for each today. Left out: what is a field's term elsewhere (begin, end, keep, of, closed).
FORMER = {
    "Teller": "Reporter",
    "remind": "repeat_if_due",
    "told": "lines, message, is_ready, logged",
    "given": "input_",
    "Given": "CredentialSource",
    "typed": "typing_names",
    "left_out": "import_stubs",
    "place_of": "innermost_frame",
    "Laps": "PhaseTimer",
    "took": "timings",
    "Took": "Timings",
    "Race": "ConnectAttempts",
    "race": "happy_eyeballs",
    "Runner": "Attempt",
    "by_turns": "interleave_families",
    "HEAD_START_S": "ATTEMPT_DELAY_S",
    "ahead": "early_dial",
    "reached_nobody": "name_unresolved",
    "withheld": "unloadable",
    "credential_guard": "credential_recovery",
    "opens": "is_loadable",
    "settings": "config",
    "settings_watch": "watch",
    "SettingsChanged": "ConfigChanged",
    "short_lives": "restart_delay",
    "LifeLog": "StartLog",
    "pause_s": "restart_delay_s",
    "Wish": "ProvisioningRequest",
    "Done": "ProvisioningResult",
    "_Around": "_OtherFiles",
    "story": "boot_log",
    "Moment": "JournalEntry",
    "Silence": "JournalUnavailable",
    "Happening": "MqttEvent",
    "Waker": "EarlyRetry",
    "wakers": "retry_on",
    "take_kept": "take_resumable_context",
    "still_good": "is_current",
    "_hear_out": "_drain_until_closed",
    "_PARTING_S": "DISCONNECT_LINGER_S",
    "politely": "send_disconnect",
    "repetition": "rate_limit",
    "hear": "decide",
    "Spell": "Episode",
    "Verdict": "Decision",
    "led_on": "tunnel_open",
    "Seen": "Facts",
    "maybe": "get_optional",
    "TOWARDS": "ROUTES",
    "INVENTED": "NONEXISTENT_NAME",
    "NAMED": "IDENTITY",
    "STRANGE": "UNKNOWN",
    "UNHAPPY": "SLOW_RETRY",
    "whose_move": "responsible",
    "Move": "Responsible",
    "MAKERS": "MAINTAINERS",
    "Lookout": "StatusWatcher",
    "_COLLOQUIAL": "_PLAIN_WORDS",
    "NOT_CONFIGURED": "SECRET_FILE_INVALID",
    "NOT_SET_UP": "NOT_PROVISIONED",
    "CONFIGURATION_WRONG": "CONFIG_INVALID",
    "CONFIGURATION_UNREAD": "CONFIG_UNREADABLE",
    "SETTINGS_CHANGED": "CONFIG_CHANGED",
    "SETTINGS_WRONG": "CONFIG_CHANGE_INVALID",
    "NAME_UNKNOWN": "DEVICE_NAME_UNKNOWN",
    "NAME_KEPT": "DEVICE_NAME_KEPT",
}
FORMER_SHAPES = re.compile(r"_?(MOST|LEAST)_\w+|(?!_UNDER)\w+_(WAY|SHAKEN)")


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def strings(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Yield each text that a person may read, with its line: no docstring, no key, no pattern."""
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, documented) and node.body and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            text = node.value
            yield from [(node.lineno, text)] if text.count(" ") >= 2 and not text.startswith(("(?", "[", "^")) else []


def identifiers(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Yield each module, class, function, parameter, attribute and constant that the file names, with its line."""
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                yield node.lineno, node.name
            case ast.arg() | ast.keyword(arg=str()):
                yield node.lineno, str(node.arg)
            case ast.Name() if node.id.isupper():
                yield node.lineno, node.id
            case ast.Attribute():
                yield node.lineno, node.attr
            case ast.alias():
                yield from ((node.lineno, part) for part in node.name.split("."))


@pytest.mark.parametrize("topic", list(topics()), ids=lambda topic: topic.name)
def test_what_is_explained_is_plain(topic: Topic) -> None:
    """Each event, code, CONNACK number, cause and exit code, as `explain` and the catalog show it."""
    what = topic.advice
    own = (what.subject, what.sentence) if isinstance(what, Entry) else (what.meaning, what.cure)
    assert not [hard for text in (*own, what.explanation, *what.steps, what.then) if (hard := hard_words(text))]


def test_who_has_to_act_is_plain() -> None:
    """The names stand in the status, in the catalog and in the manual."""
    assert not [hard for who in Responsible if (hard := hard_words(who.value))]


@pytest.mark.parametrize("path", FILES, ids=name)
def test_what_an_operator_reads_is_plain(path: Path) -> None:
    """Lines, findings, help, prompts and problems: no string of the daemon holds a phrase that readers stumble over."""
    found = [f"{line}: {hard} in {text!r}" for line, text in strings(TREES[path]) if (hard := hard_words(text))]
    assert not found, "\n".join(found)


@pytest.mark.parametrize("path", FILES, ids=name)
def test_nothing_is_told(path: Path) -> None:
    """Neither in code nor in prose: a reporter logs, a function returns, a message says, a person knows."""
    found = [f"{at}: {line}" for at, line in enumerate(path.read_text().splitlines(), 1) if TOLD.search(line)]
    assert not found, "\n".join(found)


@pytest.mark.parametrize("path", FILES, ids=name)
def test_no_name_of_before_is_left(path: Path) -> None:
    """A module, class, function, parameter, attribute, constant or event has the field's term, not the former one."""
    used = [*identifiers(TREES[path]), (0, path.stem), (0, path.parent.name)]
    found = {
        f"{line}: {word} is {FORMER.get(word, 'MAX_, MIN_, _CONNECTION or _HANDSHAKE')}"
        for line, word in used
        if word in FORMER or FORMER_SHAPES.fullmatch(word)
    }
    assert not found


@pytest.mark.parametrize(
    "sentence",
    ["Nothing is to be done.", "Where it lasts, wait.", "Holding off for 4 s.", "It is mended, for the disk is back."],
)
def test_a_hard_sentence_is_found(sentence: str) -> None:
    """The list catches what it was made for."""
    assert hard_words(sentence)

"""Everything that `iot-onboard explain` knows: events, codes, CONNACK numbers, causes and exit codes, by name. Pure."""

from __future__ import annotations

import difflib
import re
import textwrap
from collections.abc import Iterator
from itertools import chain

from ..aliyun import codes
from ..aliyun.connack import CONNACKS, UNKNOWN
from ..core.advice import NEVER, Advice, Responsible
from ..core.exit_codes import ExitCode
from ..fast_start.fast_dataclasses import dataclass, replace
from .causes import CAUSES
from .former_names import FORMER_NAMES
from .model import Entry, Event
from .table import GROUPS

_EXITS = {
    ExitCode.FAILED: Advice(
        meaning="the command or the service failed",
        cure="read its last line",
        responsible=Responsible.GATEWAY,
        explanation="The last line before the end says why. The service manager starts the service again.",
        steps=("`journalctl -u iot-onboard -n 20` shows the last lines of the service.",),
        then="the service manager starts the service again within seconds",
    ),
    ExitCode.USAGE: Advice(
        meaning="the command line is not valid; from `status`: the daemon is not running",
        cure="see `iot-onboard --help`",
        responsible=Responsible.GATEWAY,
        explanation="The program did not understand a word or an option. `iot-onboard status` also ends with this "
        "code if no daemon runs.",
        steps=(
            "`iot-onboard --help` lists the commands.",
            "`sudo systemctl start iot-onboard` starts the daemon.",
        ),
        then=NEVER,
    ),
    ExitCode.INTERNAL: Advice(
        meaning="a defect of this program",
        cure="report its last line",
        responsible=Responsible.MAINTAINERS,
        explanation="The program met a case that its maintainers did not expect. The service manager starts it again.",
        steps=(
            "Report the last line of `journalctl -u iot-onboard -n 20`, with a support file (`sudo iot-onboard "
            "bundle`).",
        ),
        then="the service manager starts the service again within seconds",
    ),
    ExitCode.CONFIGURATION: Advice(
        meaning="something in this gateway's configuration is wrong",
        cure="see `sudo iot-onboard check-config`",
        responsible=Responsible.GATEWAY,
        explanation="The configuration or a secret file cannot be used. The service manager does not start the "
        "service again, because the same file would fail again.",
        steps=(
            "`sudo iot-onboard check-config` names every problem, with file and line.",
            "Correct it, or run `sudo iot-onboard setup`.",
            "`sudo systemctl restart iot-onboard`",
        ),
        then="no automatic retry: at the next start of the service, or of the gateway",
    ),
}


# Common words for things that have another name here.
_PLAIN_WORDS = {
    "dns": "name-lookup",
    "resolve": "name-lookup",
    "certificate": "tls",
    "ssl": "tls",
    "ntp": "clock-not-set",
    "time": "clock-not-set",
    "firewall": "network",
    "portal": "answer",
    "clone": "identity-shared",
    "kicked": "identity-shared",
    "throttled": "429",
    "password": "connack-4",
    "disk": "store-not-writable",
    "offline": "connect-failed",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Topic:
    """Hold one thing that can be explained: an event, or something with an advice; `aliases` are other names for it."""

    name: str
    title: str
    advice: Advice | Entry
    aliases: tuple[str, ...] = ()

    @property
    def entry(self) -> Entry | None:
        """Return the entry of the table, if the topic is an event."""
        return self.advice if isinstance(self.advice, Entry) else None


def chapters() -> dict[str, tuple[Topic, ...]]:
    """Return all topics by chapter title, in the order of a manual."""
    events = {group.title: tuple(_event(event, entry) for event, entry in group.entries.items()) for group in GROUPS}
    return {
        **events,
        "Codes of the registration": tuple(_codes()),
        "CONNACK numbers (answers to the login)": tuple(_connacks()),
        "Causes of a failed attempt": tuple(_causes()),
        "Exit codes": tuple(_exits()),
    }


def topics() -> Iterator[Topic]:
    """Yield everything that can be explained."""
    return chain.from_iterable(chapters().values())


def find(words: str) -> Topic | None:
    """Return the topic with this name, as people write it: `6289`, `connack 4`, `LOGIN_REFUSED`, a MESSAGE_ID."""
    name = _normal(words)
    for topic in topics():
        if name == topic.name or name in topic.aliases:
            return topic
    if unknown := re.fullmatch(r"connack-?([0-9]{1,3})", name):
        return _topic(f"connack-{unknown[1]}", f"CONNACK {unknown[1]}", UNKNOWN.advice)
    if status := re.fullmatch(r"(?:http-)?(5[0-9][0-9])", name):
        return _http(status[1])
    return None


def suggestions(words: str) -> tuple[str, ...]:
    """Return names that are similar to words that name nothing."""
    name = _normal(words)
    known = [topic.name for topic in topics()]
    close = difflib.get_close_matches(name, known, 5, 0.5)
    parts = {part for part in name.split("-") if len(part) > 2}
    holding = [candidate for candidate in known if parts & set(candidate.split("-"))]
    meant = [_PLAIN_WORDS[part] for part in name.split("-") if part in _PLAIN_WORDS]
    return tuple(dict.fromkeys([*meant, *close, *holding]))[:6]


def wrapped(text: str, width: int, indent: str = "", first: str | None = None) -> list[str]:
    """Break a text into lines, but keep each `command` on one line so that it can be copied."""
    whole = re.sub(r"`[^`]*`", lambda command: command[0].replace(" ", "\0"), text)
    start = indent if first is None else first
    wrapper = textwrap.TextWrapper(
        width, initial_indent=start, subsequent_indent=indent, break_on_hyphens=False, break_long_words=False
    )
    return [line.replace("\0", " ") for line in wrapper.wrap(whole)]


def _normal(words: str) -> str:
    name = re.sub(r"[\s_]+", "-", words.strip().lower())
    # journalctl shows a MESSAGE_ID without dashes, some tools as a UUID.
    bare = name.removeprefix("message-id=").replace("-", "")
    return bare if re.fullmatch(r"[0-9a-f]{32}", bare) else re.sub(r"^(code|error)-", "", name)


def _topic(name: str, label: str, advice: Advice, *aliases: str) -> Topic:
    return Topic(name=name, title=f"{label}: {advice.meaning}", advice=advice, aliases=aliases)


def _event(event: Event, entry: Entry) -> Topic:
    title = re.sub(r" \([^()]*\{code\}\)", "", entry.subject)
    former = (name for name, renamed in FORMER_NAMES.items() if renamed is event)
    return Topic(name=event.value, title=title, advice=entry, aliases=(entry.message_id, *former))


def _codes() -> Iterator[Topic]:
    known = codes.REJECTIONS | dict.fromkeys(codes.PLATFORM_FAULTS, codes.PLATFORM_FAULT)
    known |= {codes.THROTTLED: codes.THROTTLING}
    for code in sorted(known, key=int):
        yield _topic(code, f"Code {code}", known[code], f"http-{code}")
    yield from map(_http, ("502", "503", "504"))


def _http(status: str) -> Topic:
    fault = codes.PLATFORM_FAULT
    advice = replace(
        fault,
        meaning="an error without a platform code",
        explanation="The platform, or a proxy in front of it, is overloaded or down.",
    )
    return _topic(status, f"HTTP {status}", advice, f"http-{status}")


def _connacks() -> Iterator[Topic]:
    for number, answer in CONNACKS.items():
        yield _topic(f"connack-{number}", f"CONNACK {number}", answer.advice, str(number), f"connack{number}")


def _causes() -> Iterator[Topic]:
    for cause, advice in CAUSES.items():
        yield _topic(cause.slug, cause.value[0].upper() + cause.value[1:], advice, _normal(cause.value))


def _exits() -> Iterator[Topic]:
    for code, advice in _EXITS.items():
        # 1 and 2 alone are CONNACK numbers, as the journal has them.
        alone = (str(int(code)),) if code > len(CONNACKS) else ()
        yield _topic(f"exit-{int(code)}", f"Exit code {int(code)}", advice, *alone)

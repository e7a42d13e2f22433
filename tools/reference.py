"""Make the journal catalog and manuals from the tables that the program uses: `make reference`. Pure."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import get_args, get_type_hints

from iot_onboard.core.advice import Responsible
from iot_onboard.events.explain import Topic, chapters, topics, wrapped
from iot_onboard.events.format import sentence
from iot_onboard.events.model import Context, Details, Priority
from iot_onboard.reporting.status import Status
from iot_onboard.reporting.status_view import MEANINGS, View

from . import diagram

_WIDTH = 76
_CATALOG_HEAD = """\
# Explanations of iot-onboard's lines in the journal: journalctl -x -u iot-onboard
# Made from the event table by `make reference`; the format is that of https://systemd.io/CATALOG/
"""
_MANUAL_HEAD = """\
# Troubleshooting

Made from the event table by `make reference`; `iot-onboard explain NAME` shows the same on the gateway.

## First steps

| command | it shows |
|---|---|
| `iot-onboard status` | whether the gateway is online; if not, why, what to do, and when it tries next |
| `journalctl -x -u iot-onboard` | the gateway's events, each line with its explanation |
| `sudo iot-onboard doctor` | which check fails, and how to fix it; works without network and without the daemon |
| `iot-onboard explain NAME` | one event, code, CONNACK number or cause in full |

Each line in the journal says what failed, what to do, and when the next try comes. The fields of a line
(`journalctl -o verbose`) name the event (`IOT_EVENT`) and its cause (`IOT_CAUSE`): `explain` accepts both.
"""
_STATUS_HEAD = """\
# The record of `iot-onboard status --json`

Made from `status_view.MEANINGS` by `make reference`. One JSON object on one line; with `--watch` another line for each
change. Every name is always present, and null if it has no value. Times are ISO 8601 in UTC, to the second.
The exit code is the short form: 0 online, 1 not online, 2 no daemon runs. No value is ever a secret.

```sh
iot-onboard status --json | jq -r '.state, .last_error, .last_cure'
```

| name | type | meaning |
|---|---|---|"""
# The manual shows these in the place of values that only a gateway knows.
_CONTEXT = Context(product_key="a1b2c3d4e5f", device_name="gw-0001", version="VERSION", endpoint="HOST")
_DETAILS = Details(detail="WHAT WAS SEEN", cure="WHAT HELPS", code="CODE", attempt=3, next_try_s=240.0, duration_ms=250)


def catalog() -> str:
    """Return the journal catalog: one entry for each event, by its MESSAGE_ID (catalog(7) of systemd)."""
    entries = [_catalog_entry(topic) for topic in topics() if topic.entry]
    return "\n".join([_CATALOG_HEAD, *entries])


def _catalog_entry(topic: Topic) -> str:
    assert topic.entry is not None
    lines = [
        f"-- {topic.entry.message_id}",
        f"Subject: {topic.entry.subject.format(code='@IOT_CODE@')}",
        "Defined-By: iot-onboard",
        "Support: to make a file for your support: sudo iot-onboard bundle",
        "Documentation: man:iot-onboard(8)",
        "",
        *wrapped(topic.advice.explanation, _WIDTH),
        "",
    ]
    if topic.entry.priority <= Priority.WARNING:
        lines += [
            *_labelled("Who has to act", f"{topic.advice.responsible.value}."),
            *_labelled("What to do", " ".join(topic.advice.steps)),
            *_labelled("Next", f"{topic.advice.then}."),
            "",
            "Step by step: iot-onboard explain @IOT_CAUSE@",
        ]
        # The operator of the console needs to know which device it is.
        if topic.advice.responsible is Responsible.CONSOLE:
            lines.append("Device: @IOT_DEVICE_NAME@ of product @IOT_PRODUCT_KEY@, at @IOT_ENDPOINT@")
        lines.append("")
    return "\n".join(lines)


def _labelled(label: str, text: str) -> list[str]:
    return wrapped(f"{label}: {text}", _WIDTH, indent="  ", first="")


def troubleshooting() -> str:
    """Return docs/troubleshooting.md."""
    return "\n".join(
        [
            _MANUAL_HEAD,
            *_overview(),
            *(line for title, chapter in chapters().items() for line in _chapter(title, chapter)),
        ]
    )


def _overview() -> Iterator[str]:
    yield "## Every warning and error"
    yield ""
    yield "| event | level | the line | who has to act |"
    yield "|---|---|---|---|"
    for topic in topics():
        if topic.entry and topic.entry.priority <= Priority.WARNING:
            level = topic.entry.priority.name.lower()
            yield f"| [{topic.name}](#{topic.name}) | {level} | {_line(topic)} | {topic.advice.responsible.value} |"
    yield ""


def _chapter(title: str, chapter: tuple[Topic, ...]) -> Iterator[str]:
    yield from (f"## {title}", "")
    for topic in chapter:
        yield from (f"### {topic.name}", "", f"**{topic.title}**", "")
        if topic.entry is not None:
            level = topic.entry.priority.name.lower()
            yield from (f"> {_line(topic)}", "", f"Level {level}, `MESSAGE_ID={topic.entry.message_id}`.", "")
        yield from (topic.advice.explanation, "")
        yield f"- Who has to act: {topic.advice.responsible.value}."
        if len(topic.advice.steps) == 1:
            yield f"- What to do: {topic.advice.steps[0]}"
        else:
            yield "- What to do:"
            yield from (f"  {number}. {step}" for number, step in enumerate(topic.advice.steps, 1))
        yield from (f"- Next: {topic.advice.then}.", "")


def _line(topic: Topic) -> str:
    assert topic.entry is not None
    return sentence(topic.entry, _DETAILS, _CONTEXT)


def status_record() -> str:
    """Return docs/status.md: the names of `iot-onboard status --json`."""
    hints = get_type_hints(Status) | get_type_hints(View)
    rows = [f"| `{name}` | {_type(hints[name])} | {means} |" for name, means in MEANINGS.items()]
    return "\n".join([_STATUS_HEAD, *rows, ""])


def _type(hint: object) -> str:
    names = {str: "text", int: "whole number", float: "number", bool: "true or false", type(None): "null"}
    return " or ".join(names[part] for part in get_args(hint) or (hint,))


TEXTS: dict[str, Callable[[], str]] = {
    "systemd/iot-onboard.catalog": catalog,
    "docs/troubleshooting.md": troubleshooting,
    "docs/status.md": status_record,
    "docs/state-machine.md": diagram.page,
}


if __name__ == "__main__":
    for name, text in TEXTS.items():
        (Path(sys.argv[1]) / name).write_text(text())

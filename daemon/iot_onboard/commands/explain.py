"""`iot-onboard explain`: explain an event, a code or a number: its meaning, who has to act, and what to do."""

from __future__ import annotations

import argparse
import shutil
import textwrap
from collections.abc import Iterator

from ..core.exit_codes import ExitCode
from ..events.explain import Topic, chapters, find, suggestions, wrapped
from ..system.terminal import complain

EPILOG = """\
examples:
  iot-onboard explain 6289             a code of the registration
  iot-onboard explain login-refused    an event: the field IOT_EVENT in the journal
  iot-onboard explain connack 4        the number of a refused login; 4 alone is enough
  iot-onboard explain exit 78          an exit code of the service
  iot-onboard explain                  the list of all names
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the name, which may be several words."""
    parser.add_argument(
        "name",
        nargs="*",
        metavar="NAME",
        help="an event, a code, a CONNACK number, a cause, an exit code, a MESSAGE_ID",
    )


def run(arguments: argparse.Namespace) -> int:
    """Print the explanation, or all names if none is given."""
    width = min(shutil.get_terminal_size().columns, 100)
    words = " ".join(arguments.name)
    if not words:
        print(listing(width))
        return ExitCode.DONE
    topic = find(words)
    if topic is None:
        complain(unknown(words))
        return ExitCode.FAILED
    print(render(topic, width))
    return ExitCode.DONE


def render(topic: Topic, width: int) -> str:
    """Return one explanation for a terminal."""
    advice, entry = topic.advice, topic.entry
    lines = [*wrapped(f"{topic.name}: {topic.title}" if entry else topic.title, width), ""]
    journal = "Level {}; `journalctl MESSAGE_ID={}` shows these lines alone."
    for title, texts in (
        ("What it means", (advice.explanation,)),
        ("Who has to act", (f"{advice.responsible.value[0].upper()}{advice.responsible.value[1:]}.",)),
        ("What to do", advice.steps),
        ("What comes next", (f"{advice.then[0].upper()}{advice.then[1:]}.",)),
        ("In the journal", (journal.format(entry.priority.name.lower(), entry.message_id),) if entry else ()),
    ):
        if texts:
            lines += [title, *_indented(texts, width), ""]
    return "\n".join(lines[:-1])


def listing(width: int) -> str:
    """Return every name with its title, in groups."""
    lines: list[str] = []
    for chapter, topics in chapters().items():
        lines += [chapter]
        for topic in topics:
            # The name is in the first column already.
            title = topic.title if topic.entry else topic.title.partition(": ")[2]
            lines.append(f"  {topic.name:<24} {textwrap.shorten(title, max(width - 27, 20), placeholder=' ...')}")
        lines.append("")
    return "\n".join([*lines, "To read one: iot-onboard explain NAME"])


def unknown(words: str) -> str:
    """Return that there is no such name, with similar names."""
    close = suggestions(words)
    if close:
        return f"unknown name {words!r}; did you mean: {', '.join(close)}?"
    if words.isdecimal():
        return f"{words} is not a known code; see `iot-onboard explain unknown-code`"
    return f"unknown name {words!r}; to list all names: iot-onboard explain"


def _indented(texts: tuple[str, ...], width: int) -> Iterator[str]:
    for number, text in enumerate(texts, 1):
        mark = f"{number}. " if len(texts) > 1 else ""
        yield from wrapped(text, width, indent="  " + " " * len(mark), first=f"  {mark}")

"""Find the commands that a document has its readers type, and the phrases that they stumble over."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator

_LINE = re.compile(r"^\s*(?:\$ )?(?:sudo )?(iot-onboard (?!iot-onboard/)[^\n]*)$", re.MULTILINE)
_INLINE = re.compile(r"`(?:sudo )?(iot-onboard [^`\n]+)`")


def commands_in(text: str) -> Iterator[list[str]]:
    """Yield the words after `iot-onboard` of each line of code, and of code within a sentence.

    What follows a comment sign, two blanks, a pipe or a redirection is not the command's.
    """
    text = re.sub(r"\\\n\s*", " ", text)
    for found in (*_LINE.findall(text), *_INLINE.findall(text)):
        command = re.split(r"\s+#|  +|\s*[|<>;&]", str(found))[0]
        if not command.endswith((":", ".")):
            yield shlex.split(command)[1:]


# What readers whose first language is not English stumble over: idioms, old turns, and words that have a common one.
_HARD = {
    "a personified or vague verb": r"told|tells?|telling|hears?|heals?|hung up|hangs? up|goes by|stumbles?|dying",
    "an old word": r"anew|afresh|lest|hence|thus|whence|thereby|whoever|whomever|nobody's|somebody's|everybody's",
    "an idiom": r"in the way|on the way|as ever|for good|slip of the pen|out of luck|goodbye|makes? (no )?sense"
    r"|leads? on|lies? open|hold(s|ing)? off|throws? \w+ \w+ out|comes? about|came about|comes? to nothing|is nothing",
    "another word for one that is used": r"mend(s|ed|ing)?|keeper|makers|hand(s|ed)? out|tak(e|es|en) in|outlasts?",
    "an infinitive for a command": r"(is|are|was|were) (not )?to be|to be had",
    "an article too many": r"at the (most|least|earliest|latest)",
    "'running' for 'in a row'": r"(times|refusals|sessions|failures) running",
    "'for' for 'because'": r"(?<=, )for (it|they|there|((the|a|an|this|that) )?\w+ (is|are|has|may|can|would))",
    "'where' for 'if'": r"(?<![^.;:,(] )where (it|that|this|there|no|another|none|nothing)"
    r"|(?<=[.;,] )where (the|a|an)",
}
_PATTERNS = {why: re.compile(rf"\b({words})\b", re.IGNORECASE) for why, words in _HARD.items()}


def hard_words(text: str) -> dict[str, str]:
    """Return each phrase of a text that is hard to read, with the reason."""
    return {found[0]: why for why, pattern in _PATTERNS.items() if (found := pattern.search(text))}

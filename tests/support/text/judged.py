"""Rows of a table of judgements, and how one is held against its judge."""

from __future__ import annotations

import stat
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from iot_onboard.doctor.checks.files import Account, FileFacts
from iot_onboard.doctor.model import Finding, Level


@dataclass(frozen=True, slots=True)
class Row:
    """Name a case; say how these facts are to be judged, and which words the operator reads."""

    name: str
    judge: Callable[[Any], Finding | None]
    facts: object
    level: Level | None
    words: str = ""
    fix: str = ""

    def __str__(self) -> str:
        return self.name

    def holds(self) -> None:
        finding = self.judge(self.facts)
        assert (finding and finding.level) is self.level, finding
        if finding is None:
            return
        assert self.words in finding.sentence
        assert self.fix in finding.fix


OK, WARN, FAIL, SKIPPED = Level.OK, Level.WARN, Level.FAIL, Level.SKIPPED
# What a judge says that has nothing to say.
NOTHING = None
SERVICE = Account(name="iot-onboard", uid=990, gids=frozenset({990}))


def file(path: str, mode: int, uid: int = 990, kind: int = stat.S_IFREG) -> FileFacts:
    return FileFacts(path=path, mode=kind | mode, uid=uid, gid=uid)


def directory(path: str, mode: int, uid: int = 990) -> FileFacts:
    return file(path, mode, uid, stat.S_IFDIR)

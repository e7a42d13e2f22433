"""Judge whether what is installed is what was shipped. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from ..model import Finding, ok, skipped, warn


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageFacts:
    """Hold what dpkg says of our package's files; `changed` are those that are not as shipped."""

    installed: bool = False
    changed: tuple[str, ...] = ()
    trouble: str = ""


def files(facts: PackageFacts) -> Finding:
    """Judge whether our files are those of the package; what an operator may change is not counted."""
    if not facts.installed:
        return skipped(f"Not installed as a package{f': {facts.trouble}' if facts.trouble else ''}.")
    if facts.trouble:
        return skipped(f"dpkg does not say: {facts.trouble}.")
    if facts.changed:
        sentence = f"{len(facts.changed)} file(s) of the package are not as shipped, such as {facts.changed[0]}."
        return warn(sentence, "sudo apt-get install --reinstall iot-onboard")
    return ok("Every file of the package is as shipped.")

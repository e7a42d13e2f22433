"""Ask dpkg what it says of our package."""

from __future__ import annotations

from ...system.processes import ask
from ..checks.package import PackageFacts
from ..model import Facts, Probe

_TIMEOUT_S = 2.0
# What small images leave out on purpose (dpkg's path-exclude).
_LEFT_OUT = ("/usr/share/doc/", "/usr/share/man/", "/usr/share/locale/")


def _package(_: Facts) -> PackageFacts:
    known = ask(["dpkg-query", "-W", "-f=${db:Status-Status}", "iot-onboard"], timeout_s=_TIMEOUT_S)
    if known.code != 0 or known.text != "installed":
        return PackageFacts(trouble=known.trouble)
    answer = ask(["dpkg", "--verify", "iot-onboard"], timeout_s=_TIMEOUT_S)
    if answer.code is None:
        return PackageFacts(installed=True, trouble=answer.trouble)
    # "??5?????? c /etc/...": the letter before the path marks what operators change.
    lines = [line.split(maxsplit=1) for line in answer.text.splitlines() if line]
    paths = [words[1] for words in lines if len(words) == 2 and not words[1].startswith("c ")]
    return PackageFacts(installed=True, changed=tuple(path for path in paths if not path.startswith(_LEFT_OUT)))


PACKAGE = Probe(name="asking dpkg", look=_package)

"""Look at what is installed."""

from __future__ import annotations

import re
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version

from ...aliyun.signing import SignMethod
from ...system.processes import ask
from ..checks.package import Module, PackageFacts
from ..model import Probe, Seen
from .configuration import CONFIG_FILES

# Module, Debian's package, and the name it has among Python's distributions.
_MODULES = (
    ("paho.mqtt", "python3-paho-mqtt", "paho-mqtt"),
    ("requests", "python3-requests", "requests"),
    ("yaml", "python3-yaml", "PyYAML"),
    ("systemd", "python3-systemd", "systemd-python"),
)
_TIMEOUT_S = 2.0
# What small images leave out on purpose (dpkg's path-exclude).
_LEFT_OUT = ("/usr/share/doc/", "/usr/share/man/", "/usr/share/locale/")


def _modules(_: Seen) -> tuple[Module, ...]:
    return tuple(_module(*names) for names in _MODULES)


def _module(name: str, package: str, distribution: str) -> Module:
    try:
        import_module(name)
    except ImportError:
        return Module(name=name, package=package, version=None)
    try:
        text = version(distribution)
    except PackageNotFoundError:
        text = ""
    return Module(name=name, package=package, version=tuple(int(n) for n in re.findall(r"\d+", text)[:3]), text=text)


def _package(_: Seen) -> PackageFacts:
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


def _sign_method(seen: Seen) -> SignMethod | None:
    facts = seen.maybe(CONFIG_FILES)
    return facts.config.sign_method if facts is not None and facts.config is not None else None


MODULES: Probe[tuple[Module, ...]] = Probe(name="importing Python's modules", look=_modules)
PACKAGE: Probe[PackageFacts] = Probe(name="asking dpkg", look=_package)
SIGNING: Probe[SignMethod | None] = Probe(name="reading the sign method", look=_sign_method, wants=(CONFIG_FILES,))

"""Judge the configuration: can it be read, does it make sense, is it filled in, whose is it. Pure.

And what it comes to: what this gateway is called, what makes that name its own, and whom it speaks to.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from urllib.parse import urlsplit

from ...aliyun.hosts import KNOWN_REGIONS, VENDOR_DOMAIN
from ...config.device_name import Facts as Hardware
from ...config.endpoints import mqtt_host, registration_url
from ...config.problems import Problem
from ...config.reader import values_of
from ...config.schema import SETUP, Config, Document
from ..model import Finding, fail, ok, skipped, warn
from .files import READ, Account, FileFacts, impassable_directory, may

_RESTART = "sudo systemctl restart iot-onboard"
# Two fragments that set these to different values most likely stem from two intentions.
_SHOWN_KEYS = ("product_key", "device_name", "region", "instance_id", "registration.url", "mqtt.host", "proxy")
_HTTPS_PORT = 443


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigFacts:
    """Hold the files of the configuration as they were read, the main one first, and what they come to.

    `unreadable` are the problems of files that could not be read; `problems` are all, those included. `directories` is
    the way to conf.d, `account` whom the service runs as.
    """

    path: str
    documents: Sequence[Document]
    unreadable: Sequence[Problem]
    files: Sequence[FileFacts]
    config: Config | None
    problems: Sequence[Problem]
    as_root: bool
    ca_file: FileFacts | None = None
    directories: Sequence[FileFacts] = ()
    account: Account | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NamingFacts:
    """Hold the template, what it comes to or why it comes to nothing, and what the hardware says.

    `kept` says what speaks against a name that stays; `running` is the name of the daemon that runs, if one does.
    """

    template: str
    device_name: str | None
    problem: str
    hardware: Hardware
    kept: str = ""
    running: str = ""
    as_root: bool = True


def files(facts: ConfigFacts) -> Finding:
    """Judge whether every file can be read."""
    denied = [problem for problem in facts.unreadable if "Permission denied" in problem.problem]
    if denied and not facts.as_root:
        return skipped(f"{denied[0].file} may not be read by this user.", "run with sudo", blocks=True)
    if any(problem.file == facts.path and "No such file" in problem.problem for problem in facts.unreadable):
        return fail(f"There is no configuration: {facts.path} does not exist.", SETUP)
    if facts.unreadable:
        problem = facts.unreadable[0]
        return fail(f"{problem.file} {problem.problem}.", f"make it a plain, readable file: ls -l {problem.file}")
    more = len(facts.documents) - 1
    fragments = f", and {more} file{'s' * (more > 1)} in conf.d" if more else "; conf.d holds no file"
    return ok(f"{facts.path} is readable{fragments}.")


def overrides(facts: ConfigFacts) -> Finding | None:
    """Judge whether files of conf.d contradict each other; to win over the main file is what they are for."""
    values_by_key = [(document.name, values_of(document)) for document in facts.documents[1:]]
    for key in _SHOWN_KEYS:
        setting = [(name, values[key]) for name, values in values_by_key if values.get(key) is not None]
        for (earlier, value), (later, other) in pairwise(setting):
            if value != other:
                sentence = f"{earlier} and {later} set {key} to different values; the later one counts."
                return warn(sentence, f"remove {key} from one of the two, then: {_RESTART}")
    changed = sorted({key for _, values in values_by_key for key in values})
    return ok(f"Files in conf.d set {', '.join(changed)}; they agree with each other.") if changed else None


def valid(facts: ConfigFacts) -> Finding:
    """Judge what the files say."""
    if not facts.problems:
        return ok("Every key is known, and every value is of its kind.")
    count = sum(problem.count for problem in facts.problems)
    more = f" ({count} problems in all)" if count > 1 else ""
    fix = f"correct it (`iot-onboard check-config` lists every problem), then: {_RESTART}"
    return fail(f"{facts.problems[0]}{more}.", fix)


def complete(facts: ConfigFacts) -> Finding:
    """Judge whether this gateway was told its product and its name."""
    config = facts.config
    empty = [] if config is None else [key for key in ("product_key", "device_name") if not getattr(config, key)]
    if empty:
        return fail(f"This gateway is not set up yet: {' and '.join(empty)} stand nowhere.", SETUP)
    return ok("Product key and device name are given.")


def device_name(facts: NamingFacts) -> Finding:
    """Judge whether there is a name that the platform would take."""
    name, running = facts.device_name, facts.running
    if running and running != name:
        now = f"the hardware gives {name} now" if name is not None else f"now there is no name: {facts.problem}"
        sentence = f"The daemon runs as {running}; {now}."
        if not facts.as_root:
            return warn(sentence, "run with sudo: only root sees whether the daemon remembers its name")
        return warn(sentence, "the next start takes what is now; where that is wrong: sudo iot-onboard setup")
    if facts.kept:
        sentence = f"The device name stays {name}, as the stored secret is of that name: {facts.kept}."
        return warn(sentence, "sudo iot-onboard setup --device-name NAME, with this name or the one that is meant")
    if name is not None:
        made = "" if facts.device_name == facts.template else f", made from {facts.template}"
        return ok(f"The device name is {name}{made}.")
    fix = "give device_name another placeholder, or a name; {mac} and {machine_id} work on most boards"
    return fail(f"device_name {facts.template}: {facts.problem}.", fix)


def unique(facts: NamingFacts) -> Finding:
    """Judge whether a second gateway with the same image would have the same name."""
    template, hardware = facts.template, facts.hardware
    if "{serial}" in template and hardware.disagreement:
        sentence = f"Two sources of this board's serial number disagree: {hardware.disagreement}. The first counts."
        return warn(sentence, "write device_name out, or use {mac} or {machine_id} in it, where the first is not meant")
    if "{mac" in template and any(int(address[:2], 16) & 2 for _, address in hardware.macs):
        sentence = "The device name comes from an address that the vendor of the interface has not given."
        return warn(sentence, "look whether it is the same after a boot; {serial} and {machine_id} are an alternative")
    if "{machine_id}" in template:
        return ok("The name comes from the machine id: an image must be copied with an empty /etc/machine-id.")
    if "{" in template:
        return ok("The name comes from this board's hardware: a copied card gets a name of its own.")
    return ok("The name is literal: a copied card would use this gateway's identity.")


def hosts(config: Config) -> Finding:
    """Judge whether the gateway speaks to the vendor or to somebody else."""
    both = (registration_endpoint(config)[0], mqtt_host(config))
    foreign = [host for host in both if not is_vendors(host)]
    if not foreign:
        return ok(f"Live: {both[0]} and {both[1]} are the vendor's.")
    if len(foreign) == 2:
        sentence = f"Not the live platform: registration goes to {foreign[0]}, MQTT to {foreign[1]}."
        return warn(sentence, "where that is not meant, remove registration.url and mqtt.host from the configuration")
    sentence = f"One leg goes to the vendor and the other to {foreign[0]}: a secret of the one is nothing to the other."
    return fail(sentence, "set both registration.url and mqtt.host, or neither", blocks=False)


def region(config: Config) -> Finding:
    """Judge whether the region is one we have heard of; the platform may have newer ones."""
    if config.registration_url is not None and (config.mqtt_host is not None or config.instance_id is not None):
        return ok(f"The region {config.region} names no host here.")
    if config.region in KNOWN_REGIONS:
        return ok(f"The region is {config.region}; the console shows at the top whether the product is in it.")
    sentence = f"The region {config.region} is none that we know: {', '.join(sorted(KNOWN_REGIONS))}."
    return warn(sentence, "if the names do not resolve, correct region in the configuration")


def readable(facts: ConfigFacts) -> Finding | None:
    """Judge whether the service may read what root can read."""
    account = facts.account
    if account is None:
        return None
    if (impassable := impassable_directory(account, facts.directories)) is not None:
        return impassable
    for file in (*facts.files, *([facts.ca_file] if facts.ca_file is not None else [])):
        if not may(account, file, READ):
            sentence = f"The service's user {account.name} may not read {file.path} (mode {file.permissions})."
            fix = f"sudo chgrp {account.name} {file.path} && sudo chmod 640 {file.path}"
            return fail(sentence, fix, blocks=False)
    return ok(f"The service's user {account.name} may read the configuration.")


def exposure(facts: ConfigFacts) -> Finding | None:
    """Judge who may read or change the configuration: it may hold a proxy's password, and says where secrets go."""
    for file in facts.files:
        if file.mode & 0o002:
            sentence = f"{file.path} may be changed by others (mode {file.permissions})."
            return fail(sentence, f"sudo chmod o-w {file.path}", blocks=False)
    with_password = {document.name for document in facts.documents if _holds_a_password(document)}
    for file in facts.files:
        if file.path in with_password and file.mode & 0o007:
            sentence = f"{file.path} holds the proxy's password, and may be read by others (mode {file.permissions})."
            return warn(sentence, f"sudo chgrp iot-onboard {file.path} && sudo chmod 640 {file.path}")
    if facts.unreadable:
        return skipped("Files that cannot be read are not judged by their modes.")
    return ok("Nobody but its owner may change it, and no password in it is open to others.")


def registration_endpoint(config: Config) -> tuple[str, int]:
    """Return the host and the port that registration goes to."""
    url = urlsplit(registration_url(config))
    return url.hostname or "", url.port or _HTTPS_PORT


def mqtt_endpoint(config: Config) -> tuple[str, int]:
    """Return the host and the port of the login."""
    return mqtt_host(config), config.mqtt_port


def is_vendors(host: str) -> bool:
    """Say whether a host is under the vendor's domain."""
    return host == VENDOR_DOMAIN or host.endswith("." + VENDOR_DOMAIN)


def _holds_a_password(document: Document) -> bool:
    proxy = values_of(document).get("proxy")
    return proxy is not None and proxy.password is not None

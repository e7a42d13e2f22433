"""Check the configuration: is it readable, valid and complete, and who can read or change it. Pure.

Check its result too: the device name, whether that name is unique, and the hosts that the gateway connects to.
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
from .files import READ, Account, FileFacts, impassable_directory, is_permitted

_RESTART = "sudo systemctl restart iot-onboard"
# If two fragments set one of these to different values, that is probably a mistake.
_SHOWN_KEYS = ("product_key", "device_name", "region", "instance_id", "registration.url", "mqtt.host", "proxy")
_HTTPS_PORT = 443


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigFacts:
    """Hold the files of the configuration as they were read, the main one first, and the configuration that they give.

    `unreadable` has the problems of files that could not be read; `problems` has all, including those. `directories`
    are conf.d and the directories above it; `account` is the user of the service.
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
    """Hold the template, the name that it gives or why it gives none, and the facts of the hardware.

    `kept` says why a kept name would not be accepted today; `running` is the device name of the running daemon, if any.
    """

    template: str
    device_name: str | None
    problem: str
    hardware: Hardware
    kept: str = ""
    running: str = ""
    as_root: bool = True


def files(facts: ConfigFacts) -> Finding:
    """Check that every file is readable."""
    denied = [problem for problem in facts.unreadable if "Permission denied" in problem.problem]
    if denied and not facts.as_root:
        return skipped(f"This user cannot read {denied[0].file}.", "run with sudo", blocks=True)
    if any(problem.file == facts.path and "No such file" in problem.problem for problem in facts.unreadable):
        return fail(f"There is no configuration: {facts.path} does not exist.", SETUP)
    if facts.unreadable:
        problem = facts.unreadable[0]
        return fail(f"{problem.file} {problem.problem}.", f"make it a regular, readable file: ls -l {problem.file}")
    more = len(facts.documents) - 1
    fragments = f", and {more} file{'s' * (more > 1)} in conf.d" if more else "; conf.d has no files"
    return ok(f"{facts.path} is readable{fragments}.")


def overrides(facts: ConfigFacts) -> Finding | None:
    """Check that files of conf.d do not contradict each other; they may override the main file."""
    values_by_file = [(document.name, values_of(document)) for document in facts.documents[1:]]
    for key in _SHOWN_KEYS:
        setting = [(name, values[key]) for name, values in values_by_file if values.get(key) is not None]
        for (earlier, value), (later, other) in pairwise(setting):
            if value != other:
                sentence = f"{earlier} and {later} set {key} to different values; {later} wins."
                return warn(sentence, f"remove {key} from one of the two, then: {_RESTART}")
    changed = sorted({key for _, values in values_by_file for key in values})
    return ok(f"Files in conf.d set {', '.join(changed)}; they agree with each other.") if changed else None


def valid(facts: ConfigFacts) -> Finding:
    """Check the keys and values in the files."""
    if not facts.problems:
        return ok("All keys and values are valid.")
    count = sum(problem.count for problem in facts.problems)
    more = f" ({count} problems in all)" if count > 1 else ""
    fix = f"correct it (`iot-onboard check-config` lists every problem), then: {_RESTART}"
    return fail(f"{facts.problems[0]}{more}.", fix)


def complete(facts: ConfigFacts) -> Finding:
    """Check that product key and device name are configured."""
    config = facts.config
    empty = [] if config is None else [key for key in ("product_key", "device_name") if not getattr(config, key)]
    if empty:
        return fail(f"This gateway is not set up yet: no {' and no '.join(empty)} is configured.", SETUP)
    return ok("Product key and device name are set.")


def device_name(facts: NamingFacts) -> Finding:
    """Check that there is a name that the platform accepts."""
    name, running = facts.device_name, facts.running
    if running and running != name:
        now = f"the hardware now gives {name}" if name is not None else f"now there is no name: {facts.problem}"
        sentence = f"The running daemon uses the name {running}; {now}."
        if not facts.as_root:
            return warn(sentence, "run with sudo: only root can read the name that the daemon has saved")
        return warn(sentence, "the next start uses the new state; if that is wrong: sudo iot-onboard setup")
    if facts.kept:
        sentence = f"The device name stays {name}, because the stored secret is for that name: {facts.kept}."
        return warn(sentence, "sudo iot-onboard setup --device-name NAME, with this name or with the one that you want")
    if name is not None:
        made = "" if facts.device_name == facts.template else f", made from {facts.template}"
        return ok(f"The device name is {name}{made}.")
    fix = "set device_name to another placeholder or to a name; {mac} and {machine_id} work on most boards"
    return fail(f"device_name {facts.template}: {facts.problem}.", fix)


def unique(facts: NamingFacts) -> Finding:
    """Check that a second gateway with the same image would get another name."""
    template, hardware = facts.template, facts.hardware
    if "{serial}" in template and hardware.disagreement:
        sentence = f"This board has two different serial numbers: {hardware.disagreement}. The first one is used."
        return warn(sentence, "if the first is wrong, set device_name to a name, or use {mac} or {machine_id} in it")
    if "{mac" in template and any(int(address[:2], 16) & 2 for _, address in hardware.macs):
        sentence = "The device name is made from a MAC address that was set by software, not by the vendor."
        return warn(sentence, "check that it is the same after a reboot; otherwise use {serial} or {machine_id}")
    if "{machine_id}" in template:
        return ok("The name is made from the machine id: copy an image only with an empty /etc/machine-id.")
    if "{" in template:
        return ok("The name is made from this board's hardware: a copied card gets another name.")
    return ok("The name is literal: a copied card would use this gateway's identity.")


def hosts(config: Config) -> Finding:
    """Check whether the hosts are the vendor's."""
    both = (registration_endpoint(config)[0], mqtt_host(config))
    foreign = [host for host in both if not is_vendors(host)]
    if not foreign:
        return ok(f"Live: {both[0]} and {both[1]} are the vendor's.")
    if len(foreign) == 2:
        sentence = f"Not the live platform: registration goes to {foreign[0]}, MQTT to {foreign[1]}."
        return warn(sentence, "if you do not want that, remove registration.url and mqtt.host from the configuration")
    sentence = f"One host is the vendor's, the other is {foreign[0]}: a secret from the one is not valid at the other."
    return fail(sentence, "set both registration.url and mqtt.host, or neither", blocks=False)


def region(config: Config) -> Finding:
    """Check that the region is a known one; the platform may have newer ones."""
    if config.registration_url is not None and (config.mqtt_host is not None or config.instance_id is not None):
        return ok(f"The region {config.region} is not used: the hosts are configured.")
    if config.region in KNOWN_REGIONS:
        return ok(f"The region is {config.region}; the product's region is shown at the top of the console.")
    sentence = f"The region {config.region} is not among the known ones: {', '.join(sorted(KNOWN_REGIONS))}."
    return warn(sentence, "if the hosts' names do not resolve, correct region in the configuration")


def readable(facts: ConfigFacts) -> Finding | None:
    """Check that the service can read the files that root can read."""
    account = facts.account
    if account is None:
        return None
    if (impassable := impassable_directory(account, facts.directories)) is not None:
        return impassable
    for file in (*facts.files, *([facts.ca_file] if facts.ca_file is not None else [])):
        if not is_permitted(account, file, READ):
            sentence = f"The service's user {account.name} cannot read {file.path} (mode {file.permissions})."
            fix = f"sudo chgrp {account.name} {file.path} && sudo chmod 640 {file.path}"
            return fail(sentence, fix, blocks=False)
    return ok(f"The service's user {account.name} can read the configuration.")


def exposure(facts: ConfigFacts) -> Finding | None:
    """Check who can read or change the configuration: it may hold a proxy's password, and names the secret files."""
    for file in facts.files:
        if file.mode & 0o002:
            sentence = f"Other users can change {file.path} (mode {file.permissions})."
            return fail(sentence, f"sudo chmod o-w {file.path}", blocks=False)
    with_password = {document.name for document in facts.documents if _holds_a_password(document)}
    for file in facts.files:
        if file.path in with_password and file.mode & 0o007:
            sentence = f"{file.path} holds the proxy's password, and other users can read it (mode {file.permissions})."
            return warn(sentence, f"sudo chgrp iot-onboard {file.path} && sudo chmod 640 {file.path}")
    if facts.unreadable:
        return skipped("The modes of unreadable files are not checked.")
    return ok("Only its owner can change it, and other users can read no password in it.")


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

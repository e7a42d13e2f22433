"""How the doctor judges the configuration: its files, what the gateway is called, and whom it speaks to."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from iot_onboard.config.device_name import Facts
from iot_onboard.config.problems import Problem, file_problem
from iot_onboard.config.reader import parse
from iot_onboard.config.schema import Config, Document
from iot_onboard.doctor.checks import configuration
from iot_onboard.doctor.checks.configuration import ConfigFacts, NamingFacts, mqtt_endpoint, registration_endpoint
from iot_onboard.doctor.checks.files import Account, FileFacts
from support.text.judged import FAIL, NOTHING, OK, SERVICE, SKIPPED, WARN, Row, directory, file

MAIN, EXTRA, MORE = (
    "/etc/iot-onboard/config.yaml",
    "/etc/iot-onboard/conf.d/10-a.yaml",
    "/etc/iot-onboard/conf.d/20-b.yaml",
)
NAMES = "product_key: a1b2c3d4e5f\ndevice_name: gw-0001\n"


def config(*texts: str, unreadable: tuple[Problem, ...] = (), mode: int = 0o644, as_root: bool = True) -> ConfigFacts:
    documents = [Document(name=name, text=text) for name, text in zip((MAIN, EXTRA, MORE), texts, strict=False)]
    made, problems = parse(documents, unreadable, names_required=False)
    return ConfigFacts(
        path=MAIN,
        documents=documents,
        unreadable=unreadable,
        files=[file(document.name, mode, uid=0) for document in documents],
        config=made,
        problems=problems,
        as_root=as_root,
    )


def seen_by(account: Account | None, mode: int = 0o644, ways: tuple[FileFacts, ...] = ()) -> ConfigFacts:
    return replace(config(NAMES, mode=mode), account=account, directories=ways)


def problem(words: str, name: str = MAIN) -> tuple[Problem, ...]:
    return (file_problem(name, words),)


PROXY = "proxy: http://u:hunter2@proxy.example:3128\n"
DENIED = problem("cannot be read: Permission denied", EXTRA)
CONFIGURATION = [
    Row("one file", configuration.files, config(NAMES), OK, "conf.d has no files"),
    Row("two files", configuration.files, config(NAMES, ""), OK, "and 1 file in conf.d"),
    Row("denied", configuration.files, config(NAMES, unreadable=DENIED, as_root=False), SKIPPED, EXTRA, "sudo"),
    Row(
        "denied to root",
        configuration.files,
        config(NAMES, unreadable=DENIED),
        FAIL,
        "Permission denied",
        f"ls -l {EXTRA}",
    ),
    Row(
        "no file",
        configuration.files,
        config(unreadable=problem("cannot be read: No such file or directory")),
        FAIL,
        "There is no configuration",
        "sudo iot-onboard setup",
    ),
    Row(
        "a directory",
        configuration.files,
        config(unreadable=problem("cannot be read: Is a directory")),
        FAIL,
        "Is a directory",
        "ls -l",
    ),
    Row("good", configuration.valid, config(NAMES), OK, "are valid"),
    Row(
        "unknown key",
        configuration.valid,
        config(NAMES + "regon: x\n"),
        FAIL,
        f"{MAIN}:3: regon: is not a known key (did you mean region?)",
        "check-config",
    ),
    Row("two problems", configuration.valid, config(NAMES + "a: 1\nb: 2\n"), FAIL, "(2 problems in all)"),
    Row(
        "many problems",
        configuration.valid,
        config(NAMES + "".join(f"k{number}: 1\n" for number in range(100))),
        FAIL,
        "(100 problems in all)",
    ),
    Row("set up", configuration.complete, config(NAMES), OK, "are set"),
    Row(
        "not set up",
        configuration.complete,
        config(""),
        FAIL,
        "no product_key and no device_name is configured",
        "sudo iot-onboard setup",
    ),
    Row(
        "half set up",
        configuration.complete,
        config("product_key: a1b2c3d4e5f\n"),
        FAIL,
        ": no device_name is configured",
    ),
    Row("no overrides", configuration.overrides, config(NAMES), NOTHING),
    Row(
        "conf.d wins over the main file",
        configuration.overrides,
        config(NAMES, "region: us-east-1\n"),
        OK,
        "conf.d set region;",
    ),
    Row(
        "conf.d against itself",
        configuration.overrides,
        config(NAMES, "region: us-east-1\n", "region: us-west-1\n"),
        WARN,
        f"{EXTRA} and {MORE} set region",
        "remove region",
    ),
    Row(
        "conf.d twice the same",
        configuration.overrides,
        config(NAMES, "region: us-east-1\n", "region: us-east-1\n"),
        OK,
        "agree",
    ),
    Row(
        "log levels may differ",
        configuration.overrides,
        config(NAMES, "log_level: info\n", "log_level: debug\n"),
        OK,
        "log_level",
    ),
    Row("readable", configuration.readable, seen_by(SERVICE), OK, "can read the configuration"),
    Row("nobody reads", configuration.readable, seen_by(None), NOTHING),
    Row("root's alone", configuration.readable, seen_by(SERVICE, mode=0o600), FAIL, f"cannot read {MAIN}", "chmod 640"),
    Row(
        "closed way",
        configuration.readable,
        seen_by(SERVICE, ways=(directory("/", 0o755, 0), directory("/etc", 0o700, 0))),
        FAIL,
        "cannot enter /etc (mode 0700)",
        "sudo chmod a+x /etc",
    ),
    Row(
        "closed roots",
        configuration.readable,
        replace(seen_by(SERVICE), ca_file=file("/etc/ca.pem", 0o600, uid=0)),
        FAIL,
        "cannot read /etc/ca.pem",
    ),
    Row("closed", configuration.exposure, config(NAMES + PROXY, mode=0o640), OK, "Only its owner"),
    Row("no password", configuration.exposure, config(NAMES, mode=0o644), OK, "Only its owner"),
    Row(
        "an open password",
        configuration.exposure,
        config(NAMES, PROXY, mode=0o644),
        WARN,
        f"{EXTRA} holds the proxy's password",
        "chmod 640",
    ),
    Row(
        "writable by all",
        configuration.exposure,
        config(NAMES, mode=0o646),
        FAIL,
        "Other users can change /etc/iot-onboard/config.yaml (mode 0646)",
        "sudo chmod o-w",
    ),
]


def test_no_password_is_told() -> None:
    """What stands in the configuration is named by its key, never by its value."""
    facts = config(NAMES, PROXY, "proxy: http://u:other@proxy.example:3128\n", mode=0o644)
    told = [rule(facts) for rule in (configuration.overrides, configuration.exposure, configuration.valid)]
    assert "set proxy to different values" in str(told[0])
    assert "hunter2" not in str(told)


def named(
    template: str,
    name: str | None = "gw-0001",
    trouble: str = "",
    *,
    kept: str = "",
    running: str = "",
    **hardware: Any,
) -> NamingFacts:
    facts = Facts(**hardware)
    return NamingFacts(template=template, device_name=name, problem=trouble, hardware=facts, kept=kept, running=running)


def hosts(text: str = "", region: str = "cn-shanghai") -> Config:
    config, problems = parse(
        [Document(name="x", text=f"product_key: a1b2c3d4e5f\ndevice_name: gw-0001\nregion: {region}\n{text}")], ()
    )
    assert config is not None, problems
    return config


LOCAL = "registration: {url: 'https://127.0.0.1:4433/x'}\nmqtt: {host: 127.0.0.1, port: 1883}\n"
IDENTITY = [
    Row("literal", configuration.device_name, named("gw-0001"), OK, "The device name is gw-0001."),
    Row("made", configuration.device_name, named("gw-{serial}"), OK, "made from gw-{serial}"),
    Row(
        "no serial",
        configuration.device_name,
        named("gw-{serial}", None, "this machine has no {serial} now"),
        FAIL,
        "has no {serial}",
        "{machine_id}",
    ),
    Row("literal is not unique", configuration.unique, named("gw-0001"), OK, "copied card"),
    Row("serial", configuration.unique, named("gw-{serial}", serial="1"), OK, "hardware"),
    Row("machine id", configuration.unique, named("gw-{machine_id}"), OK, "empty /etc/machine-id"),
    Row(
        "everybody's host name",
        configuration.device_name,
        named("{hostname}", None, "the host name is raspberrypi, which many gateways have", hostname="raspberrypi"),
        FAIL,
        "which many gateways have",
        "{mac}",
    ),
    Row(
        "a name of before",
        configuration.device_name,
        named("{hostname}", kept="the hardware gives gw-0002 now"),
        WARN,
        "stays gw-0001, because the stored secret is for that name: the hardware gives gw-0002 now",
        "--device-name NAME",
    ),
    Row(
        "another name than the daemon's",
        configuration.device_name,
        named("{hostname}", running="gw-0000"),
        WARN,
        "The running daemon uses the name gw-0000; the hardware now gives gw-0001.",
        "the next start",
    ),
    Row(
        "no name beside a daemon that has one",
        configuration.device_name,
        named("{hostname}", None, "this machine has no {hostname} now", running="gw-0000"),
        WARN,
        "The running daemon uses the name gw-0000; now there is no name: this machine has no {hostname} now.",
        "sudo",
    ),
    Row("the daemon's name", configuration.device_name, named("{hostname}", running="gw-0001"), OK, "gw-0001"),
    Row(
        "sources that disagree",
        configuration.unique,
        named("{serial}", disagreement="the device tree says a1, /proc/cpuinfo says b2"),
        WARN,
        "the device tree says a1, /proc/cpuinfo says b2. The first one is used.",
        "{mac}",
    ),
    Row("own host name", configuration.unique, named("{hostname}", hostname="pump-7"), OK, "hardware"),
    Row(
        "made-up mac",
        configuration.unique,
        named("gw-{mac}", macs=(("eth0", "02:00:00:00:00:01"),)),
        WARN,
        "set by software",
        "{serial}",
    ),
    Row(
        "burnt-in mac",
        configuration.unique,
        named("gw-{mac:eth0}", macs=(("eth0", "b8:27:eb:00:00:01"),)),
        OK,
        "hardware",
    ),
    Row("live", configuration.hosts, hosts(), OK, "Live"),
    Row(
        "sandbox",
        configuration.hosts,
        hosts(LOCAL),
        WARN,
        "Not the live platform",
        "registration.url",
    ),
    Row("half", configuration.hosts, hosts("mqtt: {host: broker.example}"), FAIL, "broker.example", "both"),
    Row(
        "an ending is not the domain",
        configuration.hosts,
        hosts("registration: {url: 'https://notaliyuncs.com/x'}\nmqtt: {host: aliyuncs.com.example}\n"),
        WARN,
        "Not the live",
    ),
    Row("known region", configuration.region, hosts(), OK, "cn-shanghai"),
    Row(
        "unknown region",
        configuration.region,
        hosts(region="cn-shangai"),
        WARN,
        "cn-shangai is not among the known ones",
        "correct region",
    ),
    Row("region without use", configuration.region, hosts(LOCAL, "x"), OK, "is not used"),
]


@pytest.mark.parametrize("row", [*CONFIGURATION, *IDENTITY], ids=str)
def test_judgements(row: Row) -> None:
    """These facts, this level, these words, this fix."""
    row.holds()


def test_endpoints() -> None:
    """Host and port of both legs: the vendor's by the region, or what is configured."""
    assert registration_endpoint(hosts()) == ("iot-auth.cn-shanghai.aliyuncs.com", 443)
    assert mqtt_endpoint(hosts()) == ("a1b2c3d4e5f.iot-as-mqtt.cn-shanghai.aliyuncs.com", 8883)
    assert registration_endpoint(hosts(LOCAL)) == ("127.0.0.1", 4433)
    assert mqtt_endpoint(hosts(LOCAL)) == ("127.0.0.1", 1883)

"""How the doctor judges what the gateway is called, and whom it speaks to."""

from __future__ import annotations

from typing import Any

import pytest

from iot_onboard.config.device_name import Facts
from iot_onboard.config.reader import parse
from iot_onboard.config.schema import Config, Document
from iot_onboard.doctor.checks import identity
from iot_onboard.doctor.checks.identity import NamingFacts, mqtt_endpoint, registration_endpoint
from support.text.judged import FAIL, OK, WARN, Row


def named(template: str, name: str | None = "gw-0001", trouble: str = "", **hardware: Any) -> NamingFacts:
    return NamingFacts(template=template, device_name=name, problem=trouble, hardware=Facts(**hardware))


def hosts(text: str = "", region: str = "cn-shanghai") -> Config:
    config, problems = parse(
        [Document(name="x", text=f"product_key: a1b2c3d4e5f\ndevice_name: gw-0001\nregion: {region}\n{text}")], ()
    )
    assert config is not None, problems
    return config


LOCAL = "registration: {url: 'https://127.0.0.1:4433/x'}\nmqtt: {host: 127.0.0.1, port: 1883}\n"
IDENTITY = [
    Row("literal", identity.device_name, named("gw-0001"), OK, "The device name is gw-0001."),
    Row("made", identity.device_name, named("gw-{serial}"), OK, "made from gw-{serial}"),
    Row(
        "no serial",
        identity.device_name,
        named("gw-{serial}", None, "this machine has no {serial} now"),
        FAIL,
        "has no {serial}",
        "{machine_id}",
    ),
    Row("literal is not unique", identity.unique, named("gw-0001"), OK, "copied card"),
    Row("serial", identity.unique, named("gw-{serial}", serial="1"), OK, "hardware"),
    Row("machine id", identity.unique, named("gw-{machine_id}"), OK, "empty /etc/machine-id"),
    Row(
        "everybody's host name",
        identity.unique,
        named("{hostname}", hostname="RaspberryPi"),
        WARN,
        "RaspberryPi",
        "set-hostname",
    ),
    Row("own host name", identity.unique, named("{hostname}", hostname="pump-7"), OK, "hardware"),
    Row(
        "made-up mac",
        identity.unique,
        named("gw-{mac}", macs=(("eth0", "02:00:00:00:00:01"),)),
        WARN,
        "made up",
        "{serial}",
    ),
    Row("burnt-in mac", identity.unique, named("gw-{mac:eth0}", macs=(("eth0", "b8:27:eb:00:00:01"),)), OK, "hardware"),
    Row("live", identity.hosts, hosts(), OK, "Live"),
    Row(
        "sandbox",
        identity.hosts,
        hosts(LOCAL),
        WARN,
        "Not the live platform",
        "registration.url",
    ),
    Row("half", identity.hosts, hosts("mqtt: {host: broker.example}"), FAIL, "broker.example", "both"),
    Row(
        "an ending is not the domain",
        identity.hosts,
        hosts("registration: {url: 'https://notaliyuncs.com/x'}\nmqtt: {host: aliyuncs.com.example}\n"),
        WARN,
        "Not the live",
    ),
    Row("known region", identity.region, hosts(), OK, "cn-shanghai"),
    Row(
        "unknown region",
        identity.region,
        hosts(region="cn-shangai"),
        WARN,
        "cn-shangai is none that we know",
        "correct region",
    ),
    Row("region without use", identity.region, hosts(LOCAL, "x"), OK, "names no host"),
]


@pytest.mark.parametrize("row", IDENTITY, ids=str)
def test_judgements(row: Row) -> None:
    """These facts, this level, these words, this fix."""
    row.holds()


def test_endpoints() -> None:
    """Host and port of both legs: the vendor's by the region, or what is configured."""
    assert registration_endpoint(hosts()) == ("iot-auth.cn-shanghai.aliyuncs.com", 443)
    assert mqtt_endpoint(hosts()) == ("a1b2c3d4e5f.iot-as-mqtt.cn-shanghai.aliyuncs.com", 8883)
    assert registration_endpoint(hosts(LOCAL)) == ("127.0.0.1", 4433)
    assert mqtt_endpoint(hosts(LOCAL)) == ("127.0.0.1", 1883)

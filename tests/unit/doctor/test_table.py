"""The table of checks, and what every judge of it keeps to."""

from __future__ import annotations

import ipaddress
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, get_type_hints

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from iot_onboard.config.device_name import Facts
from iot_onboard.config.problems import Problem
from iot_onboard.config.schema import Config, Document
from iot_onboard.core.proxy import ProxyAddress
from iot_onboard.core.secret import Secret
from iot_onboard.core.timings import Timings
from iot_onboard.core.units import UnitProperties
from iot_onboard.disk.mounts import Mount
from iot_onboard.doctor.checks.files import FileFacts
from iot_onboard.doctor.checks.network import NameFacts, NetworkFacts
from iot_onboard.doctor.model import Check, Group, Level, Probe
from iot_onboard.doctor.probes.configuration import CONFIG, IDENTITY
from iot_onboard.doctor.probes.network import MQTT_CONNECTION, REGISTRATION_CONNECTION
from iot_onboard.doctor.probes.tls import MQTT_HANDSHAKE, REGISTRATION_HANDSHAKE
from iot_onboard.doctor.table import CHECKS, FORMER_NAMES, select
from iot_onboard.events.explain import topics
from iot_onboard.reporting.status import Status

BY_ID = {check.id: check for check in CHECKS}
GROUPS = [group.value for group in Group]


def all_needs(check: Check[Any]) -> set[str]:
    return set(check.needs).union(*(all_needs(BY_ID[need]) for need in check.needs))


def all_probes(probe: Probe[Any]) -> set[Probe[Any]]:
    return {probe}.union(*(all_probes(need) for need in probe.needs))


def test_names() -> None:
    """Every check has a name of its own that stays, in kebab-case, and no check has the name of a group."""
    ids = [check.id for check in CHECKS]
    assert len(ids) == len(set(ids)) >= 25
    assert all(re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name) for name in ids)
    assert not set(ids) & set(GROUPS)
    assert all(check.about and not check.about.endswith(".") for check in CHECKS)


def test_groups_stand_together_in_their_order() -> None:
    """The table is printed as it stands; each group is there, once."""
    groups = [check.group.value for check in CHECKS]
    assert list(dict.fromkeys(groups)) == GROUPS
    assert groups == sorted(groups, key=GROUPS.index)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.id)
def test_a_check_stands_on_earlier_ones(check: Check[Any]) -> None:
    """No check waits for itself, and no failure explains itself."""
    earlier = CHECKS[: CHECKS.index(check)]
    assert set(check.needs) <= {other.id for other in earlier}
    groups = {other.group.value for other in earlier} - {check.group.value}
    assert set(check.follows) <= {other.id for other in earlier} | groups


@pytest.mark.parametrize(
    ("probe", "need"),
    [
        (CONFIG, "config-valid"),
        (IDENTITY, "device-name"),
        (REGISTRATION_CONNECTION, "dns-registration"),
        (MQTT_CONNECTION, "dns-mqtt"),
        (REGISTRATION_HANDSHAKE, "tcp-registration"),
        (MQTT_HANDSHAKE, "tcp-mqtt"),
    ],
    ids=lambda value: getattr(value, "name", value),
)
def test_a_probe_is_asked_only_where_it_can_answer(probe: Probe[Any], need: str) -> None:
    """Whatever goes through one of these probes waits for the check that says it makes sense."""
    for check in CHECKS:
        if check.id != need and probe in all_probes(check.probe):
            assert need in all_needs(check), check.id


def test_the_way_out_is_never_taken_without_a_name() -> None:
    """What would send a packet to a host rests on a configuration that was found valid and filled in."""
    for check in CHECKS:
        if check.group in {Group.TCP, Group.ENDPOINTS}:
            assert {"config-valid", "config-complete"} <= all_needs(check)


def test_select() -> None:
    """Ids and groups, with what they need in the order of the table; an unknown word is named."""
    checks, asked = select("mqtt-server, dns")
    ids = [check.id for check in checks]
    assert asked == {"mqtt-server", "dns-resolver", "dns-nonexistent-name", "dns-registration", "dns-mqtt"}
    assert ids == [check.id for check in CHECKS if check.id in ids]
    assert {"tls-mqtt", "tcp-mqtt", "config-valid"} <= set(ids)
    assert all(set(check.needs) <= set(ids) for check in checks)
    assert "service-unit" not in ids
    with pytest.raises(ValueError, match=r"^nonsense$"):
        select("dns,nonsense")
    for nothing in ("", " ", ",", " , "):
        with pytest.raises(ValueError, match=r"^'[ ,]*'$"):
            select(nothing)


def test_former_names() -> None:
    """A check is found by the name that it had before; no former name is the name of another check or group."""
    for former, present in FORMER_NAMES.items():
        assert select(former) == select(present), former
    taken = {check.id for check in CHECKS} | {group.value for group in Group}
    assert not taken & set(FORMER_NAMES)


MOMENTS = st.datetimes(min_value=datetime(1971, 1, 1), max_value=datetime(2090, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - as hypothesis wants bounds
ADDRESSES = st.ip_addresses().map(str)
st.register_type_strategy(datetime, MOMENTS)
st.register_type_strategy(timedelta, st.timedeltas(timedelta(days=-9999), timedelta(days=9999)))
st.register_type_strategy(Secret, st.text(min_size=1, max_size=9).map(Secret))
st.register_type_strategy(Path, st.sampled_from([Path("/etc/x"), Path("/var/lib/y")]))
HOSTS = st.sampled_from([None, "mqtt.example", "iot-1.mqtt.iothub.aliyuncs.com"])
URLS = st.sampled_from([None, "https://mqtt.example/x", "https://192.0.2.1:4433/x"])
REGIONS = st.sampled_from(["cn-shanghai", "mars-1"])
GIVEN: dict[str, st.SearchStrategy[Any]] = {"region": REGIONS, "registration_url": URLS, "mqtt_host": HOSTS}
# Records of fast_dataclasses do not say what they take. A proxy's address is imported where there is one.
LATE = {"ProxyAddress": ProxyAddress}
for _record in (Timings, ProxyAddress, Problem, Document, Config, Status, UnitProperties, Mount):
    _hints = get_type_hints(_record, localns=LATE)
    _fields = {name: GIVEN.get(name, st.from_type(hint)) for name, hint in _hints.items()}
    st.register_type_strategy(_record, st.builds(_record, **_fields))
MACS = st.from_regex(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}", fullmatch=True)
st.register_type_strategy(
    FileFacts, st.builds(FileFacts, path=st.just("/etc/x"), mode=st.integers(0, 0o177777), uid=st.integers(0, 3))
)
st.register_type_strategy(Facts, st.builds(Facts, macs=st.lists(st.tuples(st.just("eth0"), MACS)).map(tuple)))
st.register_type_strategy(NameFacts, st.builds(NameFacts, addresses=st.lists(ADDRESSES).map(tuple)))
st.register_type_strategy(
    NetworkFacts,
    st.builds(
        NetworkFacts,
        addresses=st.lists(st.ip_addresses().map(lambda address: ipaddress.ip_interface((address, 24)))).map(tuple),
        near=st.lists(ADDRESSES).map(tuple),
    ),
)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.id)
@settings(max_examples=15)
@given(data=st.data())
def test_whatever_the_facts(check: Check[Any], data: st.DataObject) -> None:
    """No judge breaks; each says one sentence, if any, and a fix wherever something is not well; a check says one."""
    hints = [get_type_hints(rule) for rule in check.rules]
    (facts_type,) = {hint for found in hints for name, hint in found.items() if name != "return"}
    facts = data.draw(st.from_type(facts_type))
    findings = check.findings(facts)
    assert findings
    for finding in filter(None, (*findings, *(rule(facts) for rule in check.rules))):
        assert finding.sentence.strip()
        assert finding.sentence[-1] in ".!?"
        if finding.level in {Level.WARN, Level.FAIL}:
            assert finding.fix
        assert finding.because is None
        assert not (finding.blocks and finding.level in {Level.OK, Level.WARN})


def test_no_explanation_names_a_check_by_its_former_name() -> None:
    """The operator looks for it in what the doctor prints."""
    texts = " ".join(step for topic in topics() for step in (*topic.advice.steps, topic.advice.explanation))
    assert not [former for former in FORMER_NAMES if former in texts]

"""The table of keys: their defaults, their bounds, the record that they fill."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from iot_onboard.aliyun.signing import SignMethod
from iot_onboard.config.reader import parse
from iot_onboard.config.schema import SCHEMA, Config, Document
from iot_onboard.core.proxy import ProxyAddress
from iot_onboard.core.secret import Secret
from support.text.configuration import BASE, read
from support.text.configuration import SCHEMA as WIDE
from support.tree import ROOT

SHIPPED = ROOT / "config" / "config.yaml"


def test_defaults() -> None:
    """Two keys are enough; the rest has the defaults that the design names."""
    assert read(BASE) == Config(
        product_key="a1b2c3d4e5f",
        device_name="gw-{serial}",
        product_secret_file=None,
        device_secret_file=None,
        region="cn-shanghai",
        instance_id=None,
        sign_method=SignMethod.HMACSHA256,
        registration_url=None,
        registration_timeout_s=15,
        mqtt_host=None,
        mqtt_port=8883,
        mqtt_keepalive_s=300,
        mqtt_clean_session=False,
        tls_ca_file=None,
        proxy=None,
        allow_volatile=False,
        fleet_size=None,
        state_dir=Path("/var/lib/iot-onboard"),
        runtime_dir=Path("/run/iot-onboard"),
        log_level="info",
    )


def test_every_key() -> None:
    """Each key is taken, and reaches its field."""
    config = read(
        BASE + "product_secret_file: /a\ndevice_secret_file: /b\nregion: eu-central-1\ninstance_id: iot-060a0abc\n"
        "sign_method: hmacmd5\nregistration: {url: 'https://127.0.0.1:8443/x', timeout_s: 2.5}\n"
        "mqtt:\n  host: ::1\n  port: 443\n  keepalive_s: 1200\n  clean_session: true\n"
        "tls: {ca_file: /c}\nproxy: http://u%40x:p%23w@proxy:3129\nstate_dir: /d\nruntime_dir: /e\nlog_level: debug\n"
        "allow_volatile: true\nfleet_size: 100000\n"
    )
    assert (config.product_secret_file, config.device_secret_file, config.tls_ca_file) == tuple(
        map(Path, ["/a", "/b", "/c"])
    )
    assert (config.allow_volatile, config.fleet_size) == (True, 100_000)
    assert (config.state_dir, config.runtime_dir, config.log_level) == (Path("/d"), Path("/e"), "debug")
    assert (config.region, config.instance_id, config.sign_method) == (
        "eu-central-1",
        "iot-060a0abc",
        SignMethod.HMACMD5,
    )
    assert (config.registration_url, config.registration_timeout_s) == ("https://127.0.0.1:8443/x", 2.5)
    assert (config.mqtt_host, config.mqtt_port, config.mqtt_keepalive_s, config.mqtt_clean_session) == (
        "::1",
        443,
        1200,
        True,
    )
    assert config.proxy == ProxyAddress(host="proxy", port=3129, username="u@x", password=Secret("p#w"))


def test_the_table_is_the_record() -> None:
    """Every rule has its field and every field its rule; the record is frozen."""
    assert {key.replace(".", "_") for key in (*SCHEMA.rules, *SCHEMA.lists)} == set(Config.__slots__)
    with pytest.raises(AttributeError):
        read(BASE).region = "x"  # type: ignore[misc]  # what is tried


def test_the_shipped_file_asks_for_the_two_names() -> None:
    """Installed as it is, it is valid but for what only the operator knows."""
    _, problems = parse([Document(name="config.yaml", text=SHIPPED.read_text())])
    assert [(problem.key, problem.problem) for problem in problems] == [
        ("product_key", "is missing"), ("device_name", "is missing"),
    ]  # fmt: skip


def test_the_shipped_file_shows_every_key() -> None:
    """Each key stands in it, and what is switched on is the default."""
    text = SHIPPED.read_text()
    for key in (*SCHEMA.rules, *SCHEMA.lists):
        assert re.search(rf"(?m)^ *(# )?{key.rpartition('.')[2]}:", text), key
    assert read(text + BASE) == read(BASE)


def test_the_shipped_configuration_sets_no_key_that_0_1_0_does_not_know() -> None:
    """The code of before may have to run with it: after a downgrade, or where the current code is damaged."""
    top = {"region", "sign_method", "state_dir", "runtime_dir", "log_level"}
    known = top | {"registration.timeout_s", "mqtt.port", "mqtt.keepalive_s", "mqtt.clean_session"}
    assert {key for key, _ in SCHEMA.flat(yaml.safe_load(SHIPPED.read_text()))} <= known


def test_dotted_keys_make_the_sections() -> None:
    """Each one on the way to a key, however deep."""
    assert SCHEMA.sections == {"registration", "mqtt", "tls"}
    assert WIDE.sections == {"registration", "mqtt", "tls", "bridge", "bridge.spool", "bridge.rate"}
    assert WIDE.names_below("bridge.") == [
        "enabled", "host", "spool.max_mb", "spool.drain", "rate.qos1_per_s", "down", "rate", "spool",
    ]  # fmt: skip
    assert {"bridge.spool.max_mb", "max_mb", "bridge.spool", "spool", "meters", "name"} <= set(WIDE.all_names())


@given(st.dictionaries(st.sampled_from([*WIDE.rules, *WIDE.lists]), st.integers() | st.lists(st.integers())))
def test_sections_are_taken_apart_and_put_together(values: dict[str, Any]) -> None:
    """What stands in a file by sections is the same by whole keys; it is written in the order of the keys."""
    tree = WIDE.nested(values)
    assert dict(WIDE.flat(tree)) == values
    assert [key for key in (*WIDE.rules, *WIDE.lists) if key in values and "." not in key] == [
        key for key in tree if key not in WIDE.sections
    ]
    assert all(key in WIDE.sections or key in values for key in tree)


def test_a_section_left_empty_sets_nothing() -> None:
    """What is no section stays as it is."""
    assert dict(WIDE.flat({"mqtt": None, "bridge": {"spool": None, "host": {}}, "region": {}, "x": 1, "tls": 5})) == {
        "bridge.host": {}, "region": {}, "x": 1, "tls": 5,
    }  # fmt: skip

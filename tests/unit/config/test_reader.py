"""Documents become a frozen Config, or every problem at once with file and line."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from iot_onboard.config.problems import file_problem
from iot_onboard.config.reader import parse, values_of
from iot_onboard.config.schema import RULES, Document
from support.text.configuration import BASE, problems_of, read


def test_later_documents_win_key_by_key() -> None:
    """conf.d changes what it names and leaves the rest, inside sections too; null gives the default back."""
    config = read(
        BASE + "region: us-west-1\nproxy: http://p:1\nmqtt: {port: 443, keepalive_s: 60}\n", "", "# nothing\n",
        "region: us-east-1\nproxy: null\nmqtt: {port: 1883}\ntls:\n",
    )  # fmt: skip
    assert (config.region, config.proxy, config.mqtt_port, config.mqtt_keepalive_s) == ("us-east-1", None, 1883, 60)


def test_all_problems_at_once() -> None:
    """One run names everything, in all files, as file:line: key: problem (hint)."""
    assert problems_of(
        "device_name: [a]\nregoin: cn\nmqtt:\n  port: 0\n  prot: 1\n", "log_level: warn\nsign_method: HMACSHA1\n"
    ) == [
        "0.yaml:1: device_name: is a list, must be text",
        "0.yaml:2: regoin: is not a known key (did you mean region?)",
        "0.yaml:4: mqtt.port: must be from 1 to 65535",
        "0.yaml:5: mqtt.prot: is not a known key (did you mean port?)",
        "1.yaml:1: log_level: must be one of debug, info, warning, error (did you mean warning?)",
        "1.yaml:2: sign_method: must be one of hmacmd5, hmacsha1, hmacsha256 (did you mean hmacsha1?)",
        "0.yaml:1: product_key: is missing (the cloud console shows it on the product's page)",
    ]


@pytest.mark.parametrize("text", ["", "# only a comment\n", "---\n", "null\n", "{}\n", "\ufeff# a mark\r\n"])
def test_an_empty_file_misses_the_required_keys(text: str) -> None:
    """Nothing in it is not an error of its own: the keys are named."""
    assert [problem.split(" (")[0] for problem in problems_of(text)] == [
        "0.yaml:1: product_key: is missing", "0.yaml:1: device_name: is missing",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("region: yes", "region: is true or false, must be text (put it in quotes)"),
        ("region: 12", "region: is a number, must be text (put it in quotes)"),
        ("region: 2020-01-01", "region: is a date, must be text (put it in quotes)"),
        ("region: {serial}", "region: is a mapping, must be text (put it in quotes)"),
        ("region: [a]", "region: is a list, must be text"),
        ("region: !!binary aGk=", "region: is of an unknown kind, must be text (put it in quotes)"),
        ("region: !!python/object:os.system x", "region: has an invalid value"),
        ("region: 2020-13-45", "region: has an invalid value"),
        ("region: ''", "region: is not a region like cn-shanghai"),
        ("region: cn_shanghai", "region: is not a region like cn-shanghai"),
        ("region: cn-shanghai.evil.example", "region: is not a region like cn-shanghai"),
        ("instance_id: a/b", "instance_id: is not an instance id like iot-060a0abc"),
        ("mqtt: 5", "mqtt: must be a mapping (its keys are host, port, keepalive_s, clean_session)"),
        ("mqtt.port: 5", "mqtt.port: is not a known key (write it as  mqtt: {port: ...})"),
        ("mqtt: {host: a b}", "mqtt.host: is not a host name"),
        ("mqtt: {host: a..b}", "mqtt.host: is not a host name"),
        (f"mqtt: {{host: {'x' * 64}.com}}", "mqtt.host: is not a host name"),
        (f"mqtt: {{host: {'x.' * 127}x}}", "mqtt.host: is not a host name"),
        ("registration: {url: 'https://a..b/'}", "registration.url: does not name a host"),
        ("mqtt: {port: '8883'}", "mqtt.port: is text, must be a whole number from 1 to 65535"),
        ("mqtt: {port: 65536}", "mqtt.port: must be from 1 to 65535"),
        ("mqtt: {port: true}", "mqtt.port: is true or false, must be a whole number from 1 to 65535"),
        ("mqtt: {port: " + "9" * 40 + "}", "mqtt.port: must be from 1 to 65535"),
        ("mqtt: {port: " + "9" * 5000 + "}", "mqtt.port: has 5000 characters; at most 4096 are allowed"),
        ("mqtt: {keepalive_s: 29}", "mqtt.keepalive_s: must be from 30 to 1200"),
        ("mqtt: {keepalive_s: 300.0}", "mqtt.keepalive_s: is a number, must be a whole number from 30 to 1200"),
        ("mqtt: {clean_session: 'no'}", "mqtt.clean_session: is text, must be true or false"),
        ("registration: {timeout_s: .nan}", "registration.timeout_s: must be from 1 to 120"),
        ("registration: {timeout_s: 0.5}", "registration.timeout_s: must be from 1 to 120"),
        ("tls: {verify: false}", "tls.verify: is not a known key"),
        ("tls: {ca_file: ca.pem}", "tls.ca_file: must be an absolute path"),
        ("state_dir: ''", "state_dir: must be an absolute path"),
        ("5: x", "5: is not a known key"),
        ("? [a, b]\n: c", "(key): is not a known key"),
        ("<<: {region: x}", "<<: is not a known key"),
        ('"a\\nb\\e[31m": x', "'a\\nb\\x1b[31m': is not a known key"),
        ("product_key: x", "product_key: is set twice, first on line 1 (remove one)"),
        ("mqtt: {port: 1, port: 2}", "mqtt.port: is set twice, first on line 3 (remove one)"),
    ],
)
def test_a_wrong_line(line: str, expected: str) -> None:
    """What is wrong with a value or a key is said in words, on the line where it stands."""
    assert problems_of(BASE + line + "\n") == [f"0.yaml:3: {expected}"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("product_key: ~\ndevice_name: gw-1\n", "0.yaml:1: product_key: is empty"),
        ("product_key: a-b\ndevice_name: gw-1\n", "0.yaml:1: product_key: may hold letters and digits only"),
        (
            f"product_key: {'a' * 21}\ndevice_name: gw-1\n",
            "0.yaml:1: product_key: has 21 characters; at most 20 are allowed",
        ),
        ("product_key: a\ndevice_name: abc\n", "0.yaml:2: device_name: has 3 characters"),
        ("product_key: a\ndevice_name: gw-{seral}\n", "0.yaml:2: device_name: {seral} is not a placeholder"),
        (
            "product_key: a\ndevice_name: {serial}\n",
            "0.yaml:2: device_name: is a mapping, must be text (put it in quotes)",
        ),
    ],
)
def test_names(text: str, expected: str) -> None:
    """Product key and device name are held against the platform's rules before anything is sent."""
    (problem,) = problems_of(text)
    assert problem.startswith(expected)


def test_an_unread_file_may_hold_the_missing_keys() -> None:
    """Its problem comes first, the problems of the others follow, and nothing is called missing."""
    earlier = file_problem("config.yaml", "cannot be read: Permission denied")
    _, problems = parse([Document(name="conf.d/a.yaml", text="regon: x\n")], [earlier])
    assert [problem.key for problem in problems] == ["(file)", "regon"]
    assert str(earlier) == "config.yaml:1: (file): cannot be read: Permission denied"


def test_a_gateway_that_is_not_set_up_has_no_names() -> None:
    """Where names are not required, missing ones are empty; what is wrong is a problem all the same."""
    document = Document(name="f", text="region: us-east-1\n")
    config, problems = parse([document], names_required=False)
    assert problems == ()
    assert config is not None
    assert (config.product_key, config.device_name, config.region) == ("", "", "us-east-1")
    _, problems = parse([document, Document(name="g", text="product_key:\n")], names_required=False)
    assert [str(problem) for problem in problems] == ["g:1: product_key: is empty"]


def test_keys_that_somebody_else_reads() -> None:
    """They are left alone at the top, refused in a section, and still may stand there once only."""
    text = BASE + "product_secret: hunter2\nmqtt: {product_secret: hunter2}\nproduct_secret: hunter2\n"
    document = Document(name="f", text=text, ignored_keys=frozenset({"product_secret"}))
    _, problems = parse([document])
    assert [(problem.line, problem.key, problem.problem) for problem in problems] == [
        (4, "mqtt.product_secret", "a secret is never a value here"),
        (5, "product_secret", "is set twice, first on line 3"),
    ]


def test_what_one_file_sets() -> None:
    """Its good keys with their values, whatever else is wrong in it."""
    text = "mqtt: {port: 443, host: a b}\ninstance_id:\nregon: x\n"
    assert values_of(Document(name="f", text=text)) == {"mqtt.port": 443, "instance_id": None}


@given(st.text(max_size=200))
def test_any_text_is_a_config_or_problems(text: str) -> None:
    """No text raises; every problem is one printable line."""
    config, problems = parse([Document(name="f", text=text)])
    assert (config is None) == bool(problems)
    assert all(str(problem).isprintable() for problem in problems)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12) | st.dates() | st.binary(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=4) | st.sampled_from(["port"]), inner, max_size=3)
    ),
    max_leaves=6,
)


@given(st.dictionaries(st.sampled_from([*RULES, "mqtt", "tls", "registration", "secret"]), VALUES, max_size=6))
def test_any_value_under_any_key(values: dict[str, object]) -> None:
    """A known key with a value of any kind gives a Config or problems with a line of the file."""
    text = yaml.safe_dump(values, allow_unicode=True)
    config, problems = parse([Document(name="f", text=text)])
    assert (config is None) == bool(problems)
    assert all(1 <= problem.line <= len(text.splitlines()) + 1 for problem in problems)

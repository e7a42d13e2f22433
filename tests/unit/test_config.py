"""The configuration: every key, every problem with file and line, and nothing lost."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from iot_onboard.aliyun.signing import SignMethod
from iot_onboard.config import RULES, Config, Document, Problem, parse
from iot_onboard.secret import Secret

GOOD = "product_key: a1b2c3d4e5f\ndevice_name: gw-0001\n"
ROOT = Path(__file__).parent.parent.parent


def config(text: str) -> Config:
    found, problems = parse([Document(name="c.yaml", text=GOOD + text)])
    assert found is not None, problems
    return found


def problems(text: str) -> list[str]:
    found, wrong = parse([Document(name="c.yaml", text=text)])
    assert found is None
    return [str(problem) for problem in wrong]


def test_defaults() -> None:
    """Two keys are enough."""
    found = config("")
    assert (found.region, found.mqtt_port, found.mqtt_keepalive_s, found.mqtt_clean_session) == (
        "cn-shanghai",
        8883,
        300,
        False,
    )
    assert found.sign_method is SignMethod.HMACSHA256
    assert found.state_dir == Path("/var/lib/iot-onboard")


def test_every_key_can_be_set() -> None:
    """Each key of the design is taken, sections and null included."""
    found = config(
        "product_secret_file: /s\ndevice_secret_file: null\nregion: eu-central-1\ninstance_id: iot-060a\n"
        "sign_method: hmacmd5\nregistration: {url: 'https://x/y', timeout_s: 2.5}\n"
        "mqtt: {host: h.example, port: 443, keepalive_s: 30, clean_session: true}\ntls: {ca_file: /ca.pem}\n"
        "proxy: 'http://user:p%40ss@px:8080'\nstate_dir: /a\nruntime_dir: /b\nlog_level: debug\n"
    )
    assert found.proxy is not None
    assert (found.proxy.host, found.proxy.port, found.proxy.password) == ("px", 8080, Secret("p@ss"))
    assert (found.registration_timeout_s, found.mqtt_host, found.tls_ca_file) == (2.5, "h.example", Path("/ca.pem"))
    assert "p@ss" not in repr(found)


def test_later_files_win_key_by_key() -> None:
    """conf.d changes what it names, within sections too."""
    first = Document(name="a", text=GOOD + "mqtt: {port: 443, keepalive_s: 60}\n")
    found, _ = parse([first, Document(name="b", text="mqtt: {port: 8883}\n")])
    assert found is not None
    assert (found.mqtt_port, found.mqtt_keepalive_s) == (8883, 60)


def test_all_problems_at_once() -> None:
    """One look tells everything that is wrong."""
    assert problems("product_key: ''\ndevice_name: x\nregon: a\nmqtt: {port: 0}\n") == [
        "c.yaml:1: product_key: is empty",
        "c.yaml:2: device_name: has 1 characters; the platform takes 4 to 32",
        "c.yaml:3: regon: is not a key we know (did you mean region?)",
        "c.yaml:4: mqtt.port: must be from 1 to 65535",
    ]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("region: 5", "is a number, must be text (put it in quotes)"),
        ("instance_id: yes", "is true or false"),
        ("mqtt: 5", "must be a mapping (its keys are host, port, keepalive_s, clean_session)"),
        ("mqtt: {keepalive_s: 29}", "from 30 to 1200"),
        ("mqtt: {keepalive_s: true}", "must be a whole number"),
        ("mqtt: {clean_session: 1}", "must be true or false"),
        ("mqtt: {hots: a}", "mqtt.hots: is not a key we know (did you mean mqtt.host?)"),
        ("registration: {url: 'http://x/'}", "https://"),
        ("registration: {timeout_s: .nan}", "from 1 to 120"),
        ("sign_method: hmacsha2", "did you mean hmacsha256?"),
        ("state_dir: var", "absolute"),
        ("proxy: socks5://x", "http://host:port"),
        ("proxy: 'http://h:99999'", "not an address"),
        ("device_secret: x", "never a value here"),
        ("region: &a cn-shanghai", "anchors and aliases"),
        ("region: !!python/object:os.system x", "makes no sense"),
        ("region: 2026-11-24", "is a date"),
        ("log_level: loud", "must be one of"),
    ],
)
def test_bad_values_are_explained(line: str, words: str) -> None:
    """The problem names the line and what would be right."""
    found = problems(GOOD + line + "\n")
    assert any(words in problem and problem.startswith("c.yaml:3") for problem in found), found


@pytest.mark.parametrize("text", ["a: [", "\tx: 1", "a: b: c", "\x00", "- 1", "just text", "[" * 5000])
def test_what_is_not_yaml_has_a_line(text: str) -> None:
    """Syntax errors name file and line and do not escape."""
    assert problems(text)[0].startswith("c.yaml:1: ")


def test_the_shipped_file_is_right_but_for_the_two_required_keys() -> None:
    """config/config.yaml says the defaults, and names each key."""
    text = (ROOT / "config" / "config.yaml").read_text()
    assert {line.split(": ")[1] for line in problems(text)} == {"product_key", "device_name"}
    uncommented = "".join(line.replace("# ", "", 1) if ": " in line else line for line in text.splitlines(True))
    assert all(key.rpartition(".")[2] + ":" in uncommented for key in RULES)
    assert config(text) == config("")


scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.dates()
trees = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*RULES, "mqtt", "x"]), inner),
    max_leaves=10,
)


@given(st.text(max_size=200) | trees.map(lambda tree: yaml.safe_dump(tree)))
def test_any_text_gives_a_configuration_or_problems(text: str) -> None:
    """Nothing else comes out of the parser, and every problem can be printed on a line."""
    found, wrong = parse([Document(name="c.yaml", text=text)])
    assert (found is None) == bool(wrong)
    assert all(isinstance(problem, Problem) and problem.line >= 1 for problem in wrong)

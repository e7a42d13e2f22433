"""Which files give a gateway its identity: what is written reads back the same, and nobody else's words are lost."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iot_onboard.config.problems import ConfigError, Problem, Problems, file_problem
from iot_onboard.config.reader import parse
from iot_onboard.config.schema import RULES, Document
from iot_onboard.config.yaml_nodes import compose
from iot_onboard.core.secret import Secret
from iot_onboard.provisioning.plan import HEADER, Plan, ProvisioningRequest, plain_config, plan, render

ETC = Path("/etc/iot-onboard")
CONFIG = ETC / "config.yaml"
OURS = "/etc/iot-onboard/conf.d/50-identity.yaml"
NAMES = {"product_key": "a1b2c3d4e5f", "device_name": "gw-{serial}"}

# YAML's own words and signs, each of which a careless writer would give another meaning.
TRICKY = [
    "null",
    "yes",
    "on",
    "1e3",
    "0x1f",
    "1_000",
    "12:30:00",
    "2026-11-24",
    "0123",
    ".5",
    "_",
    "-",
    "...",
    "<<",
    "=",
]
WORDS = st.sampled_from(TRICKY) | st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_-]{0,62}", fullmatch=True)
PATHS = st.text(max_size=20).filter(lambda text: "\0" not in text).map("/{}".format)


def taken(key: str) -> Any:
    """Keep what the key's own reader takes."""

    def reads(value: object) -> bool:
        try:
            RULES[key].read(value)
        except ValueError:
            return False
        return True

    return reads


VALUES: dict[str, st.SearchStrategy[Any]] = {
    "product_key": (WORDS | st.from_regex(r"[A-Za-z0-9]{1,20}", fullmatch=True)).filter(taken("product_key")),
    "device_name": (
        WORDS | st.text(st.sampled_from("aZ09-_@.:"), min_size=4, max_size=20) | st.just("{mac:eth0}:{serial}")
    ).filter(taken("device_name")),
    "product_secret_file": PATHS,
    "device_secret_file": PATHS,
    "region": WORDS.filter(taken("region")),
    "instance_id": WORDS.filter(taken("instance_id")),
    "sign_method": st.sampled_from(["hmacsha256", "hmacmd5"]),
    "registration.url": st.just("https://127.0.0.1:8443/x"),
    "registration.timeout_s": st.floats(1, 120) | st.integers(1, 120),
    "mqtt.host": WORDS.filter(taken("mqtt.host")) | st.sampled_from(["::1", "1.2.3.4"]),
    "mqtt.port": st.integers(1, 65535),
    "mqtt.keepalive_s": st.integers(30, 1200),
    "mqtt.clean_session": st.booleans(),
    "tls.ca_file": PATHS,
    "proxy": st.just("http://u:p%40@proxy:3128"),
    "allow_volatile": st.booleans(),
    "fleet_size": st.integers(1, 10_000_000),
    "state_dir": PATHS,
    "runtime_dir": PATHS,
    "log_level": st.sampled_from(["debug", "error"]),
}
SET_KEYS = st.fixed_dictionaries(
    {key: VALUES[key] for key in NAMES}, optional={key: VALUES[key] | st.none() for key in RULES if key not in NAMES}
)


def planned(request: ProvisioningRequest, *documents: Document, earlier: tuple[Problem, ...] = ()) -> Plan:
    config = Document(name=str(CONFIG), text="region: cn-shanghai\n")
    return plan([config, *documents], earlier, CONFIG, request)


def problems_of(request: ProvisioningRequest, *documents: Document) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        plan([Document(name=str(CONFIG), text=""), *documents], (), CONFIG, request)
    return [str(problem) for problem in caught.value.problems]


def ours(text: str) -> Document:
    return Document(name=OURS, text=text)


def fragment_of(found: Plan) -> str:
    content = found.files[-1].content
    assert isinstance(content, str)
    return content.removeprefix(HEADER)


def test_the_table_of_values_knows_every_key() -> None:
    """A new key has to be written and read back too."""
    assert set(VALUES) == set(RULES)


@given(SET_KEYS)
def test_what_is_written_is_what_is_read(values: dict[str, Any]) -> None:
    """Whatever is set, the configuration reads exactly that back, and so does the next change of it."""
    text = render(values)
    assert text.isascii()
    config, problems = parse([Document(name="f", text=text)])
    assert problems == ()
    for key, value in values.items():
        expected = RULES[key].default if value is None else RULES[key].read(value)
        assert getattr(config, key.replace(".", "_")) == expected
    root = compose(Document(name="f", text=text), Problems())
    assert root is not None
    assert plain_config(root) == values


@given(SET_KEYS, SET_KEYS)
def test_only_what_is_named_changes(before: dict[str, Any], after: dict[str, Any]) -> None:
    """A second time with other keys keeps those of the first."""
    changes = {key: after[key] for key in list(after)[::2]}
    found = planned(ProvisioningRequest(values=changes), ours(render(before)))
    assert found.config == planned(ProvisioningRequest(values={**before, **changes})).config


def test_the_files_and_their_modes() -> None:
    """The secret first and closed, then the names, open to all."""
    found = planned(ProvisioningRequest(values=NAMES, product_secret=Secret("hunter2")))
    assert [(str(file.path), file.mode) for file in found.files] == [
        (f"{ETC}/product-secret", 0o600),
        (OURS, 0o644),
    ]
    assert fragment_of(found) == "product_key: a1b2c3d4e5f\ndevice_name: gw-{serial}\n"
    assert "hunter2" not in repr(found)


def test_every_problem_of_the_whole_configuration_is_told() -> None:
    """Also those of other people's files: nothing is written on top of a configuration that does not hold."""
    theirs = Document(name=f"{ETC}/conf.d/60-mine.yaml", text="\nregon: x\n")
    assert problems_of(ProvisioningRequest(values={"product_key": "a b"}), theirs) == [
        f"{OURS}:3: product_key: may hold letters and digits only",
        f"{ETC}/conf.d/60-mine.yaml:2: regon: is not a known key (did you mean region?)",
        f'{CONFIG}:1: device_name: is missing (for example  device_name: "gw-{{serial}}")',
    ]


def test_what_wins_later_is_told() -> None:
    """An operator who sets a name that another file overrides would look for it in vain."""
    same = Document(name=f"{ETC}/conf.d/60-same.yaml", text="product_key: a1b2c3d4e5f\n")
    theirs = Document(name=f"{ETC}/conf.d/70-mine.yaml", text="device_name: gw-7777\n")
    earlier = Document(name=f"{ETC}/conf.d/40-mine.yaml", text="device_name: gw-4444\n")
    found = planned(ProvisioningRequest(values=NAMES), earlier, same, theirs)
    assert found.config.device_name == "gw-7777"
    assert found.warnings == (f"{ETC}/conf.d/70-mine.yaml is read later and sets device_name too: its value counts",)


@pytest.mark.parametrize(
    ("text", "earlier", "warning"),
    [
        ("- a\n", None, "1: (file): must be a mapping of keys to values (like  product_key: a1b2c3d4e5f)"),
        ("regon: x\n", None, "1: regon: is not a known key (did you mean region?)"),
        (None, file_problem(OURS, "is not UTF-8 text"), "1: (file): is not UTF-8 text"),
    ],
)
def test_a_broken_fragment_is_written_anew(text: str | None, earlier: Problem | None, warning: str) -> None:
    """Nobody else mends the file that is ours; what was wrong with it is told."""
    documents = [ours(text)] if text is not None else []
    found = planned(ProvisioningRequest(values=NAMES), *documents, earlier=(earlier,) if earlier else ())
    assert found.warnings == (f"{OURS}:{warning}; the file is replaced",)
    assert found.config.product_key == "a1b2c3d4e5f"


def test_a_device_secret_is_given_by_its_file() -> None:
    """The configuration names it; a product secret that is given later means a registration again."""
    given_secret = planned(ProvisioningRequest(values=NAMES, device_secret=Secret("hunter2")))
    assert given_secret.config.device_secret_file == ETC / "device-secret"
    assert given_secret.retired is None
    again = planned(ProvisioningRequest(values={}, product_secret=Secret("s")), ours(fragment_of(given_secret)))
    assert (again.config.device_secret_file, again.retired) == (None, ETC / "device-secret")
    both = planned(ProvisioningRequest(values=NAMES, product_secret=Secret("s"), device_secret=Secret("t")))
    assert (both.config.device_secret_file, both.retired) == (ETC / "device-secret", None)


def test_a_product_secret_that_is_not_used_is_told() -> None:
    """Another file, or a secret of the device's own, counts before it."""
    theirs = Document(
        name=f"{ETC}/conf.d/10-mine.yaml", text="product_secret_file: /some/where\ndevice_secret_file: /any/where\n"
    )
    found = planned(ProvisioningRequest(values=NAMES, product_secret=Secret("s")), theirs)
    assert found.warnings == (
        "product_secret_file is set to /some/where: the new product secret is not used",
        "device_secret_file is set: this gateway does not register, and needs no product secret",
    )

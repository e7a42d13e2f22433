"""The file on the boot partition: taken however it was saved, refused with its lines, and its secret never shown."""

from __future__ import annotations

import codecs
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from iot_onboard.config.problems import ConfigError
from iot_onboard.core.secret import Secret
from iot_onboard.provisioning import boot_file
from iot_onboard.provisioning.boot_file import read
from iot_onboard.provisioning.plan import ProvisioningRequest

PATH = Path("/boot/firmware/iot-onboard.yaml")
GOOD = 'product_key: a1b2c3d4e5f\ndevice_name: "gw-{serial}"\nproduct_secret: hunter2\nmqtt: {port: 443}\n'
CONFIG = {"product_key": "a1b2c3d4e5f", "device_name": "gw-{serial}", "mqtt.port": 443}


def found_in(data: bytes) -> ProvisioningRequest | ConfigError:
    try:
        return read(PATH, data)
    except ConfigError as error:
        return error


def problems_of(data: bytes) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        read(PATH, data)
    return [str(problem).removeprefix(f"{PATH}:") for problem in caught.value.problems]


@pytest.mark.parametrize(
    "data",
    [
        GOOD.encode(),
        GOOD.replace("\n", "\r\n").encode(),
        GOOD.replace("\n", "\r").encode(),
        GOOD.rstrip().encode(),
        codecs.BOM_UTF8 + GOOD.encode(),
        GOOD.encode("utf-16"),
        codecs.BOM_UTF16_BE + GOOD.encode("utf-16-be"),
        b"# a note\n---\n" + GOOD.encode() + b"...\n",
        b'{"product_key":"a1b2c3d4e5f","device_name":"gw-{serial}","product_secret":"hunter2","mqtt":{"port":443}}',
    ],
    ids=["lf", "crlf", "cr", "no-end", "bom", "utf-16-le", "utf-16-be", "document", "json"],
)
def test_however_it_was_saved(data: bytes) -> None:
    """Every usual editor's line ends and marks give the same."""
    request = read(PATH, data)
    assert (request.values, request.product_secret, request.device_secret) == (CONFIG, Secret("hunter2"), None)


@pytest.mark.parametrize(
    "written", ["0123456789", "1e3", "true", "'hunter2'", '"hunter2 "', "|\n  hunter2", "2026-11-24"]
)
def test_a_secret_is_taken_as_it_is_written(written: str) -> None:
    """Also where YAML would make a number of it, or lose its zeros."""
    expected = "hunter2" if "hunter2" in written else written
    assert read(PATH, f"product_secret: {written}\n".encode()).product_secret == Secret(expected)
    assert read(PATH, f"device_secret: {written}\n".encode()).device_secret == Secret(expected)


EMPTY = "1: (file): holds no keys (like  product_key: a1b2c3d4e5f)"
NO_SECRET = "does not hold a secret (write the secret alone, one line, as the console shows it)"
TABS = "it is indented with a tab (indent with blanks)"
NEVER = "a secret is never a value here (put it into a file: product_secret_file, device_secret_file)"


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        ("", [EMPTY]),
        ("\n# product_key: x\n", [EMPTY]),
        ("{}", [EMPTY]),
        ("\0" * 700, ["1: (file): is not YAML: it holds the character U+0000 (remove it)"]),
        ("product_secret: hunter2\n\tregion: x\n", [f"2: (file): is not YAML: {TABS}"]),
        ("region: x\nproduct_secret:hunter2\n", ["3: (file): is not YAML: could not find expected ':'"]),
        (
            "{product_secret:hunter2}",
            ["1: product_secret...: is not a known key (a blank is missing after the colon)"],
        ),
        ("\nproduct_secret: ~\n", ["2: product_secret: is empty"]),
        ("product_secret: [hunter2]\n", ["1: product_secret: must be text (put it in quotes)"]),
        ("product_secret: !x hunter2\n", ["1: product_secret: must be text (put it in quotes)"]),
        ("product_secret: hunter2 hunter2\n", [f"1: product_secret: {NO_SECRET}"]),
        ("mqtt: {product_secret: hunter2}\n", [f"1: mqtt.product_secret: {NEVER}"]),
        (
            "device_secret_file: /x\ndevice_secret: hunter2\n",
            ["2: device_secret: is set together with device_secret_file (remove one)"],
        ),
        (
            "device_secret:\nregon: x\nproduct_secret: a b\n",
            [
                "1: device_secret: is empty",
                "2: regon: is not a known key (did you mean region?)",
                f"3: product_secret: {NO_SECRET}",
            ],
        ),
        (
            "product_secret: hunter2\nproduct_secret: hunter2\n",
            ["2: product_secret: is set twice, first on line 1 (remove one)"],
        ),
    ],
)
def test_what_is_wrong_is_told(text: str, problems: list[str]) -> None:
    """Every problem at once, in the order of the lines."""
    assert problems_of(text.encode()) == problems


def test_what_is_not_text() -> None:
    """The line of the first strange byte is named."""
    (problem,) = problems_of(b"region: x\nproduct_secret: \xff\xfe\n")
    assert problem == "2: (file): is not UTF-8 text (save it as UTF-8)"


@given(st.binary(max_size=80) | st.text(max_size=80).map(str.encode))
def test_any_bytes_are_a_wish_or_problems(data: bytes) -> None:
    """Nothing else is raised, and each problem is one printable line."""
    found = found_in(data)
    if isinstance(found, ConfigError):
        assert found.problems
        assert all(str(problem).isprintable() for problem in found.problems)


LINES = st.sampled_from(
    [
        "product_key: a1b2c3d4e5f", "device_name: gw-0001", "region: x", "mqtt:", "  port: 443", "\tregion: x", "",
        "product_secret: hunter2", "product_secret:hunter2", "product_secret:\thunter2", "Product Secret: hunter2",
        "product_secret = hunter2", "product_secret: 'hunter2", 'product_secret: "hunter2"',
        "product_secret: hunter2: x",
        "  product_secret: hunter2", "- product_secret: hunter2", "device_secret: [hunter2]", "device-secret: hunter2",
        "secret: {a: hunter2}", "{product_secret: hunter2, region: x}", "{product_secret:hunter2}",
        "? password=hunter2",
        "product_secret: &a hunter2", "product_secret: !hunter2 x", "region: {hunter2", "# hunter2", "password=hunter2",
    ]
)  # fmt: skip


@given(st.lists(LINES, max_size=6).map("\n".join))
def test_a_secret_is_never_shown(text: str) -> None:
    """However the line with it is mistyped, no problem and no record of ours holds it."""
    found = found_in(text.encode())
    problems = [str(problem) for problem in found.problems] if isinstance(found, ConfigError) else []
    assert "hunter2" not in f"{found!r} {boot_file.error_note(problems)}"


VALUES = st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.lists(st.integers(), max_size=2)


@given(
    st.dictionaries(
        st.sampled_from(["product_key", "device_name", "region", "product_secret", "device_secret", "mqtt", "tls"]),
        VALUES | st.dictionaries(st.sampled_from(["port", "host", "ca_file"]), VALUES, max_size=2),
        max_size=5,
    ),
    st.sampled_from([{}, {"device_name": "gw-0001", "region": "us-east-1"}]),
)
def test_any_value_under_any_key(any_values: dict[str, Any], good_values: dict[str, Any]) -> None:
    """What is taken is what stood there, and secrets are not among the values."""
    values = {**any_values, **good_values}
    found = found_in(yaml.safe_dump(values, allow_unicode=True).encode())
    if isinstance(found, ProvisioningRequest):
        assert not {"product_secret", "device_secret"} & set(found.values)
        for key in ("product_key", "device_name", "region"):
            assert found.values.get(key) == values.get(key)


@given(st.integers(0, 2000))
def test_what_a_taken_file_is_overwritten_with(size: int) -> None:
    """The same length, nothing of before, and known again from its first sector on."""
    image = boot_file.wiped(size)
    assert len(image) == size
    assert set(image) <= set(boot_file.TAKEN)
    assert image.startswith(boot_file.TAKEN) == (size >= len(boot_file.TAKEN))
    assert len(boot_file.TAKEN) <= min(boot_file.SECTOR_BYTES, len("product_secret: x"))

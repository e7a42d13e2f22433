"""A configuration as YAML: what its keys, sections and lists come to, and what is wrong with them by file and line."""

from __future__ import annotations

import time

import pytest

from iot_onboard.config.problems import Problems
from iot_onboard.config.schema import Document
from iot_onboard.config.yaml_reader import read_document
from support.text.configuration import BASE, SCHEMA, Meter, meter, wide


def problems_of(text: str) -> list[str]:
    problems = Problems()
    read_document(Document(name="0.yaml", text=text), problems)
    return [str(problem) for problem in problems.listed()]


def test_good_keys_are_read_beside_bad_ones() -> None:
    """Each as its rule reads it, sections by their dotted names, an empty one as its default; the rest are problems."""
    problems = Problems()
    text = "region: cn-shanghai\nregon: x\nmqtt: {port: 443, host: a b}\ntls:\nproxy:\nproduct_key:\nregion: x\n"
    values = read_document(Document(name="f", text=text), problems)
    assert values == {"region": "cn-shanghai", "mqtt.port": 443, "proxy": None}
    assert [(problem.line, problem.key) for problem in problems.listed()] == [
        (2, "regon"), (3, "mqtt.host"), (6, "product_key"), (7, "region"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "line",
    [
        "product_secret: hunter2",
        "device_secret: [hunter2]",
        "secret: {a: hunter2}",
        "ProductSecret: hunter2",
        "device-secret: hunter2",
        "mqtt: {password: hunter2}",
    ],
)
def test_a_secret_is_never_a_value(line: str) -> None:
    """Whatever its spelling, the key is refused, the file keys are named, and the value is not echoed."""
    (problem,) = problems_of(BASE + line + "\n")
    assert "a secret is never a value here (put it into a file: product_secret_file, device_secret_file)" in problem
    assert "hunter2" not in problem


@pytest.mark.parametrize("line", ["{product_secret:hunter2}", '{"Device Secret=hunter2"}', "? password:hunter2"])
def test_a_secret_glued_to_its_key_is_not_shown(line: str) -> None:
    """Without a blank after the colon it is part of the key, and a problem shows its key."""
    (problem, *_) = problems_of(line + "\n")
    assert "(a blank is missing after the colon)" in problem
    assert "hunter2" not in problem


@pytest.mark.parametrize("key", ["hunter2hunter2", "ffFnFlKQW3HYjjPR", "0123456789abcdef", "p@ss!w0rd"])
def test_a_key_that_may_be_a_secret_is_not_shown(key: str) -> None:
    """A secret pasted in the place of a key, or behind one without its colon, is in no line and no note."""
    for text in (f"{key}: x\n", f"mqtt: {{{key}: x}}\n", f"{key}:\n{key}:\n", f"? !{key}!x y\n: z\n"):
        problems = Problems()
        read_document(Document(name="f", text=text), problems)
        assert problems.listed()
        assert key not in str(problems.listed())


def test_sections_in_sections() -> None:
    """As blocks and in one line alike; one left empty sets nothing; what stands at the wrong depth has a hint."""
    block = "bridge:\n  enabled: true\n  spool:\n    max_mb: 5\n  rate:\n"
    for text in (block, "bridge: {enabled: true, spool: {max_mb: 5}, rate: }\n"):
        values, problems = wide(text)
        assert problems == []
        assert (values["bridge.enabled"], values["bridge.spool.max_mb"], values["bridge.spool.drain"]) == (
            True,
            5,
            "fifo",
        )
    assert wide("bridge:\n  spool: 5\n  max_mb: 1\n  rate: []\nbridge.spool.max_mb: 1\nbrige: 1\n")[1] == [
        "0.yaml:2: bridge.spool: must be a mapping (its keys are max_mb, drain)",
        "0.yaml:3: bridge.max_mb: is not a known key (did you mean spool.max_mb?)",
        "0.yaml:4: bridge.rate: must be a mapping (its keys are qos1_per_s)",
        "0.yaml:5: bridge.spool.max_mb: is not a known key (write it as  bridge: {spool: {max_mb: ...}})",
        "0.yaml:6: brige: is not a known key (did you mean bridge?)",
    ]
    assert wide("bridge: 5\nspool: {max_mb: 1}\nbridge: {}\n")[1] == [
        "0.yaml:1: bridge: must be a mapping (its keys are enabled, host, down, rate, spool)",
        "0.yaml:2: spool: is not a known key (did you mean bridge.spool?)",
        "0.yaml:3: bridge: is set twice, first on line 1 (remove one)",
    ]


def test_a_list_of_mappings() -> None:
    """Each entry becomes a record, with the defaults of what it does not set."""
    values, problems = wide("meters:\n" + meter("a", 1) + "  - name: b\n    product_key: k\n    device_name: m2\n")
    assert problems == []
    records = [
        Meter(name=name, product_key=key, device_name=device, product_secret_file=None, device_secret_file=None)
        for name, key, device in (("a", "a1sub", "m1"), ("b", "k", "m2"))
    ]
    assert values["meters"] == tuple(records)


@pytest.mark.parametrize("text", ["", "meters:\n", "meters: ~\n", "meters: []\n", "bridge: {down: }\n", "bridge:\n"])
def test_a_list_that_holds_nothing(text: str) -> None:
    """Missing, left empty or written as empty: it adds nothing, and is no problem."""
    values, problems = wide("meters:\n" + meter("a") + "bridge: {down: [x]}\n", text)
    assert problems == []
    assert (len(values["meters"]), values["bridge.down"]) == (1, ("x",))  # type: ignore[arg-type]  # a tuple


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("meters: a\n", ["1: meters: must be a list (each entry on a line of its own, after a dash)"]),
        ("meters: {a: b}\n", ["1: meters: must be a list (each entry on a line of its own, after a dash)"]),
        ("bridge: {down: 5}\n", ["1: bridge.down: must be a list (each entry on a line of its own, after a dash)"]),
        ("region: [cn]\n", ["1: region: is a list, must be text"]),
        ("bridge: {down: [[a]]}\n", ["1: bridge.down[0]: is a list, must be text"]),
        (
            "bridge:\n  down:\n  - a\n  - true\n  -\n  - ~\n",
            [
                "4: bridge.down[1]: is true or false, must be text (put it in quotes)",
                "5: bridge.down[2]: is empty (remove the dash, or write an entry after it)",
                "6: bridge.down[3]: is empty (remove the dash, or write an entry after it)",
            ],
        ),
        (
            "meters:\n- a\n- [b]\n-\n",
            [
                "2: meters[0]: must be a mapping (its keys are name, product_key, device_name, product_secret_file,"
                " device_secret_file)",
                "3: meters[1]: must be a mapping (its keys are name, product_key, device_name, product_secret_file,"
                " device_secret_file)",
                "4: meters[2]: is empty (remove the dash, or write an entry after it)",
            ],
        ),
        (
            "meters:\n- name: a/b\n  product_key:\n  devce_name: c\n- {}\n",
            [
                "2: meters[0].name: is not a name",
                "3: meters[0].product_key: is empty",
                "4: meters[0].devce_name: is not a known key (did you mean device_name?)",
                "2: meters[0].device_name: is missing",
                "5: meters[1].name: is missing",
                "5: meters[1].product_key: is missing",
                "5: meters[1].device_name: is missing",
            ],
        ),
        (
            "meters:\n- name: a\n  name: b\n  product_key: [k]\n  device_name: {serial}\n  ? [x]\n  : y\n",
            [
                "3: meters[0].name: is set twice, first on line 2 (remove one)",
                "4: meters[0].product_key: is a list, must be text",
                "5: meters[0].device_name: is a mapping, must be text (put it in quotes)",
                "6: meters[0].(key): is not a known key",
            ],
        ),
        (
            "meters:\n- {name: a, product_key: k, device_name: m, product_secret_file: /a, device_secret_file: /b}\n",
            ["2: meters[0]: has two secrets (remove one)"],
        ),
    ],
)
def test_a_wrong_list_or_entry(text: str, expected: list[str]) -> None:
    """Every problem of every entry, by its path, on its own line."""
    assert wide(text)[1] == [f"0.yaml:{line}" for line in expected]


def test_a_wrong_entry_is_left_out() -> None:
    """Those beside it are read, for whoever wants what is good of a file."""
    problems = Problems()
    document = Document(name="f", text="meters:\n" + meter("a") + "  - x\n" + meter("b", 1))
    (values,) = read_document(document, problems, SCHEMA).values()
    assert [(entry.value.name, entry.line, entry.path) for entry in values] == [
        ("a", 2, "meters[0]"),
        ("b", 4, "meters[2]"),
    ]
    assert len(problems) == 1


@pytest.mark.parametrize("key", ["device_secret", "secret", "password", "ProductSecret"])
def test_a_secret_in_an_entry(key: str) -> None:
    """It is refused there as everywhere, and not shown."""
    _, (problem,) = wide("meters:\n" + meter("a").replace("}", f", {key}: hunter2}}"))
    assert problem.startswith(f"0.yaml:2: meters[0].{key}: a secret is never a value here")
    assert "hunter2" not in problem


@pytest.mark.parametrize(
    "text",
    [
        "meters:\n" + "".join(f"- {{name: [], prodct_key: {n}, hunter2hunter{n}: }}\n" for n in range(10_000)),
        "".join(f"some_keyy{n}q{n}z: x\n" for n in range(45_000)),
        "bridge: {down: [" + "[]," * 90_000 + "]}\n",
        "region: x\n" * 45_000,
        "a" * 1_000_000 + ": x\n",
        "region: " + "a" * 1_000_000,
        "log_level: " + "a" * 1_000_000,
        "device_name: '{" + "a" * 1_000_000 + "}'",
        "fleet_size: " + "1:" * 450_000 + "1",
    ],
    ids=["entries", "keys", "nested", "twice", "key", "value", "word", "placeholder", "number"],
)
def test_a_file_full_of_mistakes(text: str) -> None:
    """However many or long they are: some tens of lines of some hundred characters, in seconds, not in minutes."""
    started = time.process_time()
    problems = wide(text)[1]
    assert time.process_time() - started < 20
    assert 0 < len(problems) <= 21
    assert all(len(problem) < 600 for problem in problems)

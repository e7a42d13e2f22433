"""Read configurations in a test: the one that comes out, or what is wrong with it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from iot_onboard.config import values as read_value
from iot_onboard.config.reader import parse, read_values
from iot_onboard.config.schema import RULES, Config, Document, EntryRules, ListRule, Missing, Rule, schema_of
from iot_onboard.config.values import Bad

BASE = 'product_key: a1b2c3d4e5f\ndevice_name: "gw-{serial}"\n'


@dataclass(frozen=True, slots=True, kw_only=True)
class Meter:
    """Stand for what a list of mappings comes to."""

    name: str
    product_key: str
    device_name: str
    product_secret_file: Path | None
    device_secret_file: Path | None

    def __post_init__(self) -> None:
        if self.product_secret_file is not None and self.device_secret_file is not None:
            raise Bad("has two secrets", "remove one")


# What the product will have one day, of every kind: sections in sections, lists of words and of mappings.
SCHEMA = schema_of(
    {
        **RULES,
        "bridge.enabled": Rule(read_value.boolean, False),
        "bridge.host": Rule(read_value.matching(read_value.HOST, "a host name"), "127.0.0.1"),
        "bridge.spool.max_mb": Rule(read_value.between(1, 1024), 64),
        "bridge.spool.drain": Rule(read_value.one_of("fifo", "live_first"), "fifo"),
        "bridge.rate.qos1_per_s": Rule(read_value.between(1, 8), 8),
    },
    {
        "meters": ListRule(
            EntryRules(
                rules={
                    "name": Rule(read_value.matching(r"[^/+#]{1,32}", "a name"), Missing.REQUIRED),
                    "product_key": Rule(read_value.text, Missing.REQUIRED),
                    "device_name": Rule(read_value.text, Missing.REQUIRED),
                    "product_secret_file": Rule(read_value.path, None),
                    "device_secret_file": Rule(read_value.path, None),
                },
                record=Meter,
                unique=(("name",), ("product_key", "device_name")),
            )
        ),
        "bridge.down": ListRule(read_value.text),
    },
)


def documents(*texts: str) -> list[Document]:
    return [Document(name=f"{number}.yaml", text=text) for number, text in enumerate(texts)]


def read(*texts: str) -> Config:
    config, problems = parse(documents(*texts))
    assert problems == ()
    assert config is not None
    return config


def problems_of(*texts: str) -> list[str]:
    config, problems = parse(documents(*texts))
    assert config is None
    return [str(problem) for problem in problems]


def wide(*texts: str) -> tuple[dict[str, object], list[str]]:
    """Return what files without names come to by the schema above, and what is wrong with them."""
    values, problems = read_values(documents(*texts), schema=SCHEMA, names_required=False)
    return values, [str(problem) for problem in problems]


def meter(name: str, number: int = 0) -> str:
    """Return an entry in one line."""
    return f"  - {{name: {name}, product_key: a1sub, device_name: m{number}}}\n"

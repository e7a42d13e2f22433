"""Read configurations in a test: the one that comes out, or what is wrong with it."""

from __future__ import annotations

from iot_onboard.config.reader import parse
from iot_onboard.config.schema import Config, Document

BASE = 'product_key: a1b2c3d4e5f\ndevice_name: "gw-{serial}"\n'


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

"""Configuration and secrets as they lie on a disk."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from iot_onboard.config import Config
from iot_onboard.errors import Misconfigured, OnboardError
from iot_onboard.settings import ConfigError, device_secret_path, load, product_secret_path, read_secret

BASE = "product_key: a1b2c3d4e5f\ndevice_name: gw-0001\n"
as_user = pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")


@pytest.fixture
def etc(tmp_path: Path) -> Path:
    (tmp_path / "conf.d").mkdir()
    (tmp_path / "config.yaml").write_text(BASE)
    return tmp_path


def problems_of(config_path: Path) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load(config_path)
    return [str(problem) for problem in caught.value.problems]


def refused(path: Path) -> Misconfigured:
    with pytest.raises(OnboardError) as caught:
        read_secret(path, "product secret")
    failure = caught.value.failure
    assert isinstance(failure, Misconfigured)
    assert str(path) in failure.detail
    assert "hunter2" not in f"{failure} {caught.value!r} {caught.value.__cause__!r}"
    return failure


def secret_file(path: Path, content: bytes, mode: int = 0o600) -> Path:
    path.write_bytes(content)
    path.chmod(mode)
    return path


def test_conf_d_in_the_order_of_names(etc: Path) -> None:
    """Later names win; other endings and what editors leave are not read."""
    (etc / "conf.d/20-b.yaml").write_text("region: us-east-1\n")
    (etc / "conf.d/10-a.yaml").write_text("region: us-west-1\nlog_level: debug\n")
    (etc / "conf.d/30-c.yaml.dpkg-old").write_text("nonsense")
    (etc / "conf.d/.#40-d.yaml").symlink_to("user@host.1234")
    config = load(etc / "config.yaml")
    assert (config.region, config.log_level) == ("us-east-1", "debug")


def test_without_conf_d(etc: Path) -> None:
    """The directory is optional."""
    (etc / "conf.d").rmdir()
    assert load(etc / "config.yaml").device_name == "gw-0001"


def test_each_file_is_named_in_its_problems(etc: Path) -> None:
    """Problems of all files come at once, those of unreadable ones too, and no key is called missing for it."""
    (etc / "config.yaml").unlink()
    (etc / "conf.d/1.yaml").write_bytes(b"region: cn-shanghai\n# caf\xe9\n")
    (etc / "conf.d/2.yaml").write_text("\nregon: x\n")
    (etc / "conf.d/3.yaml").mkdir()
    (etc / "conf.d/4.yaml").write_text("#" * 300_000)
    assert problems_of(etc / "config.yaml") == [
        f"{etc}/config.yaml:1: (file): cannot be read: No such file or directory",
        f"{etc}/conf.d/1.yaml:2: (file): is not UTF-8 text",
        f"{etc}/conf.d/3.yaml:1: (file): cannot be read: Is a directory",
        f"{etc}/conf.d/4.yaml:1: (file): is larger than 256 kB",
        f"{etc}/conf.d/2.yaml:2: regon: is not a key we know (did you mean region?)",
    ]


def test_a_conf_d_that_cannot_be_listed_is_not_passed_over(etc: Path) -> None:
    """Its settings would be lost without a word."""
    (etc / "conf.d").rmdir()
    (etc / "conf.d").write_text("")
    assert problems_of(etc / "config.yaml") == [f"{etc}/conf.d:1: (file): cannot be read: Not a directory"]


@as_user
def test_without_permission(etc: Path) -> None:
    """The file and the reason are named."""
    (etc / "config.yaml").chmod(0)
    assert problems_of(etc / "config.yaml") == [f"{etc}/config.yaml:1: (file): cannot be read: Permission denied"]


def config_with(etc: Path, text: str = "") -> Config:
    (etc / "config.yaml").write_text(BASE + text)
    return load(etc / "config.yaml")


def test_where_the_product_secret_is(etc: Path) -> None:
    """The configured file, else systemd's credential, else the file beside the configuration."""
    here, credentials = etc / "config.yaml", etc / "credentials"
    credentials.mkdir()
    assert product_secret_path(config_with(etc), here, None) == etc / "product-secret"
    assert product_secret_path(config_with(etc), here, credentials) == etc / "product-secret"
    secret_file(credentials / "product-secret", b"x")
    assert product_secret_path(config_with(etc), here, credentials) == credentials / "product-secret"
    configured = config_with(etc, "product_secret_file: /some/where\n")
    assert product_secret_path(configured, here, credentials) == Path("/some/where")


def test_where_the_device_secret_is(etc: Path) -> None:
    """The configured file, else systemd's credential, else nowhere: registration is to get it."""
    assert device_secret_path(config_with(etc), None) is None
    assert device_secret_path(config_with(etc), etc) is None
    assert device_secret_path(config_with(etc), etc / "config.yaml") is None
    (etc / "device-secret").symlink_to(etc / "nowhere")
    assert device_secret_path(config_with(etc), etc) == etc / "device-secret"
    configured = config_with(etc, "device_secret_file: /some/where\n")
    assert device_secret_path(configured, etc) == Path("/some/where")


@pytest.mark.parametrize("content", [b"hunter2", b"hunter2\n", b"hunter2\r\n", b"hunter2\n\n"])
@pytest.mark.parametrize("mode", [0o600, 0o400, 0o440])
def test_a_secret(tmp_path: Path, content: bytes, mode: int) -> None:
    """One line, with or without its end, closed to others."""
    assert read_secret(secret_file(tmp_path / "s", content, mode), "product secret").reveal() == "hunter2"


@pytest.mark.parametrize("mode", [0o604, 0o602, 0o601, 0o644, 0o666, 0o777])
def test_open_to_others_is_refused(tmp_path: Path, mode: int) -> None:
    """The cure is the command."""
    path = secret_file(tmp_path / "s", b"hunter2\n", mode)
    assert refused(path) == Misconfigured(
        detail=f"the product secret file {path} is open to others", cure=f"chmod 600 {path}"
    )


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"\n\n", "is empty"),
        (b"hunter2 hunter2\n", "does not hold a secret"),
        (b"hunter2 \n", "does not hold a secret"),
        (b"hunter2\tx\n", "does not hold a secret"),
        (b"hunter2\nhunter2\n", "does not hold a secret"),
        (b"hunter2\0\n", "does not hold a secret"),
        (b"hunter2\x1b[31m\n", "does not hold a secret"),
        (b"\xef\xbb\xbfhunter2\n", "does not hold a secret"),
        (b"hunter2\xff\n", "does not hold a secret"),
        (b"hunter2" * 600, "does not hold a secret"),
        (b"hunter2" + b"\n" * 5000, "does not hold a secret"),
    ],
    ids=map(str, range(12)),  # else the secret is part of the path, which may be shown
)
def test_what_is_no_secret(tmp_path: Path, content: bytes, words: str) -> None:
    """It is refused before the platform refuses a signature, and none of it is echoed."""
    assert words in refused(secret_file(tmp_path / "s", content)).detail


def test_what_is_no_file(tmp_path: Path) -> None:
    """Missing, a directory, a pipe nobody writes to: an answer at once, and no descriptor left behind."""
    os.mkfifo(tmp_path / "pipe", 0o600)
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
    assert "No such file" in refused(tmp_path / "none").detail
    assert "Is a directory" in refused(tmp_path).detail
    assert "not a regular file" in refused(tmp_path / "pipe").detail
    assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208


@as_user
def test_a_secret_without_permission(tmp_path: Path) -> None:
    """The reason is the system's own."""
    assert "Permission denied" in refused(secret_file(tmp_path / "s", b"hunter2", 0)).detail

"""Where secrets lie, and what is refused as one."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from iot_onboard.config.files import load
from iot_onboard.config.schema import Config
from iot_onboard.config.secrets import (
    device_secret_path,
    product_secret_path,
    read_device_secret,
    read_product_secret,
    read_secret,
    service_credentials,
)
from iot_onboard.core.failures import Cause, Misconfigured, OnboardError, Transient
from support.process.descriptors import descriptors, none_left
from support.process.unprivileged import open_directory, unprivileged

BASE = "product_key: a1b2c3d4e5f\ndevice_name: gw-0001\n"


@pytest.fixture
def etc(tmp_path: Path) -> Path:
    (tmp_path / "conf.d").mkdir()
    (tmp_path / "config.yaml").write_text(BASE)
    return tmp_path


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


def config_with(etc: Path, text: str = "") -> Config:
    (etc / "config.yaml").write_text(BASE + text)
    return load(etc / "config.yaml")


def test_where_the_product_secret_is(etc: Path) -> None:
    """The configured file, else systemd's credential, else the file beside the configuration."""
    here, credentials = etc / "config.yaml", etc / "credentials"
    credentials.mkdir()
    assert product_secret_path(config_with(etc), here, None) == etc / "product-secret"
    assert product_secret_path(config_with(etc), here, credentials) == etc / "product-secret"
    secret_file(credentials / "product-secret", b"secret")
    assert product_secret_path(config_with(etc), here, credentials) == credentials / "product-secret"
    configured = config_with(etc, "product_secret_file: /some/where\n")
    assert product_secret_path(configured, here, credentials) == Path("/some/where")


def test_where_the_device_secret_is(etc: Path) -> None:
    """The configured file, else systemd's credential, else nowhere: registration is to get it."""
    here = etc / "config.yaml"
    assert device_secret_path(config_with(etc), here, None) is None
    assert device_secret_path(config_with(etc), here, etc) is None
    assert device_secret_path(config_with(etc), here, etc / "config.yaml") is None
    (etc / "device-secret").symlink_to(etc / "nowhere")
    assert device_secret_path(config_with(etc), here, etc) == etc / "device-secret"
    configured = config_with(etc, "device_secret_file: /some/where\n")
    assert device_secret_path(configured, here, etc) == Path("/some/where")


@pytest.mark.parametrize("content", [b"", b"\n"])
def test_a_credential_without_content_is_none(etc: Path, content: bytes) -> None:
    """The unit gives such a one where the file is missing; the file is named then, with the command that mends it."""
    here, credentials = etc / "config.yaml", etc / "credentials"
    credentials.mkdir()
    secret_file(credentials / "product-secret", content, 0o400)
    secret_file(credentials / "device-secret", content, 0o400)
    config = config_with(etc)
    assert device_secret_path(config, here, credentials) is None
    assert read_device_secret(config, here, credentials) is None
    with pytest.raises(OnboardError) as caught:
        read_product_secret(config, here, credentials)
    assert caught.value.failure == Misconfigured(
        detail=f"the product secret file {etc}/product-secret cannot be read: No such file or directory",
        cure="sudo iot-onboard setup",
    )


def test_systemds_copy_of_the_usual_file_is_read(etc: Path) -> None:
    """The file is root's alone; also where the configuration names it, the service reads its copy."""
    here, credentials = etc / "config.yaml", etc / "credentials"
    credentials.mkdir()
    for name in ("product-secret", "device-secret"):
        secret_file(etc / name, b"original\n")
        secret_file(credentials / name, b"copy\n", 0o440)
    config = config_with(etc, f"product_secret_file: {etc}/product-secret\ndevice_secret_file: {etc}/device-secret\n")
    assert read_product_secret(config, here, credentials).reveal() == "copy"
    device_secret = read_device_secret(config, here, credentials)
    assert device_secret is not None
    assert device_secret.reveal() == "copy"


def test_the_original_of_a_copy_must_be_closed_too(etc: Path) -> None:
    """systemd's copy is always closed: the file that it was made from counts."""
    here, credentials = etc / "config.yaml", etc / "credentials"
    credentials.mkdir()
    secret_file(etc / "product-secret", b"original\n", 0o644)
    secret_file(credentials / "product-secret", b"copy\n", 0o400)
    with pytest.raises(OnboardError, match="can be read by other users"):
        read_product_secret(config_with(etc), here, credentials)


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
        detail=f"the product secret file {path} can be read by other users", cure=f"chmod 600 {path}"
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
    before = descriptors()
    assert "No such file" in refused(tmp_path / "none").detail
    tmp_path.chmod(0o700)
    assert "not a regular file" in refused(tmp_path).detail
    assert "not a regular file" in refused(tmp_path / "pipe").detail
    assert descriptors() <= before


@pytest.mark.parametrize(
    ("content", "mode", "words"),
    [(b"hunter2", 0, "Permission denied"), (b"", 0, "is empty"), (b"hunter2", 0o002, "can be read by other users")],
    ids=["closed", "empty", "open"],
)
def test_a_secret_without_permission(content: bytes, mode: int, words: str) -> None:
    """The reason is what the operator can mend, also where the file is another user's."""
    with open_directory() as directory:
        path = secret_file(directory / "s", content, mode)
        with unprivileged():
            assert words in refused(path).detail


def test_what_systemd_cannot_hand_out_is_named(etc: Path) -> None:
    """The words say which secret; a plain file, or one that the configuration names, is read all the same."""
    config_path, unloadable = etc / "config.yaml", {"product-secret": "the sealed one"}
    credentials = etc / "credentials"
    credentials.mkdir()
    secret_file(credentials / "product-secret", b"\n")
    with pytest.raises(OnboardError, match="cannot load the sealed one"):
        read_product_secret(load(config_path), config_path, credentials, unloadable)
    assert read_device_secret(load(config_path), config_path, credentials, unloadable) is None
    secret_file(credentials / "product-secret", b"plain")
    assert read_product_secret(load(config_path), config_path, credentials, unloadable).reveal() == "plain"
    config_path.write_text(f"{BASE}product_secret_file: {secret_file(etc / 'mine', b'named')}\n")
    assert read_product_secret(load(config_path), config_path, None, unloadable).reveal() == "named"


@pytest.mark.parametrize("named", [False, True])
def test_a_device_secret_that_systemd_cannot_hand_out_is_not_none(etc: Path, named: bool) -> None:
    """It may be this device's only one: no registration takes its place."""
    config_path, unloadable = etc / "config.yaml", {"device-secret": "the sealed one"}
    if named:
        config_path.write_text(f"{BASE}device_secret_file: {etc / 'device-secret'}\n")
    with pytest.raises(OnboardError, match="cannot load the sealed one"):
        read_device_secret(load(config_path), config_path, None, unloadable)


def test_secrets_for_a_command_run_by_hand(tmp_path: Path) -> None:
    """A plain file before what systemd handed out of an encrypted one, the device's own before the product's."""
    service, handed_out = tmp_path / "etc", tmp_path / "run"
    for directory in (service, handed_out):
        directory.mkdir()

    def found() -> Path | None:
        return service_credentials(service / "config.yaml", handed_out, service)

    assert service_credentials(tmp_path / "config.yaml", handed_out, service) is None
    assert found() == service
    (handed_out / "device-secret").write_text("\n")
    (handed_out / "product-secret").write_text("handed-out")
    assert found() == handed_out
    (service / "product-secret").write_text("plain")
    assert found() == service
    (handed_out / "device-secret").write_text("handed-out")
    assert found() == handed_out
    (service / "device-secret").write_text("plain")
    assert found() == service


def test_a_shortage_is_not_called_a_mistake(etc: Path) -> None:
    """Without a descriptor to be had the file may be as good as ever: it is read again soon."""
    path = secret_file(etc / "product-secret", b"hunter2hunter2")
    with none_left(), pytest.raises(OnboardError) as caught:
        read_secret(path, "product secret")
    assert isinstance(caught.value.failure, Transient)
    assert (caught.value.failure.cause, str(path) in caught.value.failure.detail) == (Cause.LOCAL, True)

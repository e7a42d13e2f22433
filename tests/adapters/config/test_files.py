"""The files of the configuration, as they lie on a disk."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from iot_onboard.config.files import MAX_BYTES, load, read_documents
from iot_onboard.config.problems import ConfigError
from iot_onboard.config.reader import read_values
from support.process.descriptors import none_left
from support.process.unprivileged import open_directory, unprivileged
from support.text.configuration import SCHEMA, meter

BASE = "product_key: a1b2c3d4e5f\ndevice_name: gw-0001\n"


@pytest.fixture
def etc(tmp_path: Path) -> Path:
    (tmp_path / "conf.d").mkdir()
    (tmp_path / "config.yaml").write_text(BASE)
    return tmp_path


def problems_of(config_path: Path) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load(config_path)
    return [str(problem) for problem in caught.value.problems]


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
    (etc / "conf.d/4.yaml").write_text("#" * (MAX_BYTES + 1))
    assert problems_of(etc / "config.yaml") == [
        f"{etc}/config.yaml:1: (file): cannot be read: No such file or directory",
        f"{etc}/conf.d/1.yaml:2: (file): is not UTF-8 text",
        f"{etc}/conf.d/3.yaml:1: (file): cannot be read: Is a directory",
        f"{etc}/conf.d/4.yaml:1: (file): is larger than 1 MB",
        f"{etc}/conf.d/2.yaml:2: regon: is not a known key (did you mean region?)",
    ]


def test_a_megabyte_is_taken(etc: Path) -> None:
    """Not a byte more; line ends and a byte order mark are as some editors write them."""
    text = "\ufeff" + BASE.replace("\n", "\r\n") + "region: us-east-1\r\n"
    (etc / "config.yaml").write_text(text + "#" * (MAX_BYTES - len(text.encode())), newline="")
    assert load(etc / "config.yaml").region == "us-east-1"
    with (etc / "config.yaml").open("a") as file:
        file.write("#")
    assert problems_of(etc / "config.yaml") == [f"{etc}/config.yaml:1: (file): is larger than 1 MB"]


def test_what_all_files_hold_together_is_bounded(etc: Path) -> None:
    """Four megabytes, those of files that are too large among them; the rest is not even read."""
    for number in range(1, 6):
        (etc / f"conf.d/{number}.yaml").write_text("#" * (MAX_BYTES + number % 2))
    assert problems_of(etc / "config.yaml") == [
        f"{etc}/conf.d/1.yaml:1: (file): is larger than 1 MB",
        f"{etc}/conf.d/3.yaml:1: (file): is larger than 1 MB",
        f"{etc}/conf.d/4.yaml:1: (file): is not read: all files together are larger than 4 MB",
    ]


def test_two_thousand_files(etc: Path) -> None:
    """Each with an entry of its own: all are read, in their order, in some tenths of a second."""
    for number in range(2000):
        (etc / f"conf.d/{number:04}.yaml").write_text("meters:\n" + meter(f"meter-{number}", number))
    documents, problems = read_documents(etc / "config.yaml")
    assert problems == []
    values, found = read_values(documents, schema=SCHEMA)
    assert found == ()
    assert [entry.name for entry in values["meters"]] == [f"meter-{number}" for number in range(2000)]


def test_too_many_files(etc: Path) -> None:
    """A directory that a program fills without end is named, and what is over the bound is not read."""
    for number in range(4097):
        (etc / f"conf.d/{number:04}.yaml").touch()
    (etc / "conf.d/4096.yaml").write_text("regon: x\n")
    assert problems_of(etc / "config.yaml") == [f"{etc}/conf.d:1: (file): holds more than 4096 files"]


def test_a_conf_d_that_cannot_be_listed_is_not_passed_over(etc: Path) -> None:
    """Its settings would be lost without a word."""
    (etc / "conf.d").rmdir()
    (etc / "conf.d").write_text("")
    assert problems_of(etc / "config.yaml") == [f"{etc}/conf.d:1: (file): cannot be read: Not a directory"]


def test_without_permission() -> None:
    """The file and the reason are named."""
    with open_directory() as etc:
        (etc / "config.yaml").write_text(BASE)
        (etc / "config.yaml").chmod(0)
        with unprivileged():
            problems = problems_of(etc / "config.yaml")
    assert problems == [f"{etc}/config.yaml:1: (file): cannot be read: Permission denied"]


@pytest.mark.parametrize("name", ["config.yaml", "conf.d/10-a.yaml"])
@pytest.mark.parametrize("kind", ["pipe", "device", "directory", "socket", "endless"])
def test_what_is_no_plain_file_is_named_at_once(etc: Path, name: str, kind: str) -> None:
    """Nothing is waited for; but for too large a file it may be put right, so the service waits for that."""
    path = etc / name
    path.unlink(missing_ok=True)
    match kind:
        case "pipe":
            os.mkfifo(path)
        case "device":
            path.symlink_to("/dev/zero")
        case "directory":
            path.mkdir()
        case "socket":
            with socket.socket(socket.AF_UNIX) as listener:
                listener.bind(str(path))
        case _:
            path.touch()
            os.truncate(path, 1 << 40)
    with pytest.raises(ConfigError) as caught:
        load(etc / "config.yaml")
    problem = caught.value.problems[0]
    assert problem.file == str(path)
    assert problem.unread is (kind != "endless")


def test_a_shortage_passes(etc: Path) -> None:
    """Without a descriptor to be had nothing is known of the files, and nothing is called wrong for good."""
    with none_left(), pytest.raises(ConfigError) as caught:
        load(etc / "config.yaml")
    assert (caught.value.unread, caught.value.temporary) == (True, True)
    (etc / "config.yaml").unlink()
    with pytest.raises(ConfigError) as caught:
        load(etc / "config.yaml")
    assert not caught.value.temporary

"""The file on the boot partition, taken in whole or not at all."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from iot_onboard.config.files import load
from iot_onboard.config.problems import MissingFact
from iot_onboard.config.schema import Config
from iot_onboard.core.exit_codes import ExitCode
from iot_onboard.events.model import Context, Details, Event
from iot_onboard.provisioning import boot_partition
from iot_onboard.provisioning.boot_file import TAKEN
from iot_onboard.provisioning.boot_import import BootImport
from support.disk.tracing import why_no_strace

NAMES = "product_key: a1b2c3d4e5f\r\ndevice_name: gw-0001\r\n"
TEXT = NAMES + "product_secret: hunter2\r\nmqtt: {port: 443}\r\n"
# Larger than a sector, so that its rest is overwritten apart.
LARGE = NAMES + "# " + "x" * 2000 + "\r\nproduct_secret: hunter2\r\n"


def name_of(config: Config) -> str:
    """Give a literal name; a host name is still to come."""
    if "{" in config.device_name:
        raise MissingFact("this machine has no {hostname} now")
    return config.device_name


class Gateway:
    """Hold the two partitions of a gateway."""

    def __init__(self, directory: Path) -> None:
        self.etc = directory / "etc"
        self.boot = directory / "boot"
        self.config = self.etc / "config.yaml"
        self.file = self.boot / "iot-onboard.yaml"
        self.etc.mkdir(parents=True)
        self.boot.mkdir()
        self.config.write_text("region: us-east-1\n")
        self.logged: list[tuple[Event, str]] = []

    def drop(self, text: str, name: str = "iot-onboard.yaml") -> None:
        (self.boot / name).write_bytes(text.encode())

    def start(self) -> ExitCode:
        def tell(event: Event, details: Details, _: Context) -> None:
            self.logged.append((event, details.detail))

        self.logged.clear()
        codes = [BootImport(path, self.config, name_of, tell).run() for path in boot_partition.find([self.boot])]
        return max(codes, default=ExitCode.DONE)

    def events(self) -> list[Event]:
        return [event for event, _ in self.logged]

    def on_boot(self) -> dict[str, str]:
        return {path.name: path.read_text() for path in self.boot.iterdir() if path.is_file()}

    def command(self, *wrapper: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "iot_onboard", "import-boot-file", "--config", str(self.config)]
        return subprocess.run(
            [*wrapper, *command, "--boot", str(self.boot)], capture_output=True, text=True, timeout=60, check=False
        )


@pytest.fixture
def gateway(tmp_path: Path) -> Gateway:
    return Gateway(tmp_path)


@pytest.mark.parametrize("name", ["iot-onboard.yaml", "IOT-ONBOARD.YAML", "Iot-Onboard.yaml"])
def test_it_is_taken_in(gateway: Gateway, name: str) -> None:
    """The names and the secret are where they belong, the file is gone, and a note says so without the secret."""
    gateway.drop(TEXT, name)
    assert gateway.start() is ExitCode.DONE
    assert gateway.events() == [Event.BOOT_FILE_IMPORTED]
    config = load(gateway.config)
    assert (config.device_name, config.mqtt_port, config.region) == ("gw-0001", 443, "us-east-1")
    secret = gateway.etc / "product-secret"
    assert (secret.read_text(), stat.S_IMODE(secret.stat().st_mode)) == ("hunter2\n", 0o600)
    assert "hunter2" not in (gateway.etc / "conf.d" / "50-identity.yaml").read_text()
    (note,) = gateway.on_boot().items()
    assert note[0] == "iot-onboard-taken.txt"
    assert "has imported" in note[1]
    assert "hunter2" not in note[1]
    assert gateway.start() is ExitCode.DONE
    assert gateway.logged == []


def test_a_name_that_the_hardware_does_not_give_yet_is_taken_in(gateway: Gateway) -> None:
    """A network interface may appear later in the boot: the daemon waits for it."""
    gateway.drop(TEXT.replace("gw-0001", '"gw-{mac}"'))
    assert gateway.start() is ExitCode.DONE
    assert load(gateway.config).device_name == "gw-{mac}"


def test_a_device_secret_is_taken_in(gateway: Gateway) -> None:
    """Its file is named in the configuration."""
    gateway.drop(NAMES + "device_secret: hunter2\n")
    assert gateway.start() is ExitCode.DONE
    assert load(gateway.config).device_secret_file == gateway.etc / "device-secret"
    assert stat.S_IMODE((gateway.etc / "device-secret").stat().st_mode) == 0o600


def test_what_is_wrong_is_told_beside_it(gateway: Gateway) -> None:
    """Every problem with its line, nothing taken in, the file as it was; corrected, the complaint goes with it."""
    gateway.drop("product_key: a b\nregon: x\nproduct_secret: hunter2\n")
    before = sorted(gateway.etc.rglob("*"))
    assert gateway.start() is ExitCode.CONFIGURATION
    assert sorted(gateway.etc.rglob("*")) == before
    assert gateway.logged == [
        (Event.BOOT_FILE_REFUSED, f"{gateway.file}:1: product_key: may hold letters and digits only"),
        (Event.BOOT_FILE_REFUSED, f"{gateway.file}:2: regon: is not a known key (did you mean region?)"),
    ]
    errors = gateway.on_boot()["iot-onboard-error.txt"]
    assert all(detail in errors for _, detail in gateway.logged)
    assert "hunter2" not in errors
    assert "hunter2" in gateway.on_boot()["iot-onboard.yaml"]
    gateway.drop(TEXT)
    assert gateway.start() is ExitCode.DONE
    assert list(gateway.on_boot()) == ["iot-onboard-taken.txt"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "holds no keys"),
        ("#" * 70_000, "larger than 64 kB"),
        ("product_key: a1b2c3d4e5f\n\tregion: x\n", "it is indented with a tab (indent with blanks)"),
        ("region: x\nproduct_secret: hunter2\n", "config.yaml:1: product_key: is missing"),
        (NAMES.replace("gw-0001", "gw"), ":2: device_name: has 2 characters"),
    ],
    ids=["empty", "huge", "tabs", "no-names", "bad-name"],
)
def test_what_is_not_taken_in(gateway: Gateway, text: str, words: str) -> None:
    """The reason is told, and a second start says the same without another write."""
    gateway.drop(text)
    assert gateway.start() is ExitCode.CONFIGURATION
    assert words in gateway.logged[0][1]
    errors = gateway.boot / "iot-onboard-error.txt"
    before = errors.stat().st_mtime_ns
    assert gateway.start() is ExitCode.CONFIGURATION
    assert errors.stat().st_mtime_ns == before


def test_a_name_that_is_still_to_come(gateway: Gateway) -> None:
    """At boot a host name may be given later than the file is looked at: it is taken in, and the daemon waits."""
    gateway.drop(TEXT.replace("gw-0001", '"{hostname}"'))
    assert gateway.start() is ExitCode.DONE
    assert load(gateway.config).device_name == "{hostname}"


@pytest.mark.parametrize("kind", ["directory", "fifo"])
def test_what_is_no_file(gateway: Gateway, kind: str) -> None:
    """It is named, and the boot goes on."""
    gateway.file.mkdir() if kind == "directory" else os.mkfifo(gateway.file)
    assert gateway.start() is ExitCode.CONFIGURATION
    assert "cannot be read" in gateway.logged[0][1]


def test_the_other_files_problems_are_told_too(gateway: Gateway) -> None:
    """A configuration that does not hold as a whole would keep the gateway off line."""
    gateway.drop(TEXT)
    (gateway.etc / "conf.d").mkdir()
    (gateway.etc / "conf.d" / "90-mine.yaml").write_text("regon: x\n")
    assert gateway.start() is ExitCode.CONFIGURATION
    assert "90-mine.yaml:1: regon" in gateway.logged[0][1]


def test_what_wins_over_it_is_told(gateway: Gateway) -> None:
    """It is taken in all the same."""
    gateway.drop(TEXT)
    (gateway.etc / "conf.d").mkdir()
    (gateway.etc / "conf.d" / "90-mine.yaml").write_text("device_name: gw-9999\n")
    assert gateway.start() is ExitCode.DONE
    assert gateway.events() == [Event.BOOT_FILE_IMPORTED, Event.BOOT_FILE_WARNING]


def test_a_second_file_changes_what_it_names(gateway: Gateway) -> None:
    """The rest of the first stays."""
    gateway.drop(TEXT)
    gateway.start()
    gateway.drop("device_name: gw-0002\n")
    assert gateway.start() is ExitCode.DONE
    config = load(gateway.config)
    assert (config.product_key, config.device_name, config.mqtt_port) == ("a1b2c3d4e5f", "gw-0002", 443)


def test_a_disk_that_is_full_is_told(gateway: Gateway) -> None:
    """Where the configuration cannot be written the file stays, and the next boot tries again."""
    gateway.drop(TEXT)
    (gateway.etc / "product-secret").mkdir()
    assert gateway.start() is ExitCode.FAILED
    assert "cannot be written" in gateway.logged[0][1]
    assert "hunter2" in gateway.on_boot()["iot-onboard.yaml"]
    (gateway.etc / "product-secret").rmdir()
    assert gateway.start() is ExitCode.DONE


@pytest.mark.skipif(why_no_strace() is not None, reason=str(why_no_strace()))
def test_a_read_only_partition(gateway: Gateway) -> None:
    """The file is taken in and the remaining secret told; later boots do not undo what was set up since."""
    gateway.drop(TEXT)
    only_reading = ["strace", "-o", os.devnull, "-P", str(gateway.file), "-e", "trace=openat"]
    for _ in range(2):
        done = gateway.command(*only_reading, "-e", "inject=openat:error=EROFS:when=2+")
        assert (done.returncode, "can still be read" in done.stderr) == (0, True), done.stderr
        assert "hunter2" not in done.stderr
        fragment = gateway.etc / "conf.d" / "50-identity.yaml"
        fragment.write_text(fragment.read_text().replace("gw-0001", "gw-9999"))
    assert load(gateway.config).device_name == "gw-9999"
    assert gateway.start() is ExitCode.DONE
    assert gateway.logged == []
    assert list(gateway.on_boot()) == ["iot-onboard-taken.txt"]
    assert load(gateway.config).device_name == "gw-9999"
    gateway.drop(TEXT)
    gateway.start()
    assert load(gateway.config).device_name == "gw-0001"


def test_what_a_cut_left_of_a_taken_file_is_cleared(gateway: Gateway) -> None:
    """The first sector says that it is taken: the rest, with the secret, is not read again."""
    gateway.drop(TAKEN.decode() + LARGE)
    assert gateway.start() is ExitCode.DONE
    assert not (gateway.etc / "product-secret").exists()
    assert list(gateway.on_boot()) == ["iot-onboard-taken.txt"]


def test_the_command_tells_the_journal(gateway: Gateway) -> None:
    """One line for each event; without a file there is nothing to say."""
    gateway.drop(TEXT)
    done = gateway.command()
    assert (done.returncode, "was imported: this gateway is gw-0001 of product a1b2c3d4e5f" in done.stderr) == (0, True)
    assert "hunter2" not in done.stdout + done.stderr
    again = gateway.command()
    assert (again.returncode, again.stdout, again.stderr) == (0, "", "")


def test_rubbish_is_told_in_few_lines_and_written_once(gateway: Gateway) -> None:
    """Of twenty thousand problems the first ones and a count; the note is not written anew at each boot."""
    gateway.drop("a:\n" * 21_000)
    assert gateway.start() is ExitCode.CONFIGURATION
    assert len(gateway.logged) == 21
    note = gateway.boot / "iot-onboard-error.txt"
    assert gateway.logged[-1][1].endswith("20980 more problems; the first is here (correct those above first)")
    assert note.stat().st_size < 4000
    before = note.stat()
    assert gateway.start() is ExitCode.CONFIGURATION
    assert (note.stat().st_ino, note.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


@pytest.mark.parametrize("kind", ["dangling", "link", "pipe", "directory"])
def test_what_is_no_file_hides_no_other(gateway: Gateway, kind: str) -> None:
    """Beside it the good file is taken in; nothing is read through a link, and it is told."""
    odd = gateway.boot / "IOT-ONBOARD.YAML"
    if kind == "pipe":
        os.mkfifo(odd)
    elif kind == "directory":
        odd.mkdir()
    else:
        odd.symlink_to(gateway.etc / ("none" if kind == "dangling" else "config.yaml"))
    gateway.drop(TEXT)
    assert gateway.start() is ExitCode.CONFIGURATION
    assert set(gateway.events()) == {Event.BOOT_FILE_REFUSED, Event.BOOT_FILE_IMPORTED}
    assert load(gateway.config).device_name == "gw-0001"
    assert not gateway.file.exists()


def test_a_link_is_not_read(gateway: Gateway) -> None:
    """What it leads to was not dropped there: its secret stays where it is, and so does the link."""
    elsewhere = gateway.etc / "elsewhere"
    elsewhere.write_bytes(TEXT.encode())
    gateway.file.symlink_to(elsewhere)
    assert gateway.start() is ExitCode.CONFIGURATION
    assert [detail for _, detail in gateway.logged] == [
        f"{gateway.file}:1: (file): is a link (it must be a regular file of at most 64 kB)"
    ]
    assert elsewhere.read_bytes() == TEXT.encode()
    assert not (gateway.etc / "product-secret").exists()

"""The board's files become facts; what is missing or odd is missing, never an error."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from functools import partial
from pathlib import Path

import pytest

from iot_onboard.config.device_name import Facts
from iot_onboard.config.hardware import Board, read_board, read_facts, read_hardware
from support.disk import tracing, writers
from support.disk.tracing import why_no_strace
from support.process.descriptors import none_left


def put(root: Path, files: dict[str, str | bytes]) -> Path:
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return root


def interface(root: Path, name: str, address: str, *, physical: bool = True) -> None:
    put(root, {f"sys/class/net/{name}/address": address + "\n"})
    if physical:
        (root / "sys/class/net" / name / "device").mkdir()


def test_a_raspberry_pi(tmp_path: Path) -> None:
    """Everything that the files say is found, without NULs and line ends."""
    put(tmp_path, {
        "proc/device-tree/serial-number": b"10000000abcdef01\0",
        "proc/device-tree/model": b"Raspberry Pi 4 Model B Rev 1.4\0",
        "etc/machine-id": "0123456789abcdef0123456789abcdef\n",
        "etc/hostname": "# the name\ngateway7\n",
        "etc/os-release": 'NAME="Debian"\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n',
    })  # fmt: skip
    interface(tmp_path, "eth0", "DC:A6:32:00:00:01")
    interface(tmp_path, "wlan0", "dc:a6:32:00:00:02")
    interface(tmp_path, "docker0", "02:42:00:00:00:01", physical=False)
    interface(tmp_path, "lo", "00:00:00:00:00:00", physical=False)
    assert read_facts(tmp_path) == Facts(
        serial="10000000abcdef01",
        macs=(("eth0", "dc:a6:32:00:00:01"), ("wlan0", "dc:a6:32:00:00:02")),
        machine_id="0123456789abcdef0123456789abcdef",
        hostname="gateway7",
    )
    assert read_board(tmp_path) == Board(
        os_name="Debian GNU/Linux 12 (bookworm)", model="Raspberry Pi 4 Model B Rev 1.4", serial="10000000abcdef01"
    )


def test_an_empty_machine(tmp_path: Path) -> None:
    """No file at all is no error, and nothing is taken from elsewhere."""
    assert read_facts(tmp_path) == Facts()
    assert read_board(tmp_path) == Board(os_name="", model="", serial="")


def test_this_machine() -> None:
    """The real root is read without an error."""
    read_facts()
    read_board()


@pytest.mark.parametrize(
    ("files", "serial"),
    [
        ({"proc/cpuinfo": "processor\t: 0\n\nSerial\t\t: 00000000abcd0f01\n"}, "00000000abcd0f01"),
        ({"proc/device-tree/serial-number": b"tree4271\0", "proc/cpuinfo": "Serial : cpu4271\n"}, "tree4271"),
        ({"proc/device-tree/serial-number": b"0000\0", "sys/class/dmi/id/product_serial": "PF1X\n"}, "PF1X"),
        ({"proc/cpuinfo": "Serial\t\t: 0000000000000000\n"}, None),
        ({"sys/class/dmi/id/product_serial": "To be filled by O.E.M.\n"}, None),
        ({"sys/class/dmi/id/product_serial": "Default string\n"}, None),
        ({"sys/class/dmi/id/product_serial": " \n"}, None),
        ({"proc/device-tree/serial-number/odd": "a directory in its place"}, None),
    ],
)
def test_serial(tmp_path: Path, files: dict[str, str | bytes], serial: str | None) -> None:
    """Device tree, then cpuinfo, then DMI; zeros and what vendors leave unfilled are no serial number."""
    assert read_facts(put(tmp_path, files)).board == serial
    assert read_board(tmp_path).serial == (serial or "")


def test_a_serial_number_that_the_service_may_not_read(tmp_path: Path) -> None:
    """The kernel shows that of DMI to root alone: a command of root's takes the name that the service has."""
    put(tmp_path, {"sys/class/dmi/id/product_serial": "PF1X\n"})
    (tmp_path / "sys/class/dmi/id/product_serial").chmod(0o400)
    assert read_facts(tmp_path).serial is None
    assert read_hardware(tmp_path).serials == ()


@pytest.mark.parametrize(
    ("kind", "begun_s", "lasts"),
    [("tmpfs", 2.0, False), ("ext4", 2.0, True), ("tmpfs", 9e6, True), ("tmpfs", -9e6, True), ("tmpfs", None, True)],
)
def test_a_machine_id_in_memory(tmp_path: Path, kind: str, begun_s: float | None, lasts: bool) -> None:
    """One that systemd made up as it began; an older one comes from below an overlay, and stays."""
    put(tmp_path, {"etc/machine-id": "3b" * 16, "proc/self/mountinfo": f"22 1 0:44 / / rw - {kind} x rw\n"})
    if begun_s is not None:
        begun = tmp_path / "run/systemd/inaccessible/reg"
        put(tmp_path, {"run/systemd/inaccessible/reg": ""})
        then = (tmp_path / "etc/machine-id").stat().st_mtime - begun_s
        os.utime(begun, (then, then))
    assert read_hardware(tmp_path).machine_id_lasts is lasts


def test_made_up_addresses_come_last(tmp_path: Path) -> None:
    """A locally administered address is used only where no interface has a burnt-in one."""
    interface(tmp_path, "eth0", "02:81:3d:00:00:01")
    assert read_facts(tmp_path).macs == (("eth0", "02:81:3d:00:00:01"),)
    interface(tmp_path, "wlan0", "b8:27:eb:00:00:02")
    assert read_facts(tmp_path).macs == (("wlan0", "b8:27:eb:00:00:02"),)
    assert read_facts(tmp_path).more_macs == (("eth0", "02:81:3d:00:00:01"),)


@pytest.mark.parametrize(
    "address", ["", "zz:zz:zz:zz:zz:zz", "00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff", "0" * 17, "a0:" * 20]
)
def test_what_is_no_address(tmp_path: Path, address: str) -> None:
    """An interface without an Ethernet address is passed over."""
    interface(tmp_path, "eth0", address)
    assert read_facts(tmp_path).macs == ()


@pytest.mark.parametrize(
    ("files", "hostname"),
    [
        ({"proc/sys/kernel/hostname": "by-dhcp\n"}, "by-dhcp"),
        ({"etc/hostname": "fixed\n", "proc/sys/kernel/hostname": "by-dhcp\n"}, "fixed"),
        ({"etc/hostname": "localhost\n", "proc/sys/kernel/hostname": "(none)\n"}, None),
        ({"etc/hostname": b"\xff\xfe\n"}, "\ufffd\ufffd"),
    ],
)
def test_hostname(tmp_path: Path, files: dict[str, str | bytes], hostname: str | None) -> None:
    """The fixed name before the running one; the name that every machine has is none."""
    assert read_facts(put(tmp_path, files)).hostname == hostname


def test_where_an_interface_is(tmp_path: Path) -> None:
    """On USB or not, described by the device tree or not, served by which driver, and who gave its address."""
    places = {"eth0": "soc/usb1/1-1/1-1:1.0", "eth1": "soc/usb1/1-2/1-2:1.0", "eth2": "soc/3f300000.mmc"}
    for number, (name, place) in enumerate(places.items()):
        put(tmp_path, {f"sys/devices/{place}/x": "", f"sys/class/net/{name}/address": f"00:1e:06:33:10:4{number}\n"})
        (tmp_path / "sys/class/net" / name / "device").symlink_to(tmp_path / "sys/devices" / place)
    put(tmp_path, {"sys/class/net/eth1/addr_assign_type": "3\n", "sys/bus/usb/drivers/cdc_ether/x": ""})
    (tmp_path / "sys/devices/soc/usb1/1-1/of_node").mkdir()
    (tmp_path / "sys/devices/soc/usb1/1-2/1-2:1.0/driver").symlink_to(tmp_path / "sys/bus/usb/drivers/cdc_ether")
    found = {one.name: one for one in read_hardware(tmp_path).interfaces}
    assert [(one.is_usb, one.is_described) for one in found.values()] == [(True, True), (True, False), (False, False)]
    assert (found["eth1"].driver, found["eth1"].assigned, found["eth2"].assigned) == ("cdc_ether", 3, None)


@pytest.mark.parametrize(
    ("uptime", "age_s", "ended", "settling"),
    [
        ("12.3 4.5", 10_000, False, True),
        ("90000.0 1.0", 10, False, True),
        ("90000.0 1.0", 10_000, False, False),
        ("90000.0 1.0", -10_000, False, False),
        ("rubbish", 10_000, False, False),
        ("12.3 4.5", 10, True, False),
    ],
)
def test_a_host_name_that_may_still_be_given(
    tmp_path: Path, uptime: str, age_s: int, ended: bool, settling: bool
) -> None:
    """While cloud-init runs, in the first ten minutes of a boot or of a container, and not where it is not used."""
    put(tmp_path, {"proc/uptime": uptime})
    assert not read_hardware(tmp_path).settling
    put(tmp_path, {"run/cloud-init/enabled": ""})
    if ended:
        put(tmp_path, {"run/cloud-init/result.json": "{}"})
    at = time.time() - age_s
    os.utime(tmp_path / "run/cloud-init/enabled", (at, at))
    assert bool(read_hardware(tmp_path).settling) == settling


def test_a_machine_id_that_systemd_made_in_memory(tmp_path: Path) -> None:
    """It lies where /run does, and that is in memory."""
    put(tmp_path, {"etc/x": "", "run/x": ""})
    assert read_hardware(tmp_path).machine_id_lasts
    with tempfile.NamedTemporaryFile(dir="/dev/shm") as file:
        (tmp_path / "etc/machine-id").symlink_to(file.name)
        assert read_hardware(tmp_path).machine_id_lasts
        shutil.rmtree(tmp_path / "run")
        (tmp_path / "run").symlink_to("/dev/shm")
        assert not read_hardware(tmp_path).machine_id_lasts


def test_a_pc(tmp_path: Path) -> None:
    """The model comes from DMI where there is no device tree."""
    put(tmp_path, {"sys/class/dmi/id/product_name": "NUC\n", "etc/os-release": "PRETTY_NAME='Some Linux'\n"})
    assert read_board(tmp_path) == Board(os_name="Some Linux", model="NUC", serial="")


def test_a_shortage_makes_no_other_name(tmp_path: Path) -> None:
    """A fact that cannot be read now is missing: a second source, or another interface, would be another device."""
    put(tmp_path, {"proc/device-tree/serial-number": b"10000000abcdef01\0", "etc/hostname": "gateway7\n"})
    read_board(tmp_path)
    interface(tmp_path, "eth0", "dc:a6:32:00:00:01")
    with none_left():
        assert read_facts(tmp_path) == Facts(unread=("serial", "mac", "machine_id", "hostname"))
        assert read_board(tmp_path) == Board(os_name="", model="", serial="")
    assert read_facts(tmp_path).serial == "10000000abcdef01"


@pytest.mark.skipif(why_no_strace() is not None, reason=str(why_no_strace()))
def test_an_interface_that_stumbles_makes_no_other_name(tmp_path: Path) -> None:
    """Where one address of two cannot be read for a moment, none is taken."""
    interface(tmp_path, "eth0", "dc:a6:32:00:00:01")
    interface(tmp_path, "wlan0", "dc:a6:32:00:00:02")
    read = partial(writers.first_mac, tmp_path)
    whole = tracing.run(read, "read")
    assert whole.answer == "dc:a6:32:00:00:01"
    # Each file is read until it ends.
    for call in (whole.calls[0], whole.calls[-1]):
        assert tracing.run(read, "read", [f"read:error=EIO:when={call.number}"]).answer is None

"""What is one gateway's own, and what many have."""

from __future__ import annotations

import hashlib
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iot_onboard.config.device_name import expand
from iot_onboard.config.identity_rules import (
    Interface,
    Readings,
    disagreement_of,
    facts_of,
    is_common_hostname,
    mac_doubt,
    serial_doubt,
)
from iot_onboard.config.problems import MissingFact


@pytest.mark.parametrize(
    "text",
    [
        "ffffffffffffffff", "0123456789abcdef", "0123456789ABCDEF", "empty", "default", "Default string", "1234567890",
        "0000000000000000", "0000000000000001", "0000000012345678", "fedcba9876543210", "987654321", "abcdefgh",
        "12341234", "abc1abc1", "To be filled by O.E.M.", "to be filled by o.e.m. 2",
        "SN0123456789", "System Serial Number", "N/A", "x", "", "none", "deadbeef", "1.0", "------", "aaaa", "11112222",
        "Board1", "System0", "VirtualBox-0", "0x1234", "SNxxxx", "deadbeef01", "Test01",
        "INVALID", "Not Specified", "unknown123", "Serial-0001",
        "1122334455667788", "0011223344556677", "00112233445566778899aabbccddeeff", "1111222233334444",
        "0102030405060708", "deadbeef00000000", "cafebabe12345678", "xxxx1234", "test0001", "QEMU0001",
        "03000200-0400-0500-0006-000700080009", "a1b2c3d4e5f6", "abcd1234", "1234567800000000", "abababab",
    ],
)  # fmt: skip
def test_what_is_no_serial_number(text: str) -> None:
    """Short, of few characters, counting, repeating, or a word: every board of a kind may say it."""
    assert serial_doubt(text) is not None


@pytest.mark.parametrize(
    "text",
    [
        "10000000abcdef01", "00000000abcd0001", "100000003d1d1c36", "00000000gw000001", "00000000bbbb0002", "PF1X",
        "5CD8240HJX", "GFKJHXZ", "VMware-42 0b 3c 1f", "02c00081b3a5d8f1",
        "1000000000abcd4f", "SN7A3", "c3d9b8674f4b94f6", "1421721042310", "gw0001a", "000001f7", "7B3T9K2",
        "00000012", "00000120", "gateway07", "00003917",
    ],
)  # fmt: skip
def test_what_is_a_serial_number(text: str) -> None:
    """Whatever a vendor gives to one board."""
    assert serial_doubt(text) is None


def test_a_real_serial_number_is_hardly_ever_refused() -> None:
    """Of twenty thousand boards by chance, whose numbers have eight digits of their own, three at most."""
    numbers = (hashlib.sha256(str(number).encode()).hexdigest()[:8] for number in range(20_000))
    assert sum(serial_doubt(f"10000000{number}") is not None for number in numbers) <= 3


@given(st.text(string.printable, max_size=40))
def test_any_text_is_judged(text: str) -> None:
    """Whatever a board says, in either case, and with separators or without."""
    assert (serial_doubt(text) is None) == (serial_doubt(text.upper()) is None) == (serial_doubt(f"-{text} ") is None)


@given(st.sampled_from(string.hexdigits[:16]), st.integers(min_value=0, max_value=40))
def test_one_character_is_nobody_s(character: str, times: int) -> None:
    """However often it is said."""
    assert serial_doubt(character * times) is not None


def wired(address: str, **more: object) -> Interface:
    return Interface(name="eth0", address=address, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "interface",
    [
        wired("00:00:00:00:00:00"), wired("ff:ff:ff:ff:ff:ff"), wired("00:11:22:33:44:55"), wired("12:34:56:78:9a:bc"),
        wired("02:00:00:00:00:00"), wired("00:01:02:03:04:05"), wired("aa:bb:cc:dd:ee:ff"), wired("00:00:5e:00:53:01"),
        wired("01:80:c2:00:00:03"), wired("52:54:00:12:34:56"), wired("b8:27:eb:00:00:00"), wired("de:ad:be:ef:ca:fe"),
        wired("0c:5b:8f:27:9a:64", is_usb=True), wired("58:2c:80:13:92:63", is_usb=True),
        wired("0c:5b:8f:11:7a:93", is_usb=True, driver="cdc_ether"), wired("7a:11:9d:51:3e:08", assigned=1),
        wired("7a:11:9d:51:3e:08", assigned=3),
        wired("00:90:4c:11:22:33"), wired("00:90:4c:c5:12:38"), wired("00:e0:4c:68:00:01"), wired("00:e0:4c:87:00:00"),
        wired("00:e0:4c:36:00:01"), wired("00:0a:35:00:01:22"), wired("00:04:9f:01:02:03"), wired("de:ad:be:ef:00:01"),
        wired("ba:be:fa:ce:00:01"), wired("02:00:00:00:00:01"), wired("00:11:22:33:44:56"), wired("00:aa:bb:cc:dd:ee"),
    ],
)  # fmt: skip
def test_what_is_no_hardware_address(interface: Interface) -> None:
    """A pattern, a group's, a modem's, one that is made up at each boot: not even where its interface is named."""
    assert mac_doubt(interface) is not None
    facts = facts_of(Readings(interfaces=(interface,)))
    for template in ("gw-{mac}", "gw-{mac:eth0}"):
        with pytest.raises(MissingFact, match="eth0"):
            expand(template, facts)


@pytest.mark.parametrize(
    "interface",
    [
        wired("b8:27:eb:00:00:01"), wired("dc:a6:32:4f:11:ab", assigned=0), wired("02:81:3d:5f:20:77", assigned=0),
        wired("b8:27:eb:ab:12:cd", is_usb=True, driver="smsc95xx"), wired("dc:a6:32:4f:11:ab", assigned=3),
        wired("00:1e:06:33:10:4c", is_usb=True, is_described=True, driver="r8152"), wired("00:e0:4c:68:12:9f"),
    ],
)  # fmt: skip
def test_what_is_a_hardware_address(interface: Interface) -> None:
    """The vendor's; one that the board's firmware made out of its chip; that of a Raspberry Pi whose wire is on USB."""
    assert mac_doubt(interface) is None
    assert expand("{mac}", facts_of(Readings(interfaces=(interface,)))) == interface.address.replace(":", "")


def test_what_is_plugged_in_comes_after_what_is_the_board_s() -> None:
    """A stick, whatever the kernel calls it, is another gateway's tomorrow; where it is named, it is meant."""
    stick = wired("00:1e:06:33:10:4c", is_usb=True, driver="r8152")
    modem = Interface(name="eth1", address="0c:5b:8f:27:9a:64", is_usb=True, driver="cdc_ether")
    radio = Interface(name="wlan0", address="dc:a6:32:00:00:02")
    facts = facts_of(Readings(interfaces=(stick, modem, radio)))
    assert expand("{mac}", facts) == "dca632000002"
    assert expand("{mac:eth0}", facts) == "001e0633104c"
    own = facts_of(Readings(interfaces=(wired("f8:e4:3b:5d:20:77", is_usb=True, driver="cdc_ncm"),)))
    assert expand("{mac:eth0}", own) == "f8e43b5d2077"
    with pytest.raises(MissingFact, match=r"USB adapter, which is used only if it is named: \{mac:eth0\}"):
        expand("{mac}", facts_of(Readings(interfaces=(stick,))))


@pytest.mark.parametrize(
    "name",
    [
        "raspberrypi", "RaspberryPi", "rpi", "pi", "debian", "localhost", "localhost.localdomain", "armbian",
        "raspberrypi.local", "raspberry-pi", "ubuntu-server", "linaro", "openwrt", "dietpi", "rock", "beaglebone",
        "toradex", "-", "orangepi", "debian12", "debian-12", "bookworm", "bullseye", "raspberrypi4", "raspberrypi-4",
        "rpi4", "rpi5", "raspberrypi4-64", "raspberrypi-2", "kali-raspberry-pi", "openhabian", "emonpi", "tinkerboard",
        "cubieboard", "orangepi5", "orangepizero2", "orangepi3-lts", "nanopi-r2s", "rock-5b", "odroidxu4", "radxa-zero",
        "jetson-nano", "beaglebone-ai", "qemuarm64", "pihole", "debian13", "debian-1", "localhost-live", "tinycore",
        "unassigned-hostname",
    ],
)  # fmt: skip
def test_everybody_s_host_name(name: str) -> None:
    """What images are shipped with: a list of words, and whatever the system or the board calls itself."""
    system = ("debian12", "Debian GNU/Linux 12 (bookworm)", "Raspberry Pi 4 Model B Rev 1.4")
    assert is_common_hostname(name, system)


@pytest.mark.parametrize(
    "name",
    [
        "gateway7", "gateway12", "edge7", "raspberrypi-plant-3", "raspberrypi-07", "raspberrypi-117", "pump-07",
        "gw-0001", "a1b2", "site.example", "arm-1", "pickup", "rocket-3", "worm", "model7",
    ],
)  # fmt: skip
def test_a_host_name_of_its_own(name: str) -> None:
    """Somebody chose it; a number behind it tells one from another."""
    assert not is_common_hostname(
        name, ("debian12", "Debian GNU/Linux 12 (bookworm)", "Raspberry Pi 4 Model B Rev 1.4")
    )


def test_a_serial_number_that_is_none_is_named() -> None:
    """With what it says, and what may do instead; the next source counts where the first is no good."""
    readings = Readings(serials=(("the device tree", "ffffffffffffffff"), ("DMI", "PF1X")))
    assert facts_of(readings).board == "PF1X"
    facts = facts_of(Readings(serials=(("the device tree", "0123456789abcdef"),)))
    assert facts.board is None
    with pytest.raises(MissingFact, match=r"'0123456789abcdef', which counts; \{mac\} and \{machine_id\}"):
        expand("gw-{serial}", facts)


def test_sources_that_disagree() -> None:
    """The board's own counts, and the other is named; one that is no serial number does not count as a voice."""
    readings = Readings(serials=(("the device tree", "a1b7c3e4"), ("/proc/cpuinfo", "5e6f7a8b")))
    assert (facts_of(readings).serial, disagreement_of(readings)) == (
        "a1b7c3e4",
        "the device tree says a1b7c3e4, /proc/cpuinfo says 5e6f7a8b",
    )
    assert facts_of(readings).more_serials == ("5e6f7a8b",)
    assert facts_of(readings).is_board("5E6F7A8B")
    assert not disagreement_of(Readings(serials=(("x", "a1b7c3e4"), ("y", "A1B2C3D4"), ("z", "0000"))))


def test_a_machine_id_that_does_not_last() -> None:
    """It would be another device at each boot."""
    facts = facts_of(Readings(machine_id="3b" * 8 + "9f" * 8, machine_id_lasts=False))
    with pytest.raises(MissingFact, match="generated at each boot"):
        expand("gw-{machine_id}", facts)

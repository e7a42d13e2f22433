"""Decide which serial numbers, hardware addresses and host names are unique to one gateway. Pure.

One rule for all: a value that a vendor or an image puts into every board is short, has few different characters, counts
up or down, or is a word. The lists below hold only what no rule can know.
"""

from __future__ import annotations

import re
from itertools import pairwise

from ..fast_start.fast_dataclasses import dataclass
from .device_name import Facts

# Drivers of modems: their addresses come from the firmware, and are the same on all modems of a model.
_MODEM_DRIVERS = frozenset(
    {"cdc_eem", "cdc_ether", "cdc_mbim", "cdc_ncm", "cdc_subset", "huawei_cdc_ncm", "ipheth", "qmi_wwan", "rndis_host"}
)
# Adapters and USB modems that all have the same address.
_SHARED_ADDRESSES = frozenset(
    {"00:1e:10:1f:00:00", "00:e0:4c:53:44:58", "0c:5b:8f:27:9a:64", "34:4b:50:00:00:00", "58:2c:80:13:92:63"}
)
# Defaults of drivers and of board firmware without an own address, and modems of one model.
_SHARED_BEGINNINGS = ("00:00:5e:", "00:0a:35:00:", "00:90:4c:", "0c:5b:8f:")
_DEFAULT_ADDRESS = "00:e0:4c:[0-9a-f]{2}:00:0[0-9]"
# Adapters with an address of their own have these drivers too: their address counts if the template names them.
_ADAPTER_DRIVERS = frozenset({"cdc_ether", "cdc_ncm"})
_HEX_WORDS = (
    "badc0ffe",
    "baadf00d",
    "babeface",
    "cafebabe",
    "cafed00d",
    "deadbeef",
    "deadc0de",
    "feedface",
    "feedbeef",
)
# Before the Raspberry Pi 4 the wired interface is on USB, but its address belongs to the board.
_BOARD_VENDORS = ("b8:27:eb:", "dc:a6:32:", "e4:5f:01:", "d8:3a:dd:", "2c:cf:67:", "28:cd:c1:")
# addr_assign_type: random, from the kernel; set by a program (systemd and NetworkManager also set random ones).
_RANDOM, _SET = 1, 3
# Words in a text that is used in place of a number.
_STAND_IN_WORDS = (
    "default", "filled", "serial", "unknown", "invalid", "example", "sample", "specified", "applicable", "available",
    *_HEX_WORDS,
)  # fmt: skip
# A word with at most one digit; after some words, any short number.
_WORD = "(?=.*[aeiou])[a-z]{4,}[0-9]?|(board|demo|qemu|system|test)0*[0-9]{1,2}"
_HOST_NAMES = frozenset(
    """
    bookworm bullseye buster focal jammy noble trixie
    alarm alpine apalis arch archlinux arm armbian balena bananapi base beagle beaglebone beagleplay board box buildroot
    centos changeme client colibri computer container debian default demo device dietpi edge example fedora friendlyelec
    friendlywrt gateway golden hassio home homeassistant host hostname image imx iot iotgateway jetson kali khadas kiosk
    lede libreelec linaro linux local localhost localhost4 localhost6 machine manjaro master nanopi new node none noname
    nixos nvidia octopi odroid opensuse openwrt orangepi osmc pi pine64 poky radxa raspberry raspberrypi raspberrypios
    raspbian raspi raspios resinos retropie rock rock64 rockchip rockpi rocky root router rpi sandbox server suse system
    tegra template test testing toradex ubuntu ubuntuserver ubuntucore unix unknown unnamed user venus verdin vm volumio
    unassignedhostname yocto
    """.split()  # noqa: SIM905 - a list of words reads better so
)
# How names of board images and distributions begin, and what may follow.
_IMAGES = """
    alpine apalis archlinux armbian balena bananapi beagle beaglebone beagleplay buildroot centos colibri cubieboard
    debian dietpi emonpi fedora friendlyelec friendlywrt hassio homeassistant imx jetson kali khadas lede libreelec
    linaro linux localhost manjaro nanopc nanopi nixos nvidia octopi odroid openhabian opensuse openwrt orangepi osmc pi
    pihole pine poky qemu radxa raspberry raspberrypi raspbian raspi retropie rock rockchip rockpi rpi suse tegra tinker
    tinkerboard tinycore toradex ubuntu verdin volumio yocto
    """.split()  # noqa: SIM905
_SUFFIXES = """
    a aarch ai air arm armhf b black board c cm core desktop e green h lite live lts m max mini model n nano neo nx orin
    plus pro r s server tx w wireless x xavier xu zero
    """.split()  # noqa: SIM905


@dataclass(frozen=True, slots=True, kw_only=True)
class Interface:
    """Hold a network interface with real hardware, as the kernel shows it.

    `is_described`: the device tree names it, so it is a part of the board.
    """

    name: str
    address: str
    is_usb: bool = False
    is_described: bool = False
    driver: str = ""
    assigned: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Readings:
    """Hold the content of the board's files; pairs are a source and its value, the best source first.

    `system` are the names of the system and of the board's model: a host name made of these is not unique.
    """

    serials: tuple[tuple[str, str], ...] = ()
    interfaces: tuple[Interface, ...] = ()
    machine_id: str = ""
    machine_id_lasts: bool = True
    hostnames: tuple[tuple[str, str], ...] = ()
    system: tuple[str, ...] = ()
    settling: str = ""
    unread: tuple[str, ...] = ()


def facts_of(readings: Readings) -> Facts:
    """Return the values that identify this gateway, and the doubtful ones."""
    doubts: list[tuple[str, str]] = []
    serial = _serial(readings, doubts)
    macs, more_macs = _macs(readings, doubts)
    hostname = next((name for _, name in readings.hostnames if not _is_nameless(name)), None)
    if hostname is not None and is_common_hostname(hostname, readings.system):
        why = f"the host name is {hostname}, which many gateways have"
        doubts.append(("hostname", f"{why}; sudo hostnamectl set-hostname NAME sets another"))
    if readings.machine_id and not readings.machine_id_lasts:
        # Until it is written to the disk, which systemd does at the end of a first boot.
        why = "the machine id is generated at each boot: /etc/machine-id is not on the disk"
        doubts.append(("machine_id", f"{why}; {{serial}} or {{mac}} may work"))
    return Facts(
        serial=serial,
        more_serials=tuple(text for _, text in _own_serials(readings) if text.lower() != (serial or "").lower()),
        macs=macs,
        more_macs=more_macs,
        machine_id=readings.machine_id or None,
        hostname=hostname,
        doubts=tuple(doubts),
        settling=readings.settling,
        unread=readings.unread,
        disagreement=disagreement_of(readings),
    )


def disagreement_of(readings: Readings) -> str:
    """Return the different serial numbers of two sources, or nothing if all agree."""
    own = _own_serials(readings)
    other = next(((source, text) for source, text in own if text.lower() != own[0][1].lower()), None)
    return "" if other is None else f"{own[0][0]} says {own[0][1]}, {other[0]} says {other[1]}"


def serial_doubt(text: str) -> str | None:
    """Say why a serial number is not unique to one board, or `None`."""
    plain = re.sub(r"[^a-z0-9]", "", text.lower()).removeprefix("0x")
    core, significant = plain.strip("0"), plain.lstrip("0")
    if len(plain) < 4:
        return "is too short"
    same = max((len(run[0]) for run in re.finditer(r"([^0])\1{3,}", plain)), default=0)
    # A serial number may be short, with leading zeros.
    few = len(set(significant)) < (2 if len(plain) >= 6 and len(significant) < 4 else 3)
    if len(set(plain)) < 3 or few or 2 * same > len(plain):
        return "has too few different characters"
    if _counts(plain) or (len(core) >= 4 and _counts(core)) or _counts_in_parts(plain):
        return "counts"
    if _repeats(plain):
        return "repeats itself"
    if any(word in plain for word in _STAND_IN_WORDS) or re.fullmatch(_WORD, plain):
        return "is a common word"
    return None


def mac_doubt(interface: Interface) -> str | None:
    """Say why a hardware address is not unique to one interface, or `None`."""
    address = interface.address.lower()
    digits = address.replace(":", "")
    octets = bytes.fromhex(digits)
    steps = [(later - earlier) % 256 for earlier, later in pairwise(octets)]
    device = digits[6:]
    if octets[0] & 1:
        return "belongs to no interface"
    if len(set(digits)) < 3 or len(set(device)) == 1 or digits.isalpha() or digits.startswith(_HEX_WORDS):
        return "follows a pattern"
    # Five octets, or the last three, with equal differences; or a locally administered one with zeros before the end.
    if len(set(steps[1:])) == 1 or len(set(steps[:-1])) == 1 or (steps[3] == steps[4] and steps[4] in {0, 1, 0x11}):
        return "follows a pattern"
    if octets[0] & 2 and not any(octets[1:5]):
        return "follows a pattern"
    if _counts(device):
        return "counts"
    if octets[0] & 2 and interface.assigned in {_RANDOM, _SET}:
        return "is generated, and may change at each boot"
    is_adapter = interface.driver in _ADAPTER_DRIVERS and not octets[0] & 2
    is_modem = interface.driver in _MODEM_DRIVERS and not is_adapter
    is_shared = address in _SHARED_ADDRESSES or address.startswith(_SHARED_BEGINNINGS)
    if is_modem or is_shared or re.fullmatch(_DEFAULT_ADDRESS, address):
        return "belongs to a modem or an adapter, and may be the same on all of this type"
    return None


def is_common_hostname(hostname: str, system: tuple[str, ...] = ()) -> bool:
    """Say whether a host name is a default of images: the name of the system or the board, or a common word."""
    first = hostname.partition(".")[0].lower()
    label = re.sub(r"[^a-z0-9]", "", first)
    if not label or label in _HOST_NAMES or _is_image_name(first):
        return True
    return any(_is_from_system_name(label, re.findall("[a-z0-9]+", name.lower())) for name in system)


def _is_image_name(name: str) -> bool:
    """Say whether a name is that of a board or a distribution, with a version or a usual suffix."""
    image, suffix = "|".join(_IMAGES), "|".join(_SUFFIXES)
    # Only a person writes a number with a leading zero, or with three digits.
    number = "(?<![0-9])[1-9][0-9]?(?![0-9])"
    return re.fullmatch(f"({image})([^a-z0-9]|{image}|{suffix}|{number})*", name) is not None


def _is_from_system_name(label: str, words: list[str]) -> bool:
    """Say whether a label is a sequence of words of a system's name, or the beginning of that name."""
    ends = range(len(words) + 1)
    whole = {"".join(words[start:end]) for start in ends for end in ends[start:]}
    return label in whole or (len(label) >= 5 and "".join(words).startswith(label))


def _own_serials(readings: Readings) -> list[tuple[str, str]]:
    return [(source, text) for source, text in readings.serials if not serial_doubt(text)]


def _serial(readings: Readings, doubts: list[tuple[str, str]]) -> str | None:
    own = _own_serials(readings)
    if own or not readings.serials:
        return own[0][1] if own else None
    # Only zeros or blanks are no serial number at all.
    text = next((text for _, text in readings.serials if text.strip("0 ")), None)
    if text is not None:
        why = f"this board has no {{serial}} of its own: it says {text!r}, which {serial_doubt(text)}"
        doubts.append(("serial", f"{why}; {{mac}} and {{machine_id}} work on most boards"))
    return text


_Macs = tuple[tuple[str, str], ...]


def _macs(readings: Readings, doubts: list[tuple[str, str]]) -> tuple[_Macs, _Macs]:
    own: list[tuple[str, str]] = []
    more: list[tuple[str, str]] = []
    why = ""
    for interface in readings.interfaces:
        pair = interface.name, interface.address
        if doubt := mac_doubt(interface):
            why = f"the address of {interface.name}, {interface.address}, {doubt}"
            doubts.append((f"mac:{interface.name}", f"{why}; {{serial}} or {{machine_id}} may work"))
            more.append(pair)
        elif _is_plugged_in(interface):
            why = f"{interface.name} is a USB adapter, which is used only if it is named: {{mac:{interface.name}}}"
            more.append(pair)
        else:
            own.append(pair)
    # A locally administered address is used only if there is no better one.
    burnt_in = [pair for pair in own if not int(pair[1][:2], 16) & 2]
    if burnt_in:
        more += [pair for pair in own if pair not in burnt_in]
    elif not own and why:
        doubts.append(("mac", f"no interface of this board has an address of its own: {why}"))
    return tuple(burnt_in or own), tuple(more)


def _is_plugged_in(interface: Interface) -> bool:
    if interface.driver in _ADAPTER_DRIVERS:
        return True
    return interface.is_usb and not interface.is_described and not interface.address.startswith(_BOARD_VENDORS)


def _is_nameless(hostname: str) -> bool:
    return hostname in {"(none)", "localhost", "localhost.localdomain"}


def _counts(text: str) -> bool:
    """Say whether a text counts up or down: all its characters, or at least six and most of them."""
    longest = max(_longest_run(text), _longest_run(text[::-1]))
    return longest == len(text) or (longest >= 6 and 5 * longest >= 3 * len(text))


def _counts_in_parts(text: str) -> bool:
    """Say whether every second character counts, or each part of letters or digits, or the text without repetitions."""
    twice = text[::2], text[1::2]
    if len(text) >= 8 and all(_counts(part) or len(set(part)) == 1 for part in twice):
        return True
    parts = re.findall("[a-z]+|[0-9]+", text)
    if all(len(part) >= 4 and (_counts(part) or len(set(part)) == 1) for part in parts):
        return True
    collapsed = re.sub(r"(.)\1+", r"\1", text)
    if len(collapsed) >= 4 and 2 * len(collapsed) <= len(text) and _counts(collapsed):
        return True
    bare = text.replace("0", "")
    return len(bare) >= 6 and 2 * len(bare) < len(text) and _counts(bare)


def _longest_run(text: str) -> int:
    """Return the length of the longest part that counts up; after 9 comes 0 or a."""
    best = length = 1
    for earlier, later in pairwise(text):
        follows = ord(later) - ord(earlier) == 1 or earlier + later in {"90", "9a"}
        length = length + 1 if follows else 1
        best = max(best, length)
    return best


def _repeats(text: str) -> bool:
    """Say whether a text is one part repeated twice or more."""
    return text in (text + text)[1:-1]

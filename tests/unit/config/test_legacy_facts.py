"""What version 0.1.0 took for facts, it takes for ever: names of stored secrets stand on them."""

from __future__ import annotations

import pytest

from iot_onboard.config.device_name import expand
from iot_onboard.config.identity_rules import Interface, Readings
from iot_onboard.config.legacy_facts import legacy_facts

READINGS = Readings(
    serials=(("the device tree", "To Be Filled By O.E.M."), ("/proc/cpuinfo", "0123456789abcdef")),
    interfaces=(
        Interface(name="eth0", address="0c:5b:8f:27:9a:64", is_usb=True, driver="cdc_ether"),
        Interface(name="eth1", address="7a:11:9d:51:3e:08", assigned=1),
        Interface(name="wlan0", address="b8:27:eb:00:00:02"),
    ),
    machine_id="0123456789abcdef0123456789abcdef",
    machine_id_lasts=False,
    hostnames=(("/etc/hostname", "localhost"), ("/proc/sys/kernel/hostname", "raspberrypi")),
    settling="cloud-init has not finished",
)


@pytest.mark.parametrize(
    ("template", "name"),
    [
        ("{serial}", "0123456789abcdef"),
        ("{mac}", "0c5b8f279a64"),
        ("{mac:wlan0}", "b827eb000002"),
        ("{hostname}", "raspberrypi"),
    ],
)
def test_the_names_of_0_1_0(template: str, name: str) -> None:
    """A USB stick's address, a host name as shipped, a serial number that counts: all of them were names."""
    assert expand(template, legacy_facts(READINGS)) == name


def test_what_0_1_0_did_not_take() -> None:
    """Placeholders of vendors, and made-up addresses beside burnt-in ones."""
    facts = legacy_facts(READINGS)
    assert "eth1" not in dict(facts.macs)
    bare = Readings(
        serials=(("x", "0000"), ("y", "None")),
        interfaces=(Interface(name="eth0", address="ff:ff:ff:ff:ff:ff"),),
        hostnames=(("x", "(none)"),),
    )
    assert legacy_facts(bare) == legacy_facts(Readings())

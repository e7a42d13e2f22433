"""A template and the facts of the hardware become a device name."""

from __future__ import annotations

import hashlib
import hmac
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iot_onboard.aliyun.names import device_name_problem
from iot_onboard.config.device_name import Facts, expand, made_of, template_problem
from iot_onboard.config.problems import BadName, MissingFact
from iot_onboard.fast_start.fast_dataclasses import replace

MACHINE_ID = "0123456789abcdef0123456789abcdef"
FACTS = Facts(
    serial="10000000ABCDEF01",
    macs=(("wlan0", "b8:27:eb:00:00:02"), ("eth1", "b8:27:eb:00:00:03"), ("eth0", "B8:27:EB:00:00:01")),
    machine_id=MACHINE_ID,
    hostname="Gateway7",
)


@pytest.mark.parametrize(
    ("template", "name"),
    [
        ("gw-0001", "gw-0001"),
        ("gw-{serial}", "gw-10000000abcdef01"),
        ("{mac}", "b827eb000001"),
        ("{mac:wlan0}", "b827eb000002"),
        ("{hostname}.{mac:eth1}", "Gateway7.b827eb000003"),
    ],
)
def test_expand(template: str, name: str) -> None:
    """Literal text stays; each placeholder gives its fact."""
    assert expand(template, FACTS) == name


def test_the_machine_id_is_derived() -> None:
    """16 digits that are the same at each boot, on no other machine, and do not tell the raw id."""
    name = expand("gw-{machine_id}", FACTS)
    application = bytes.fromhex("6d3b2f6e0f0d4c559d0e2f0b7a5b7c11")
    assert name == "gw-" + hmac.new(MACHINE_ID.encode(), application, hashlib.sha256).hexdigest()[:16]
    assert MACHINE_ID[:8] not in name
    assert name != expand("gw-{machine_id}", Facts(machine_id="f" * 32))


@pytest.mark.parametrize(
    ("interfaces", "first"),
    [
        ("wlan0 eth1 eth0", "eth0"), ("wlan0 enp3s0 end0", "end0"), ("wlan0 enp3s0 eth1", "enp3s0"),
        ("usb0 wlan0", "wlan0"),
        ("wlan1 wlan0", "wlan0"), ("wwan0 usb0", "usb0"),
    ],
)  # fmt: skip
def test_which_mac(interfaces: str, first: str) -> None:
    """Wired before wireless, whatever order the kernel found them in."""
    macs = [(name, f"02:00:00:00:00:{number:02x}") for number, name in enumerate(interfaces.split())]
    expected = dict(macs)[first].replace(":", "")
    assert expand("{mac}", Facts(macs=tuple(macs))) == expected
    assert expand("{mac}", Facts(macs=tuple(reversed(macs)))) == expected


@pytest.mark.parametrize("template", ["gw-{serial}", "gw-{mac}", "gw-{mac:eth0}", "gw-{machine_id}", "gw-{hostname}"])
def test_a_missing_fact_is_named(template: str) -> None:
    """Nothing is made up in its place."""
    with pytest.raises(MissingFact) as caught:
        expand(template, Facts())
    assert template.removeprefix("gw-") in str(caught.value)


@pytest.mark.parametrize("machine_id", ["", "uninitialized", "0" * 32, MACHINE_ID[:-1], MACHINE_ID + "\n"])
def test_what_is_no_machine_id(machine_id: str) -> None:
    """What many machines share, early in their first boot, names none of them."""
    with pytest.raises(MissingFact):
        expand("gw-{machine_id}", Facts(machine_id=machine_id))


def test_another_interface_is_not_taken() -> None:
    """{mac:eth0} is that interface or nothing: another one would give the gateway another name."""
    with pytest.raises(MissingFact, match="mac:eth0"):
        expand("{mac:eth0}", Facts(macs=(("wlan0", "b8:27:eb:00:00:02"),)))


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        (Facts(hostname="a" * 33), "33 characters"),
        (Facts(hostname="abc"), "3 characters; the platform allows 4 to 32"),
        (Facts(hostname="gate way"), "' '"),
        (Facts(hostname="g\u00e4teway"), "\u00e4"),
        (Facts(hostname="{serial}", serial="1234"), "'{'"),
    ],
)
def test_a_name_the_platform_would_not_take(facts: Facts, words: str) -> None:
    """What comes out is checked too, and a fact is not expanded again."""
    with pytest.raises(BadName) as caught:
        expand("{hostname}", facts)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("template", "words"),
    [
        ("gw-{seral}", "did you mean {serial}?"),
        ("gw-{}", "{} is not a placeholder"),
        ("gw-{mac:}", "is not a placeholder"),
        ("gw-{mac:../x}", "is not a placeholder"),
        ("gw-{SERIAL}", "is not a placeholder"),
        ("gw-{serial", "brace"),
        ("gw-serial}", "brace"),
        ("{{serial}}", "brace"),
        ("g w-{serial}", "' '"),
        ("a" * 32 + "{serial}", "too long"),
        ("a" * 21 + "{mac}", "too long"),
        ("{mac}{machine_id}{mac:eth0}", "too long"),
        ("{hostname}" * 33, "too long"),
        ("abc", "3 characters"),
        ("", "0 characters"),
    ],
)
def test_a_wrong_template(template: str, words: str) -> None:
    """It is found before any hardware is looked at."""
    assert words in (template_problem(template) or "")


@pytest.mark.parametrize("template", ["gw-1", "{serial}", "{mac:eth0}", "{mac:enx001122334455}", "a" * 31 + "{serial}"])
def test_a_right_template(template: str) -> None:
    """Whatever may expand to a name is taken."""
    assert template_problem(template) is None


DOUBTS = (("hostname", "the host name is pi, which many gateways have"), ("mac:wlan0", "the address of wlan0 counts"))


def test_what_many_have_is_no_name() -> None:
    """Alone it is not taken; beside what no other gateway has, it is."""
    facts = replace(FACTS, doubts=DOUBTS)
    for template, why in (("gw-{hostname}", "host name is pi"), ("{mac:wlan0}", "wlan0 counts")):
        with pytest.raises(MissingFact, match=why):
            expand(template, facts)
    with pytest.raises(MissingFact):
        expand("{hostname}-{mac:wlan0}", facts)
    assert expand("{hostname}-{serial}", facts) == "Gateway7-10000000abcdef01"


def test_a_host_name_that_is_still_to_come() -> None:
    """Whoever gives it has not ended: what is there now may be another's."""
    facts = replace(FACTS, settling="cloud-init has not finished")
    with pytest.raises(MissingFact, match="cloud-init"):
        expand("{hostname}-{serial}", facts)
    assert expand("{serial}", facts) == "10000000abcdef01"


def test_an_adapter_counts_where_it_is_named() -> None:
    """Plugged into another gateway, it would take the name along."""
    facts = Facts(more_macs=(("eth1", "b8:27:eb:00:00:03"),), doubts=(("mac", "eth1 is a USB adapter"),))
    assert expand("{mac:eth1}", facts) == "b827eb000003"
    with pytest.raises(MissingFact, match="USB adapter"):
        expand("{mac}", facts)


def test_what_a_name_is_made_of() -> None:
    """Each placeholder once, with what stands for it; the raw machine id does not."""
    assert made_of("gw-{serial}{serial}-{mac}", FACTS) == (("serial", "10000000abcdef01"), ("mac", "b827eb000001"))
    assert MACHINE_ID not in str(made_of("{machine_id}", FACTS))
    assert made_of("gw-0001", FACTS) == ()


TEMPLATES = st.lists(
    st.sampled_from(["{serial}", "{mac}", "{mac:eth0}", "{machine_id}", "{hostname}", "{", "}"])
    | st.text(string.ascii_letters + "-_@.: {}", max_size=5),
    max_size=5,
).map("".join)
FACT = st.none() | st.text(max_size=10)


@given(TEMPLATES, FACT, FACT, FACT)
def test_only_good_names_come_out(
    template: str, serial: str | None, machine_id: str | None, hostname: str | None
) -> None:
    """Any template that passes the check gives a name that the platform takes, or one of the two errors."""
    if template_problem(template) is not None:
        return
    try:
        name = expand(template, Facts(serial=serial, machine_id=machine_id, hostname=hostname))
    except (MissingFact, BadName):
        return
    assert device_name_problem(name) is None

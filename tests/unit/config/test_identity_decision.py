"""Which device a gateway is: each row of the design, and what holds for all of them."""

from __future__ import annotations

from collections.abc import Collection

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iot_onboard.config.device_name import Facts
from iot_onboard.config.identity_decision import Decision, Past, decide
from iot_onboard.config.identity_memory import Remembered
from iot_onboard.config.problems import MissingFact
from iot_onboard.fast_start.fast_dataclasses import replace

KEY = "a1b2c3d4e5f"
BOARD, OTHER_BOARD = "10000000abcdef01", "100000003d1d1c36"
TEMPLATE = "gw-{mac:eth0}"
FACTS = Facts(serial=BOARD, macs=(("eth0", "b8:27:eb:00:00:01"),))
RENAMED = Facts(serial=BOARD, macs=(("end0", "b8:27:eb:00:00:01"),))
OTHER = Facts(serial=BOARD, macs=(("eth0", "7a:11:9d:51:3e:08"),))
MEMORY = Remembered(
    product_key=KEY,
    device_name="gw-b827eb000001",
    template=TEMPLATE,
    board=BOARD,
    made_of=(("mac:eth0", "b827eb000001"),),
)
EVERYBODYS = Facts(serial=BOARD, hostname="raspberrypi", doubts=(("hostname", "which many gateways have; do so"),))


def choose(
    facts: Facts,
    *,
    template: str = TEMPLATE,
    product_key: str = KEY,
    legacy: Facts | None = None,
    remembered: Remembered | None = None,
    stored: Collection[str] = (),
    unread: str = "",
    has_secret_file: bool = False,
) -> Decision:
    past = Past(
        remembered=remembered, is_stored=lambda name: name in stored, unread=unread, has_secret_file=has_secret_file
    )
    return decide(template, product_key, facts, legacy or replace(facts, doubts=(), settling=""), past)


def test_a_first_name() -> None:
    """It is what the hardware gives, and is to be remembered with what it was made of."""
    assert choose(FACTS) == Decision(device_name="gw-b827eb000001", fresh="gw-b827eb000001", to_remember=MEMORY)
    assert choose(FACTS, remembered=MEMORY) == Decision(device_name="gw-b827eb000001", fresh="gw-b827eb000001")


@pytest.mark.parametrize("facts", [RENAMED, OTHER, Facts(serial=BOARD)])
def test_the_same_board_keeps_its_name(facts: Facts) -> None:
    """An interface has another name, or another address, or is gone: what was the name is the name, with a reason."""
    decision = choose(facts, remembered=MEMORY)
    assert (decision.device_name, decision.to_remember) == ("gw-b827eb000001", None)
    assert decision.mismatch


def test_another_source_shows_the_same_board() -> None:
    """A newer kernel adds a serial number, or writes it in another case: the board and its memory stay."""
    for facts in (
        replace(OTHER, serial="PF3XK7QD", more_serials=(BOARD.upper(),)),
        replace(OTHER, serial=BOARD.upper()),
    ):
        assert choose(facts, remembered=MEMORY).device_name == "gw-b827eb000001"
        assert choose(replace(facts, macs=FACTS.macs), remembered=MEMORY).to_remember is None
    numbered = replace(MEMORY, template="gw-{serial}", device_name=f"gw-{BOARD}")
    facts = Facts(serial="PF3XK7QD", more_serials=(BOARD,))
    assert choose(facts, template="gw-{serial}", remembered=numbered).device_name == f"gw-{BOARD}"


def test_another_board_is_another_gateway() -> None:
    """A card that moved; and a board without a serial number of its own counts as another one."""
    for serial in (OTHER_BOARD, None):
        decision = choose(replace(OTHER, serial=serial), remembered=MEMORY)
        assert (decision.device_name, decision.mismatch) == ("gw-7a119d513e08", "")
        assert decision.to_remember == replace(
            MEMORY, device_name="gw-7a119d513e08", board=serial, made_of=(("mac:eth0", "7a119d513e08"),)
        )
    with pytest.raises(MissingFact):
        choose(replace(RENAMED, serial=OTHER_BOARD), remembered=MEMORY)
    nameless = replace(MEMORY, board=None)
    assert choose(replace(OTHER, serial=None), remembered=nameless).device_name == "gw-7a119d513e08"


def test_a_serial_number_that_many_have_tells_no_board() -> None:
    """Two cards of two such boards are not the same gateway."""
    doubtful = replace(OTHER, doubts=(("serial", "counts"),))
    assert choose(doubtful, remembered=MEMORY).device_name == "gw-7a119d513e08"


def test_another_configuration_is_meant() -> None:
    """Another template, or another product: what was remembered does not count."""
    assert choose(OTHER, template="x-{mac:eth0}", remembered=MEMORY).device_name == "x-7a119d513e08"
    assert choose(OTHER, product_key="b2", remembered=MEMORY).device_name == "gw-7a119d513e08"
    with pytest.raises(MissingFact):
        choose(RENAMED, template="x-{mac:eth0}", remembered=MEMORY)


@pytest.mark.parametrize(
    ("facts", "template"),
    [
        (Facts(), TEMPLATE),
        (Facts(hostname="rpi"), "{hostname}"),
        (EVERYBODYS, "{hostname}"),
        (Facts(hostname="gateway7", settling="cloud-init has not finished"), "{hostname}"),
    ],
)
def test_a_fact_is_waited_for(facts: Facts, template: str) -> None:
    """One that is not there, that gives no name the platform takes, that many have, or that is still to come."""
    with pytest.raises(MissingFact):
        choose(facts, template=template)


def test_a_name_of_0_1_0_with_its_secret_stays() -> None:
    """Whatever newer rules refuse, or would make of it; and it stays at the boots that follow."""
    decision = choose(EVERYBODYS, template="{hostname}", stored=["raspberrypi"])
    assert (decision.device_name, decision.mismatch) == ("raspberrypi", "which many gateways have")
    assert decision.to_remember is not None
    again = choose(EVERYBODYS, template="{hostname}", stored=["raspberrypi"], remembered=decision.to_remember)
    assert again == replace(decision, to_remember=None)
    # By its memory, without the secret or with another host name.
    assert choose(FACTS, template="{hostname}", remembered=decision.to_remember).device_name == "raspberrypi"


def test_a_name_of_0_1_0_goes_before_another_one() -> None:
    """The old rules took the stick's address, and the secret is of that name; also on a board without a number."""
    stick = Facts(macs=(("eth0", "00:1e:06:33:10:4c"), ("wlan0", "b8:27:eb:00:00:02")))
    now = Facts(macs=stick.macs[1:], more_macs=stick.macs[:1])
    first = choose(now, template="gw-{mac}", legacy=stick, stored=["gw-001e0633104c"])
    assert (first.device_name, first.mismatch) == ("gw-001e0633104c", "the hardware gives gw-b827eb000002 now")
    second = choose(now, template="gw-{mac}", legacy=stick, stored=["gw-001e0633104c"], remembered=first.to_remember)
    assert (second.device_name, second.to_remember) == ("gw-001e0633104c", None)
    assert choose(now, template="gw-{mac}", legacy=stick).device_name == "gw-b827eb000002"


def test_a_name_of_0_1_0_gives_way_to_one_that_came_later() -> None:
    """A card of another gateway, with the stick of that one: what is remembered says that 0.1.0 is long gone."""
    stick = replace(FACTS, macs=(("eth0", "00:1e:06:33:10:4c"), *FACTS.macs[1:]))
    later = replace(MEMORY, device_name="gw-dca632000002", board=OTHER_BOARD)
    decision = choose(FACTS, legacy=stick, stored=["gw-001e0633104c"], remembered=later)
    assert (decision.device_name, decision.mismatch) == ("gw-b827eb000001", "")


def test_a_secret_given_by_hand_counts_as_that_of_the_name_of_0_1_0() -> None:
    """As long as nothing is remembered, whatever the new rules make of the hardware; not while it settles."""
    decision = choose(EVERYBODYS, template="{hostname}", has_secret_file=True)
    assert (decision.device_name, decision.mismatch) == ("raspberrypi", "which many gateways have")
    stick = replace(FACTS, macs=(("eth0", "00:1e:06:33:10:4c"),))
    assert choose(FACTS, legacy=stick, has_secret_file=True).device_name == "gw-001e0633104c"
    assert choose(FACTS, legacy=stick, has_secret_file=True, remembered=MEMORY).device_name == "gw-b827eb000001"
    with pytest.raises(MissingFact, match="cloud-init"):
        choose(replace(EVERYBODYS, settling="cloud-init"), template="{hostname}", has_secret_file=True)
    with pytest.raises(MissingFact, match="unread"):
        choose(FACTS, legacy=stick, has_secret_file=True, unread="unread")


def test_a_memory_that_cannot_be_read_does_not_hide_a_secret_of_0_1_0() -> None:
    """Its name is the one, and nothing is written."""
    decision = choose(EVERYBODYS, template="{hostname}", stored=["raspberrypi"], unread="unread")
    assert (decision.device_name, decision.to_remember) == ("raspberrypi", None)


def test_a_name_with_a_secret_waits_for_nobody() -> None:
    """Whatever cloud-init may still do: the secret is of this name."""
    facts = Facts(hostname="gateway7", settling="cloud-init has not finished")
    decision = choose(facts, template="{hostname}", stored=["gateway7"])
    assert (decision.device_name, decision.mismatch) == ("gateway7", "")


def test_a_memory_that_cannot_be_read_is_waited_for() -> None:
    """But where the name of now has its secret here; then what stands there is not written over."""
    with pytest.raises(MissingFact, match=r"identity\.json"):
        choose(FACTS, unread="identity.json cannot be read")
    with pytest.raises(MissingFact, match=r"identity\.json"):
        choose(RENAMED, unread="identity.json cannot be read")
    decision = choose(FACTS, unread="identity.json cannot be read", stored=["gw-b827eb000001"])
    assert decision == Decision(device_name="gw-b827eb000001", fresh="gw-b827eb000001")


def test_a_serial_number_that_cannot_be_read_now_is_waited_for() -> None:
    """Whether the card has moved is not known; where the name is the same it does not matter, and is not written."""
    stumbled = replace(OTHER, serial=None, unread=("serial",))
    with pytest.raises(MissingFact, match="serial number cannot be read now"):
        choose(stumbled, remembered=MEMORY)
    same = replace(FACTS, serial=None, unread=("serial",))
    assert choose(same, remembered=MEMORY).to_remember is None


NAMES = st.sampled_from(["gateway7", "gateway8", "rpi", None])
MEMORIES = st.none() | st.builds(
    lambda name, board, template: Remembered(product_key=KEY, device_name=name, template=template, board=board),
    st.sampled_from(["gateway7", "gateway8", "gateway9"]),
    st.sampled_from([BOARD, OTHER_BOARD, None]),
    st.sampled_from(["{hostname}", "gw-{hostname}"]),
)


@given(
    NAMES,
    st.sampled_from([BOARD, OTHER_BOARD, None]),
    st.booleans(),
    st.sampled_from(["", "settling"]),
    MEMORIES,
    st.sets(st.sampled_from(["gateway7", "gateway8", "gateway9"])),
    st.sampled_from(["", "unread"]),
)
def test_what_holds_for_all(
    hostname: str | None,
    serial: str | None,
    doubtful: bool,
    settling: str,
    remembered: Remembered | None,
    stored: set[str],
    unread: str,
) -> None:
    """A name is that of the hardware, of the memory of this board, or has a secret; what is written is the name."""
    doubts = (("hostname", "many have it"),) if doubtful else ()
    facts = Facts(serial=serial, hostname=hostname, doubts=doubts, settling=settling)
    remembered = None if unread else remembered
    try:
        decision = choose(facts, template="{hostname}", remembered=remembered, stored=stored, unread=unread)
    except MissingFact:
        # Never where the same board and configuration had a name.
        assert remembered is None or serial is None or remembered.board != serial or remembered.template != "{hostname}"
        return
    same = remembered is not None and remembered.board == serial is not None and remembered.template == "{hostname}"
    if same and remembered is not None:
        assert decision.device_name == remembered.device_name
    if doubtful or settling or unread:
        assert decision.device_name in stored or (remembered and decision.device_name == remembered.device_name)
    if decision.to_remember is not None:
        assert decision.to_remember.device_name == decision.device_name
        assert decision.to_remember != remembered
        assert not unread
    assert bool(decision.mismatch) == (decision.device_name != decision.fresh)

"""How long the parts of an exchange took."""

from __future__ import annotations

from iot_onboard.core.timings import Timings
from iot_onboard.events.format import journal_fields
from iot_onboard.events.model import Context, Details, Event
from iot_onboard.fast_start.fast_dataclasses import as_dict


def test_what_was_not_measured_is_nothing() -> None:
    """Not zero: that would be a very good network."""
    assert set(as_dict(Timings()).values()) == {None}


def test_every_part_has_its_field_in_the_journal() -> None:
    """`IOT_DNS_MS` and so on; what was not measured is left out."""
    context = Context(product_key="pk", device_name="gw", version="1")
    for number, name in enumerate(as_dict(Timings()), start=1):
        fields = dict(journal_fields(Event.ONLINE, Details(timings=Timings(**{name: number})), context, "online"))
        assert {field: value for field, value in fields.items() if field.endswith("_MS")} == {
            f"IOT_{name.upper()}": str(number)
        }

"""Device names by template."""

from __future__ import annotations

import pytest

from iot_onboard.identity import BadName, Facts, MissingFact, expand, template_problem

FACTS = Facts(
    serial="10000000ABCDEF01",
    macs=(("wlan0", "b8:27:eb:00:00:02"), ("eth0", "B8:27:EB:00:00:01")),
    machine_id="0123456789abcdef0123456789abcdef",
    hostname="pi",
)


@pytest.mark.parametrize(
    ("template", "name"),
    [
        ("gw-0001", "gw-0001"),
        ("gw-{serial}", "gw-10000000abcdef01"),
        ("gw-{mac}", "gw-b827eb000001"),
        ("gw-{mac:wlan0}", "gw-b827eb000002"),
        ("{hostname}-gw", "pi-gw"),
    ],
)
def test_expansion(template: str, name: str) -> None:
    """Placeholders are filled in, lower-case, without colons; the wired interface comes first."""
    assert template_problem(template) is None
    assert expand(template, FACTS) == name


def test_the_machine_id_is_derived() -> None:
    """The raw id is confidential; the derived one is stable, for ever."""
    name = expand("gw-{machine_id}", FACTS)
    assert len(name) == 19
    assert "0123456789abcdef" not in name
    assert name == expand("gw-{machine_id}", FACTS)


@pytest.mark.parametrize("template", ["gw-{serial}", "gw-{mac}", "gw-{mac:eth9}", "gw-{machine_id}", "{hostname}"])
def test_missing_facts(template: str) -> None:
    """A fact that the hardware does not give is named."""
    with pytest.raises(MissingFact, match="this machine has no"):
        expand(template, Facts())


@pytest.mark.parametrize("template", ["{hostname}", "gw-{serial}-{serial}"])
def test_names_the_platform_would_not_take(template: str) -> None:
    """Too short and too long are found after expansion."""
    with pytest.raises(BadName, match="the platform takes 4 to 32"):
        expand(template, FACTS)


@pytest.mark.parametrize(
    ("template", "words"),
    [
        ("gw-{seral}", "did you mean {serial}?"),
        ("gw-{", "brace"),
        ("g w-{mac}", "' '"),
        ("{mac:}", "not a placeholder"),
    ],
)
def test_bad_templates(template: str, words: str) -> None:
    """A template is judged before any hardware is looked at."""
    assert words in (template_problem(template) or "")

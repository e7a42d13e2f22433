"""The unit that shows whether systemd could start the service."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from iot_onboard.config.start_probe import PATH, render
from iot_onboard.core import units
from support.tree import ROOT

UNIT = (ROOT / "systemd" / units.SERVICE).read_text()


def lines(*drop_ins: str, credentials: bool = False) -> list[str]:
    return render("\n".join((UNIT, *drop_ins)), credentials=credentials).splitlines()


def test_it_has_what_may_keep_the_service_from_starting_and_does_nothing() -> None:
    """User, directories and sandbox are the service's, drop-ins included; the program is not."""
    found = lines("[Service]\nReadWritePaths=/data\nWorkingDirectory=/data")
    for setting in ("User=iot-onboard", "StateDirectory=iot-onboard", "PrivateTmp=yes", "ReadWritePaths=/data"):
        assert setting in found
    assert found[-1] == "LogLevelMax=emerg"
    assert (
        found.index("ExecStart=/bin/true")
        > found.index("ExecStart=")
        > found.index("ExecStart=/usr/bin/iot-onboard run")
    )
    assert found.index("Type=oneshot") > found.index("Type=notify")
    assert found.index("RestartForceExitStatus=") > found.index("Restart=no")


def test_it_pulls_in_no_other_unit_and_starts_no_other() -> None:
    """What the service requires is looked at, not started; a failure of the probe is nobody's."""
    text = render(f"{UNIT}\n[Unit]\nRequiresMountsFor=/data\nFailureAction=reboot\n[Service]\nUMask=0077\n")
    assert "OnFailure" not in text
    assert "RequiresMountsFor" not in text
    assert "FailureAction" not in text
    assert "WantedBy" not in text
    assert "UMask=0077" in text


def test_secrets_are_in_it_only_where_they_are_the_matter() -> None:
    """And a secret that stands in the unit itself never is."""
    secret = (
        "[Service]\nSetCredential=product-secret:hunter2\nSetCredential=a:hunter2:\\n\nLoadCredentialEncrypted=x:/y"
    )
    assert not [line for line in lines(secret) if "Credential" in line]
    found = lines(secret, credentials=True)
    assert "LoadCredentialEncrypted=x:/y" in found
    assert "SetCredential=device-secret:\\n" in found
    assert not [line for line in found if "hunter2" in line]


def test_a_setting_of_several_lines_is_taken_whole() -> None:
    """With the comment that systemd allows in between; what is commented out is not taken."""
    found = lines("[Service]\nEnvironment=A=1 \\\n# a word\n  B=2\n#User=root\n; User=root\n")
    assert "Environment=A=1  B=2" in found
    assert "User=root" not in found


@given(st.text("abc=[]\\\n #;/:", max_size=60))
def test_whatever_a_drop_in_says_the_end_is_ours(text: str) -> None:
    """The last lines count, and they are the same."""
    assert render(f"{UNIT}\n{text}").endswith(render("").partition("[Service]\n")[2])


def test_it_lies_where_a_boot_clears_it_away() -> None:
    """And no unit of the package has its name."""
    assert str(PATH) == f"/run/systemd/system/{units.PROBE}"
    assert not (ROOT / "systemd" / units.PROBE).exists()

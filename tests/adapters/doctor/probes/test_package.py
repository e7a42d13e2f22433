"""What the doctor sees of the package; with programs that stand in for dpkg."""

from __future__ import annotations

from pathlib import Path

from iot_onboard.doctor.checks import package
from iot_onboard.doctor.model import Level
from iot_onboard.doctor.probes.package import PACKAGE
from support.process.probing import bring, program


def test_the_package(config: Path, programs: Path) -> None:
    """Only files that nobody is meant to change count."""
    assert package.files(bring(PACKAGE, config)).level is Level.SKIPPED
    program(programs, "dpkg-query", "printf installed")
    program(programs, "dpkg", "exit 0")
    assert package.files(bring(PACKAGE, config)).level is Level.OK
    verify = """
        echo '??5??????   /usr/bin/iot-onboard'
        echo '??5?????? c /etc/iot-onboard/config.yaml'
        echo 'missing     /usr/share/doc/iot-onboard/changelog.gz'
        exit 1
    """
    program(programs, "dpkg", verify)
    assert bring(PACKAGE, config).changed == ("/usr/bin/iot-onboard",)

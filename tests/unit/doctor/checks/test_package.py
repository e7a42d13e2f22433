"""How the doctor judges what is installed."""

from __future__ import annotations

import pytest

from iot_onboard.doctor.checks import package
from iot_onboard.doctor.checks.package import PackageFacts
from support.text.judged import OK, SKIPPED, WARN, Row

PACKAGE = [
    Row("no package", package.files, PackageFacts(), SKIPPED, "Not installed as a package."),
    Row("no dpkg", package.files, PackageFacts(trouble="dpkg is not installed"), SKIPPED, "dpkg is not installed"),
    Row("mute dpkg", package.files, PackageFacts(installed=True, trouble="no end"), SKIPPED, "no end"),
    Row("as shipped", package.files, PackageFacts(installed=True), OK, "as shipped"),
    Row(
        "changed",
        package.files,
        PackageFacts(installed=True, changed=("/usr/bin/x", "/y")),
        WARN,
        "2 file(s)",
        "--reinstall",
    ),
]


@pytest.mark.parametrize("row", PACKAGE, ids=str)
def test_judgements(row: Row) -> None:
    """These facts, this level, these words, this fix."""
    row.holds()

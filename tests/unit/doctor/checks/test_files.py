"""What the doctor knows of a file, and what a user may do with it."""

from __future__ import annotations

import stat
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from iot_onboard.doctor.checks.files import ENTER, READ, WRITE, Account, FileFacts, impassable_directory, is_permitted
from support.text.judged import SERVICE, directory


@given(
    st.integers(0, 0o777), st.integers(0, 2), st.integers(0, 2), st.sampled_from([READ, WRITE, ENTER, WRITE | ENTER])
)
def test_rights_are_the_kernels(mode: int, uid: int, gid: int, wanted: int) -> None:
    """Owner, else group, else others, as path_resolution(7) says; root may all."""
    facts = FileFacts(path="/x", mode=stat.S_IFREG | mode, uid=uid, gid=gid)
    account = Account(name="a", uid=1, gids=frozenset({1}))
    place = 6 if uid == 1 else 3 if gid == 1 else 0
    assert is_permitted(account, facts, wanted) == ((mode >> place) & wanted == wanted)
    assert is_permitted(replace(account, uid=0), facts, wanted)


def test_the_first_closed_door_is_named() -> None:
    """A way is as open as its first door."""
    way = (directory("/", 0o755, 0), directory("/a", 0o700, 0), directory("/a/b", 0o700, 0))
    finding = impassable_directory(SERVICE, way)
    assert finding is not None
    assert finding.sentence == "The service's user iot-onboard cannot enter /a (mode 0700)."
    assert finding.fix == "sudo chmod a+x /a"
    assert impassable_directory(SERVICE, way[:1]) is None

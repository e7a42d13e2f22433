"""What the doctor sees of a file without opening it, and of the service's user."""

from __future__ import annotations

import os
import pwd
from pathlib import Path

import pytest

from iot_onboard.doctor.probes.files import chain_of, facts_of, service_account
from support.process.unprivileged import open_directory, unprivileged


def test_a_file(tmp_path: Path) -> None:
    """Mode and owner; a link is looked at or followed, as asked; what is not there is nothing."""
    file = tmp_path / "file"
    file.write_text("four")
    file.chmod(0o640)
    facts = facts_of(file)
    assert facts is not None
    assert (facts.permissions, facts.uid, facts.kind) == ("0640", os.geteuid(), "a file")
    link = tmp_path / "link"
    link.symlink_to(file)
    kinds = [found.kind for follow in (False, True) if (found := facts_of(link, follow=follow)) is not None]
    assert kinds == ["a symbolic link", "a file"]
    assert facts_of(tmp_path / "none") is None
    assert facts_of(file / "below") is None


def test_the_way_to_a_file(tmp_path: Path) -> None:
    """From the top down, as far as there is something."""
    chain = [facts.path for facts in chain_of(tmp_path / "none/below")]
    assert chain == [str(path) for path in (*reversed(tmp_path.parents), tmp_path)]


def test_a_directory_that_hides_what_is_in_it() -> None:
    """Whether a file is there cannot be said: that is no "it is missing"."""
    with open_directory() as directory:
        closed = directory / "closed"
        closed.mkdir(0o700)
        with unprivileged(), pytest.raises(PermissionError):
            facts_of(closed / "file")


def test_an_account() -> None:
    """A user has the groups that the system gives it, its own among them; where the package made none, it is nobody."""
    entry = pwd.getpwuid(os.geteuid())
    account = service_account(entry.pw_name)
    assert account is not None
    assert (account.name, account.uid, entry.pw_gid in account.gids) == (entry.pw_name, entry.pw_uid, True)
    assert service_account("no-such-user") is None

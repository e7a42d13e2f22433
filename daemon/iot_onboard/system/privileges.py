"""How a process of root gives up its rights: root writes nothing in directories of other users.

`register`, `forget` and `run` write in the directories of the service's user. If root starts them, they first become
that user and cannot go back; files that only root may read are read before (docs/decisions/0017).
"""

from __future__ import annotations

import contextlib
import os
import pwd
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

from ..core.failures import OnboardError, StoreFailure, StoreFault
from ..disk.untrusted_path import PathPart, create_missing, first_non_root_part, opened_path
from .accounts import USER

_STATE_MODE, _RUNTIME_MODE = 0o700, 0o755


def prepare_directories(
    state_dir: Path, runtime_dir: Path | None = None, *, usual: Collection[Path], user: str = USER
) -> PathPart | None:
    """Create missing directories, and return the user to become before anything is written in them.

    `None` means root. The `usual` directories, which systemd creates for the service, are given to the service's user
    as systemd would do it, if the service has not run yet. Raises `OnboardError`; if a directory cannot be created, the
    code that uses it reports that.
    """
    modes = {state_dir: _STATE_MODE} | ({runtime_dir: _RUNTIME_MODE} if runtime_dir is not None else {})
    with contextlib.suppress(KeyError):
        account = pwd.getpwnam(user)
        for directory in usual:
            if directory in modes:
                _give(directory, modes[directory], account, only_empty=directory == state_dir)
    owner = _common_owner(modes, made=False)
    for directory, mode in modes.items():
        _make(directory, mode, owner)
    # Check again: another process may have created one of them.
    return _common_owner(modes, made=True)


def become(owner: PathPart) -> None:
    """Change from root to an owner's user and group, with no way back; raise `OnboardError` if that is refused."""
    try:
        account = _account(owner.uid)
        group = account.pw_gid if account is not None else owner.gid
        if account is not None:
            os.initgroups(account.pw_name, group)
        else:
            os.setgroups([])
        os.setresgid(group, group, group)
        os.setresuid(owner.uid, owner.uid, owner.uid)
    except OSError as error:
        raise _refused(f"root cannot become {_name(owner.uid)}, who owns {owner.name}: {error.strerror}") from error


def _common_owner(directories: Iterable[Path], *, made: bool) -> PathPart | None:
    """Return the common owner of the existing directories, `None` for root; `made`: none will be created after this."""
    owners: dict[Path, PathPart | None] = {}
    for directory in directories:
        try:
            with opened_path(directory) as found:
                owner = first_non_root_part(directory, found.parts, whole=made or not found.missing)
        except OSError as error:
            raise _refused(f"{directory} cannot be opened: {error.strerror}") from error
        if owner is not None or not found.missing:
            owners[directory] = owner
    names = {directory: _name(owner.uid if owner is not None else 0) for directory, owner in owners.items()}
    if len(set(names.values())) > 1:
        listed = " and ".join(f"{directory} belongs to {name}" for directory, name in names.items())
        raise _refused(f"{listed}, so root changes nothing there. To do: give both to one of them (chown -Rh)")
    return next(iter(owners.values()), None)


def _give(directory: Path, mode: int, account: pwd.struct_passwd, *, only_empty: bool) -> None:
    """Give a directory that only root can change to an account; its content stays unchanged."""
    with contextlib.suppress(OSError), opened_path(directory) as found:
        if first_non_root_part(directory, found.parts, whole=not found.missing) is not None:
            return
        with _closing(create_missing(found, mode)) as descriptor:
            # Checked each time: a crash may have come between the creation and the change of owner.
            if not only_empty or not os.listdir(descriptor):  # noqa: PTH208 - there is no path that leads here
                os.fchmod(descriptor, mode)
                os.fchown(descriptor, account.pw_uid, account.pw_gid)
                os.fsync(descriptor)


def _make(directory: Path, mode: int, owner: PathPart | None) -> None:
    with contextlib.suppress(OSError), opened_path(directory) as found:
        if not found.missing or first_non_root_part(directory, found.parts, whole=False) is not None:
            return
        with _closing(create_missing(found, mode)) as descriptor:
            os.fchmod(descriptor, mode)
            if owner is not None:
                os.fchown(descriptor, owner.uid, owner.gid)


@contextlib.contextmanager
def _closing(descriptor: int) -> Iterator[int]:
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _account(uid: int) -> pwd.struct_passwd | None:
    try:
        return pwd.getpwuid(uid)
    except KeyError:
        return None


def _name(uid: int) -> str:
    account = _account(uid)
    return account.pw_name if account is not None else f"user {uid}"


def _refused(detail: str) -> OnboardError:
    return OnboardError(StoreFailure(fault=StoreFault.NOT_WRITABLE, detail=detail))

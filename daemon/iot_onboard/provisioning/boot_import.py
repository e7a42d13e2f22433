"""Import the boot file from the boot partition: all of it or nothing, at any power cut.

First everything is checked, then written to its place, and only then is the file overwritten and removed. After a power
cut before the last step, the next boot imports the file again, with the same result; after a cut during the overwriting
the file is marked as imported, and the next boot completes its removal.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
from collections.abc import Callable
from pathlib import Path

from .. import __version__
from ..config.problems import ConfigError, MissingFact, Problem, file_problem
from ..config.schema import Config
from ..core.exit_codes import ExitCode
from ..core.failures import OnboardError
from ..disk.files import read_plain, remove_durably, write_durably
from ..events.model import Context, Details, Event
from ..fast_start.fast_dataclasses import replace
from . import boot_file, boot_partition
from .apply import check, provision

LogEvent = Callable[[Event, Details, Context], None]

# Holds the hash of an imported file that could not be removed: otherwise each boot would import it again, and undo
# later changes.
# The name is that of earlier versions: a gateway may have the file on its disk.
_MEMORY = ".boot-file-taken"


class BootImport:
    """Import one file of the boot partition."""

    def __init__(self, path: Path, config_path: Path, name_of: Callable[[Config], str], log_event: LogEvent) -> None:
        self._path = path
        self._name_of = name_of
        self._config_path = config_path
        self._memory = config_path.parent / _MEMORY
        self._log_event = log_event
        self._context = Context(product_key="", device_name="", version=__version__)

    def run(self) -> ExitCode:
        """Do the remaining steps, and log the result."""
        try:
            data = boot_partition.read(self._path)
        except FileNotFoundError:
            return ExitCode.DONE
        except OSError as error:
            hint = f"it must be a regular file of at most {boot_file.MAX_BYTES // 1024} kB"
            reason = "is a link" if error.errno == errno.ELOOP else f"cannot be read: {error.strerror}"
            return self._refuse([file_problem(str(self._path), reason, hint=hint)])
        digest = hashlib.sha256(data).hexdigest()
        if not data.startswith(boot_file.TAKEN) and digest != self._remembered():
            failed = self._import(data)
            if failed is not None:
                return failed
        self._clear(len(data), digest)
        return ExitCode.DONE

    def _import(self, data: bytes) -> ExitCode | None:
        try:
            request = boot_file.read(self._path, data)
            config = check(self._config_path, request)
            name = config.device_name
            # A network interface or a host name may appear later in the boot: the daemon waits for it.
            with contextlib.suppress(MissingFact):
                name = self._name_of(config)
            done = provision(self._config_path, request)
        except ConfigError as error:
            return self._refuse(error.problems)
        except OnboardError as error:
            self._refuse([], error.failure.detail)
            return ExitCode.FAILED
        context = replace(self._context, product_key=config.product_key, device_name=name)
        self._log_event(Event.BOOT_FILE_IMPORTED, Details(detail=str(self._path)), context)
        for warning in done.warnings:
            self._log_event(Event.BOOT_FILE_WARNING, Details(detail=warning), context)
        return None

    def _refuse(self, problems: tuple[Problem, ...] | list[Problem], *others: str) -> ExitCode:
        lines = [*map(str, problems), *others]
        for line in lines:
            self._log_event(Event.BOOT_FILE_REFUSED, Details(detail=line), self._context)
        boot_partition.leave(self._path.with_name(boot_file.ERRORS), boot_file.error_note(lines))
        return ExitCode.CONFIGURATION

    def _clear(self, size: int, digest: str) -> None:
        try:
            boot_partition.clear(self._path, size)
        except OSError as error:
            self._log_event(
                Event.BOOT_FILE_NOT_REMOVED, Details(detail=f"{self._path}: {error.strerror}"), self._context
            )
            self._remember(digest)
        else:
            self._remember(None)

    def _remembered(self) -> str | None:
        try:
            return read_plain(self._memory, 64).decode()
        except (OSError, UnicodeDecodeError):
            return None

    def _remember(self, digest: str | None) -> None:
        if digest == self._remembered():
            return
        # If that fails, the next boot imports the file once more.
        with contextlib.suppress(OSError):
            if digest is None:
                remove_durably(self._memory)
            else:
                write_durably(self._memory, digest.encode(), 0o600)

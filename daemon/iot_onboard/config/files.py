"""Read the configuration files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..disk.files import read_plain
from .problems import ConfigError, Problem, file_problem, unreadable
from .reader import parse
from .schema import FRAGMENTS, Config, Document

MAX_BYTES = 1 << 20
# What bounds time and memory of a start, whatever a program writes into conf.d.
_MAX_TOTAL_BYTES = 4 << 20
_MAX_FILES = 4096


def load(config_path: Path, *, names_required: bool = True) -> Config:
    """Read the configuration and its conf.d; raise `ConfigError` with every problem."""
    return load_documents(*read_documents(config_path), names_required=names_required)


def load_documents(
    documents: Sequence[Document], problems: Sequence[Problem], *, names_required: bool = True
) -> Config:
    """Return what documents come to; raise `ConfigError` with every problem, those of reading them first."""
    config, found = parse(documents, problems, names_required=names_required)
    if config is None:
        raise ConfigError(found)
    return config


def read_documents(config_path: Path) -> tuple[list[Document], list[Problem]]:
    """Return the files of the configuration in their order, and the problems of those that cannot be read."""
    documents: list[Document] = []
    problems: list[Problem] = []
    total = 0
    for path in (config_path, *_fragments(config_path.parent / FRAGMENTS, problems)):
        try:
            data = read_plain(path, MAX_BYTES + 1)
            total += len(data)
            if total > _MAX_TOTAL_BYTES:
                problems.append(file_problem(str(path), "is not read: all files together are larger than 4 MB"))
                break
            if len(data) > MAX_BYTES:
                raise ValueError("is larger than 1 MB")
            documents.append(Document(name=str(path), text=data.decode("utf-8")))
        except OSError as error:
            problems.append(unreadable(str(path), error))
        except UnicodeDecodeError as error:
            line = data.count(b"\n", 0, error.start) + 1
            problems.append(file_problem(str(path), "is not UTF-8 text", line=line))
        except ValueError as error:
            problems.append(file_problem(str(path), str(error)))
    return documents, problems


def _fragments(directory: Path, problems: list[Problem]) -> list[Path]:
    """List conf.d in the order of its names; a directory that is there and cannot be read is a problem."""
    try:
        found = sorted(path.name for path in directory.iterdir())
    except FileNotFoundError:
        return []
    except OSError as error:
        problems.append(unreadable(str(directory), error))
        return []
    # Hidden ones are what editors leave behind.
    names = [name for name in found if name.endswith(".yaml") and not name.startswith(".")]
    if len(names) > _MAX_FILES:
        problems.append(file_problem(str(directory), f"holds more than {_MAX_FILES} files"))
    return [directory / name for name in names[:_MAX_FILES]]

"""Read the configuration files."""

from __future__ import annotations

from pathlib import Path

from ..disk.files import read_plain
from .problems import ConfigError, Problem, file_problem, unreadable
from .reader import parse
from .schema import FRAGMENTS, Config, Document

_MAX_CONFIG_BYTES = 262_144


def load(config_path: Path, *, names_required: bool = True) -> Config:
    """Read the configuration and its conf.d; raise `ConfigError` with every problem."""
    config, problems = parse(*read_documents(config_path), names_required=names_required)
    if config is None:
        raise ConfigError(problems)
    return config


def read_documents(config_path: Path) -> tuple[list[Document], list[Problem]]:
    """Return the files of the configuration in their order, and the problems of those that cannot be read."""
    documents: list[Document] = []
    problems: list[Problem] = []
    for path in (config_path, *_fragments(config_path.parent / FRAGMENTS, problems)):
        try:
            data = read_plain(path, _MAX_CONFIG_BYTES + 1)
            if len(data) > _MAX_CONFIG_BYTES:
                raise ValueError("is larger than 256 kB")
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
        names = sorted(path.name for path in directory.iterdir())
    except FileNotFoundError:
        return []
    except OSError as error:
        problems.append(unreadable(str(directory), error))
        return []
    # Hidden ones are what editors leave behind.
    return [directory / name for name in names if name.endswith(".yaml") and not name.startswith(".")]

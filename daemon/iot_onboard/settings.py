"""Read the configuration files and the secret files."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from .config import Config, Document, Problem, file_problem, parse
from .errors import Misconfigured, OnboardError
from .secret import Secret

_MOST_BYTES = 4096
_MOST_CONFIG_BYTES = 262_144


class ConfigError(Exception):
    """Carry every problem of the configuration."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("; ".join(str(problem) for problem in problems))
        self.problems = problems


def load(config_path: Path) -> Config:
    """Read the configuration and its conf.d; raise `ConfigError` with every problem."""
    documents: list[Document] = []
    problems: list[Problem] = []
    for path in (config_path, *_fragments(config_path.parent / "conf.d", problems)):
        try:
            with path.open("rb") as file:
                data = file.read(_MOST_CONFIG_BYTES + 1)
            if len(data) > _MOST_CONFIG_BYTES:
                raise ValueError("is larger than 256 kB")
            documents.append(Document(name=str(path), text=data.decode("utf-8")))
        except OSError as error:
            problems.append(file_problem(str(path), f"cannot be read: {error.strerror}"))
        except UnicodeDecodeError as error:
            line = data.count(b"\n", 0, error.start) + 1
            problems.append(file_problem(str(path), "is not UTF-8 text", line=line))
        except ValueError as error:
            problems.append(file_problem(str(path), str(error)))
    config, found = parse(documents, problems)
    if config is None:
        raise ConfigError(found)
    return config


def _fragments(directory: Path, problems: list[Problem]) -> list[Path]:
    """List conf.d in the order of its names; a directory that is there and cannot be read is a problem."""
    try:
        names = sorted(path.name for path in directory.iterdir())
    except FileNotFoundError:
        return []
    except OSError as error:
        problems.append(file_problem(str(directory), f"cannot be read: {error.strerror}"))
        return []
    # Hidden ones are what editors leave behind.
    return [directory / name for name in names if name.endswith(".yaml") and not name.startswith(".")]


def product_secret_path(config: Config, config_path: Path, credentials_dir: Path | None) -> Path:
    """Return where the product secret is: configured, given by systemd, or beside the configuration."""
    given = _credential(credentials_dir, "product-secret")
    return config.product_secret_file or given or config_path.parent / "product-secret"


def device_secret_path(config: Config, credentials_dir: Path | None) -> Path | None:
    """Return where a device secret is given by hand, or `None` where registration is to get it."""
    return config.device_secret_file or _credential(credentials_dir, "device-secret")


def read_secret(path: Path, what: str) -> Secret:
    """Read a secret file, or raise `OnboardError` with what the operator does; nothing of it enters an error."""
    try:
        # Without waiting: a named pipe would hold the daemon for ever.
        with open(path, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK)) as file:
            mode = os.fstat(file.fileno()).st_mode
            data = file.read(_MOST_BYTES + 1) if stat.S_ISREG(mode) else b""
    except OSError as error:
        raise _refuse(f"the {what} file {path} cannot be read: {error.strerror}", f"write the {what} to it") from error
    if not stat.S_ISREG(mode):
        raise _refuse(f"the {what} file {path} is not a regular file", f"write the {what} to a file")
    if mode & 0o007:
        raise _refuse(f"the {what} file {path} is open to others", f"chmod 600 {path}")
    text = data.decode("ascii", "replace").strip("\r\n")
    if not text:
        raise _refuse(f"the {what} file {path} is empty", f"write the {what} to it")
    if len(data) > _MOST_BYTES or not text.isascii() or not text.isprintable() or " " in text:
        cure = f"write the {what} alone into it, one line, as the console shows it"
        raise _refuse(f"the {what} file {path} does not hold a secret", cure)
    return Secret(text)


def _credential(credentials_dir: Path | None, name: str) -> Path | None:
    if credentials_dir is None:
        return None
    path = credentials_dir / name
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError:
        # It may be there: reading it will say what is wrong, and nothing else is used in its place.
        return path
    return path


def _refuse(detail: str, cure: str) -> OnboardError:
    return OnboardError(Misconfigured(detail=detail, cure=cure))

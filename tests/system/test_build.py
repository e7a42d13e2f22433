"""The package is built out of this tree's files alone, wherever they came from, and its build runs the unit tests."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from support.gateway.clocks import run_with, wrong_clock
from support.machine import images
from support.tree import ROOT

NOT_TESTED = {"DEB_BUILD_OPTIONS": "nocheck"}
# What an earlier build, a test or a tool may have left, where the package would take it in.
LEFT_OVER = (
    "build/lib/iot_onboard/stray.py",
    "daemon/iot_onboard/.cache/stray.py",
    "daemon/iot_onboard/__pycache__/stray.py",
    "daemon/iot_onboard/build/stray.py",
    "daemon/stray.egg-info/stray.py",
)


def _output(*command: str | Path, cwd: Path, env: dict[str, str] | None = None) -> str:
    """Return what a command says, which must succeed."""
    pipe, stdout = subprocess.PIPE, subprocess.STDOUT
    done = subprocess.run(
        command, check=False, text=True, cwd=cwd, env=os.environ | (env or {}), stdout=pipe, stderr=stdout
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def _unpack(tree: Path) -> None:
    """Unpack what `git archive` holds of the files as they are now, here too where this tree is none of git's."""
    archive = tree.with_suffix(".tar")
    git = ["git", f"--git-dir={tree.with_suffix('.git')}", f"--work-tree={ROOT}", "-c", "tar.umask=0077"]
    whose = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    tree.mkdir(parents=True)
    for command in (["init", "--quiet"], ["add", "--all"]):
        _output(*git, *command, cwd=ROOT, env=whose)
    held = _output(*git, "write-tree", cwd=ROOT, env=whose).strip()
    _output(*git, "archive", f"--output={archive}", held, cwd=ROOT, env=whose)
    _output("tar", "--extract", f"--file={archive}", cwd=tree)


def test_every_build_is_the_same_to_the_bit(tmp_path: Path) -> None:
    """Whoever builds an archive elsewhere, in another place, time zone and language, can compare it with our package.

    There the place is inside of a repository of somebody else, and products of earlier builds lie about. That its
    tests are not run changes nothing either.
    """
    theirs = tmp_path / "build"
    tree = theirs / "another place"
    _unpack(tree)
    _output("git", "init", "--quiet", cwd=theirs)
    for name in LEFT_OVER:
        path = tree / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")
    # Older than the last entry of the changelog, as the files of an archive may be.
    _output("find", ".", "-exec", "touch", "--no-dereference", "--date=2001-02-03", "{}", "+", cwd=tree)
    surroundings = {"TZ": "Pacific/Kiritimati", "LC_ALL": "C", "HOME": "/nonexistent", "TMPDIR": str(tmp_path)}
    command = ["sh", "-c", 'umask 077 && exec "$@"', "sh", *run_with(wrong_clock("2031-03-04 05:06:07"))]
    output = _output(*command, "debian/build-deb", tmp_path, cwd=tree, env=surroundings | NOT_TESTED)
    built = Path(output.splitlines()[-1])
    assert built.read_bytes() == images.package().read_bytes(), "built differently, or dist/ is old: make deb"


def test_its_build_dependencies_are_enough(release: str, tmp_path: Path) -> None:
    """Where nothing but them is installed, each release builds it, without root, git and network.

    Its own pytest and hypothesis run the unit tests: all pass, none is skipped, nothing is warned of.
    """
    upper, work, root = (tmp_path / name for name in ("upper", "work", "root"))
    for path in (upper, work, root):
        path.mkdir()
    with images.overlay([images.build_root(release)], upper, work, root):
        _unpack(root / "build/iot-onboard")
        _output("chown", "--recursive", "nobody:nogroup", root / "build", cwd=root)
        inside = ["unshare", "--net", "--pid", "--fork", f"--mount-proc={root}/proc"]
        inside += ["chroot", "--userspec=nobody:nogroup", str(root), "env", "--ignore-environment"]
        inside += ["PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/nonexistent", "LC_ALL=C.UTF-8"]
        build = "cd /build/iot-onboard && exec dpkg-buildpackage --build=binary --unsigned-changes"
        output = _output(*inside, "sh", "-c", build, cwd=root)
        assert len(list((root / "build").glob("iot-onboard_*_all.deb"))) == 1
    (summary,) = re.findall(r"^=*\s*(\d+ .*) in [\d.]+s", output, re.MULTILINE)
    assert re.fullmatch(r"\d{4,} passed", summary), output


@pytest.fixture
def wrong(tmp_path: Path) -> Path:
    """Give a tree whose one unit test fails."""
    tree = tmp_path / "tree"
    _unpack(tree)
    shutil.rmtree(tree / "tests/unit")
    (tree / "tests/unit").mkdir()
    (tree / "tests/unit/test_wrong.py").write_text("def test_wrong() -> None:\n    assert 1 + 1 == 3\n")
    return tree


def test_a_unit_test_that_fails_is_named(wrong: Path, tmp_path: Path) -> None:
    """There is no package then, and one page says which test failed and why."""
    done = subprocess.run(["debian/build-deb", tmp_path], check=False, cwd=wrong, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (1, "")
    assert "FAILED tests/unit/test_wrong.py::test_wrong - assert (1 + 1) == 3" in done.stderr
    assert len(done.stderr.splitlines()) < 50
    assert list(tmp_path.glob("*.deb")) == []


def test_nocheck_is_honoured(wrong: Path, tmp_path: Path) -> None:
    """Who asks for a build without tests gets one."""
    _output("debian/build-deb", tmp_path, cwd=wrong, env=NOT_TESTED)
    assert len(list(tmp_path.glob("*.deb"))) == 1

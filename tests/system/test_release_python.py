"""What hangs on the version of Python and its TLS, shown by each release's own Python and libraries."""

from __future__ import annotations

import re
import subprocess

from support.machine.release_python import python_of
from support.tree import ROOT

TLS = [
    *("adapters/net/test_dial.py", "adapters/net/test_https.py", "adapters/net/test_resumption.py"),
    *("adapters/net/test_tls.py", "adapters/net/test_tls_socket.py", "adapters/mqtt/test_client.py"),
    "adapters/service/test_cloud_link.py",
]
SESSIONS = "process/test_brokers.py"


def run(release: str, *words: str) -> str:
    """Run tests of this tree; return what pytest says, which must be that all passed."""
    with python_of(release, ROOT) as python:
        command = [*python, "-m", "pytest", "--verbose", "-p", "no:cacheprovider", *words]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=280)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_tls_is_the_same(release: str) -> None:
    """Whom it believes, how long a server may hold it, and what of a session serves the next connection."""
    said = run(release, "--numprocesses=2", *(f"tests/{file}" for file in TLS))
    # What starts programs that a builder's system has not is tried elsewhere.
    assert re.search(r"= \d{3} passed", said), said


def test_a_session_is_resumed_where_python_frees_sessions(release: str) -> None:
    """On Debian 13 by the real daemon, at the next dial and no later one; and on Debian 12 never."""
    said = run(release, "-k", "session_of_tls", f"tests/{SESSIONS}")
    names = re.findall(r"::(\w+) PASSED", said)
    if release == "trixie":
        assert names == [
            "test_a_session_of_tls_is_resumed_after_a_login_that_was_accepted",
            "test_a_session_of_tls_is_for_the_next_dial_alone",
        ]
    else:
        assert names == ["test_no_session_of_tls_is_kept_where_it_would_stay_for_good"]

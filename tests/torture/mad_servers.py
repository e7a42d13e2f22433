"""Attack: servers that say anything at all. A grammar of HTTP, of a proxy's and of a name server's answers.

Each input goes over a socket through the reader that the daemon has. It needs no library but the daemon's own, and runs
with the Python and the libraries of an image as well: `python -m torture.mad_servers http 1000 --image DIRECTORY`.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import resource
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from iot_onboard.aliyun.registration import credentials_of
from iot_onboard.core.failures import Cause, OnboardError, Rejected, Throttled, Transient
from iot_onboard.core.http_reader import AnswerCutOff
from iot_onboard.core.identity import Identity
from iot_onboard.core.proxy import ProxyAddress
from iot_onboard.core.secret import Secret
from iot_onboard.net.dial import connect_tcp
from iot_onboard.net.https import receive
from iot_onboard.net.proxy_tunnel import open_tunnel
from iot_onboard.net.timing import PhaseTimer
from support.machine import namespace
from support.platform.maddns import MadDns
from support.text import dns_grammar, http_grammar

from .tally import Tally, joined

IDENTITY = Identity(product_key="a1b2c3d4e5f", device_name="gw-0001")
NOW = datetime(2026, 11, 25, tzinfo=UTC)
_PASSWORD = "hunter2hunter2"
_SECRET = b'{"code":200,"data":{"productKey":"a1b2c3d4e5f","deviceName":"gw-0001","deviceSecret":"s3cr3ts3cr3t"}}'
# How many of a million inputs go where.
SHARES = {"http": 850_000, "proxy": 75_000, "dns": 75_000}
# An answer that has come takes so long to read, a dial after a look-up as long as the resolver's limits have it.
MAX_S = {"http": 0.5, "proxy": 2.0, "dns": 15.0}
MAX_GROWTH_MB = 24
_PORT = 1
_THREADS = 48


# Of the sentences about an answer, what tells one from another.
_OURS = re.compile(
    r"redirect|not HTTP|another protocol|again and again|invalid length|without a defined end|compressed|longer than "
    r"it says|pieces|lines of headers|line of more|more than \d+ kB(?: in all)?|not JSON|not an object|without a "
    r"code|without data|ended the connection|Tunnel connection failed: \d"
)


class Attack:
    """Try inputs and count what became of each; anything but a documented outcome is noted."""

    def __init__(self, name: str, seed: int) -> None:
        self.tally = Tally(attack=f"mad servers: {name}")
        self.outcomes: Counter[str] = Counter()
        self.slowest_s = 0.0
        self._name, self._seed = name, seed
        self._lock = threading.Lock()

    def attempt(self, number: int, act: Callable[[], str]) -> None:
        """Try one input; `act` returns its outcome, or raises."""
        problem = outcome = ""
        duration_s = float("inf")
        # The machine is shared: of an input that seems slow the best of three counts.
        for _ in range(3):
            began = time.monotonic()
            try:
                outcome = act()
            except Exception as error:
                problem = f"{type(error).__name__}: {str(error)[:200]}"
            duration_s = min(duration_s, time.monotonic() - began)
            if duration_s <= MAX_S[self._name]:
                break
        with self._lock:
            self.slowest_s = max(self.slowest_s, duration_s)
            self.outcomes[outcome] += 1
            where = f"{self._name}, seed {self._seed}, input {number}"
            self.tally.check(not problem, f"{where}: {problem}")
            if duration_s > MAX_S[self._name]:
                self.tally.fail("broken", f"{where}: {duration_s:.1f} s")

    def chance(self, number: int) -> random.Random:
        """Return what an input is drawn from: the same for the same seed."""
        return random.Random(f"{self._seed}-{number}")


def describe(error: OnboardError) -> str:
    """Return the outcome of a documented failure; its words must be such as a line may have."""
    failure = error.failure
    assert isinstance(failure, Transient | Throttled | Rejected), failure
    assert failure.detail.isprintable(), "what was said is shown as it came"
    assert len(failure.detail) < 500, "it is shown at length"
    assert _PASSWORD not in failure.detail, "the password shows"
    assert "s3cr3t" not in failure.detail, "the secret shows"
    assert not isinstance(failure, Transient) or failure.cause is not Cause.DEFECT
    if not isinstance(failure, Transient):
        return type(failure).__name__.lower()
    ours = _OURS.search(failure.detail)
    return f"{failure.cause.slug}: {ours[0]}" if ours else failure.cause.slug


def http(attack: Attack, first: int, count: int) -> None:
    """Have the registration read answers off a connection, and the JSON in them."""
    for number in range(first, first + count):
        chance = attack.chance(number)
        data = http_grammar.answer(chance)
        if chance.random() < 0.2:
            data = data.replace(b'{"code":200}', _SECRET)
        attack.attempt(number, partial(_read, data))


def _read(data: bytes) -> str:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        sender = threading.Thread(target=_send, args=(theirs, data)) if len(data) > 100_000 else None
        if sender is not None:
            sender.start()
        else:
            _send(theirs, data)
        try:
            answer = receive(ours, "host", time.monotonic() + 5)
            credentials_of(answer, IDENTITY, NOW)
        except AnswerCutOff:
            return "cut off"
        except OnboardError as error:
            return describe(error)
        finally:
            ours.close()
            if sender is not None:
                sender.join()
        return "secret"


def _send(connection: socket.socket, data: bytes) -> None:
    try:
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
    except OSError:
        return


def proxy(attack: Attack, first: int, count: int) -> None:
    """Have tunnels opened through a proxy that answers CONNECT with anything."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        answers: list[bytes] = []

        def serve() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                    with connection:
                        request = b""
                        while b"\r\n\r\n" not in request:
                            request += connection.recv(4096)
                        _send(connection, answers[-1])
                        # Until the other end has read it: a reset would take it away.
                        connection.settimeout(5)
                        connection.recv(1)
                except OSError:
                    if listener.fileno() < 0:
                        return

        threading.Thread(target=serve, daemon=True).start()
        port = listener.getsockname()[1]
        address = ProxyAddress(host="127.0.0.1", port=port, username="u", password=Secret(_PASSWORD))
        for number in range(first, first + count):
            chance = attack.chance(number)
            data = http_grammar.connect_answer(chance)
            answers.append(data.replace(b"Who", _PASSWORD.encode()) if chance.random() < 0.5 else data)
            attack.attempt(number, partial(_tunnel, address))
            answers.clear()


def _tunnel(address: ProxyAddress) -> str:
    try:
        open_tunnel("host.example", 443, address, 5.0).close()
    except OnboardError as error:
        return describe(error)
    return "open"


def dns(attack: Attack, first: int, count: int) -> None:
    """Have names looked up and dialled: only in a network of one's own, whose name server this is."""

    def chance(query: bytes) -> random.Random:
        return attack.chance(int(dns_grammar.asked_name(query).split(b".")[0][1:]))

    def udp(query: bytes) -> list[bytes]:
        return dns_grammar.datagrams(chance(query), query)

    def tcp(query: bytes, write: Callable[[bytes], object]) -> None:
        data = dns_grammar.stream(chance(query), query)
        write(data)
        if int.from_bytes(data[:2]) != len(data) - 2:
            raise ConnectionAbortedError("more was announced than comes")

    def dial_some(part: int) -> None:
        for number in range(first + part, first + count, _THREADS):
            attack.attempt(number, partial(_dial, f"n{number}.fuzz.test"))

    with MadDns(udp, tcp=tcp):
        threads = [threading.Thread(target=dial_some, args=(part,)) for part in range(_THREADS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


def _dial(host: str) -> str:
    try:
        # Nobody listens there.
        connect_tcp(host, _PORT, 1.0, PhaseTimer()).close()
    except OnboardError as error:
        return describe(error)
    return "connected"


KINDS = {"http": http, "proxy": proxy, "dns": dns}


def run(kind: str, count: int, seed: int) -> Tally:
    """Try so many inputs in this process."""
    attack = Attack(kind, seed)
    # Whatever is loaded at the first use is no growth.
    KINDS[kind](Attack(kind, seed), count, min(count, 2000))
    before_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    KINDS[kind](attack, 0, count)
    grown_mb = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kb) / 1024
    tally = attack.tally
    tally.check(grown_mb <= MAX_GROWTH_MB, f"{kind}: memory grew by {grown_mb:.0f} MB")
    became = ", ".join(f"{number:,} {name}" for name, number in attack.outcomes.most_common())
    tally.facts.append(
        f"mad servers, {kind}, Python {sys.version.split()[0]}: {count:,} inputs, seed {seed}, the slowest "
        f"{attack.slowest_s * 1000:.0f} ms, {grown_mb:.1f} MB more; {became}"
    )
    return tally


def apart(kind: str, count: int, seed: int, image: Path | None = None) -> Tally:
    """Try them in a process of its own, for names in a network of its own; in an image by its own Python."""
    tests, python = Path(__file__).parents[1], sys.executable
    paths = [str(tests), str(tests.parent / "daemon")]
    with tempfile.TemporaryDirectory() as directory:
        prefix: list[str] = []
        if kind == "dns" or image is not None:
            prefix = namespace.network(Path(directory) / "net")
        if image is not None:
            prefix += ["sh", "-ec", _IN_IMAGE, "sh", str(image.resolve()), str(tests.parent)]
            python, paths = "/usr/bin/python3", ["/mnt/tests", "/mnt/daemon"]
        command = [*prefix, python, "-m", "torture.mad_servers", kind, str(count), "--seed", str(seed), "--json"]
        environment = {**os.environ, "PYTHONPATH": ":".join(paths), "PYTHONDONTWRITEBYTECODE": "1"}
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, env=environment, check=True)
    return Tally(**json.loads(done.stdout))


# In a mount namespace of its own: neither the image nor the tree, which is bound read-only, is changed.
_IN_IMAGE = """
image=$1 tree=$2
shift 2
mount --bind "$image" "$image"
mount --bind "$tree" "$image/mnt"
mount -o remount,bind,ro "$image/mnt"
for name in hosts resolv.conf nsswitch.conf; do
    [ -e "$image/etc/$name" ] && mount --bind "/etc/$name" "$image/etc/$name"
done
mount -t proc none "$image/proc"
exec chroot "$image" "$@"
"""


def attack(inputs: int, seed: int) -> Tally:
    """Try about so many inputs in all, shared out among the kinds of servers."""
    whole = sum(SHARES.values())
    counts = {kind: max(1, share * inputs // whole) for kind, share in SHARES.items()}
    if namespace.why_no_namespace() is not None:
        del counts["dns"]
    return joined("mad servers", [apart(kind, count, seed) for kind, count in counts.items()])


def main() -> int:
    """Return 0 where every input had a documented outcome."""
    parser = argparse.ArgumentParser(prog="torture.mad_servers")
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("count", type=int)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--image", type=Path, help="a root directory whose Python and libraries are to be used")
    parser.add_argument("--json", action="store_true", help="in this process, and print a record")
    options = parser.parse_args()
    if options.json:
        tally = run(options.kind, options.count, options.seed)
        names = ("attack", "tried", "survived", "lost", "stuck", "broken", "notes", "facts")
        print(json.dumps({name: getattr(tally, name) for name in names}), flush=True)  # noqa: T201 - its answer
        # Not held up by a look-up that may still be under way.
        os._exit(0)
    tally = apart(options.kind, options.count, options.seed, options.image)
    print("\n".join([*tally.facts, *tally.notes]))  # noqa: T201 - its answer
    return 0 if tally.good else 1


if __name__ == "__main__":
    sys.exit(main())

"""Attack 6: whatever may be read from a disk or a wire, bent at random: only documented errors, in bounded time."""

from __future__ import annotations

import json
import random
import resource
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from iot_onboard.aliyun.registration import credentials_of
from iot_onboard.config.problems import ConfigError
from iot_onboard.config.reader import parse
from iot_onboard.config.schema import Document
from iot_onboard.core.failures import OnboardError
from iot_onboard.core.http import HttpAnswer
from iot_onboard.core.identity import Credentials, Identity
from iot_onboard.core.secret import Secret
from iot_onboard.disk.credentials_format import Damaged, NewerFormat, decode, encode
from iot_onboard.fast_start.fast_dataclasses import as_dict
from iot_onboard.provisioning import boot_file
from iot_onboard.reporting.history import history_of
from iot_onboard.reporting.status import Status, status_of
from iot_onboard.reporting.status_view import line, text, view_of
from iot_onboard.system.text_style import Style

from .parts import shared
from .tally import Tally, joined

IDENTITY = Identity(product_key="a1b2c3d4e5f", device_name="gw-0001")
NOW = datetime(2026, 11, 25, tzinfo=UTC)
# One input may take so long, of processor time; the machine is shared, so the best of three counts.
MAX_S = 1.0
MAX_GROWTH_MB = 150
_NASTY = [
    b"\0", b"\xff\xfe", b"\xef\xbb\xbf", b"NaN", b"Infinity", b"-1", b"1e999", b"9" * 400, b"null", b"[]", b"{}", b'""',
    b"\\ud800", b"true", b"&a *a", b"!!python/object:x", b"<<: *a", b"---\n", b"\t", b"- ", b": ", b"|\n", b"%", b"{{",
    b"[" * 200, b'{"a":' * 200, b"\r\n", b"#", b"@", b"'", b"\x7f", b"\x80\x80\x80\x80\x01",
]  # fmt: skip


def mutate(chance: random.Random, corpus: Sequence[bytes]) -> bytes:
    """Return an input out of the corpus, bent in one to four places."""
    data = bytearray(corpus[int(chance.random() * len(corpus))])
    for _ in range(1 + int(chance.random() * 4)):
        at = int(chance.random() * (len(data) + 1))
        match int(chance.random() * 9):
            case 0 | 1 if data:
                data[at % len(data)] = int(chance.random() * 256)
            case 2 if data:
                data[at % len(data)] ^= 1 << int(chance.random() * 8)
            case 3:
                del data[at : at + 1 + int(chance.random() * 8)]
            case 4:
                data[at:at] = _NASTY[int(chance.random() * len(_NASTY))]
            case 5:
                end = at + int(chance.random() * 32)
                data[at:end] = _NASTY[int(chance.random() * len(_NASTY))]
            case 6:
                data[at:at] = data[at : at + 1 + int(chance.random() * 64)]
            case 7:
                other = corpus[int(chance.random() * len(corpus))]
                data[at:] = other[int(chance.random() * (len(other) + 1)) :]
            case _:
                del data[at:]
    return bytes(data)


def _answers() -> list[bytes]:
    data = {"productKey": IDENTITY.product_key, "deviceName": IDENTITY.device_name, "deviceSecret": "s" * 32}
    codes: list[object] = [200, "200", 429, 460, 500, 6100, 6204, 6250, 6288, 6289, 6600, 7777, -1, None, 1e3, [200]]
    found = [json.dumps({"code": 200, "message": "success", "data": data}, separators=(",", ":")).encode()]
    found += [json.dumps({"code": code, "message": "m\u00e9", "data": data}).encode() for code in codes]
    return [*found, b"<html>Please log in</html>", b"", b"[]", b'{"code":200,"data":null}']


def _try_answer(data: bytes) -> None:
    status = (200, 200, 200, 400, 429, 500, 503)[len(data) % 7]
    answer = HttpAnswer(status=status, body=data, retry_after_s=(None, 0.0, 1e11)[len(data) % 3])
    try:
        found = credentials_of(answer, IDENTITY, NOW)
    except OnboardError as error:
        _hides(str(error.failure.detail))
    else:
        encode(found)


def _hides(words: str) -> None:
    assert "ssssssss" not in words, "a secret shows in an error"


def _stored() -> list[bytes]:
    whole = [
        encode(Credentials(identity=IDENTITY, device_secret=Secret(secret), issued_at=NOW))
        for secret in ("a", "s" * 32)
    ]
    later = json.loads(whole[0])
    return [*whole, json.dumps({**later, "format": 2}).encode(), b"", b"\0" * 512, b"{}"]


def _try_stored(data: bytes) -> None:
    try:
        found = decode(data, IDENTITY)
    except (Damaged, NewerFormat) as error:
        _hides(str(error))
    else:
        assert found.device_secret.reveal() in {"a", "s" * 32}, "a changed secret passes for a good one"


def _statuses() -> list[bytes]:
    status = Status(
        schema=1,
        state="waiting",
        goal="connect",
        since=NOW.isoformat(),
        since_monotonic_s=10.0,
        product_key="a1b2c3d4e5f",
        device_name="gw-0001",
        endpoint="h:8883",
        attempt=3,
        next_try_at=NOW.isoformat(),
        next_try_monotonic_s=20.5,
        online_since=None,
        last_error="No route to host. Next try in 5 s.",
        last_error_at=NOW.isoformat(),
        last_cause="network",
        last_cure="check the cable",
        last_event="connect-failed",
        secret="on disk",
        secret_issued_at=NOW.isoformat(),
        agent_version="0.1.0",
        paho_version="2.1.0",
        pid=1,
        pid_start_ticks=1,
    )
    history = {"hours": [[1, 2, 3]], "registration": [NOW.isoformat(), "registered"]}
    whole = json.dumps({**as_dict(status), **history})
    online = json.dumps({**as_dict(status), "state": "online", "online_since": NOW.isoformat(), "next_try_at": None})
    return [whole.encode(), online.encode(), json.dumps(as_dict(status), indent=1).encode()]


def _try_status(data: bytes) -> None:
    try:
        record = json.loads(data[:65536])
    except (ValueError, RecursionError):
        return
    status = status_of(record)
    if status is not None:
        view = view_of(status, history_of(record), NOW, 1000.0)
        text(view, NOW, Style(width=80))
        line(view, NOW)


_CONFIG = b"""# a comment
product_key: a1b2c3d4e5f
device_name: "gw-{serial}"
region: cn-shanghai
instance_id: null
sign_method: hmacsha256
registration: {url: null, timeout_s: 15}
mqtt: {host: null, port: 8883, keepalive_s: 300, clean_session: false}
tls:
  ca_file: /etc/ssl/mine.pem
proxy: http://user:pass@proxy.example:3128
log_level: info
"""


def _try_config(data: bytes) -> None:
    try:
        document = Document(name="config.yaml", text=data.decode())
    except UnicodeDecodeError:
        return
    config, problems = parse([document], names_required=bool(len(data) % 2))
    assert (config is None) == bool(problems), "neither a configuration nor a problem"
    for problem in problems:
        assert str(problem), "a problem without words"


def _try_boot_file(data: bytes) -> None:
    problems = None
    try:
        boot_file.read(Path("iot-onboard.yaml"), data[: boot_file.MAX_BYTES])
    except ConfigError as error:
        problems = [str(problem) for problem in error.problems]
    assert problems != [], "neither a wish nor a problem"
    assert "hunter2hunter2" not in str(problems), "the secret shows in a problem"


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Hold what is tried, and how many of a million inputs go there."""

    name: str
    attempt: Callable[[bytes], None]
    corpus: Callable[[], list[bytes]]
    share: int


_BOOT = _CONFIG + b"product_secret: hunter2hunter2\n"
TARGETS = {
    target.name: target
    for target in (
        Target(name="registration answers", attempt=_try_answer, corpus=_answers, share=380_000),
        Target(name="credentials files", attempt=_try_stored, corpus=_stored, share=330_000),
        Target(name="status files", attempt=_try_status, corpus=_statuses, share=250_000),
        Target(name="configuration files", attempt=_try_config, corpus=lambda: [_CONFIG], share=50_000),
        Target(
            name="boot files",
            attempt=_try_boot_file,
            corpus=lambda: [_BOOT, _BOOT.decode().encode("utf-16"), _BOOT.replace(b"\n", b"\r\n")],
            share=20_000,
        ),
    )
}


def _cost_s(attempt: Callable[[bytes], None], data: bytes) -> float:
    started = time.process_time()
    attempt(data)
    return time.process_time() - started


def run_part(name: str, count: int, seed: int) -> Tally:
    """Try a number of inputs; the seed gives the same ones again."""
    target, tally = TARGETS[name], Tally(attack=name)
    chance, corpus = random.Random(seed), target.corpus()
    for data in corpus:
        target.attempt(data)
    before_kb, worst_s = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, 0.0
    for number in range(count):
        data = mutate(chance, corpus)
        try:
            cost_s = _cost_s(target.attempt, data)
            if cost_s > MAX_S:
                cost_s = min(cost_s, _cost_s(target.attempt, data), _cost_s(target.attempt, data))
        except Exception as error:
            tally.fail("broken", f"{name}, seed {seed}, input {number}: {_short(error)}: {data[:300]!r}")
            continue
        worst_s = max(worst_s, cost_s)
        tally.check(cost_s <= MAX_S, f"{name}, seed {seed}, input {number}: {cost_s:.1f} s: {data[:300]!r}")
    grown_mb = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kb) / 1024
    tally.check(grown_mb <= MAX_GROWTH_MB, f"{name}: memory grew by {grown_mb:.0f} MB")
    tally.facts.append(
        f"fuzzing, {name}: {count:,} inputs, seed {seed}, the slowest {worst_s * 1000:.0f} ms, {grown_mb:.0f} MB more"
    )
    return tally


def _short(error: Exception) -> Any:
    return f"{type(error).__name__}: {str(error)[:200]}"


def attack(jobs: int, inputs: int, seed: int) -> Tally:
    """Try about so many inputs in all, shared out among the targets."""
    whole = sum(target.share for target in TARGETS.values())
    pieces = [
        (name, max(1, target.share * inputs // whole // jobs), seed + part)
        for name, target in TARGETS.items()
        for part in range(jobs)
    ]
    return joined("fuzzing", shared(jobs, run_part, pieces))

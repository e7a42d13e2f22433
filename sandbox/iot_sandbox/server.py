"""The sandbox as one process: the HTTPS server, the MQTT gate, and the broker behind it."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import signal
import socket
import ssl
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from .authority import make_certificates
from .broker import Broker, BrokerEnded
from .devices import Devices
from .gate import Gate
from .registration import Registration

_POLL_S = 0.05
_LOCK_S = 2.0
_SAY_S = 1.0


class CannotServe(Exception):
    """Say in one sentence why the server does not run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Hold how to serve."""

    state: Path
    bind: str
    https_port: int
    mqtt_port: int
    names: tuple[str, ...]
    old_tls: bool
    as_json: bool


def serve(options: Options) -> None:
    """Serve until SIGTERM; `sandbox.json` in the state directory tells ports and CA once it listens.

    Raises `CannotServe` when another server has the directory, a port is taken, or mosquitto is missing or ends.
    """
    options.state.mkdir(parents=True, exist_ok=True)
    lock = _lock(options.state / "serve.lock")
    names = ("localhost", "127.0.0.1", "::1", options.bind, *options.names)
    ca_file, chain = make_certificates(options.state, tuple(dict.fromkeys(names)))
    context = _context(chain, old_tls=options.old_tls)
    devices = Devices(options.state / "sandbox.sqlite")
    devices.start_over()
    family = socket.AF_INET6 if ":" in options.bind else socket.AF_INET
    try:
        listener = socket.create_server((options.bind, options.mqtt_port), family=family, backlog=128)
        https = Registration((options.bind, options.https_port), context, devices)
        broker = Broker(options.state / "broker", lock)
    except OSError as error:
        raise CannotServe(str(error)) from error
    listener.setblocking(False)
    try:
        with broker:
            threading.Thread(target=https.serve_forever, args=(0.1,), daemon=True).start()
            facts = {
                "https_port": https.server_address[1],
                "mqtt_port": listener.getsockname()[1],
                "ca_file": str(ca_file.absolute()),
                "pid": os.getpid(),
            }
            asyncio.run(_run(options, facts, Gate(devices, broker.path, context), listener, https, broker, devices))
    except BrokerEnded as error:
        raise CannotServe(str(error)) from error


async def _run(
    options: Options,
    facts: dict[str, object],
    gate: Gate,
    listener: socket.socket,
    https: Registration,
    broker: Broker,
    devices: Devices,
) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    _announce(options, facts)
    tasks = {
        asyncio.create_task(stop.wait()),
        asyncio.create_task(gate.accept(listener)),
        asyncio.create_task(_watch(gate, https, broker, devices)),
    }
    done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in done:
        task.result()


async def _watch(gate: Gate, https: Registration, broker: Broker, devices: Devices) -> None:
    said_at = -_SAY_S
    while True:
        if time.monotonic() - said_at >= _SAY_S:
            said_at = time.monotonic()
            devices.set_fault("served", "yes", 2 * _SAY_S)
        for order, product_key, device_name in devices.kicks():
            gate.kick((product_key, device_name), "by the operator")
            devices.close_order(order)
        if devices.fault("outage-mqtt") is not None:
            gate.drop_all()
        if devices.fault("outage-https") is not None:
            https.drop_all()
        broker.check()
        await asyncio.sleep(_POLL_S)


def _announce(options: Options, facts: dict[str, object]) -> None:
    temp = options.state / "sandbox.json.new"
    temp.write_text(json.dumps(facts))
    temp.rename(options.state / "sandbox.json")
    line = "registration on port {https_port}, MQTT over TLS on port {mqtt_port}, CA in {ca_file}, pid {pid}"
    print(json.dumps(facts) if options.as_json else line.format(**facts), flush=True)  # noqa: T201 - the ready line


def _lock(path: Path) -> int:
    """Hold the directory; a broker of a server that was killed holds it too until it has saved its messages."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    deadline = time.monotonic() + _LOCK_S
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            if time.monotonic() > deadline:
                raise CannotServe(f"another server uses {path.parent}") from error
            time.sleep(0.02)
        else:
            return descriptor


def _context(chain: Path, *, old_tls: bool) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    # Debian's OpenSSL still takes RSA key exchange. The vendor's C client offers nothing else: behind the switch.
    context.set_ciphers("ALL:@SECLEVEL=0" if old_tls else "DEFAULT:!kRSA")
    context.load_cert_chain(chain)
    return context

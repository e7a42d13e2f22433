"""The sandbox as one process: the HTTPS server, the MQTT gate, and the broker behind it."""

from __future__ import annotations

import asyncio
import ctypes
import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from .authority import make_certificates
from .devices import Devices
from .gate import Gate
from .registration import Registration

_PR_SET_PDEATHSIG = 1
_BROKER_START_S = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Hold how to serve."""

    state: Path
    bind: str
    https_port: int
    mqtt_port: int
    names: tuple[str, ...]
    old_tls: bool


def serve(options: Options) -> None:
    """Serve until SIGTERM; `sandbox.json` in the state directory tells ports and CA once it listens."""
    options.state.mkdir(parents=True, exist_ok=True)
    names = ("localhost", "127.0.0.1", "::1", options.bind, *options.names)
    ca_file, chain = make_certificates(options.state, tuple(dict.fromkeys(names)))
    context = _context(chain, old_tls=options.old_tls)
    devices = Devices(options.state / "sandbox.sqlite")
    devices.all_offline()
    broker_port = _free_port()
    broker = _start_broker(options.state, broker_port)
    https = Registration((options.bind, options.https_port), context, devices)
    threading.Thread(target=https.serve_forever, args=(0.1,), daemon=True).start()
    try:
        asyncio.run(_run(options, devices, context, broker_port, https.server_address[1], ca_file))
    finally:
        broker.terminate()
        broker.wait(5)


async def _run(
    options: Options, devices: Devices, context: ssl.SSLContext, broker_port: int, https_port: int, ca_file: Path
) -> None:
    gate = Gate(devices, broker_port)
    server = await gate.listen(options.bind, options.mqtt_port, context)
    facts = {
        "https_port": https_port,
        "mqtt_port": server.sockets[0].getsockname()[1],
        "ca_file": str(ca_file),
        "pid": os.getpid(),
    }
    temp = options.state / "sandbox.json.new"
    temp.write_text(json.dumps(facts))
    temp.rename(options.state / "sandbox.json")
    print(json.dumps(facts), flush=True)  # noqa: T201 - whoever started us waits for this line
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    watching = asyncio.create_task(gate.watch())
    await stop.wait()
    watching.cancel()


def _context(chain: Path, *, old_tls: bool) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    # Debian's OpenSSL still takes RSA key exchange. The vendor's C client offers nothing else: behind the switch.
    context.set_ciphers("ALL:@SECLEVEL=0" if old_tls else "DEFAULT:!kRSA")
    context.load_cert_chain(chain)
    return context


def _start_broker(state: Path, port: int) -> subprocess.Popen[bytes]:
    program = shutil.which("mosquitto") or "/usr/sbin/mosquitto"
    directory = state / "broker"
    directory.mkdir(exist_ok=True)
    lines = [
        f"listener {port} 127.0.0.1",
        "allow_anonymous true",
        "persistence true",
        f"persistence_location {directory}/",
        "log_type error",
        "log_dest stderr",
        *(["user root"] if os.geteuid() == 0 else []),
    ]
    config = directory / "mosquitto.conf"
    config.write_text("\n".join(lines) + "\n")
    broker = subprocess.Popen([program, "-c", str(config)], preexec_fn=_die_with_parent)  # noqa: PLW1509 - no threads yet
    deadline = time.monotonic() + _BROKER_START_S
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.02)
        else:
            return broker
    broker.kill()
    raise RuntimeError("mosquitto did not start")


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])

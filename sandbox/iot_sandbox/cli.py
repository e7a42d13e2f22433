"""The sandbox's command line: serve, and what an operator would do in the cloud console."""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import secrets
import sys
from collections.abc import Sequence
from pathlib import Path

from .devices import Devices
from .server import Options, serve

_FOR_EVER_S = 10.0**9


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command."""
    arguments = _parser().parse_args(argv)
    if arguments.command == "serve":
        serve(
            Options(
                state=arguments.state,
                bind=arguments.bind,
                https_port=arguments.https_port,
                mqtt_port=arguments.mqtt_port,
                names=tuple(arguments.name),
                old_tls=arguments.old_tls,
            )
        )
        return 0
    arguments.state.mkdir(parents=True, exist_ok=True)
    return _operate(arguments, Devices(arguments.state / "sandbox.sqlite"))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="iot-sandbox", description="A local stand-in of the IoT platform.")
    parser.set_defaults(what="")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def add(name: str, help_text: str) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=help_text, description=help_text)
        command.add_argument("--state", type=Path, default=Path("iot-sandbox"), help="default: ./iot-sandbox")
        return command

    server = add("serve", "serve registration over HTTPS and MQTT over TLS, until SIGTERM")
    server.add_argument("--bind", default="127.0.0.1")
    server.add_argument("--https-port", type=int, default=0, help="default: any free one")
    server.add_argument("--mqtt-port", type=int, default=0, help="default: any free one")
    server.add_argument("--name", action="append", default=[], help="one more name for the certificate")
    server.add_argument("--old-tls", action="store_true", help="also serve old TLS 1.2 suites")
    product = add("product", "add a product")
    product.add_argument("what", choices=["add"])
    product.add_argument("product_key")
    product.add_argument("--secret-file", type=Path, help="default: a new secret, whose file is printed")
    product.add_argument("--no-dynamic-registration", action="store_true")
    device = add("device", "pre-register a device")
    device.add_argument("what", choices=["add"])
    _identity(device)
    for name, help_text in {
        "reset": "ResetThing: forget secret and activation",
        "disable": "disable a device and end its connection",
        "enable": "enable a device",
        "delete": "delete a device and end its connection",
        "kick": "end a device's connection",
        "activate": "mark a device as activated by somebody else",
    }.items():
        _identity(add(name, help_text))
    throttle = add("throttle", "answer 429 and CONNACK 3 for a time")
    throttle.add_argument("--seconds", type=float, required=True)
    throttle.add_argument("--retry-after", default="", help="also send this Retry-After")
    outage = add("outage", "end connections and take none for a time; --seconds 0 ends it")
    outage.add_argument("--seconds", type=float, required=True)
    outage.add_argument("--leg", choices=["https", "mqtt", "both"], default="both")
    answer = add("answer", "answer registrations strangely, until `answer normal`")
    answer.add_argument("kind")
    listing = add("list", "show devices and what was seen")
    listing.add_argument("--json", action="store_true")
    return parser


def _identity(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("product_key")
    parser.add_argument("device_name")


def _operate(arguments: argparse.Namespace, devices: Devices) -> int:
    match arguments.command:
        case "product":
            _add_product(arguments, devices)
        case "device":
            devices.add_device(arguments.product_key, arguments.device_name)
        case "throttle":
            devices.set_fault("throttle", arguments.retry_after, arguments.seconds)
        case "outage":
            legs = ["https", "mqtt"] if arguments.leg == "both" else [arguments.leg]
            for leg in legs:
                devices.set_fault(f"outage-{leg}", "on", arguments.seconds)
        case "answer":
            devices.set_fault("answer", arguments.kind, 0 if arguments.kind == "normal" else _FOR_EVER_S)
        case "list":
            _list(devices, as_json=arguments.json)
        case _:
            return _change(arguments, devices)
    return 0


def _change(arguments: argparse.Namespace, devices: Devices) -> int:
    identity = (arguments.product_key, arguments.device_name)
    if devices.device(*identity) is None:
        print(f"iot-sandbox: no device {identity[1]} in product {identity[0]}", file=sys.stderr)
        return 1
    match arguments.command:
        case "reset":
            devices.change(*identity, activated=0, device_secret=None)
        case "activate":
            devices.issue_secret(*identity)
            devices.change(*identity, activated=1)
        case "enable":
            devices.change(*identity, enabled=1)
        case "disable":
            devices.change(*identity, enabled=0)
            devices.order_kick(*identity)
        case "delete":
            devices.delete(*identity)
            devices.order_kick(*identity)
        case _:
            devices.order_kick(*identity)
    return 0


def _add_product(arguments: argparse.Namespace, devices: Devices) -> None:
    path = arguments.secret_file
    if path is None:
        path = arguments.state / "products" / f"{arguments.product_key}.secret"
        path.parent.mkdir(exist_ok=True)
        path.unlink(missing_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(descriptor, "w") as file:
            file.write(secrets.token_hex(8) + "\n")
    on = not arguments.no_dynamic_registration
    devices.add_product(arguments.product_key, path.read_text().strip(), dynamic_registration=on)
    print(path)


def _list(devices: Devices, *, as_json: bool) -> None:
    rows = []
    for row in devices.rows():
        secret = row.pop("device_secret")
        rows.append({**row, "secret_sha256": hashlib.sha256(secret.encode()).hexdigest() if secret else None})
    if as_json:
        print(json.dumps({"devices": rows, "seen": devices.seen()}))
        return
    for row in rows:
        words = ("enabled" if row["enabled"] else "disabled", "activated" if row["activated"] else "not activated")
        print(f"{row['product_key']} {row['device_name']}: {', '.join(words)}{', online' if row['online'] else ''}")

"""The sandbox's command line: serve, and what an operator would do in the cloud console."""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import secrets
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from . import rules
from .devices import Devices, new_secret

_FOR_EVER_S = 10.0**9
_ORDER_S = 1.0
_PRODUCT_KEY = re.compile(r"[A-Za-z0-9]{1,20}", re.ASCII)


class CannotDo(Exception):
    """Say in one sentence why a command does nothing."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; 0 done, 1 refused, 2 usage."""
    arguments = _parser().parse_args(argv)
    try:
        if arguments.command == "serve":
            _serve(arguments)
        else:
            arguments.state.mkdir(parents=True, exist_ok=True)
            _operate(arguments, Devices(arguments.state / "sandbox.sqlite"))
    except (CannotDo, OSError) as error:
        print(f"iot-sandbox: {error}", file=sys.stderr)
        return 1
    return 0


def _serve(arguments: argparse.Namespace) -> None:
    # The operator's commands are started often: they need neither TLS nor certificates.
    from .server import CannotServe, Options, serve

    options = Options(
        state=arguments.state,
        bind=arguments.bind,
        https_port=arguments.https_port,
        mqtt_port=arguments.mqtt_port,
        names=tuple(arguments.name),
        old_tls=arguments.old_tls,
        as_json=arguments.json,
    )
    try:
        serve(options)
    except CannotServe as error:
        raise CannotDo(str(error)) from error


def _parser() -> argparse.ArgumentParser:
    description = "A local sandbox of Alibaba Cloud IoT Platform, for tests."
    parser = argparse.ArgumentParser(prog="iot-sandbox", description=description)
    parser.set_defaults(what="")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def add(name: str, help_text: str) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=help_text, description=help_text)
        command.add_argument("--state", type=Path, default=Path("iot-sandbox"), help="default: ./iot-sandbox")
        return command

    server = add("serve", "serve registration over HTTPS and MQTT over TLS, until SIGTERM")
    server.add_argument("--bind", default="127.0.0.1")
    server.add_argument("--https-port", type=int, default=0, help="default: a free port")
    server.add_argument("--mqtt-port", type=int, default=0, help="default: a free port")
    server.add_argument("--name", action="append", default=[], type=_dns_name, help="add a name to the certificate")
    server.add_argument("--old-tls", action="store_true", help="also serve old TLS 1.2 suites")
    server.add_argument("--json", action="store_true", help="print the ready line as JSON")
    product = add("product", "add a product")
    product.add_argument("what", choices=["add"])
    product.add_argument("product_key")
    product.add_argument("--secret-file", type=Path, help="default: make a secret, and print the path of its file")
    product.add_argument("--no-dynamic-registration", action="store_true")
    device = add("device", "pre-register a device")
    device.add_argument("what", choices=["add"])
    _identity(device)
    for name, help_text in {
        "reset": "ResetThing: delete the secret and the activation",
        "disable": "disable a device and end its connection",
        "enable": "enable a device",
        "delete": "delete a device and end its connection",
        "kick": "end a device's connection",
        "activate": "mark a device as activated elsewhere",
    }.items():
        _identity(add(name, help_text))
    throttle = add("throttle", "answer 429 and CONNACK 3 for some seconds")
    throttle.add_argument("--seconds", type=float, required=True)
    throttle.add_argument("--retry-after", default="", help="send this Retry-After, with HTTP status 429")
    outage = add("outage", "close all connections and accept none for some seconds; --seconds 0 ends it")
    outage.add_argument("--seconds", type=float, required=True)
    outage.add_argument("--leg", choices=["https", "mqtt", "both"], default="both")
    answer = add("answer", "send faulty answers to registrations, until 'answer normal'")
    answer.add_argument("kind", type=_answer_kind, help=f"{' | '.join(rules.ANSWERS)} | code:N")
    listing = add("list", "show the devices and the recorded events")
    listing.add_argument("--json", action="store_true")
    return parser


def _identity(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("product_key")
    parser.add_argument("device_name")


def _dns_name(text: str) -> str:
    if not text or "*" in text:
        raise argparse.ArgumentTypeError("no wildcards")
    return text


def _answer_kind(text: str) -> str:
    if not rules.is_answer(text):
        raise argparse.ArgumentTypeError(f"{text!r} is not one of {', '.join(rules.ANSWERS)}, code:N")
    return text


def _operate(arguments: argparse.Namespace, devices: Devices) -> None:
    match arguments.command:
        case "product":
            _add_product(arguments, devices)
        case "device":
            _add_device(arguments.product_key, arguments.device_name, devices)
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
            _change(arguments, devices)


def _change(arguments: argparse.Namespace, devices: Devices) -> None:
    identity = (arguments.product_key, arguments.device_name)
    if devices.device(*identity) is None:
        raise CannotDo(f"no device {identity[1]} in product {identity[0]}")
    match arguments.command:
        case "reset":
            devices.change(*identity, activated=0, device_secret=None)
        case "activate":
            devices.change(*identity, activated=1, device_secret=new_secret())
        case "enable":
            devices.change(*identity, enabled=1)
        case "disable":
            devices.change(*identity, enabled=0)
            _kick(identity, devices)
        case "delete":
            devices.delete(*identity)
            _kick(identity, devices)
        case _:
            _kick(identity, devices)


def _kick(identity: tuple[str, str], devices: Devices) -> None:
    """Order it, and wait until a server that runs has done it."""
    order = devices.order_kick(*identity)
    deadline = time.monotonic() + (_ORDER_S if devices.is_served() else 0.0)
    while devices.is_open(order) and time.monotonic() < deadline:
        time.sleep(0.005)


def _add_device(product_key: str, device_name: str, devices: Devices) -> None:
    if devices.product(product_key) is None:
        raise CannotDo(f"no product {product_key}")
    if not rules.is_device_name(device_name):
        raise CannotDo(f"{device_name!r} is no device name: 4 to 32 letters, digits, - _ @ . :")
    devices.add_device(product_key, device_name)


def _add_product(arguments: argparse.Namespace, devices: Devices) -> None:
    if not _PRODUCT_KEY.fullmatch(arguments.product_key):
        raise CannotDo(f"{arguments.product_key!r} is no product key: 1 to 20 letters and digits")
    path = arguments.secret_file
    if path is None:
        path = arguments.state / "products" / f"{arguments.product_key}.secret"
        path.parent.mkdir(exist_ok=True)
        known = devices.product(arguments.product_key)
        path.unlink(missing_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(descriptor, "w") as file:
            file.write((known[0] if known else secrets.token_hex(8)) + "\n")
    secret = path.read_text().strip()
    if not secret:
        raise CannotDo(f"{path} is empty")
    devices.add_product(arguments.product_key, secret, dynamic_registration=not arguments.no_dynamic_registration)
    print(path)


def _list(devices: Devices, *, as_json: bool) -> None:
    rows = []
    counts = dict.fromkeys(("registrations", "connects", "refused", "kicked"), 0)
    for row in devices.rows():
        secret = row.pop("device_secret")
        flags = {name: bool(row[name]) for name in ("enabled", "activated", "online")}
        digest = hashlib.sha256(secret.encode()).hexdigest() if secret else None
        counted = devices.counters(row["product_key"], row["device_name"])
        rows.append({**row, **flags, "secret_sha256": digest, **counts, **counted})
    if as_json:
        server = {"registration_requests": 0, "connections": 0, **devices.counters()}
        products = [
            {**product, "dynamic_registration": bool(product["dynamic_registration"])} for product in devices.products()
        ]
        print(json.dumps({"products": products, "devices": rows, "counters": server, "seen": devices.seen()}))
        return
    for row in rows:
        words = ("enabled" if row["enabled"] else "disabled", "activated" if row["activated"] else "not activated")
        print(f"{row['product_key']} {row['device_name']}: {', '.join(words)}{', online' if row['online'] else ''}")

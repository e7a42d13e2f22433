"""What goes wrong with gateways in the field: how each fault is made, and how it shows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from support.platform.sandbox import wait_for

from .machine import Machine
from .site import OTHER_KEYS, PRODUCT_KEY, Site

NAME = "gw0001"
IDENTITY = "/etc/iot-onboard/conf.d/50-identity.yaml"
SECRET = "/etc/iot-onboard/product-secret"
MINE = "/etc/iot-onboard/conf.d/60-mine.yaml"
STATE = "/var/lib/iot-onboard"
STORED = f"{STATE}/credentials/{PRODUCT_KEY}.{NAME}.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """Hold one fault: made `before` the boot or `after` the gateway is online, and how it shows.

    `words` of cause and cure stand in the line of the `event` and in the status, which has `status_words` where they
    differ; `first` is what the doctor wants mended first. A fault that cannot be made on every release names one.
    """

    id: str
    title: str
    event: str
    words: tuple[str, ...]
    first: tuple[str, ...]
    status_words: tuple[str, ...] = ()
    before: Callable[[Site, Machine], None] | None = None
    after: Callable[[Site, Machine], None] | None = None
    seconds: float = 60.0
    release: str | None = None


def _replace(path: str, old: str, new: str) -> Callable[[Site, Machine], None]:
    return lambda _, machine: machine.write(path, machine.read(path).replace(old, new))


def _write(path: str, text: str, mode: int = 0o644) -> Callable[[Site, Machine], None]:
    return lambda _, machine: machine.write(path, text, mode)


def _operate(*command: str) -> Callable[[Site, Machine], None]:
    def operate(site: Site, _: Machine) -> None:
        site.sandbox.command(*command)

    return operate


def _remove(*paths: str) -> Callable[[Site, Machine], None]:
    def remove(_: Site, machine: Machine) -> None:
        for path in paths:
            (machine.root / path.lstrip("/")).unlink()

    return remove


def _in_turn(*steps: Callable[[Site, Machine], None]) -> Callable[[Site, Machine], None]:
    def run(site: Site, machine: Machine) -> None:
        for step in steps:
            step(site, machine)

    return run


def _kick_thrice(site: Site, _: Machine) -> None:
    # Counted at the platform: the journal tells what repeats less and less often.
    for count in range(1, 4):
        wait_for(partial(_logged_in, site, count), f"login {count}", 120)
        site.sandbox.command("kick", PRODUCT_KEY, NAME)
        wait_for(lambda: not site.connected(NAME), "the kick", 10)


def _logged_in(site: Site, count: int) -> bool:
    accepted = [row for row in site.sandbox.seen("connect") if not row["code"]]
    return len(accepted) >= count and site.connected(NAME)


def _clock_is_set(machine: Machine) -> None:
    """Let the daemon take the clock for set, as systemd-timesyncd does."""
    machine.write("/etc/tmpfiles.d/clock.conf", "d /run/systemd/timesync\nf /run/systemd/timesync/synchronized\n")


def _old_clock(_: Site, machine: Machine) -> None:
    machine.write("/etc/faketime", "1970-01-01 00:05:00\n")
    library = machine.offline("sh", "-c", "echo /usr/lib/*-linux-gnu/faketime/libfaketime.so.1").stdout.strip()
    environment = {
        "LD_PRELOAD": library,
        "FAKETIME_TIMESTAMP_FILE": "/etc/faketime",
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }
    words = " ".join(f"{name}={value}" for name, value in environment.items())
    machine.drop_in("clock", f"[Service]\nEnvironment={words}\n")
    machine.environment.update(environment)


def _expired_certificate(site: Site, machine: Machine) -> None:
    _clock_is_set(machine)
    site.serve_expired_certificate()
    machine.write("/etc/iot-onboard/ca.pem", site.sandbox.ca_file.read_text())


def _foreign_certificate(site: Site, machine: Machine) -> None:
    _clock_is_set(machine)
    site.serve_foreign_certificate()


def _mute_server(site: Site, machine: Machine) -> None:
    site.serve_mute(8884)
    machine.write(MINE, "mqtt: {port: 8884}\n")


def _refusing_proxy(_: Site, machine: Machine) -> None:
    machine.write(MINE, "proxy: http://10.77.0.1:3128\n")


def _full_disk(_: Site, machine: Machine) -> None:
    unit = "[Unit]\nBefore=iot-onboard.service\n[Mount]\nWhat=tmpfs\nType=tmpfs\n"
    unit += f"Where={STATE}\nOptions=size=64k,mode=0700\n"
    machine.write("/etc/systemd/system/var-lib-iot\\x2donboard.mount", unit)
    (machine.root / STATE.lstrip("/")).mkdir(exist_ok=True)
    # The small disk of the test is one in memory.
    machine.write(MINE, "allow_volatile: true\n")
    machine.write("/etc/fill", f"#!/bin/sh\ndd if=/dev/zero of={STATE}/fill bs=4k 2>/dev/null; true\n", 0o755)
    machine.drop_in("disk", f"[Unit]\nRequiresMountsFor={STATE}\n[Service]\nExecStartPre=+/etc/fill\n")


def _closed_store(_: Site, machine: Machine) -> None:
    machine.run("systemctl", "stop", "iot-onboard")
    machine.run("chown", "root:root", f"{STATE}/credentials")
    machine.run("systemctl", "start", "iot-onboard")


def _damaged_store(_: Site, machine: Machine) -> None:
    machine.run("systemctl", "stop", "iot-onboard")
    machine.write(STORED, "\0" * 200, 0o600)
    machine.run("systemctl", "start", "iot-onboard")


def _open_secret(_: Site, machine: Machine) -> None:
    machine.drop_in("open", f"[Service]\nExecStartPre=+/bin/chmod 644 {SECRET}\n")


def _unplug(_: Site, machine: Machine) -> None:
    machine.cable(plugged=False)


def _no_route(_: Site, machine: Machine) -> None:
    machine.write(
        "/etc/systemd/network/10-host0.network",
        "[Match]\nName=host0\n[Network]\nAddress=10.88.0.2/24\nLinkLocalAddressing=no\n",
    )


def _dead_dns(site: Site, _: Machine) -> None:
    site.stop_dns()


def _platform_down(site: Site, _: Machine) -> None:
    site.sandbox.stop()


def _unknown_device(site: Site, machine: Machine) -> None:
    site.identify(machine, "gw9999")


def _no_dynamic_registration(site: Site, machine: Machine) -> None:
    key = OTHER_KEYS[0]
    secret = site.sandbox.add_product(key, "--no-dynamic-registration").read_text()
    site.sandbox.add_device(key, NAME)
    machine.write(IDENTITY, f"product_key: {key}\ndevice_name: {NAME}\n")
    machine.write(SECRET, secret, 0o600)


def _silent_mqtt(site: Site, _: Machine) -> None:
    site.block("tcp dport 8883 drop")


def _not_set_up(_: Site, machine: Machine) -> None:
    _remove(IDENTITY, SECRET)(_, machine)


STATE_OF_SERVICE = ("service-state",)
FAULTS = (
    Fault(
        id="wrong-product-secret",
        title="The product secret is wrong",
        before=_write(SECRET, "0123456789abcdef", 0o600),
        event="registration-refused",
        words=("6600", "product secret"),
        first=STATE_OF_SERVICE,
    ),
    Fault(
        id="registration-switched-off",
        title="Dynamic registration is switched off for the product",
        before=_no_dynamic_registration,
        event="registration-refused",
        words=("6288", "switch"),
        first=STATE_OF_SERVICE,
    ),
    Fault(
        id="activated-elsewhere",
        title="The device is already activated, and its secret is with somebody else",
        before=_operate("activate", PRODUCT_KEY, NAME),
        event="registration-refused",
        words=("6289", "reset"),
        first=STATE_OF_SERVICE,
    ),
    Fault(
        id="unknown-device",
        title="The device name was never registered in the console",
        before=_unknown_device,
        event="registration-refused",
        words=("6100", "DeviceName"),
        first=STATE_OF_SERVICE,
    ),
    Fault(
        id="disabled-device",
        title="The device is disabled",
        before=_operate("disable", PRODUCT_KEY, NAME),
        event="registration-refused",
        words=("6204", "enable"),
        first=STATE_OF_SERVICE,
    ),
    Fault(
        id="deleted-device",
        title="The device was deleted in the console while it was online",
        after=_operate("delete", PRODUCT_KEY, NAME),
        event="login-blocked",
        words=("6100", "To do"),
        first=STATE_OF_SERVICE,
        seconds=100,
    ),
    Fault(
        id="wrong-product-key",
        title="The product key is not one of the region",
        before=_replace(IDENTITY, PRODUCT_KEY, OTHER_KEYS[1]),
        event="registration-refused",
        words=("6250", "product"),
        first=STATE_OF_SERVICE,
    ),
    Fault(
        id="wrong-region",
        title="The region does not exist",
        before=_write(MINE, "region: cn-nowhere\n"),
        event="registration-failed",
        words=("iot-auth.cn-nowhere.aliyuncs.com", "does not resolve"),
        first=("dns-registration", "dns-mqtt"),
    ),
    Fault(
        id="clock-in-1970",
        title="The clock is in 1970",
        before=_old_clock,
        event="clock-not-set",
        words=("clock", "not set"),
        first=("clock-plausible",),
        # With Debian 12's libfaketime a sleep by the monotonic clock never ends where that clock alone is not faked.
        release="trixie",
    ),
    Fault(
        id="dns-dead",
        title="The name server does not answer",
        before=_dead_dns,
        event="registration-failed",
        words=("does not resolve", "DNS"),
        first=("dns-registration", "dns-mqtt"),
    ),
    Fault(
        id="captive-portal",
        title="A captive portal answers with HTML",
        before=_operate("answer", "captive-portal"),
        event="registration-failed",
        words=("captive portal",),
        first=STATE_OF_SERVICE,
    ),
    Fault(
        id="proxy-refuses",
        title="The proxy is not there",
        before=_refusing_proxy,
        event="registration-failed",
        words=("proxy",),
        first=("proxy-reachable",),
    ),
    Fault(
        id="expired-certificate",
        title="The platform's certificate has expired",
        before=_expired_certificate,
        event="registration-failed",
        words=("certificate", "expired"),
        first=("tls-ca-file", "tls-registration", "tls-mqtt"),
    ),
    Fault(
        id="foreign-certificate",
        title="Somebody else answers with a certificate of his own",
        before=_foreign_certificate,
        event="registration-failed",
        words=("certificate", "not accepted"),
        first=("tls-registration", "tls-mqtt"),
    ),
    Fault(
        id="full-disk",
        title="The disk is full",
        before=_full_disk,
        event="store-not-writable",
        words=("No space left", "space"),
        first=("state-disk",),
    ),
    Fault(
        id="closed-store",
        title="The stored secret belongs to somebody else",
        after=_closed_store,
        event="secret-unreadable",
        words=("Permission denied",),
        first=("stored-permissions",),
    ),
    Fault(
        id="open-product-secret",
        title="Others can read the product secret",
        before=_open_secret,
        event="secret-file-invalid",
        words=("read by other users", "chmod 600"),
        first=("product-secret",),
    ),
    Fault(
        id="no-product-secret",
        title="There is no product secret",
        before=_remove(SECRET),
        event="secret-file-invalid",
        words=(SECRET, "iot-onboard setup"),
        first=("product-secret",),
    ),
    Fault(
        id="damaged-secret",
        title="The card ate the stored secret of an activated device",
        after=_damaged_store,
        event="registration-refused",
        words=("6289",),
        first=STATE_OF_SERVICE,
    ),
    Fault(
        id="cloned-identity",
        title="Another device uses the same identity",
        after=_kick_thrice,
        event="identity-shared",
        words=("another device uses the identity",),
        first=STATE_OF_SERVICE,
        seconds=30,
    ),
    Fault(
        id="throttled",
        title="The platform throttles",
        before=_operate("throttle", "--seconds", "600"),
        event="registration-throttled",
        words=("429",),
        first=STATE_OF_SERVICE,
    ),
    Fault(
        id="platform-fault",
        title="The platform has a fault of its own",
        before=_operate("answer", "code:5005"),
        event="registration-failed",
        words=("5005",),
        first=STATE_OF_SERVICE,
    ),
    Fault(
        id="mute-server",
        title="The MQTT server takes the connection and says nothing",
        before=_mute_server,
        event="connect-failed",
        words=("TLS handshake", "10 s"),
        first=("tls-mqtt",),
    ),
    Fault(
        id="blocked-port",
        title="A firewall drops the MQTT port",
        before=_silent_mqtt,
        event="connect-failed",
        words=("8883", "timed out"),
        first=("tcp-mqtt",),
    ),
    Fault(
        id="platform-down",
        title="Nothing listens at the platform",
        before=_platform_down,
        event="registration-failed",
        words=("Connection refused",),
        first=("tcp-registration", "tcp-mqtt"),
    ),
    Fault(
        id="cable-out",
        title="The cable is out",
        after=_unplug,
        event="connect-failed",
        words=("resolve",),
        first=("network-connection",),
        seconds=100,
    ),
    Fault(
        id="no-route",
        title="There is no way out of the local network",
        before=_no_route,
        event="registration-failed",
        words=("resolve",),
        first=("network-connection",),
    ),
    Fault(
        id="bad-configuration",
        title="The configuration has a mistake",
        before=_write(MINE, "mqtt:\n  keepalive_s: soon\n"),
        event="config-invalid",
        words=("60-mine.yaml:2: mqtt.keepalive_s",),
        status_words=("ended with exit code 78", "check-config"),
        first=("config-valid",),
    ),
    Fault(
        id="rubbish-ca-file",
        title="tls.ca_file holds no certificates",
        before=_write("/etc/iot-onboard/ca.pem", "rubbish\n"),
        event="secret-file-invalid",
        words=("/etc/iot-onboard/ca.pem", "PEM"),
        first=("tls-ca-file",),
    ),
    Fault(
        id="no-serial",
        title="The board has no serial number for {serial}",
        before=_in_turn(
            _replace(IDENTITY, NAME, "gw-{serial}"),
            lambda _, machine: machine.board(""),
        ),
        event="device-name-unknown",
        words=("no {serial}",),
        first=("device-name",),
    ),
    Fault(
        id="not-provisioned",
        title="Nobody has set the gateway up",
        before=_not_set_up,
        event="not-provisioned",
        words=("iot-onboard setup",),
        first=("config-complete",),
    ),
)

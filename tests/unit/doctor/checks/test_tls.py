"""How the doctor judges roots, handshakes and certificates, and what answers behind TLS."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from iot_onboard.core.failures import Cause
from iot_onboard.doctor.checks import tls
from iot_onboard.doctor.checks.tls import (
    ANCHOR_SHA256,
    PUBLIC_ROOT,
    AnchorFacts,
    Certificate,
    HttpFacts,
    ListenFacts,
    RootFacts,
    TlsFacts,
)
from support.text.judged import FAIL, NOTHING, OK, SKIPPED, WARN, Row

HOST = "iot-auth.cn-shanghai.aliyuncs.com"
NOW = datetime(2026, 12, 24, 12, tzinfo=UTC)


def root(name: str, not_after: datetime) -> Certificate:
    begins = datetime(2000, 1, 1, tzinfo=UTC)
    return Certificate(subject=name, issuer=name, names=(), not_before=begins, not_after=not_after)


VENDOR = root("Aliyun IoT Root CA", datetime(2053, 7, 4, tzinfo=UTC))
PUBLIC = root(PUBLIC_ROOT, datetime(2028, 1, 28, 12, tzinfo=UTC))
NEWER = root("GlobalSign Root R46", datetime(2046, 3, 20, tzinfo=UTC))
SHIPPED = AnchorFacts(path="/usr/share/x.pem", anchors=(VENDOR,), sha256=ANCHOR_SHA256, now=NOW)
STORE = AnchorFacts(path="/etc/ssl/certs/ca-certificates.crt", anchors=(NEWER, PUBLIC), now=NOW)
LATER = datetime(2027, 6, 1, tzinfo=UTC)
AFTER = datetime(2028, 2, 1, tzinfo=UTC)


def roots(shipped: AnchorFacts = SHIPPED, system: AnchorFacts = STORE) -> RootFacts:
    return RootFacts(shipped=shipped, system=system)


ROOTS = [
    Row("shipped", tls.vendor_root, roots(shipped=SHIPPED), OK, "Aliyun IoT Root CA expires on 2053-07-04"),
    Row(
        "not shipped",
        tls.vendor_root,
        roots(shipped=replace(SHIPPED, path="")),
        FAIL,
        "is not installed",
        "--reinstall iot-onboard",
    ),
    Row(
        "unusable",
        tls.vendor_root,
        roots(shipped=replace(SHIPPED, problem="it holds nothing")),
        FAIL,
        "cannot be used: it holds nothing",
    ),
    Row(
        "another",
        tls.vendor_root,
        roots(shipped=replace(SHIPPED, sha256="00")),
        FAIL,
        "the file was changed",
        "--reinstall",
    ),
    Row(
        "ended",
        tls.vendor_root,
        roots(shipped=replace(SHIPPED, now=datetime(2054, 1, 1, tzinfo=UTC))),
        FAIL,
        "has expired",
        "update",
    ),
    Row("store", tls.system_roots, roots(system=STORE), OK, "GlobalSign Root CA expires on 2028-01-28."),
    Row(
        "store ends soon",
        tls.system_roots,
        roots(system=replace(STORE, now=LATER)),
        WARN,
        "2028-01-28, in 241 days",
        "ca-certificates",
    ),
    Row(
        "store ended", tls.system_roots, roots(system=replace(STORE, now=AFTER)), FAIL, "has expired", "ca-certificates"
    ),
    Row("newer roots", tls.system_roots, roots(system=replace(STORE, anchors=(NEWER,))), OK, "newer roots"),
    Row(
        "other roots",
        tls.system_roots,
        roots(system=replace(STORE, anchors=(VENDOR,))),
        WARN,
        "no other root",
        "ca-certificates",
    ),
    Row(
        "empty store",
        tls.system_roots,
        roots(system=replace(STORE, anchors=())),
        FAIL,
        "it is empty",
        "ca-certificates",
    ),
    Row("no ca_file", tls.ca_file, AnchorFacts(now=NOW), SKIPPED, "is not set"),
    Row("ca_file", tls.ca_file, STORE, OK, "GlobalSign Root CA expires"),
    Row(
        "bad ca_file",
        tls.ca_file,
        replace(STORE, problem="the file x is bad", cure="mend"),
        FAIL,
        "The file x",
        "mend",
    ),
    Row("leaf as ca_file", tls.ca_file, replace(STORE, anchors=()), WARN, "no root", "not the server's certificate"),
]
SHOWN = Certificate(
    subject="portal.example",
    issuer="Portal CA",
    names=("portal.example",),
    not_before=datetime(2026, 1, 1, tzinfo=UTC),
    not_after=datetime(2027, 1, 1, tzinfo=UTC),
)
GOOD = TlsFacts(host=HOST, port=443, now=NOW, version="TLSv1.3", duration_ms=80, certificate=SHOWN)


def broken(cause: Cause, detail: str = "x failed", certificate: Certificate | None = SHOWN) -> TlsFacts:
    return replace(GOOD, version="", cause=cause, detail=detail, certificate=certificate)


PLAIN = replace(broken(Cause.TLS, certificate=None), plain="HTTP 302 Found, to http://portal.example/")
TLS = [
    Row("verified", tls.handshake, GOOD, OK, "TLSv1.3, certificate verified, in 80 ms"),
    Row(
        "unknown issuer",
        tls.handshake,
        broken(Cause.TLS),
        FAIL,
        "a certificate for portal.example by Portal CA",
        "ca_file",
    ),
    Row("mismatch", tls.handshake, broken(Cause.TLS, "hostname mismatch"), FAIL, "mismatch", "for portal.example"),
    Row("expired", tls.handshake, broken(Cause.TLS_DATE), FAIL, "valid from 2026-01-01 to 2027-01-01", "set the clock"),
    Row("mute", tls.handshake, broken(Cause.TIMEOUT, certificate=None), FAIL, "X failed.", "mtu 1400"),
    Row("reset", tls.handshake, broken(Cause.NETWORK, certificate=None), FAIL, "X failed.", "firewall"),
    Row("no TLS", tls.handshake, broken(Cause.TLS, certificate=None), FAIL, "X failed.", "another server"),
    Row("portal", tls.handshake, PLAIN, FAIL, "HTTP 302 Found, to http://portal.example/", "captive portal"),
    Row("unseen", tls.validity, replace(GOOD, certificate=None), NOTHING),
    Row("ends", tls.validity, GOOD, WARN, "It expires in 7 days", "renew"),
    Row("lasts", tls.validity, replace(GOOD, now=NOW - timedelta(days=30)), OK, "It expires in 37 days"),
]

ANSWER = HttpFacts(host=HOST, now=NOW, status=404, at=NOW)
QUIET = ListenFacts(host="m.example", port=8883)
ENDPOINTS = [
    Row("404", tls.http_answer, ANSWER, OK, "HTTP 404 to a request that registers nothing"),
    Row(
        "redirect",
        tls.http_answer,
        replace(ANSWER, status=302, location="http://p/"),
        WARN,
        "to http://p/",
        "portal",
    ),
    Row("unavailable", tls.http_answer, replace(ANSWER, status=503), WARN, "HTTP 503", "wait"),
    Row("not HTTP", tls.http_answer, HttpFacts(host=HOST, now=NOW, problem="closed"), FAIL, "closed", "wait"),
    Row("clocks agree", tls.platform_clock, ANSWER, OK, "agree"),
    Row(
        "ahead",
        tls.platform_clock,
        replace(ANSWER, at=NOW - timedelta(hours=1)),
        WARN,
        "60 minutes ahead of",
        "timedatectl",
    ),
    Row(
        "behind",
        tls.platform_clock,
        replace(ANSWER, at=NOW + timedelta(hours=1)),
        WARN,
        "60 minutes behind",
        "timedatectl",
    ),
    Row("no date", tls.platform_clock, replace(ANSWER, at=None), SKIPPED, "sends no time"),
    Row("waits", tls.mqtt_server, QUIET, OK, "waits for a login"),
    Row("speaks", tls.mqtt_server, replace(QUIET, spoke=True), WARN, "sends data first", "mqtt.host"),
    Row(
        "closes",
        tls.mqtt_server,
        replace(QUIET, ended="closed"),
        WARN,
        "before the gateway sent anything: closed",
        "mqtt.host",
    ),
]


@pytest.mark.parametrize("row", [*ROOTS, *TLS, *ENDPOINTS], ids=str)
def test_judgements(row: Row) -> None:
    """These facts, this level, these words, this fix."""
    row.holds()


def test_a_certificate_s_names_are_shown_plain_and_short() -> None:
    """Whoever made it may have put escapes of a terminal or a whole page into them."""
    mad = "\x1b[2J\u202e" + "x" * 5000
    certificate = replace(SHOWN, subject=mad, issuer=mad, names=(mad, mad))
    mismatch = broken(Cause.TLS, "Hostname mismatch", certificate)
    texts = [tls.handshake(mismatch).sentence, tls.handshake(mismatch).fix, str(tls.validity(mismatch))]
    assert all("[2Jxxx" in text for text in (texts[0], texts[1]))
    for text in texts:
        assert not {"\x1b", "\u202e"} & set(text)
        assert len(text) < 700

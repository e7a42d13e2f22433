"""Certificates as the doctor reads them, held against a library that does it in full."""

from __future__ import annotations

import ipaddress
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from iot_onboard.doctor.certificate import decode, first_of

KEY = ec.generate_private_key(ec.SECP256R1())
LABEL = st.text([c for c in map(chr, range(32, 0x300)) if c != "\x7f"], min_size=1, max_size=30)
# Before 2050 a UTCTime, from then on a GeneralizedTime.
# hypothesis wants its bounds without a zone.
DAY = st.datetimes(datetime(1971, 1, 1), datetime(2090, 1, 1)).map(lambda at: at.replace(microsecond=0, tzinfo=UTC))  # noqa: DTZ001


def made(
    common_name: str | None = "gw",
    issuer: str = "CA",
    names: tuple[str, ...] = (),
    begins: datetime = datetime(2026, 1, 1, tzinfo=UTC),
    ends: datetime = datetime(2027, 1, 1, tzinfo=UTC),
) -> bytes:
    organisation = x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Alibaba")
    attributes = (
        [organisation] if common_name is None else [organisation, x509.NameAttribute(NameOID.COMMON_NAME, common_name)]
    )
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name(attributes))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
        .public_key(KEY.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(ends)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    )
    if names:
        alternatives = [_general(name) for name in names]
        builder = builder.add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
    return builder.sign(KEY, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


@given(LABEL, LABEL, DAY, st.integers(0, 20_000))
def test_what_was_put_in_comes_out(subject: str, issuer: str, begins: datetime, days: int) -> None:
    """Whom it names, who vouches, from when until when; in this century and the next part of it."""
    ends = begins + timedelta(days=days, seconds=1)
    certificate = decode(made(subject, issuer, begins=begins, ends=ends))
    assert certificate is not None
    assert (certificate.subject, certificate.issuer) == (subject, issuer)
    assert (certificate.not_before, certificate.not_after) == (begins, ends)


def test_names_and_addresses() -> None:
    """All that it is for; an organisation stands in where there is no common name."""
    certificate = decode(made(None, names=("a.example", "*.b.example", "192.0.2.1", "2001:db8::1")))
    assert certificate is not None
    assert certificate.names == ("a.example", "*.b.example", "192.0.2.1", "2001:db8::1")
    assert certificate.subject == "Alibaba"


@given(st.binary(max_size=300))
def test_rubbish_is_no_certificate(data: bytes) -> None:
    """A hostile server cannot break the doctor."""
    assert decode(data) is None
    for tls13 in (True, False):
        first_of(data, tls13=tls13)
        first_of(b"\x0b" + data, tls13=tls13)


WHOLE = made(names=("a.example",))


@given(st.integers(0, len(WHOLE) - 1), st.integers(0, 255))
def test_a_changed_byte_does_no_harm(place: int, value: int) -> None:
    """It is read, or it is not."""
    changed = bytearray(WHOLE)
    changed[place] = value
    decode(bytes(changed))
    assert decode(WHOLE[:place]) is None


@pytest.mark.parametrize("tls13", [True, False])
@given(st.binary(min_size=1, max_size=300), st.binary(max_size=50))
def test_the_first_certificate_of_a_message(tls13: bool, der: bytes, others: bytes) -> None:
    """The server's own stands first; a message that is cut off holds none."""
    entry = len(der).to_bytes(3) + der
    body = len(entry + others).to_bytes(3) + entry + others
    message = b"\x0b" + (len(body) + tls13).to_bytes(3) + (b"\x00" if tls13 else b"") + body
    assert first_of(message, tls13=tls13) == der
    assert first_of(message[: -1 - len(others)], tls13=tls13) is None
    assert first_of(b"\x02" + message[1:], tls13=tls13) is None

"""How the doctor judges what answers behind TLS."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from iot_onboard.doctor.checks import endpoints
from iot_onboard.doctor.checks.endpoints import HttpFacts, SilenceFacts
from support.text.judged import FAIL, OK, SKIPPED, WARN, Row

HOST = "iot-auth.cn-shanghai.aliyuncs.com"
NOW = datetime(2026, 12, 24, 12, tzinfo=UTC)
ANSWER = HttpFacts(host=HOST, now=NOW, status=404, at=NOW)
QUIET = SilenceFacts(host="m.example", port=8883)
ENDPOINTS = [
    Row("404", endpoints.registration, ANSWER, OK, "HTTP 404 to a question that is no registration"),
    Row(
        "redirect",
        endpoints.registration,
        replace(ANSWER, status=302, location="http://p/"),
        WARN,
        "to http://p/",
        "portal",
    ),
    Row("unavailable", endpoints.registration, replace(ANSWER, status=503), WARN, "HTTP 503", "wait"),
    Row("not HTTP", endpoints.registration, HttpFacts(host=HOST, now=NOW, problem="closed"), FAIL, "closed", "wait"),
    Row("clocks agree", endpoints.clock, ANSWER, OK, "agree"),
    Row(
        "ahead",
        endpoints.clock,
        replace(ANSWER, at=NOW - timedelta(hours=1)),
        WARN,
        "60 minutes ahead of",
        "timedatectl",
    ),
    Row(
        "behind",
        endpoints.clock,
        replace(ANSWER, at=NOW + timedelta(hours=1)),
        WARN,
        "60 minutes behind",
        "timedatectl",
    ),
    Row("no date", endpoints.clock, replace(ANSWER, at=None), SKIPPED, "does not tell"),
    Row("waits", endpoints.mqtt, QUIET, OK, "waits for a login"),
    Row("speaks", endpoints.mqtt, replace(QUIET, spoke=True), WARN, "speaks first", "mqtt.host"),
    Row("closes", endpoints.mqtt, replace(QUIET, ended="closed"), WARN, "asked: closed", "mqtt.host"),
]


@pytest.mark.parametrize("row", ENDPOINTS, ids=str)
def test_judgements(row: Row) -> None:
    """These facts, this level, these words, this fix."""
    row.holds()

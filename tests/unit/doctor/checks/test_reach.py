"""How the doctor judges the ports of the platform and of the proxy."""

from __future__ import annotations

from dataclasses import replace

import pytest

from iot_onboard.doctor.checks import reach
from iot_onboard.doctor.checks.reach import Attempt, ReachFacts
from support.text.judged import FAIL, OK, SKIPPED, WARN, Row

HOST = "iot-auth.cn-shanghai.aliyuncs.com"
ANSWERS = ReachFacts(host=HOST, port=443, attempts=(Attempt(address="192.0.2.9", error="", took_ms=31),))
SILENT = Attempt(address="2001:db8::9", error="timed out", took_ms=4500)
REFUSING = replace(SILENT, error="connection refused", took_ms=1)
THROUGH = replace(ANSWERS, proxy="proxy.example port 3128", attempts=())
REACH = [
    Row("answers", reach.host, ANSWERS, OK, "answers in 31 ms"),
    Row(
        "refused",
        reach.host,
        replace(ANSWERS, attempts=(REFUSING,)),
        FAIL,
        "2001:db8::9 connection refused",
        "TCP port 443",
    ),
    Row("no address", reach.host, replace(ANSWERS, attempts=()), FAIL, "it has no address"),
    Row(
        "first is deaf",
        reach.host,
        replace(ANSWERS, attempts=(SILENT, *ANSWERS.attempts)),
        WARN,
        "answers at 192.0.2.9",
        "IPv6",
    ),
    Row("first refuses", reach.host, replace(ANSWERS, attempts=(REFUSING, *ANSWERS.attempts)), OK, "answers in 31 ms"),
    Row("no proxy", reach.proxy, None, SKIPPED, "No proxy"),
    Row("proxy answers", reach.proxy, replace(ANSWERS, host="proxy.example"), OK, "proxy.example port 443 answers"),
    Row("proxy is gone", reach.proxy, replace(ANSWERS, attempts=(SILENT,)), FAIL, "Nobody answers", "correct proxy"),
    Row("tunnel", reach.host, THROUGH, OK, f"The proxy proxy.example port 3128 leads on to {HOST} port 443"),
    Row("password", reach.host, replace(THROUGH, proxy_failure="407 Proxy Authentication"), FAIL, "407", "password"),
    Row(
        "forbidden",
        reach.host,
        replace(THROUGH, proxy_failure="403 Forbidden"),
        FAIL,
        "403",
        f"CONNECT to {HOST}:443",
    ),
]


@pytest.mark.parametrize("row", REACH, ids=str)
def test_judgements(row: Row) -> None:
    """These facts, this level, these words, this fix."""
    row.holds()

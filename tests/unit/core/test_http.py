"""An answer may be a secret."""

from __future__ import annotations

from iot_onboard.core.http import HttpAnswer, Request


def test_the_body_does_not_show_itself() -> None:
    """Not in a traceback, not in a failed assertion."""
    answer = HttpAnswer(status=200, body=b'{"deviceSecret": "hunter2"}', retry_after_s=3.0)
    assert repr(answer) == str(answer) == "HttpAnswer(status=200, retry_after_s=3.0)"
    assert answer.body.endswith(b'"hunter2"}')


def test_answers_differ_by_their_body() -> None:
    """Though it is not shown."""
    assert HttpAnswer(status=200, body=b"a") != HttpAnswer(status=200, body=b"b")


def test_a_form_keeps_its_order() -> None:
    """It is sent as it was made."""
    assert Request(url="https://x/", form=(("b", "1"), ("a", "2"))).form[0] == ("b", "1")

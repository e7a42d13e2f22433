"""The questions, answered by a script and, where nothing is shown, at a terminal."""

from __future__ import annotations

import io
import os
import sys

import pytest

from iot_onboard.config.device_name import Facts
from iot_onboard.config.problems import BadName
from iot_onboard.config.reader import parse
from iot_onboard.config.schema import Config, Document
from iot_onboard.provisioning.prompts import QUESTIONS, ask_config, name_here
from support.process.terminal import Terminal
from support.tree import DAEMON

KEYS = [question.key for question in QUESTIONS]
NAMES = "product_key: a1b2c3d4e5f\ndevice_name: gw-0001\ninstance_id: iot-1\n"


def configured(text: str) -> Config:
    config, problems = parse([Document(name="config.yaml", text=text)], names_required=False)
    assert config is not None, problems
    return config


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    typed = io.StringIO()
    monkeypatch.setattr(sys, "stdin", typed)
    return typed


def give(answers: io.StringIO, *lines: str) -> None:
    answers.write("".join(f"{line}\n" for line in lines))
    answers.seek(0)


def test_each_answer_is_a_setting(answers: io.StringIO, capsys: pytest.CaptureFixture[str]) -> None:
    """Those that differ from what is configured; what a template comes to here is shown."""
    give(answers, "a1b2c3d4e5f", "gw-{serial}", "us-east-1", "iot-1")
    found = ask_config(KEYS, configured(""), Facts(serial="0042"))
    assert found == {
        "product_key": "a1b2c3d4e5f", "device_name": "gw-{serial}", "region": "us-east-1", "instance_id": "iot-1"
    }  # fmt: skip
    assert "On this machine: gw-0042" in capsys.readouterr().out


def test_return_keeps_what_is_there(answers: io.StringIO, capsys: pytest.CaptureFixture[str]) -> None:
    """Each question shows it; a dash takes away what need not be."""
    give(answers, "", "", "", "")
    assert ask_config(KEYS, configured(NAMES), Facts()) == {}
    shown = capsys.readouterr().out
    assert all(f"[{value}]: " in shown for value in ("a1b2c3d4e5f", "gw-0001", "cn-shanghai", "iot-1"))
    answers.seek(0)
    give(answers, "", "", "", "-")
    assert ask_config(KEYS, configured(NAMES), Facts()) == {"instance_id": None}


def test_only_what_is_wanted_is_asked(answers: io.StringIO) -> None:
    """And what is not answered is an end of the input."""
    give(answers, "gw-0002")
    assert ask_config(["device_name"], configured(NAMES), Facts()) == {"device_name": "gw-0002"}
    with pytest.raises(EOFError):
        ask_config(["device_name"], configured(NAMES), Facts())


@pytest.mark.parametrize(
    ("key", "bad", "words", "good"),
    [
        ("product_key", "a b", "may hold letters and digits only", "abc"),
        ("device_name", "gw-{seral}", "did you mean {serial}?", "gw-1"),
        ("device_name", "{hostname}", "It expands to", "gw-1"),
        ("region", "a b", "is not a region", "us-east-1"),
    ],
)
def test_a_wrong_answer_is_asked_for_again(
    answers: io.StringIO, capsys: pytest.CaptureFixture[str], key: str, bad: str, words: str, good: str
) -> None:
    """With what is wrong with it."""
    give(answers, bad, good)
    assert ask_config([key], configured(""), Facts(hostname="pi")) == {key: good}
    assert words in capsys.readouterr().out


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (Facts(serial="0042", macs=(("eth0", "021122334455"),)), "{serial}"),
        (Facts(macs=(("eth0", "021122334455"),)), "{mac}"),
        (Facts(machine_id="0" * 32), "{machine_id}"),
    ],
)
def test_a_name_is_suggested(answers: io.StringIO, facts: Facts, expected: str) -> None:
    """The best that this machine has of its own."""
    give(answers, "")
    assert ask_config(["device_name"], configured(""), facts) == {"device_name": expected}


def test_a_name_of_this_machine() -> None:
    """What is not there yet is said, and what can be no name is refused."""
    assert name_here("gw-{serial}", Facts(serial="0042")) == "gw-0042"
    assert name_here("gw-{mac}", Facts()).startswith("gw-{mac} (")
    with pytest.raises(BadName):
        name_here("{hostname}", Facts(hostname="pi"))


@pytest.mark.parametrize(
    ("kept", "typed", "expected"),
    [("True", ["two words", "hunter2"], "7 hunter2"), ("True", [""], "None"), ("False", [""], "None")],
)
def test_the_secret_is_not_shown(kept: str, typed: list[str], expected: str) -> None:
    """Its length is; Return keeps the present one, or leaves it to a credential."""
    code = (
        "from iot_onboard.provisioning.prompts import ask_product_secret; "
        f"s = ask_product_secret(kept={kept}); print('given', s and s.reveal()[::-1])"
    )
    environment = {"PYTHONPATH": str(DAEMON), "PATH": os.environ["PATH"]}
    with Terminal([sys.executable, "-c", code], environment) as terminal:
        for line in typed:
            terminal.answer("keep the present one" if kept == "True" else "systemd gives it to the service", line)
        assert terminal.wait() == 0
        length, _, secret = expected.partition(" ")
        assert f"given {secret[::-1] or 'None'}" in terminal.shown
        assert (f"{length} characters." in terminal.shown) is bool(secret)
        assert not secret or secret not in terminal.shown
        assert ("does not hold a secret" in terminal.shown) is (len(typed) > 1)

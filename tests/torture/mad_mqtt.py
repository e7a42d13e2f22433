"""Attack: MQTT servers that say anything at all, against the client, with the Paho that there is.

It needs no library but the daemon's own: `python -m torture.mad_mqtt 100000` runs in a Debian image, too.
"""

from __future__ import annotations

import argparse
import random
import resource
import socket
import sys
import time
from collections import Counter

from iot_onboard.core.secret import Secret
from iot_onboard.mqtt.client import Connection
from iot_onboard.mqtt.model import (
    Connack,
    ConnectionLost,
    MqttEvent,
    Published,
    Qos,
    Received,
    Subscribed,
    Subscription,
    Unsubscribed,
)
from iot_onboard.mqtt.paho_client import PAHO_VERSION
from support.text import mqtt_grammar

from .parts import shared
from .tally import Tally, joined

MAX_S = 1.0
MAX_GROWTH_MB = 24
_MAX_TURNS = 2000
_DOCUMENTED = (Connack, Published, Subscribed, Unsubscribed, Received, ConnectionLost)


class _Clock:
    """A clock that is moved by hand."""

    now_s = 1000.0


class Conversation:
    """One connection, and all that happened on it."""

    def __init__(self, chance: random.Random) -> None:
        self._chance, self._clock = chance, _Clock()
        ours, self._theirs = socket.socketpair()
        self.heard: list[MqttEvent] = []
        self._unacknowledged: list[int] = []
        self.connection = Connection(
            ours,
            client_id="pk.gw|securemode=2|",
            username="gw&pk",
            password=Secret("passw0rd"),
            keepalive_s=chance.choice([30, 300]),
            clean_session=chance.random() < 0.3,
            now=lambda: self._clock.now_s,
        )

    def run(self, parts: list[bytes]) -> str:
        """Have the server say its parts and hang up, and the client go about its business; return how it ended."""
        with self._theirs:
            self._theirs.setblocking(False)
            for part in parts:
                self._say(part)
                self._business()
            self._theirs.shutdown(socket.SHUT_WR)
            for _ in range(_MAX_TURNS):
                if self.connection.over and self.connection.next_check_at() != float("-inf"):
                    break
                self._turn()
            self.connection.drop()
        return self._outcome()

    def _say(self, part: bytes) -> None:
        left = memoryview(part)
        for _ in range(_MAX_TURNS):
            if not left or self.connection.over:
                return
            try:
                left = left[self._theirs.send(left) :]
            except BlockingIOError:
                self._turn()
        raise AssertionError("the client reads no more, and the connection stands")

    def _business(self) -> None:
        self._turn()
        if self.connection.over:
            return
        connection, qos = self.connection, self._chance.choice(list(Qos))
        match self._chance.randrange(10):
            case 0 | 1 | 2:
                connection.publish("/topic", b"x", qos=qos, retain=self._chance.random() < 0.5)
            case 3:
                wanted = ["t/#", "+/u", "v"][: self._chance.randrange(1, 4)]
                connection.subscribe(*(Subscription(topic_filter=name, qos=qos) for name in wanted))
            case 4:
                connection.unsubscribe("t/#")
            case 5:
                self._clock.now_s += 5.0
                connection.probe()
            case 6:
                self._clock.now_s += self._chance.choice([1.0, 31.0])
            case _:
                pass
        self._turn()

    def _turn(self) -> None:
        events = [*self.connection.read(), *self.connection.write(), *self.connection.tick()]
        self.heard += events
        self._unacknowledged += [event.mid for event in events if isinstance(event, Received)]
        if self._chance.random() < 0.5 or not self.connection.want_read():
            # Some of them twice, or with a number that nobody has.
            self._chance.shuffle(self._unacknowledged)
            self.connection.acknowledge(*self._unacknowledged, self._chance.randrange(70_000))
            self._unacknowledged = self._unacknowledged[: self._chance.choice([0, 0, 1])]

    def _outcome(self) -> str:
        assert self.connection.over, "the end of the stream goes unnoticed"
        assert all(isinstance(event, _DOCUMENTED) for event in self.heard)
        lost = [event for event in self.heard if isinstance(event, ConnectionLost)]
        connacks = [event for event in self.heard if isinstance(event, Connack)]
        assert len(connacks) <= 1, "two answers to the login"
        refused = bool(connacks and connacks[0].code)
        assert len(lost) == (0 if refused else 1), f"{len(lost)} ends"
        if refused:
            return "refused"
        assert lost[0].detail.isprintable()
        assert len(lost[0].detail) < 200
        assert "invalid data" not in lost[0].detail, lost[0].detail
        return "violation" if lost[0].violation else "closed" if lost[0].by_server else "silent"


def run(count: int, seed: int) -> Tally:
    """Try so many inputs in this process; the seed gives the same ones again."""
    tally, outcomes, worst_s = Tally(attack="mad servers: MQTT"), Counter[str](), 0.0
    before_kb = 0
    for number in range(count):
        if number == min(count // 2, 2000):
            # Whatever is made at the first use is no growth.
            before_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        chance = random.Random(f"{seed}-{number}")
        said = mqtt_grammar.stream(chance)
        began = time.process_time()
        try:
            outcomes[Conversation(chance).run(mqtt_grammar.cut(chance, said))] += 1
        except Exception as error:
            tally.fail("broken", f"seed {seed}, input {number}: {type(error).__name__}: {error}: {said[:100]!r}")
            continue
        duration_s = time.process_time() - began
        worst_s = max(worst_s, duration_s)
        tally.check(duration_s <= MAX_S, f"seed {seed}, input {number}: {duration_s:.1f} s")
    grown_mb = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kb) / 1024
    tally.check(grown_mb <= MAX_GROWTH_MB, f"memory grew by {grown_mb:.0f} MB")
    became = ", ".join(f"{number:,} {name}" for name, number in outcomes.most_common())
    tally.facts.append(
        f"mad servers, MQTT, Python {sys.version.split()[0]}, Paho {PAHO_VERSION}: {count:,} inputs, seed {seed}, the "
        f"slowest {worst_s * 1000:.0f} ms, {grown_mb:.1f} MB more; {became}"
    )
    return tally


def attack(jobs: int, inputs: int, seed: int) -> Tally:
    """Try about so many inputs in all."""
    pieces = [(max(1, inputs // jobs), seed + part) for part in range(jobs)]
    return joined("mad servers: MQTT", shared(jobs, run, pieces))


def main() -> int:
    """Return 0 where every input had a documented outcome."""
    parser = argparse.ArgumentParser(prog="torture.mad_mqtt")
    parser.add_argument("count", type=int)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    tally = run(options.count, options.seed)
    print("\n".join([*tally.facts, *tally.notes[:20]]))  # noqa: T201 - its answer
    return 0 if tally.good else 1


if __name__ == "__main__":
    sys.exit(main())

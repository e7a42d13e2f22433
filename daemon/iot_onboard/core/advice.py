"""What helps: the words that events, codes and causes share. Pure."""

from __future__ import annotations

import enum

from ..fast_start.fast_dataclasses import dataclass


class Move(enum.Enum):
    """Say whose move it is."""

    NOBODY = "nobody's: the gateway goes on by itself"
    GATEWAY = "yours, at this gateway"
    CONSOLE = "the operator's, in the cloud console"
    NETWORK = "the network's, between this gateway and the Internet"
    PLATFORM = "the platform's: the gateway waits for it"
    MAKERS = "the makers' of iot-onboard"


# When the daemon tries next, as `backoff` has it.
SOON = (
    "by itself: within 5 s at first, then at growing intervals of up to 5 minutes, and at once when the route to the "
    "platform changes"
)
SLOWLY = "by itself, in 1 to 5 minutes"
HOURLY = (
    "by itself, about hourly, and within seconds where the configuration or a secret file changes; "
    "`sudo systemctl restart iot-onboard` tries at once"
)
NEVER = "there is nothing to try"


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """Explain one code, CONNACK number or cause.

    `meaning` and `cure` are clauses for the operator's line ("To do: ..."); `explanation` and `steps` are whole
    sentences for `iot-onboard explain` and the manual, and `then` goes on after "Next: ".
    """

    meaning: str
    cure: str
    move: Move
    explanation: str
    steps: tuple[str, ...]
    then: str

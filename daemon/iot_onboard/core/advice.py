"""What helps: the words that events, codes and causes share. Pure."""

from __future__ import annotations

import enum

from ..fast_start.fast_dataclasses import dataclass


class Responsible(enum.Enum):
    """Name who has to act."""

    NOBODY = "nobody: the gateway goes on by itself"
    GATEWAY = "you, at this gateway"
    CONSOLE = "you, in the cloud console"
    NETWORK = "whoever runs the network between this gateway and the Internet"
    PLATFORM = "Alibaba Cloud: the gateway waits for it"
    MAINTAINERS = "the maintainers of iot-onboard"


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
    responsible: Responsible
    explanation: str
    steps: tuple[str, ...]
    then: str

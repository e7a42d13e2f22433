"""What to do about a problem: the texts that events, codes and causes share. Pure."""

from __future__ import annotations

import enum

from ..fast_start.fast_dataclasses import dataclass


class Responsible(enum.Enum):
    """Name who has to act."""

    NOBODY = "nobody: the gateway continues by itself"
    GATEWAY = "you, at this gateway"
    CONSOLE = "you, in the cloud console"
    NETWORK = "the administrator of the network between this gateway and the Internet"
    PLATFORM = "Alibaba Cloud: the gateway waits for it"
    MAINTAINERS = "the maintainers of iot-onboard"


# When the daemon retries, as `backoff` decides.
SOON = (
    "the gateway retries within 5 s at first, then at growing intervals of up to 5 minutes, and at once when the route "
    "to the platform changes"
)
SLOWLY = "the gateway retries in 1 to 5 minutes"
HOURLY = (
    "the gateway retries about every hour, and within seconds when the configuration or a secret file changes; "
    "`sudo systemctl restart iot-onboard` retries at once"
)
NEVER = "there is no retry"


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """Explain one code, CONNACK number or cause.

    `meaning` and `cure` are clauses for the operator's line ("To do: ..."); `explanation` and `steps` are whole
    sentences for `iot-onboard explain` and the manual, and `then` continues the line "Next: ".
    """

    meaning: str
    cure: str
    responsible: Responsible
    explanation: str
    steps: tuple[str, ...]
    then: str

"""Attack 10: a local user with the service's rights swaps links, pipes and directories while root is at work."""

from __future__ import annotations

import os
import random
import time

from support.process.hostile import COMMANDS, INSIDE, KINDS, Home
from support.process.unprivileged import open_directory

from .tally import Tally

# Nobody listens there: what counts is what root does on this machine.
_UNREACHABLE = "registration: {url: 'https://127.0.0.1:9/', timeout_s: 1}\nmqtt: {host: 127.0.0.1, port: 9}\n"
_PAUSES_S = (0.0, 0.0001, 0.001, 0.01)
_SECRET = "s3cr3tS3CR3T\n"


def attack(turns: int, seed: int) -> Tally:
    """Run root's commands in turn, each over another mixture of what may lie there, and amid swaps."""
    tally = Tally(attack="local users")
    if os.geteuid() != 0:
        tally.notes.append("needs root")
        return tally
    chance, longest_s = random.Random(seed), 0.0
    for turn in range(turns):
        command = COMMANDS[turn % len(COMMANDS)]
        with open_directory() as directory:
            home = Home(directory)
            home.lay_out(_UNREACHABLE, _SECRET)
            for name in chance.sample(INSIDE, chance.randrange(len(INSIDE))):
                home.put(chance.choice(KINDS), name)
            began_at = time.monotonic()
            wrong = home.attacked(command, chance.choice(_PAUSES_S))
            longest_s = max(longest_s, time.monotonic() - began_at)
        tally.check(not wrong, f"seed {seed}, turn {turn}: {'; '.join(wrong)}")
    tally.facts.append(f"local users: {turns:,} commands of root's amid swaps, the longest took {longest_s:.0f} s")
    return tally

"""The state machine: what the daemon does next, decided without touching the world.

The daemon is one value, `State`. Whatever happens reaches it as an *input*; `step(state, input, now)` gives the next
state and the *effects* that the loop is to run. There is no other place where a decision is made.

A gateway's life is short to tell. BOOT looks for the device secret. REGISTERING asks the platform for one, SAVING
makes it durable, CONNECTING dials and logs in, ONLINE lasts. Two states wait: WAITING mends by itself and retries
soon; BLOCKED needs somebody, says whom, and retries about hourly all the same, because the cure happens in the cloud
console and nobody visits the box to tell us. Where the cure is a file on this gateway it need not wait: changed
settings end a BLOCKED process, and the service manager starts one that has them. Both know their *goal*, the step to
take when the wait ends. STOPPED is the only state without an exit.

Three rules of the platform shape the rest. Until the first login registration can be repeated and the last answer is
the valid one, so a lost answer is mended by asking again. After the first login registration is refused, so nothing
connects with a secret that is not durable (`Login` leaves only from a state whose secret is). And a refused secret
may mean that an operator reset the device, so the third refusal running leads to one registration, rarely; the stored
secret stays until its successor is durable.

Blocking work has one place, a worker thread, and each state has at most one job there. `State.wake_at` is the
deadline of that job or the end of the wait; the loop sends `Tick` when it comes. A job that misses its deadline hangs
in a system call that nothing but a new process ends, hence STOPPED with exit code 1 and the service manager's restart.
"""

from .model import State
from .table import step

__all__ = ["State", "step"]

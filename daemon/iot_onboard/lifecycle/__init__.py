"""The state machine: pure functions that decide what the daemon does next.

The daemon is one value, `State`. Everything that happens reaches it as an *input*; `step(state, input, now)` returns
the next state and the *effects* that the loop has to run. All decisions are made here.

The states: BOOT looks for the device secret. REGISTERING asks the platform for one, SAVING makes it durable, CONNECTING
dials and logs in, ONLINE keeps the connection. Two states wait. WAITING needs nobody and retries soon. BLOCKED needs
somebody and says whom; it retries about hourly, because the fix happens in the cloud console, and nothing on the
gateway shows it. If the fix is a file on this gateway, there is no need to wait: a changed configuration ends a BLOCKED
process, and the service manager starts a new one. Both waiting states have a *goal*, the action when the wait ends.
STOPPED is the only state without an exit.

Three rules of the platform decide the rest. Before the first login a registration can be repeated, and the last answer
is the valid one: if an answer is lost, the daemon asks again. After the first login the platform refuses a
registration, so the daemon never connects with a secret that is not durable (only a state with a durable secret emits
`Login`). And a refused secret may mean that an operator reset the device: the third refusal in a row leads to one
registration, rarely; the stored secret stays until its successor is durable.

Blocking work has one place, a worker thread, and each state has at most one job there. `State.wake_at` is the
deadline of that job or the end of the wait; the loop sends `Tick` when it comes. A job that misses its deadline hangs
in a system call that nothing but a new process ends, hence STOPPED with exit code 70 and the service manager's restart.
"""

from .state import State
from .table import step

__all__ = ["State", "step"]

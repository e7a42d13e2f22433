"""The state machine as one literal table, and `step`, which applies it.

The diagram in `docs/state-machine.md` is made from `TABLE`; tests check every rule against its targets.
"""

from __future__ import annotations

from collections.abc import Callable

from ..core.exit_codes import ExitCode
from ..core.timings import Now
from ..events.model import Event
from ..fast_start.fast_dataclasses import dataclass, replace
from ..fast_start.typing_names import Any
from . import connection_rules as connection
from . import model as m
from . import registration_rules as secret
from . import steps
from .model import Phase
from .state import State
from .waits import Transition


@dataclass(frozen=True, slots=True)
class Rule:
    """Hold what happens on an input: the function, the possible next phases, and the label for the diagram."""

    act: Callable[[State, Any, Now], Transition]
    targets: frozenset[Phase]
    label: str


def _rule(act: Callable[[State, Any, Now], Transition], label: str, *targets: Phase) -> Rule:
    return Rule(act, frozenset(targets), label)


_CONNECT = (Phase.CONNECTING, Phase.WAITING)
_REGISTER = (Phase.REGISTERING, Phase.WAITING)
_STOP = _rule(steps.stop, "asked to stop", Phase.STOPPED)
_CONFIG = _rule(steps.config_changed, "the configuration changes", Phase.STOPPED)
_STUCK = _rule(steps.stuck, "deadline of the job", Phase.STOPPED)
_WAKE = (Phase.BOOT, Phase.REGISTERING, Phase.SAVING, Phase.CONNECTING, Phase.WAITING)

TABLE: dict[tuple[Phase, type[m.Input]], Rule] = {
    (Phase.BOOT, m.Started): _rule(steps.load, "start", Phase.BOOT),
    (Phase.BOOT, m.Loaded): _rule(secret.loaded, "secret stored", *_CONNECT),
    (Phase.BOOT, m.NothingStored): _rule(secret.nothing_stored, "none stored", *_REGISTER, Phase.BLOCKED),
    (Phase.BOOT, m.LoadFailed): _rule(secret.load_failed, "unreadable", Phase.WAITING, Phase.BLOCKED),
    (Phase.BOOT, m.Tick): _STUCK,
    (Phase.BOOT, m.StopRequested): _STOP,
    (Phase.REGISTERING, m.Registered): _rule(secret.registered, "secret", Phase.SAVING),
    (Phase.REGISTERING, m.RegisterFailed): _rule(
        secret.register_failed, "no secret", Phase.BOOT, Phase.WAITING, Phase.BLOCKED
    ),
    (Phase.REGISTERING, m.Tick): _STUCK,
    (Phase.REGISTERING, m.StopRequested): _STOP,
    (Phase.SAVING, m.Saved): _rule(secret.saved, "durable and read back", *_CONNECT),
    (Phase.SAVING, m.SaveFailed): _rule(secret.save_failed, "not durable", Phase.WAITING),
    (Phase.SAVING, m.Tick): _STUCK,
    (Phase.SAVING, m.StopRequested): _STOP,
    (Phase.CONNECTING, m.Dialled): _rule(connection.dialled, "TLS stands: CONNECT", Phase.CONNECTING),
    (Phase.CONNECTING, m.DialFailed): _rule(connection.dial_failed, "no connection", Phase.WAITING, Phase.BLOCKED),
    (Phase.CONNECTING, m.Accepted): _rule(connection.accepted, "accepted", Phase.ONLINE),
    (Phase.CONNECTING, m.Refused): _rule(connection.refused, "refused", *_REGISTER, Phase.BLOCKED),
    (Phase.CONNECTING, m.Lost): _rule(connection.lost_before_online, "closed", Phase.WAITING),
    (Phase.CONNECTING, m.Tick): _rule(connection.connack_overdue_or_stuck, "no CONNACK", Phase.WAITING, Phase.STOPPED),
    (Phase.CONNECTING, m.StopRequested): _STOP,
    (Phase.ONLINE, m.NetworkChanged): _rule(connection.network_changed_online, "the route changes", Phase.ONLINE),
    (Phase.ONLINE, m.Lost): _rule(connection.lost, "lost", Phase.WAITING),
    (Phase.ONLINE, m.StopRequested): _STOP,
    (Phase.WAITING, m.Tick): _rule(steps.wake, "the wait ends", *_WAKE),
    (Phase.WAITING, m.NetworkChanged): _rule(steps.network_changed, "the route changes", *_WAKE),
    (Phase.WAITING, m.ClockSet): _rule(steps.clock_set, "the clock is set", *_WAKE),
    (Phase.WAITING, m.ConfigChanged): _CONFIG,
    (Phase.WAITING, m.StopRequested): _STOP,
    (Phase.BLOCKED, m.Tick): _rule(steps.wake, "about hourly", *_WAKE),
    (Phase.BLOCKED, m.MountChanged): _rule(steps.mount_changed, "another mount holds the state directory", *_WAKE),
    (Phase.BLOCKED, m.ConfigChanged): _CONFIG,
    (Phase.BLOCKED, m.StopRequested): _STOP,
}

_RESULTS = (
    m.Loaded,
    m.NothingStored,
    m.LoadFailed,
    m.Registered,
    m.RegisterFailed,
    m.Saved,
    m.SaveFailed,
    m.Dialled,
    m.DialFailed,
    m.Accepted,
    m.Refused,
    m.Lost,
)
_WORLD = (m.NetworkChanged, m.ClockSet, m.MountChanged)

# Inputs without a rule, on purpose: results that are not expected, changes without effect, and all inputs after the
# stop.
IGNORED: frozenset[tuple[Phase, type[m.Input]]] = frozenset(
    [(phase, result) for phase in Phase for result in _RESULTS if (phase, result) not in TABLE]
    + [(phase, news) for phase in Phase for news in _WORLD if (phase, news) not in TABLE]
    + [(phase, m.ConfigChanged) for phase in Phase if phase not in {Phase.WAITING, Phase.BLOCKED}]
    + [(phase, m.Started) for phase in Phase if phase is not Phase.BOOT]
    + [(Phase.ONLINE, m.Tick), (Phase.STOPPED, m.Tick), (Phase.STOPPED, m.StopRequested)]
)


def step(state: State, input_: m.Input, now: Now) -> Transition:
    """Return the next state and the effects to run, in order."""
    if isinstance(input_, m.Tick) and (state.wake_at is None or now.at < state.wake_at):
        return state, ()
    rule = TABLE.get((state.phase, type(input_)))
    if rule is None:
        if (state.phase, type(input_)) not in IGNORED:
            raise AssertionError(f"no rule for {type(input_).__name__} in {state.phase.value}")
        return state, ()
    after, effects = rule.act(state, input_, now)
    return _one_try(after, effects) if state.policy.register_only else (after, effects)


def _one_try(state: State, effects: tuple[m.Effect, ...]) -> Transition:
    """End early for `register`: done when the daemon would connect, failed when it would wait."""
    if state.phase not in {Phase.CONNECTING, Phase.WAITING, Phase.BLOCKED}:
        return state, effects
    announcements = tuple(
        replace(effect, details=replace(effect.details, next_try_s=None))
        for effect in effects
        if isinstance(effect, m.Announce) and effect.event is not Event.CONNECTING
    )
    local = any(effect.event in {Event.SECRET_FILE_INVALID, Event.STORE_VOLATILE} for effect in announcements)
    failed = ExitCode.CONFIGURATION if local else ExitCode.FAILED
    stopped = replace(state, phase=Phase.STOPPED, goal=None, wake_at=None, retry_on=frozenset())
    return stopped, (*announcements, m.Exit(code=ExitCode.DONE if state.durable else failed))

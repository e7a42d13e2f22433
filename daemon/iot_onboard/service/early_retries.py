"""Watch what may end a wait early: the network, the clock, the configuration, the mounts."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from ..config.watch import POLL_S as CONFIG_POLL_S
from ..config.watch import ConfigWatch
from ..lifecycle import model as m
from ..lifecycle.state import State
from ..net.route_watch import PacedWatch, RouteWatch
from ..system.clock import Clock
from .loop import Loop, Source

# How often to look at what nothing announces to a sandboxed daemon, while a wait may end by it.
_POLLS_S = {m.EarlyRetry.CLOCK: 5.0, m.EarlyRetry.CONFIG: CONFIG_POLL_S, m.EarlyRetry.MOUNTS: 5.0}
# How often to look when the kernel reports changes all the time. During a wait, the return of the route must be seen
# within a second. While online, the watchdog's tick looks as well, a little earlier.
_WAITING_PACE_S = 0.5
_ONLINE_PACE_S = 36.0


class EarlyRetries:
    """Watch these as long as a change of them would change the state, and feed the changes."""

    def __init__(
        self,
        *,
        loop: Loop,
        clock: Clock,
        network: RouteWatch | None,
        config_watch: ConfigWatch,
        state: Callable[[], State],
        feed: Callable[[m.Input], None],
    ) -> None:
        self._clock = clock
        self._config_watch = config_watch
        self._state = state
        self._feed = feed
        self._routes: PacedWatch | None = None
        if network is not None:
            routes = PacedWatch(network, clock.monotonic_s, self._pace_s, changed=lambda: feed(m.NetworkChanged()))
            loop.add(
                Source(
                    fileno=routes.fileno,
                    on_ready=lambda _: routes.on_ready(),
                    due_at=routes.due_at,
                    on_due=routes.look,
                )
            )
            self._routes = routes
        loop.every(self._poll_period_s, self._poll)

    def tick(self) -> None:
        """Look at the network now if a look is due soon: the process is awake anyway."""
        if self._routes is not None:
            self._routes.tick()

    def attempt_begins(self) -> None:
        """Ignore changes of the network until the attempt ends: the attempt meets them itself."""
        if self._routes is not None:
            self._routes.begin()

    def attempt_ended(self, addresses: Iterable[str]) -> None:
        """Watch the routes to these addresses from now on; without addresses, the default routes."""
        if self._routes is not None:
            self._routes.resume(addresses)

    def clock_trusted(self) -> bool:
        """Say whether the clock is synchronized; only a later change of the clock counts as a change."""
        self._clock.was_set()
        return self._clock.trusted()

    def _pace_s(self) -> float | None:
        """Return how often to look for changes of the network, `None` if they would change nothing."""
        state = self._state()
        if state.phase is m.Phase.ONLINE:
            return _ONLINE_PACE_S
        return _WAITING_PACE_S if m.EarlyRetry.NETWORK in state.retry_on else None

    def _poll_period_s(self) -> float | None:
        return min((_POLLS_S[retry] for retry in self._state().retry_on if retry in _POLLS_S), default=None)

    def _poll(self) -> None:
        if self._may(m.EarlyRetry.CLOCK) and self._clock.was_set():
            self._feed(m.ClockSet())
        if self._may(m.EarlyRetry.CONFIG) and (change := self._config_watch.look()) is not None:
            self._feed(m.ConfigChanged(problems=change.problems))
        if self._may(m.EarlyRetry.MOUNTS) and self._mount_changed():
            self._feed(m.MountChanged())

    def _may(self, retry: m.EarlyRetry) -> bool:
        return retry in self._state().retry_on

    def _mount_changed(self) -> bool:
        try:
            # Imported here: not needed if the secret is stored.
            from ..disk.storage import mount_changed
        except OSError:
            # No descriptor is to be had.
            return False
        storage = self._state().storage
        return mount_changed(storage.directory, storage.mount)

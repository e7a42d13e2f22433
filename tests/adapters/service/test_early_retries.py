"""What may end a wait early is looked at while it may, and only what is new since the wait began counts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from iot_onboard.config.files import load
from iot_onboard.config.watch import ConfigWatch
from iot_onboard.lifecycle import model as m
from iot_onboard.lifecycle.state import State
from iot_onboard.service.early_retries import EarlyRetries
from iot_onboard.service.loop import Loop, Source
from iot_onboard.system.clock import BUILT_AT, TIMESYNCD_FLAG, Clock

BEGAN_S = 1000.0


@dataclass
class World:
    """A gateway that waits, with clocks of the test's own, which run a second in each turn of the loop."""

    directory: Path
    retry_on: set[m.EarlyRetry]
    storage: m.Storage = field(default_factory=m.Storage)
    now_s: float = BEGAN_S
    wall_offset_s: float = BUILT_AT.timestamp()
    fed: list[tuple[float, m.Input]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.flag = self.directory / TIMESYNCD_FLAG
        self.flag.parent.mkdir(parents=True)
        self.config_path = self.directory / "config.yaml"
        self.config_path.write_text("product_key: a1b2c3d4e5f\ndevice_name: gw-1\n")
        watch = ConfigWatch(self.config_path)
        watch.runs_with(load(self.config_path))
        self.state = State(
            phase=m.Phase.WAITING, goal=m.Goal.CONNECT, retry_on=frozenset(self.retry_on), storage=self.storage
        )
        clock = Clock(self.directory, wall_s=lambda: self.now_s + self.wall_offset_s, monotonic_s=lambda: self.now_s)
        self.loop = Loop(clock.monotonic_s)
        self.early_retries = EarlyRetries(
            loop=self.loop,
            clock=clock,
            network=None,
            config_watch=watch,
            state=lambda: self.state,
            feed=lambda input_: self.fed.append((self.now_s - BEGAN_S, input_)),
        )

    def run(self, script: Mapping[int, Callable[[], object]], seconds: int = 60) -> list[tuple[float, m.Input]]:
        """Let time pass, do at each second what the script says, and return what was fed when."""

        def go_on() -> None:
            script.get(round(self.now_s - BEGAN_S), lambda: None)()
            self.now_s += 1.0
            if self.now_s >= BEGAN_S + seconds:
                self.loop.end()

        self.loop.add(Source(due_at=lambda: self.now_s, on_due=go_on))
        self.loop.run()
        return self.fed


def test_a_clock_that_is_set_is_news_once(tmp_path: Path) -> None:
    """Within a few seconds, by the mark of whoever keeps the time; it stays set, and is no news any more."""
    world = World(tmp_path, {m.EarlyRetry.CLOCK})
    assert world.run({12: world.flag.touch}) == [(15.0, m.ClockSet())]


def test_a_clock_that_is_stepped_is_news(tmp_path: Path) -> None:
    """Where nobody leaves a mark, a step of more than a minute tells."""
    world = World(tmp_path, {m.EarlyRetry.CLOCK})
    assert world.run({12: lambda: setattr(world, "wall_offset_s", world.wall_offset_s + 3600)}) == [
        (15.0, m.ClockSet())
    ]


@pytest.mark.parametrize("is_stepped", [True, False])
def test_news_of_the_clock_from_before_a_wait_do_not_end_it(tmp_path: Path, is_stepped: bool) -> None:
    """The attempt that failed was made with the clock as it is: only a later change is one to try again with."""
    world = World(tmp_path, set())

    def set_clock() -> None:
        if is_stepped:
            world.wall_offset_s += 3600
        else:
            world.flag.touch()

    def fail() -> None:
        assert world.early_retries.clock_trusted()
        world.state = State(phase=m.Phase.WAITING, goal=m.Goal.CONNECT, retry_on=frozenset({m.EarlyRetry.CLOCK}))

    assert world.run({10: set_clock, 12: fail}) == []


def test_what_the_state_does_not_wait_for_is_not_looked_at(tmp_path: Path) -> None:
    """An online gateway touches no file and asks nobody."""
    world = World(tmp_path, set())
    correct = lambda: world.config_path.write_text("product_key: a1b2c3d4e5f\ndevice_name: gw-2\n")  # noqa: E731
    assert world.run({5: world.flag.touch, 6: correct}) == []


def test_a_correction_of_the_configuration_is_news(tmp_path: Path) -> None:
    """Also one that is to be corrected again, with what is wrong."""
    world = World(tmp_path, {m.EarlyRetry.CONFIG})
    found = world.run(
        {
            5: lambda: world.config_path.write_text("product_key: a1b2c3d4e5f\ndevice_name: gw-2\n"),
            30: lambda: world.config_path.write_text("product_kay: a1b2c3d4e5f\n"),
        }
    )
    assert found[0][1] == m.ConfigChanged()
    assert isinstance(found[1][1], m.ConfigChanged)
    assert "product_kay" in found[1][1].problems[0]


def test_another_mount_is_news(tmp_path: Path) -> None:
    """Looked at where the state directory was in the way."""
    world = World(tmp_path, {m.EarlyRetry.MOUNTS}, storage=m.Storage(directory=str(tmp_path), mount="of before"))
    assert world.run({}, seconds=3) == [(0.0, m.MountChanged())]

"""Watching, with a clock, a source and syncs that a test makes up."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest

from lrsync.core.watching import WatchTimes
from lrsync.engine.watch import Changes, Watch, WatchPorts
from lrsync.errors import SourceError, UsageError


@dataclass
class FakeWorld:
    """Time passes only while it is waited for. `script`: what happens at which second; a stop at the end."""

    until: float = 3600.0
    now: float = 0.0
    codes: list[int] = field(default_factory=list)
    script: dict[int, Callable[[], None]] = field(default_factory=dict)
    changed: bool = False
    wrong: str = ""
    blind: Exception | None = None
    syncs: list[float] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    opened: int = 0
    takes_s: float = 0.0

    def take(self) -> bool:
        if self.blind is not None:
            raise self.blind
        changed, self.changed = self.changed, False
        return changed

    @contextmanager
    def changes(self) -> Iterator[Changes]:
        self.opened += 1
        self.changed = False  # what happened before it was opened, it cannot tell
        yield self

    def sync(self) -> int:
        self.syncs.append(self.now)
        self.wait(self.takes_s)
        return self.codes.pop(0) if self.codes else 0

    def wait(self, seconds: float) -> bool:
        for moment in range(int(self.now) + 1, int(self.now + seconds) + 1):
            self.script.get(moment, lambda: None)()
        self.now += seconds
        return self.now >= self.until

    def happen(self, *moments: int) -> None:
        def change() -> None:
            self.changed = True

        self.script.update(dict.fromkeys(moments, change))

    def run(self, **times: float) -> int:
        ports = WatchPorts(
            problem=lambda: self.wrong,
            changes=self.changes,
            sync=self.sync,
            wait=self.wait,
            clock=lambda: self.now,
            say=self.said.append,
        )
        return Watch(ports, WatchTimes(**times)).run()


def test_it_syncs_at_the_start_and_a_while_after_a_change() -> None:
    world = FakeWorld()
    world.happen(500, 520, 540)
    assert world.run() == 130
    assert world.syncs == [0, 540 + 180]


def test_a_change_during_a_sync_is_synced_after_it() -> None:
    world = FakeWorld(takes_s=100)
    world.happen(50)
    world.run()
    first, second = world.syncs
    assert (first, second - 280 < 2) == (0, True)


def test_once_a_day_without_a_change() -> None:
    world = FakeWorld(until=200_000)
    world.run(every_s=86_400)
    assert world.syncs == [0, 86_400, 172_800]


@pytest.mark.parametrize("code", [2, 8])
def test_it_ends_where_only_a_person_can_go_on(code: int) -> None:
    world = FakeWorld(codes=[0, code])
    world.happen(100)
    assert world.run() == code
    assert len(world.syncs) == 2


@pytest.mark.parametrize("code", [1, 3, 5, 6, 7])
def test_it_goes_on_after_a_failure_and_says_so_once_each(code: int) -> None:
    world = FakeWorld(codes=[code, code, 0])
    assert world.run() == 130
    assert world.syncs[:2] == [0, 60]
    assert len(world.syncs) == 3
    waiting = [line for line in world.said if "the next sync begins" in line]
    assert len(waiting) == 2
    assert ("another run is busy" in waiting[0]) == (code == 7)


def test_a_drive_that_goes_is_waited_for_and_synced_when_it_is_back() -> None:
    world = FakeWorld()

    def set_wrong(text: str) -> Callable[[], None]:
        return lambda: setattr(world, "wrong", text)

    world.script = {400: set_wrong("the source /photos does not exist"), 1000: set_wrong("")}
    world.run()
    assert world.said == [
        "watching the source",
        "the source /photos does not exist: waiting for it",
        "watching the source",
    ]
    assert world.opened == 2  # what watched the old mount is deaf
    (first, second) = world.syncs
    assert first == 0
    assert 1000 <= second <= 1000 + 180 + 10


def test_a_source_that_tells_nothing_any_more_is_waited_for() -> None:
    world = FakeWorld()
    world.script = {100: lambda: setattr(world, "blind", SourceError("the source cannot be watched: gone"))}
    assert world.run() == 130
    assert any("cannot be watched" in line for line in world.said)


def test_a_system_that_watches_no_more_ends_it_with_a_hint() -> None:
    world = FakeWorld(blind=UsageError("the system watches no more folders", hint="use --poll"))
    with pytest.raises(UsageError):
        world.run()


def test_a_storm_of_changes_is_one_sync() -> None:
    world = FakeWorld()
    world.happen(*range(100, 700))
    world.run()
    assert world.syncs == [0, 699 + 180]

"""The machine stays awake while there is work, and a run never suffers from it."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

import pytest

from lrsync.adapters import power
from lrsync.core.events import Event, Phase, PhaseStarted, Scanned, WorkFound, ignore


class FakeKeep:
    """Stands in for `wakepy.keep`: notes what happens, in which thread."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, int]] = []
        self.entered = threading.Event()

    @contextmanager
    def running(self, *, on_fail: str) -> Iterator[None]:
        assert on_fail == "pass"
        self.calls.append(("enter", threading.get_ident()))
        self.entered.set()
        yield
        self.calls.append(("leave", threading.get_ident()))


@pytest.fixture
def keep(monkeypatch: pytest.MonkeyPatch) -> FakeKeep:
    module, fake = ModuleType("wakepy"), FakeKeep()
    vars(module)["keep"] = fake
    monkeypatch.setitem(sys.modules, "wakepy", module)
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent")
    return fake


def test_awake_from_the_first_work_to_the_end(keep: FakeKeep) -> None:
    seen: list[Event] = []
    events: list[Event] = [Scanned(1, 1, 1), WorkFound("a", 1), WorkFound("b", 1)]
    with power.awake_while_working(seen.append) as sink:
        for event in events:
            sink(event)
        assert keep.entered.wait(5)
    assert seen == events
    (entered, entering), (left, leaving) = keep.calls
    assert (entered, left) == ("enter", "leave")
    assert entering == leaving != threading.get_ident()


def test_a_quiet_night_asks_nobody(keep: FakeKeep) -> None:
    with power.awake_while_working(ignore) as sink:
        sink(PhaseStarted(Phase.SCANNING))
        sink(Scanned(1, 1, 1))
        sink(PhaseStarted(Phase.UPLOADING))
    assert keep.calls == []


@pytest.mark.parametrize("phase", [Phase.LISTING, Phase.HEADING, Phase.DELETING])
def test_long_phases_are_work(phase: Phase) -> None:
    assert power.is_work(PhaseStarted(phase))


def test_it_lets_go_when_the_run_fails(keep: FakeKeep) -> None:
    with pytest.raises(ZeroDivisionError), power.awake_while_working(ignore) as sink:
        sink(WorkFound("a", 1))
        assert keep.entered.wait(5)
        raise ZeroDivisionError
    assert [what for what, _ in keep.calls] == ["enter", "leave"]


def test_a_desktop_that_fails_is_no_failure(keep: FakeKeep, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*, on_fail: str) -> None:
        keep.entered.set()
        raise RuntimeError("no such bus")

    monkeypatch.setattr(keep, "running", broken)
    with power.awake_while_working(ignore) as sink:
        sink(WorkFound("a", 1))
        assert keep.entered.wait(5)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Linux without a desktop")
def test_without_a_session_bus_it_is_quick_and_silent(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("DBUS_SESSION_BUS_ADDRESS", raising=False)
    began = time.monotonic()
    with power.awake_while_working(ignore) as sink:
        sink(WorkFound("a", 1))
    assert time.monotonic() - began < 0.5
    assert capfd.readouterr() == ("", "")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Linux with a bus that is not there")
def test_the_real_wakepy_on_a_bus_that_is_not_there(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent")
    with power.awake_while_working(ignore) as sink:
        sink(WorkFound("a", 1))
        time.sleep(0.5)
    assert capfd.readouterr() == ("", "")

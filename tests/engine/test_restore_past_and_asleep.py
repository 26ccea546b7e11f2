"""Restores of what was, and of what lies in an archive."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from lrsync.adapters.selecting import selection_of
from lrsync.adapters.thaw_notes import FileThawNotes
from lrsync.core.requests import RestoreRequest
from lrsync.core.runs import RunSummary
from lrsync.core.thaw import HOUR_NS, NoteState, ThawWish, Tier
from lrsync.engine.backups import PastBackup
from lrsync.engine.thaw import thaw_report
from lrsync.errors import ExitCode
from tests.engine.past import looked_at
from tests.engine.restoring import restored
from tests.engine.test_timetravel import NIGHTS, make_world, spend
from tests.engine.world import PREFIX, World
from tests.stores.memory import MemoryStore
from tests.trees import LONG_AGO_NS, make_tree

TREE = {"2024": {"a.nef": b"raw a" * 9, "b.jpg": b"jpeg"}, "c.txt": b"text"}


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


# --- as it was --------------------------------------------------------------------------------------------


def restored_at(world: World, moment_ns: int, to: Path, *paths: str) -> RunSummary:
    request = RestoreRequest(paths=paths, to=str(to), at_ns=moment_ns)
    to.mkdir()
    with looked_at(world, moment_ns) as (shelf, past):
        backup = PastBackup(shelf, past.lost)
        selection = selection_of(request, world.photos, world.home)
        return restored(
            world,
            request,
            backup=lambda manifest: backup,
            options={"of_past": True},
            problems=lambda: backup.failures(selection),
        )


@pytest.mark.parametrize("versioned", [False, True])
def test_the_library_comes_back_as_it_was(tmp_path: Path, versioned: bool) -> None:
    world = make_world(tmp_path, versioned=versioned)
    moments = [spend(world, night) for night in NIGHTS]
    times = (world.photos / "2024/a.jpg").stat().st_mtime_ns
    for number, (night, moment_ns) in enumerate(zip(NIGHTS, moments, strict=True)):
        to = tmp_path / f"out{number}"
        done = restored_at(world, moment_ns, to)
        assert (done.exit_code, done.errors) == (ExitCode.OK, [])
        assert contents(to) == night
        assert done.restored is not None and done.restored.unproven == 0, "every byte was compared"
    assert (tmp_path / "out3/2024/a.jpg").stat().st_mtime_ns == times


def test_one_file_of_then(tmp_path: Path) -> None:
    world = make_world(tmp_path, versioned=True)
    moment_ns = spend(world, NIGHTS[0])
    spend(world, NIGHTS[1])
    done = restored_at(world, moment_ns, tmp_path / "out", "2024/a.jpg")
    assert done.exit_code is ExitCode.OK
    assert contents(tmp_path / "out") == {"2024/a.jpg": b"first"}


def test_what_is_lost_is_an_error_only_where_it_is_wanted(tmp_path: Path) -> None:
    world = make_world(tmp_path, versioned=False)
    moment_ns = spend(world, NIGHTS[0])
    spend(world, NIGHTS[2])
    (key,) = [key for key in list(world.store.keys()) if "/trash/" in key and key.endswith("gone.nef")]
    world.store.lose(key)
    done = restored_at(world, moment_ns, tmp_path / "all")
    assert done.exit_code is ExitCode.INCOMPLETE
    assert [(e.path, "not in the bucket any more" in e.message) for e in done.errors] == [("2024/gone.nef", True)]
    assert restored_at(world, moment_ns, tmp_path / "some", "stays.txt").exit_code is ExitCode.OK


def test_an_old_object_that_is_gone_says_nothing_of_the_current_one(tmp_path: Path) -> None:
    world = make_world(tmp_path, versioned=True)
    moment_ns = spend(world, NIGHTS[0])
    spend(world, NIGHTS[1])

    def lost_meanwhile(operation: str, key: str) -> None:
        if operation == "get" and key.endswith("2024/a.jpg"):
            world.store.fail = None
            world.store.versions[key] = world.store.versions[key][1:]

    world.store.fail = lost_meanwhile
    done = restored_at(world, moment_ns, tmp_path / "out")
    assert [e.path for e in done.errors] == ["2024/a.jpg"]
    assert done.findings == []
    row = world.row("2024/a.jpg")
    assert row is not None and row.drift is None


# --- asleep -----------------------------------------------------------------------------------------------


@pytest.fixture
def sleeping(tmp_path: Path) -> World:
    world = World(tmp_path, store=MemoryStore(storage_class="GLACIER"))
    make_tree(world.photos, TREE, mtime_ns=LONG_AGO_NS)
    world.sync()
    world.store.archived = {f"{PREFIX}/2024/a.nef", f"{PREFIX}/2024/b.jpg"}
    return world


def wake(world: World, wish: ThawWish | None = ThawWish(), **more: Any) -> RunSummary:  # noqa: B008 - frozen
    (world.home / "out").mkdir(exist_ok=True)
    with FileThawNotes(world.home / "thaws.sqlite") as notes:
        request = RestoreRequest(to=str(world.home / "out"))
        return restored(world, request, options={"thaw": wish}, thaw_notes=notes, **more)


def noted(world: World) -> dict[NoteState, int]:
    with FileThawNotes(world.home / "thaws.sqlite") as notes:
        report = thaw_report(notes, world.now_ns)
    return {state: group.objects for state, group in report.groups.items() if group.objects}


def test_asked_for_waited_for_and_restored(sleeping: World) -> None:
    first = wake(sleeping)
    counts = first.restored
    assert first.exit_code is ExitCode.INCOMPLETE and counts is not None
    assert (counts.restored, counts.thawing, counts.asked, counts.thawing_bytes) == (1, 2, 2, 49)
    assert counts.ready_ns == sleeping.now_ns + 12 * HOUR_NS
    assert contents(sleeping.home / "out") == {"c.txt": b"text"}
    assert sorted(sleeping.store.asked) == [
        (f"{PREFIX}/2024/a.nef", Tier.BULK, 7, None),
        (f"{PREFIX}/2024/b.jpg", Tier.BULK, 7, None),
    ]
    assert noted(sleeping) == {NoteState.WAITING: 2}

    second = wake(sleeping)
    assert second.restored is not None and (second.restored.thawing, second.restored.asked) == (2, 0)
    assert len(sleeping.store.asked) == 2, "asked once, billed once"

    sleeping.store.finish_thaws()
    third = wake(sleeping)
    assert (third.exit_code, third.restored and third.restored.restored) == (ExitCode.OK, 2)
    assert contents(sleeping.home / "out") == {
        "2024/a.nef": b"raw a" * 9,
        "2024/b.jpg": b"jpeg",
        "c.txt": b"text",
    }
    assert noted(sleeping) == {}
    assert wake(sleeping).exit_code is ExitCode.OK


def test_a_dry_run_asks_for_nothing(sleeping: World) -> None:
    wake(sleeping, dry_run=True)
    assert sleeping.store.asked == []
    assert not (sleeping.home / "thaws.sqlite").exists()


def test_without_thawing_the_rest_comes_back(sleeping: World) -> None:
    done = wake(sleeping, None)
    assert done.exit_code is ExitCode.INCOMPLETE
    assert sorted(error.path for error in done.errors) == ["2024/a.nef", "2024/b.jpg"]
    assert (sleeping.store.asked, contents(sleeping.home / "out")) == ([], {"c.txt": b"text"})


def test_one_that_woke_up_in_between_comes_at_once(sleeping: World) -> None:
    key = f"{PREFIX}/2024/a.nef"
    sleeping.store.fail = lambda operation, k: sleeping.store.archived.discard(key) if operation == "head" else None
    done = wake(sleeping)
    assert done.restored is not None and (done.restored.restored, done.restored.thawing) == (2, 1)


def test_a_large_object_is_asked_for_before_a_byte_is_written(sleeping: World) -> None:
    data = os.urandom(33 << 20)
    (sleeping.photos / "film.mov").write_bytes(data)
    sleeping.age("film.mov")
    sleeping.sync()
    sleeping.store.archived = {f"{PREFIX}/film.mov"}
    done = wake(sleeping)
    assert done.restored is not None and done.restored.thawing == 1
    assert "film.mov" not in contents(sleeping.home / "out")
    assert not [name for name in contents(sleeping.home / "out") if "lrsync" in name]
    sleeping.store.finish_thaws()
    assert wake(sleeping).exit_code is ExitCode.OK
    assert contents(sleeping.home / "out")["film.mov"] == data


def test_the_plan_knows_what_lies_where(sleeping: World) -> None:
    plans = []
    wake(sleeping, confirm=lambda plan: bool(plans.append(plan)) or True)
    assert plans[0].fetch_files == 3
    assert sum(files for files, _ in plans[0].classes.values()) == 3

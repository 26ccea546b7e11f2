"""The two ways out of a quarantine: the new bytes are meant, or the good ones come back."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from lrsync.adapters.history_query import list_runs
from lrsync.adapters.ignore import IgnoreRules
from lrsync.adapters.localfs import LocalTree
from lrsync.adapters.manifest import Manifest
from lrsync.adapters.naming import name_files
from lrsync.adapters.seals import Seals
from lrsync.adapters.status_query import read_status
from lrsync.core.counts import RestoreCounts
from lrsync.core.findings import Finding, FindingKind, QuarantinedContent
from lrsync.core.requests import Named, RestoreRequest
from lrsync.core.runs import RunKind, RunResult, RunSummary
from lrsync.engine.accept import AcceptOptions, AcceptPorts, run_accept
from lrsync.errors import BucketError, ExitCode, InterruptedRun, UsageError
from tests.engine.restoring import restored
from tests.engine.world import HOUR_NS, PREFIX, World
from tests.stores.memory import MemoryStore
from tests.trees import LONG_AGO_NS, make_tree

KEY = f"{PREFIX}/2024/a.nef"
LIBRARY = {"2024": {"a.nef": b"original a", "b.nef": b"original b"}, "c.jpg": b"jpeg c"}


@pytest.fixture
def world(tmp_path: Path) -> World:
    made = World(tmp_path)
    make_tree(made.photos, LIBRARY, mtime_ns=LONG_AGO_NS)
    made.sync()
    (made.photos / "2024/a.nef").write_bytes(b"changed a")
    assert made.sync().actions.quarantined == 1
    return made


@contextmanager
def _opened(world: World, *, dry_run: bool) -> Iterator[tuple[Seals, Manifest]]:
    world.now_ns += 24 * HOUR_NS
    path = world._scratch() if dry_run else world.path
    with Seals(path) as seals, Manifest(path, PREFIX) as manifest:
        yield seals, manifest


def accept(world: World, *paths: str, everything: bool = False, dry_run: bool = False) -> RunSummary:
    with _opened(world, dry_run=dry_run) as (seals, manifest):
        ports = AcceptPorts(
            tree=LocalTree(world.photos, IgnoreRules()),
            seals=seals,
            manifest=manifest,
            open_store=lambda: world.store,
            stopping=world.stopping,
            clock=world.clock,
            sink=world.events.append,
        )
        names = name_files(paths, world.photos, world.home)
        return run_accept(ports, AcceptOptions(names, everything, PREFIX, threads=2, dry_run=dry_run))


def restore(world: World, *paths: str, to: Path | None = None, dry_run: bool = False, **more: Any) -> RunSummary:
    return restored(world, RestoreRequest(paths, None if to is None else str(to)), dry_run=dry_run, **more)


def counts_of(summary: RunSummary) -> RestoreCounts:
    assert summary.restored is not None
    return summary.restored


def is_quiet(world: World) -> bool:
    """Whether the next nights have nothing to do or to say."""
    first, second = world.sync(), world.sync()
    report = read_status(world.path)
    assert report is not None
    assert report.findings == ()
    return (first.exit_code, first.actions.uploaded, second.requests.total) == (ExitCode.OK, 0, first.requests.total)


# --- accept -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["relative", "absolute", "all"])
def test_accepted_bytes_replace_the_object_which_is_kept(world: World, how: str) -> None:
    path = {"relative": "2024/a.nef", "absolute": str(world.photos / "2024/a.nef")}.get(how)
    summary = accept(world, everything=True) if path is None else accept(world, path)
    assert (summary.exit_code, summary.actions.uploaded, summary.errors) == (ExitCode.OK, 1, [])
    assert world.objects() == world.files()
    assert list(world.trash().values()) == [b"original a"]
    assert is_quiet(world)


def test_a_versioned_bucket_keeps_the_old_version(tmp_path: Path) -> None:
    world = World(tmp_path, store=MemoryStore(versioned=True))
    make_tree(world.photos, {"a.nef": b"old"}, mtime_ns=LONG_AGO_NS)
    world.sync()
    (world.photos / "a.nef").write_bytes(b"new!")
    world.sync()
    assert accept(world, "a.nef").actions.uploaded == 1
    assert [version.data for version in world.store.versions[f"{PREFIX}/a.nef"]] == [b"old", b"new!"]
    assert world.trash() == {}


def test_a_large_original_is_accepted_in_parts(world: World) -> None:
    (world.photos / "2024/a.nef").write_bytes(os.urandom(17 << 20))
    world.sync()
    assert accept(world, "2024/a.nef").exit_code is ExitCode.OK
    assert world.objects() == world.files()
    assert world.store.uploads == []
    assert is_quiet(world)


@pytest.mark.parametrize("path", ["2024/b.nef", "c.jpg", "none.nef", "/elsewhere/a.nef", "../a.nef"])
def test_only_what_is_quarantined_is_accepted(world: World, path: str) -> None:
    objects, runs = world.objects(), list_runs(world.path, None)
    with pytest.raises(UsageError, match="waits for a decision") as caught:
        accept(world, path)
    assert ("did you mean '2024/a.nef'?" in caught.value.hint) == (path in ("2024/b.nef", "../a.nef"))
    assert world.objects() == objects
    assert list_runs(world.path, None) == runs, "a slip of the hand is no run that left something out"
    assert world.sync().exit_code is ExitCode.NEEDS_PERSON


def test_a_slip_beside_a_right_name_is_an_error_of_its_own(world: World) -> None:
    summary = accept(world, "2024/a.nef", "2024/x.nef")
    assert (summary.exit_code, summary.actions.uploaded) == (ExitCode.INCOMPLETE, 1)
    assert [error.path for error in summary.errors] == ["2024/x.nef"]


def test_bytes_that_nobody_looked_at_are_not_accepted(world: World) -> None:
    (world.photos / "2024/a.nef").write_bytes(b"changed again")
    summary = accept(world, "2024/a.nef")
    assert summary.exit_code is ExitCode.INCOMPLETE
    assert "other bytes" in summary.errors[0].message
    assert world.objects()[KEY] == b"original a"
    assert world.sync().actions.quarantined == 1


def test_a_file_that_has_its_old_bytes_again_needs_no_upload(world: World) -> None:
    (world.photos / "2024/a.nef").write_bytes(b"original a")
    summary = accept(world, "2024/a.nef")
    assert (summary.exit_code, summary.actions.uploaded, world.trash()) == (ExitCode.OK, 0, {})
    assert is_quiet(world)


def test_a_file_that_is_gone_is_not_accepted(world: World) -> None:
    (world.photos / "2024/a.nef").unlink()
    assert accept(world, "2024/a.nef").exit_code is ExitCode.INCOMPLETE
    assert world.objects()[KEY] == b"original a"


def test_a_dry_acceptance_changes_nothing(world: World) -> None:
    before, versions = world.row("2024/a.nef"), dict(world.store.versions)
    summary = accept(world, everything=True, dry_run=True)
    assert (summary.actions.uploaded, summary.run_id) == (1, None)
    assert (world.row("2024/a.nef"), world.store.versions) == (before, versions)


def test_an_acceptance_that_cannot_reach_the_bucket_keeps_the_quarantine(world: World) -> None:
    def fail(operation: str, key: str) -> None:
        if operation == "put":
            raise BucketError("access denied")

    world.store.fail = fail
    with pytest.raises(BucketError):
        accept(world, everything=True)
    world.store.fail = None
    assert world.objects()[KEY] == b"original a"
    assert world.sync().actions.quarantined == 1


# --- restore in place -------------------------------------------------------------------------------------


def aside(world: World) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in world.photos.rglob(".lrsync-*")}


def test_the_good_bytes_come_back_and_the_bad_ones_are_kept(world: World) -> None:
    os.chmod(world.photos / "2024/a.nef", 0o640)
    summary = restore(world, "2024/a.nef")
    assert (summary.exit_code, counts_of(summary).restored) == (ExitCode.OK, 1)
    file = world.photos / "2024/a.nef"
    assert file.read_bytes() == b"original a"
    assert (file.stat().st_mtime_ns, file.stat().st_mode & 0o777) == (LONG_AGO_NS, 0o640)
    assert aside(world) == {".lrsync-replaced-20260101T000000Z-a.nef": b"changed a"}
    assert is_quiet(world)
    assert world.objects().keys() == {KEY, f"{PREFIX}/2024/b.nef", f"{PREFIX}/c.jpg"}


def test_a_rotten_file_comes_back(world: World) -> None:
    accept(world, everything=True)
    world.sync()
    row = world.row("c.jpg")
    assert row is not None
    file = world.photos / "c.jpg"
    file.write_bytes(b"JPEG c")
    from hashlib import sha256

    content = QuarantinedContent("c.jpg", row.stat, sha256(b"JPEG c").digest())
    with Seals(world.path) as seals:
        run = seals.begin_run(RunKind.VERIFY, 1)
        rotten = Finding(FindingKind.ROT, "c.jpg", "rotten", quarantined=content)
        seals.finish_run(run, RunResult.ATTENTION, RunSummary(), [rotten], complete=False)
    assert restore(world, "c.jpg").exit_code is ExitCode.OK
    assert (file.read_bytes(), file.stat().st_mtime_ns) == (b"jpeg c", LONG_AGO_NS)
    assert is_quiet(world)


def test_a_missing_file_and_its_folders_come_back(world: World) -> None:
    for name in ("a.nef", "b.nef"):
        (world.photos / "2024" / name).unlink()
    (world.photos / "2024").rmdir()
    world.sync()
    summary = restore(world, "2024/b.nef", "2024/a.nef")
    assert (summary.exit_code, counts_of(summary).restored) == (ExitCode.OK, 2)
    assert world.objects() == world.files()
    assert is_quiet(world)


def test_bytes_that_no_finding_calls_bad_are_never_replaced(world: World) -> None:
    (world.photos / "c.jpg").write_bytes(b"edited, not backed up")
    (world.photos / "2024/a.nef").write_bytes(b"changed again")
    summary = restore(world, "c.jpg", "2024/a.nef")
    assert (summary.exit_code, len(summary.errors)) == (ExitCode.INCOMPLETE, 2)
    assert (world.photos / "c.jpg").read_bytes() == b"edited, not backed up"
    assert (world.photos / "2024/a.nef").read_bytes() == b"changed again"
    assert aside(world) == {}


def test_a_damaged_object_replaces_nothing_and_is_kept_aside(world: World) -> None:
    world.store.corrupt(KEY, b"damaged")
    summary = restore(world, "2024/a.nef")
    assert (summary.exit_code, [f.kind for f in summary.findings]) == (ExitCode.INCOMPLETE, [FindingKind.DRIFT])
    assert (world.photos / "2024/a.nef").read_bytes() == b"changed a"
    assert (world.photos / "2024/a.nef.damaged").read_bytes() == b"damaged"
    restore(world, "2024/a.nef")
    assert not (world.photos / "2024/a.nef.damaged-1").exists(), "the same bytes are kept once"
    world.store.corrupt(KEY, b"Damaged")
    restore(world, "2024/a.nef")
    assert (world.photos / "2024/a.nef.damaged-1").read_bytes() == b"Damaged"
    assert aside(world) == {}
    report = read_status(world.path)
    assert report is not None and report.findings


def test_a_lost_or_archived_object_is_said_so(world: World) -> None:
    world.store.archived = {KEY}
    waiting = restore(world, "2024/a.nef")
    assert (waiting.exit_code, counts_of(waiting).thawing) == (ExitCode.INCOMPLETE, 1)
    world.store.archived = set()
    world.store.lose(KEY)
    assert "missing" in restore(world, "2024/a.nef").errors[0].message
    assert (world.photos / "2024/a.nef").read_bytes() == b"changed a"
    assert aside(world) == {}


def test_a_file_that_is_as_recorded_is_left_alone_and_its_finding_is_over(world: World) -> None:
    (world.photos / "2024/a.nef").write_bytes(b"original a")
    before = world.store.requests.total
    summary = restore(world, "2024/a.nef")
    assert (counts_of(summary).intact, counts_of(summary).restored) == (1, 0)
    assert world.store.requests.total == before
    assert is_quiet(world)


def test_no_link_is_followed_out_of_the_source(world: World) -> None:
    outside = world.home / "outside"
    outside.mkdir()
    world.sync()
    for name in ("a.nef", "b.nef"):
        (world.photos / "2024" / name).unlink()
    (world.photos / "2024").rmdir()
    (world.photos / "2024").symlink_to(outside)
    summary = restore(world, "2024/a.nef")
    assert summary.exit_code is ExitCode.INCOMPLETE
    assert "link" in summary.errors[0].message
    assert list(outside.iterdir()) == []


def test_a_link_in_the_files_place_is_not_replaced(world: World) -> None:
    precious = world.home / "precious"
    precious.write_bytes(b"precious")
    (world.photos / "2024/a.nef").unlink()
    (world.photos / "2024/a.nef").symlink_to(precious)
    assert restore(world, "2024/a.nef").exit_code is ExitCode.INCOMPLETE
    assert precious.read_bytes() == b"precious"
    assert (world.photos / "2024/a.nef").is_symlink()


def test_a_dry_restore_changes_nothing(world: World) -> None:
    before = world.store.requests.total
    summary = restore(world, "2024/a.nef", dry_run=True)
    assert (summary.exit_code, counts_of(summary).restored) == (ExitCode.OK, 1)
    assert (world.photos / "2024/a.nef").read_bytes() == b"changed a"
    assert world.store.requests.total == before
    assert world.sync().actions.quarantined == 1


def test_an_interrupted_restore_leaves_nothing_half_done(world: World) -> None:
    asked = iter([False, False, True, True, True, True, True])
    with pytest.raises(InterruptedRun):
        restore(world, "2024/a.nef", stopping=lambda: next(asked, True))
    assert (world.photos / "2024/a.nef").read_bytes() == b"changed a"
    assert aside(world) == {}


def test_an_unknown_name_is_said_so(world: World) -> None:
    summary = restore(world, "2024/none.nef")
    assert (summary.exit_code, summary.errors[0].path) == (ExitCode.INCOMPLETE, "2024/none.nef")


# --- restore to another folder ----------------------------------------------------------------------------


def tree_of(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        (".", {"2024/a.nef", "2024/b.nef", "c.jpg"}),
        ("2024", {"2024/a.nef", "2024/b.nef"}),
        ("*.nef", {"2024/a.nef", "2024/b.nef"}),
        ("2024/[b-z].*", {"2024/b.nef"}),
        ("c.jpg", {"c.jpg"}),
    ],
)
def test_patterns_are_restored_elsewhere(world: World, pattern: str, names: set[str]) -> None:
    target = world.home / "target"
    target.mkdir()
    row = world.row("2024/a.nef")
    summary = restore(world, pattern, to=target)
    assert (summary.exit_code, counts_of(summary).restored) == (ExitCode.OK, len(names))
    originals = {"2024/a.nef": b"original a", "2024/b.nef": b"original b", "c.jpg": b"jpeg c"}
    assert tree_of(target) == {name: originals[name] for name in names}
    assert all(path.stat().st_mtime_ns == LONG_AGO_NS for path in target.rglob("*") if path.is_file())
    assert world.row("2024/a.nef") == row, "another folder says nothing of the source"


def test_what_is_there_already_is_never_overwritten(world: World) -> None:
    target = make_tree(world.home / "target", {"c.jpg": b"mine!!", "2024": {"b.nef": b"original b"}})
    summary = restore(world, ".", to=target)
    counts = counts_of(summary)
    assert (counts.restored, counts.intact, counts.existing) == (1, 1, 1)
    assert (summary.exit_code, [e.path for e in summary.errors]) == (ExitCode.INCOMPLETE, ["c.jpg"])
    assert tree_of(target) == {"2024/a.nef": b"original a", "2024/b.nef": b"original b", "c.jpg": b"mine!!"}


def test_a_pattern_that_matches_nothing_is_said_so(world: World) -> None:
    target = world.home / "target"
    target.mkdir()
    summary = restore(world, "*.cr3", to=target)
    assert (summary.exit_code, summary.errors[0].path) == (ExitCode.INCOMPLETE, "*.cr3")


# --- names ------------------------------------------------------------------------------------------------


def test_names_are_what_the_user_sees(tmp_path: Path) -> None:
    source = tmp_path / "Photos"
    (source / "2024").mkdir(parents=True)

    def first(text: str, cwd: Path) -> str | None:
        (named,) = name_files([text], source, cwd)
        assert isinstance(named, Named)
        return next(iter(named.candidates), None)

    assert first("2024/a.nef", tmp_path) == "2024/a.nef"
    assert first("./2024//a.nef", tmp_path) == "2024/a.nef"
    assert first("a.nef", source / "2024") == "2024/a.nef"
    assert first("../c.jpg", source / "2024") == "c.jpg"
    assert first(str(source / "2024" / "a.nef"), tmp_path) == "2024/a.nef"
    assert first(str(source) + "2/a.nef", tmp_path) is None
    assert first("../a.nef", tmp_path) is None
    (named,) = name_files(["é.nef"], source, tmp_path)
    assert len(named.candidates) == 2
    link = tmp_path / "link"
    link.symlink_to(source)
    (named,) = name_files([str(source / "a.nef")], link, tmp_path)
    assert named.candidates == ("a.nef",)

"""Sources with and without a marker, wired as the command line wires them: real files, a real manifest, a bucket in
memory."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from lrsync.adapters import identity as identity_adapter
from lrsync.adapters.history_query import find_run, list_runs
from lrsync.adapters.lock import library_lock
from lrsync.adapters.refusals import KEPT
from lrsync.adapters.seals import Seals
from lrsync.adapters.status_query import read_status
from lrsync.app import session, source_proof
from lrsync.app.rebuild import run_rebuild
from lrsync.app.sync import run_sync
from lrsync.config import Config
from lrsync.core.amounts import MaxDelete
from lrsync.core.events import Event, Notice, Trouble
from lrsync.core.findings import FindingKind
from lrsync.core.keys import MARKER
from lrsync.core.library import LibraryRow
from lrsync.core.runs import RunInfo, RunKind, RunRecord, RunResult, RunSummary
from lrsync.errors import ExitCode, SourceError
from tests.stores.memory import MemoryStore
from tests.trees import Tree, make_tree

TREE: Tree = {"2023": {"a.jpg": b"a"}, "2024": {"b.jpg": b"b", "c.jpg": b"c"}, "d.jpg": b"d"}


class OpenStore(MemoryStore):
    def close(self) -> None:
        """Nothing is open."""


@dataclass
class Library:
    """One library; each run is one of the command line's, with these settings changed."""

    home: Path
    store: OpenStore = field(default_factory=OpenStore)
    events: list[Event] = field(default_factory=list)

    @property
    def source(self) -> Path:
        return self.home / "Photos"

    @property
    def config(self) -> Config:
        # Files that were written a moment ago are looked at again: no run here is a quiet one.
        return Config(
            source=self.source, bucket="bucket", prefix="P", manifest=self.home / "m.sqlite", max_delete=MaxDelete(9)
        )

    def sync(self, **changes: object) -> RunSummary:
        self.events.clear()
        return run_sync(replace(self.config, **changes), self.events.append, threading.Event())  # type: ignore[arg-type]

    def rebuild(self, **changes: object) -> RunSummary:
        return run_rebuild(replace(self.config, **changes), self.events.append, threading.Event())  # type: ignore[arg-type]

    @property
    def row(self) -> LibraryRow:
        assert self.config.manifest is not None
        with Seals(self.config.manifest) as seals:
            return seals.library()

    @property
    def missing(self) -> int:
        assert self.config.manifest is not None
        with Seals(self.config.manifest) as seals:
            return seals.counts().missing

    @property
    def runs(self) -> list[RunInfo]:
        """The newest first."""
        return list_runs(self.home / "m.sqlite", None) or []

    @property
    def has_marker(self) -> bool:
        return (self.source / MARKER).exists()

    @property
    def notices(self) -> list[str]:
        return [event.message for event in self.events if isinstance(event, Notice)]

    def objects(self) -> set[str]:
        return {key for key in list(self.store.keys()) if "/.lrsync/" not in key}

    def exchange(self, tree: Tree) -> None:
        """Another folder takes the source's place; the source is kept as `away`."""
        self.source.rename(self.home / "away")
        make_tree(self.source, tree)

    def put_back(self) -> None:
        shutil.rmtree(self.source)
        (self.home / "away").rename(self.source)


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Library:
    here = Library(tmp_path)
    monkeypatch.setattr(session, "open_store", lambda config: here.store)
    make_tree(here.source, TREE)
    return here


@pytest.fixture
def refusing(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """From now on the source takes no file."""

    def refuse(source: Path, uuid: str) -> None:
        raise OSError(30, os.strerror(30))

    return lambda: monkeypatch.setattr(source_proof, "write_marker", refuse)


def test_without_a_marker_everything_works_and_nothing_is_written_to_the_source(library: Library) -> None:
    before = sorted(library.source.rglob("*"))
    assert library.sync(no_marker=True).exit_code is ExitCode.OK
    assert sorted(library.source.rglob("*")) == before
    assert not library.row.has_marker
    (library.source / "2024/c.jpg").unlink()
    summary = library.sync(delete=True)  # the flag is needed once
    assert (summary.exit_code, summary.actions.trashed) == (ExitCode.OK, 1)
    assert library.objects() == {"P/2023/a.jpg", "P/2024/b.jpg", "P/d.jpg"}
    assert not library.has_marker


@pytest.mark.parametrize("there", [{}, TREE], ids=["an empty mount point", "a copy on another drive"])
def test_another_folder_in_its_place_is_refused_before_anything_is_touched(library: Library, there: Tree) -> None:
    library.sync(no_marker=True)
    row, objects = library.row, library.objects()
    library.exchange(there)
    requests = library.store.requests.total
    for flags in ({"no_marker": True}, {}, {"no_marker": True, "delete": True, "full": True}):
        with pytest.raises(SourceError, match="is not known as the library's source") as caught:
            library.sync(**flags)
        assert caught.value.exit_code is ExitCode.SOURCE
        assert "--accept-source" in caught.value.hint
    assert (library.row, library.missing, library.objects()) == (row, 0, objects)
    assert library.store.requests.total == requests
    assert not library.has_marker
    library.put_back()
    assert library.sync(no_marker=True).exit_code is ExitCode.OK


@pytest.mark.parametrize("there", [None, {}, TREE], ids=["not mounted", "an empty mount point", "another drive"])
def test_a_night_that_was_refused_is_in_the_history(library: Library, there: Tree | None) -> None:
    library.sync()
    if there is None:
        library.source.rename(library.home / "away")
    else:
        library.exchange(there)
    with pytest.raises(SourceError) as caught:
        library.sync(dry_run=True)
    assert len(library.runs) == 1
    with pytest.raises(SourceError):
        library.sync()
    refused, first = library.runs
    assert (refused.kind, refused.result, refused.exit_code) == (RunKind.SYNC, RunResult.FAILED, ExitCode.SOURCE)
    assert refused.finished_at is not None and refused.finished_at >= refused.started_at
    assert refused.counts["failure"] == caught.value.message
    status = read_status(library.home / "m.sqlite")
    assert status is not None and status.last_good_run == first
    assert (status.safe, status.missing) == (4, 0)


def test_a_refusal_is_kept_by_no_library_that_is_not_there_or_is_another(library: Library) -> None:
    library.source.rename(library.home / "away")
    with pytest.raises(SourceError):
        library.sync()
    assert not (library.home / "m.sqlite").exists()
    (library.home / "away").rename(library.source)
    library.sync()
    library.source.rename(library.home / "away")
    with pytest.raises(SourceError):
        library.sync(bucket="another")
    assert len(library.runs) == 1


def test_a_refusal_changes_no_manifest_and_the_next_run_takes_it_in(library: Library) -> None:
    library.sync()
    before = (library.home / "m.sqlite").read_bytes()
    library.source.rename(library.home / "away")
    for _ in range(2):
        with library_lock(library.home / "m.sqlite"), pytest.raises(SourceError):
            library.sync()
    assert (library.home / "m.sqlite").read_bytes() == before
    told = library.runs
    assert [run.id for run in told] == [3, 2, 1]
    assert [find_run(library.home / "m.sqlite", run.id) for run in told] == [RunRecord(run, ()) for run in told]
    assert list_runs(library.home / "m.sqlite", 1) == told[:1]
    assert find_run(library.home / "m.sqlite", 4) is None
    (library.home / "away").rename(library.source)
    assert library.sync().run_id == 4
    assert library.runs[1:] == told, "the same rows under the same numbers"
    assert not list(library.home.glob("*refused*"))


def test_the_notes_of_refusals_stay_short_and_bear_an_edit(library: Library) -> None:
    library.sync()
    library.source.rename(library.home / "away")
    notes = library.home / "m.sqlite.refused"
    notes.write_text("rubbish\n[1, 2]\n" * 500)
    with pytest.raises(SourceError):
        library.sync()
    notes.write_text(notes.read_text() * 500)
    with pytest.raises(SourceError):
        library.sync()
    assert len(library.runs) == 1 + KEPT


def test_a_refusal_by_a_damaged_manifest_is_told_as_what_it_is(library: Library) -> None:
    library.sync()
    library.source.rename(library.home / "away")
    (library.home / "m.sqlite").write_bytes(b"rubbish" * 1000)
    with pytest.raises(SourceError, match="does not exist"):
        library.sync()
    (trouble,) = [event.message for event in library.events if isinstance(event, Trouble)]
    assert "the history does not have this run" in trouble


def test_folders_may_come_and_go(library: Library) -> None:
    library.sync(no_marker=True)
    make_tree(library.source, {"1999 scans": {"e.jpg": b"e"}})
    shutil.rmtree(library.source / "2023")
    assert library.sync(no_marker=True, delete=True).actions.trashed == 1
    (library.source / "2024").rename(library.source / "Twenty-four")
    (library.source / "d.jpg").unlink()
    summary = library.sync(no_marker=True, delete=True)
    assert summary.exit_code is ExitCode.OK, "the folder that came since is known by now"
    assert library.objects() == {"P/1999 scans/e.jpg", "P/Twenty-four/b.jpg", "P/Twenty-four/c.jpg"}


def test_when_all_folders_are_renamed_there_is_a_way_on(library: Library) -> None:
    library.sync(no_marker=True)
    for name in ("2023", "2024", "d.jpg"):
        (library.source / name).rename(library.source / f"x{name}")
    with pytest.raises(SourceError, match="nothing of what was at its top"):
        library.sync(no_marker=True)
    summary = library.sync(accept_source=True, delete=True)
    assert [finding.kind for finding in summary.findings] == [FindingKind.DELETE_GUARD]
    assert "--no-marker" in summary.findings[0].hint
    assert (summary.actions.copied, summary.actions.trashed) == (4, 0), "not in the run that takes it on trust"
    assert library.sync(delete=True).actions.trashed == 4
    assert library.objects() == {"P/x2023/a.jpg", "P/x2024/b.jpg", "P/x2024/c.jpg", "P/xd.jpg"}


def test_an_empty_folder_is_neither_begun_with_nor_accepted(library: Library) -> None:
    library.exchange({})
    with pytest.raises(SourceError, match="is empty"):
        library.sync(no_marker=True)
    assert not (library.home / "m.sqlite").exists()
    assert list(library.store.keys()) == []
    library.put_back()
    library.sync(no_marker=True)
    library.exchange({})
    with pytest.raises(SourceError, match="is empty"):
        library.sync(accept_source=True)
    assert library.missing == 0


def test_a_source_that_takes_no_marker_is_pointed_to_the_flag_and_proven_by_its_files(
    library: Library, refusing: Callable[[], None]
) -> None:
    refusing()
    library.sync()
    assert any("takes no marker" in notice and "--no-marker" in notice for notice in library.notices)
    assert library.row.identity is None
    (library.source / "2024/c.jpg").unlink()
    library.sync(delete=True)
    assert library.missing == 1
    summary = library.sync(no_marker=True, delete=True)
    assert [finding.kind for finding in summary.findings] == [FindingKind.DELETE_GUARD]
    assert library.sync(no_marker=True, delete=True).actions.trashed == 1


def test_a_drive_that_nothing_proved_is_not_remembered_when_its_files_are_others(
    library: Library, refusing: Callable[[], None]
) -> None:
    refusing()
    library.sync()
    library.exchange({"2023": {"other.jpg": b"other"}})
    library.sync(no_marker=True)
    assert any("--accept-source" in notice for notice in library.notices)
    assert library.row.identity is None
    library.put_back()
    library.sync(no_marker=True)
    assert library.row.identity is not None
    assert library.missing == 1


def test_a_marker_that_is_there_goes_on_to_count(library: Library) -> None:
    library.sync()
    library.sync(no_marker=True)
    assert library.row.has_marker
    (library.source / MARKER).unlink()
    (library.source / "2024/c.jpg").unlink()
    with pytest.raises(SourceError, match="does not have the library's marker"):
        library.sync()
    assert library.sync(no_marker=True, delete=True).actions.trashed == 1
    library.exchange(TREE)
    with pytest.raises(SourceError, match="is not known"):
        library.sync(no_marker=True)


def test_a_marker_that_was_lost_before_is_no_proof_of_anything(library: Library) -> None:
    library.sync()
    (library.source / MARKER).unlink()
    with pytest.raises(SourceError, match="does not have the library's marker") as caught:
        library.sync(no_marker=True)
    assert "--accept-source" in caught.value.hint
    assert library.sync(accept_source=True).exit_code is ExitCode.OK
    assert not library.row.has_marker
    assert library.sync().exit_code is ExitCode.OK


def test_a_foreign_marker_is_refused_whatever_the_flags(library: Library) -> None:
    library.sync(no_marker=True)
    (library.source / MARKER).write_text("library: 123e4567-e89b-42d3-a456-426614174000\n")
    for flags in ({}, {"no_marker": True}, {"accept_source": True}):
        with pytest.raises(SourceError, match="belongs to another library"):
            library.sync(**flags)


def test_a_dry_run_remembers_nothing(library: Library) -> None:
    assert library.sync(no_marker=True, dry_run=True).actions.uploaded == 4
    assert not (library.home / "m.sqlite").exists()
    library.sync()
    (library.source / MARKER).unlink()
    row = library.row
    library.sync(accept_source=True, dry_run=True)
    assert library.row == row
    assert not library.has_marker


def test_a_file_system_that_tells_nothing_leaves_delete_off(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(identity_adapter, "volume_ids", lambda path, mount: ())
    library.sync(no_marker=True)
    assert any("nothing to be known by" in notice for notice in library.notices)
    (library.source / "2024/c.jpg").unlink()
    summary = library.sync(no_marker=True, delete=True)
    assert (summary.exit_code, summary.actions.trashed) == (ExitCode.NEEDS_PERSON, 0)


def test_a_rebuild_on_a_new_drive_takes_it_for_the_library_and_writes_nothing(library: Library) -> None:
    library.sync(no_marker=True)
    uuid = library.row.uuid
    library.exchange(TREE)
    library.rebuild(no_marker=True)
    assert (library.row.uuid, library.row.has_marker, library.has_marker) == (uuid, False, False)
    (library.source / "d.jpg").unlink()
    assert library.sync(delete=True).actions.trashed == 1


@pytest.mark.parametrize("proof", ["marker", "identity"])
def test_a_drive_that_is_exchanged_during_the_run_is_exit_6(library: Library, proof: str) -> None:
    library.sync(no_marker=proof == "identity")
    (library.source / "2024/new.jpg").write_bytes(b"new")
    objects = library.objects()

    def exchange(operation: str, key: str) -> None:
        if operation == "put" and key.endswith("new.jpg"):
            library.exchange({"2024": {}})

    library.store.fail = exchange
    (library.source / "d.jpg").unlink()
    with pytest.raises(SourceError, match="went away") as caught:
        library.sync(delete=True)
    assert caught.value.exit_code is ExitCode.SOURCE
    assert objects <= library.objects()
    library.store.fail = lambda operation, key: None
    library.put_back()
    assert library.sync(delete=True).exit_code is ExitCode.OK
    assert library.objects() == {"P/2023/a.jpg", "P/2024/b.jpg", "P/2024/c.jpg", "P/2024/new.jpg"}

"""Verification against real files, a real manifest, and a bucket that is damaged behind lrsync's back."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lrsync.adapters.ignore import IgnoreRules
from lrsync.adapters.localfs import LocalTree
from lrsync.adapters.manifest import Manifest
from lrsync.adapters.seals import Seals
from lrsync.adapters.status_query import read_status
from lrsync.core.amounts import Sample
from lrsync.core.counts import VerifyCounts
from lrsync.core.events import PhaseAdvanced
from lrsync.core.findings import FindingKind
from lrsync.core.model import Drift
from lrsync.core.ports import Body, SourceTree
from lrsync.core.requests import VerifyRequest
from lrsync.core.runs import RunSummary
from lrsync.core.status import StatusReport
from lrsync.engine.verify import VerifyPorts, run_verify
from lrsync.errors import BucketError, ExitCode, InterruptedRun, ObjectError
from tests.engine.world import HOUR_NS, PREFIX, World
from tests.stores.memory import MemoryStore
from tests.trees import LONG_AGO_NS, make_tree

DAY_NS = 24 * HOUR_NS
LIBRARY = {"2024": {"a.nef": b"original a", "b.jpg": b"jpeg b"}, "c.txt": b"text"}
NONE, LOCAL, REMOTE, DOWNLOAD = (
    VerifyRequest(),
    VerifyRequest(local=True),
    VerifyRequest(remote=True),
    VerifyRequest(download=True),
)


def verify(world: World, request: VerifyRequest, **ports: Any) -> RunSummary:
    """A verification, a day after the last run."""
    world.now_ns += DAY_NS
    with Seals(world.path) as seals, Manifest(world.path, PREFIX) as manifest:
        given = VerifyPorts(
            tree=world.wrap_tree(LocalTree(world.photos, IgnoreRules())),
            seals=seals,
            manifest=manifest,
            open_store=lambda: world.store,
            stopping=world.stopping,
            clock=world.clock,
            sink=world.events.append,
        )
        return run_verify(replace(given, **ports), request, threads=2, batch_size=3)


def counts_of(summary: RunSummary) -> VerifyCounts:
    assert summary.verified is not None
    return summary.verified


def kinds(summary: RunSummary) -> list[FindingKind]:
    return [finding.kind for finding in summary.findings]


def status(world: World) -> StatusReport:
    report = read_status(world.path, world.clock)
    assert report is not None
    return report


def rot(path: Path, data: bytes | None = None) -> None:
    """Other bytes under the same size and times, as a failing disk makes them: the ctime is put into the row."""
    stat = path.stat()
    path.write_bytes(path.read_bytes()[::-1] if data is None else data)
    os.utime(path, ns=(stat.st_mtime_ns, stat.st_mtime_ns))


class UnchangedCtime:
    """A tree in which a file's ctime is always the same: no test can write without moving the real one."""

    def __init__(self, inner: SourceTree) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def walk(self) -> Iterator[Any]:
        for scanned in self._inner.walk():
            files = tuple(file._replace(ctime_ns=LONG_AGO_NS) for file in scanned.files)
            yield scanned.with_files(files)

    def stat(self, path: str) -> Any:
        found = self._inner.stat(path)
        return None if found is None else found._replace(ctime_ns=LONG_AGO_NS)

    def read(self, path: str, **options: Any) -> Any:
        content = self._inner.read(path, **options)
        return replace(content, stat=content.stat._replace(ctime_ns=LONG_AGO_NS))


@pytest.fixture
def world(tmp_path: Path) -> World:
    made = World(tmp_path)
    made.wrap_tree = UnchangedCtime  # type: ignore[assignment]
    make_tree(made.photos, LIBRARY, mtime_ns=LONG_AGO_NS)
    assert made.sync().exit_code is ExitCode.OK
    return made


@contextmanager
def manifest_of(world: World) -> Iterator[Manifest]:
    with Manifest(world.path, PREFIX) as manifest:
        yield manifest


@pytest.mark.parametrize("request_", [LOCAL, REMOTE, DOWNLOAD, VerifyRequest(True, True, True)])
def test_a_good_library_is_proven_and_nothing_is_changed(world: World, request_: VerifyRequest) -> None:
    seals_before = Seals(world.path).seals()
    objects = world.objects()
    summary = verify(world, request_)
    counts = counts_of(summary)
    assert (summary.exit_code, counts.checked, counts.proven) == (ExitCode.OK, 3, 3)
    read = sum(len(data) for data in objects.values())
    assert counts.bytes == read * (request_.local + request_.download)
    assert world.objects() == objects
    assert Seals(world.path).seals() == seals_before, "a proof must not make the next night look at every folder"
    quiet = world.sync()
    assert (quiet.requests.total, quiet.exit_code, world.opened) == (0, ExitCode.OK, [])


def test_remote_asks_once_for_each_file_and_reads_nothing(world: World) -> None:
    before = world.store.requests
    summary = verify(world, REMOTE)
    assert summary.requests.head - before.head == 3
    assert summary.requests.total - before.total == 3


# --- the disk ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["2024/a.nef", "2024/b.jpg"])
def test_rot_is_found_and_never_sent_and_no_sync_forgets_it(world: World, path: str) -> None:
    objects = world.objects()
    rot(world.photos / path)
    assert world.sync().exit_code is ExitCode.OK, "its stat is the recorded one: a sync cannot see it"
    summary = verify(world, LOCAL)
    assert (summary.exit_code, kinds(summary)) == (ExitCode.NEEDS_PERSON, [FindingKind.ROT])
    assert (counts_of(summary).rotten, counts_of(summary).proven) == (1, 2)
    for options in ({}, {"full": True}, {"use_digests": False}):
        again = world.sync(**options)
        assert (again.exit_code, kinds(again)) == (ExitCode.NEEDS_PERSON, [FindingKind.ROT]), options
    report = status(world)
    assert (report.safe, report.quarantined, report.rotten) == (2, 1, 1)
    assert world.objects() == objects


def test_rot_that_is_touched_later_is_still_not_sent(world: World) -> None:
    objects = world.objects()
    rot(world.photos / "2024/b.jpg")
    verify(world, LOCAL)
    world.age("2024/b.jpg", LONG_AGO_NS + HOUR_NS)
    summary = world.sync()
    assert (summary.actions.uploaded, summary.actions.quarantined) == (0, 1)
    assert world.sync().exit_code is ExitCode.NEEDS_PERSON
    assert world.objects() == objects


def test_rot_and_an_altered_object_leave_both_as_they_are(world: World) -> None:
    rot(world.photos / "2024/b.jpg")
    world.store.corrupt(f"{PREFIX}/2024/b.jpg", b"other")
    verify(world, VerifyRequest(local=True, remote=True))
    summary = world.sync()
    assert set(kinds(summary)) >= {FindingKind.ROT, FindingKind.DRIFT}
    assert summary.exit_code is ExitCode.NEEDS_PERSON
    assert world.store.data(f"{PREFIX}/2024/b.jpg") == b"other"


@pytest.mark.parametrize("path", ["2024/a.nef", "2024/b.jpg"])
@pytest.mark.parametrize("drift", list(Drift))
def test_rot_that_nobody_knew_of_does_not_mend_a_lost_object(world: World, path: str, drift: Drift) -> None:
    """Sent in the lost object's place it would be the photo from then on, and nobody would ever be told."""
    key, file = f"{PREFIX}/{path}", world.photos / path
    good = file.read_bytes()
    rot(file)
    world.store.lose(key)
    if drift is Drift.ALTERED:
        world.store.corrupt(key, b"other")
    before = world.objects()
    for options in ({"full": True}, {}, {"use_digests": False}):
        summary = world.sync(**options)
        assert (summary.exit_code, summary.actions.uploaded) == (ExitCode.NEEDS_PERSON, 0), options
        assert (len(summary.findings), set(kinds(summary))) == (2, {FindingKind.DRIFT, FindingKind.ROT}), options
        assert "no good ones either" in next(f.message for f in summary.findings if f.kind is FindingKind.ROT)
    assert world.objects() == before
    report = status(world)
    assert (report.safe, report.rotten) == (2, 1)
    rot(file, good)
    mended = world.sync()
    assert (mended.exit_code, mended.drift.repaired) == (ExitCode.OK, 1)
    assert world.objects() == world.files()


@pytest.mark.parametrize("mend", ["bytes", "edit", "remove"])
def test_rot_is_over_once_the_file_is_settled(world: World, mend: str) -> None:
    file = world.photos / "2024/b.jpg"
    rot(file)
    verify(world, LOCAL)
    match mend:
        case "bytes":
            rot(file, b"jpeg b")
            assert verify(world, LOCAL).exit_code is ExitCode.OK
        case "edit":
            file.write_bytes(b"edited on purpose")
            assert world.sync().actions.uploaded == 1
        case "remove":
            file.unlink()
    assert world.sync().exit_code is ExitCode.OK
    assert status(world).rotten == 0


def test_a_changed_and_a_missing_file_are_no_rot(world: World) -> None:
    (world.photos / "2024/b.jpg").write_bytes(b"edited, not synced yet")
    (world.photos / "c.txt").unlink()
    summary = verify(world, LOCAL)
    counts = counts_of(summary)
    assert (counts.changed, counts.gone, counts.proven, counts.rotten) == (1, 1, 1, 0)
    assert (summary.exit_code, summary.findings) == (ExitCode.OK, [])


def test_a_file_written_twice_within_the_clocks_grain_is_no_rot(world: World) -> None:
    with manifest_of(world) as manifest:
        row = manifest.row("c.txt")
        assert row is not None
        from tests.adapters.rows import uploaded

        manifest.record([uploaded(replace(row, settled=False))])
    rot(world.photos / "c.txt")
    summary = verify(world, LOCAL)
    assert (counts_of(summary).changed, summary.findings) == (1, [])


def test_a_disk_that_reads_differently_each_time_is_a_failure(world: World) -> None:
    pieces = iter([b"1" * 10, b"2" * 10])

    class Flaky(UnchangedCtime):
        def read_part(self, path: str, offset: int, length: int) -> bytes:
            inner: bytes = self._inner.read_part(path, offset, length)
            return next(pieces) if path == "2024/a.nef" else inner

    world.wrap_tree = Flaky  # type: ignore[assignment]
    summary = verify(world, LOCAL)
    assert (summary.exit_code, kinds(summary)) == (ExitCode.INCOMPLETE, [])
    assert [(e.path, e.message) for e in summary.errors] == [("2024/a.nef", "reads differently each time")]


def test_a_file_that_cannot_be_read_is_a_failure_and_the_others_go_on(world: World) -> None:
    class Broken(UnchangedCtime):
        def read_part(self, path: str, offset: int, length: int) -> bytes:
            if path == "c.txt":
                raise OSError(5, "Input/output error")
            inner: bytes = self._inner.read_part(path, offset, length)
            return inner

    world.wrap_tree = Broken  # type: ignore[assignment]
    summary = verify(world, LOCAL)
    assert (summary.exit_code, counts_of(summary).proven) == (ExitCode.INCOMPLETE, 2)
    assert "Input/output error" in summary.errors[0].message


# --- the bucket -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("request_", [REMOTE, DOWNLOAD])
def test_lost_and_altered_objects_are_found_and_the_next_sync_repairs_them(
    world: World, request_: VerifyRequest
) -> None:
    world.store.lose(f"{PREFIX}/c.txt")
    world.store.corrupt(f"{PREFIX}/2024/a.nef", b"0riginal a")
    summary = verify(world, request_)
    assert (summary.drift.missing, summary.drift.altered) == (1, 1)
    assert (summary.exit_code, kinds(summary)) == (ExitCode.NEEDS_PERSON, [FindingKind.DRIFT] * 2)
    assert status(world).drifted == 2
    repaired = world.sync()
    assert (repaired.exit_code, repaired.drift.repaired) == (ExitCode.OK, 2)
    assert world.objects() == world.files()
    assert verify(world, request_).exit_code is ExitCode.OK


def decay(store: MemoryStore, key: str) -> None:
    """Other bytes behind the same size, ETag, checksum and metadata: only reading them tells."""
    stored = store.versions[key][-1]
    assert stored.data is not None
    store.versions[key] = [replace(stored, data=stored.data[::-1])]


def test_only_reading_finds_bytes_that_rot_in_the_bucket_and_no_listing_takes_it_back(world: World) -> None:
    decay(world.store, f"{PREFIX}/2024/a.nef")
    assert verify(world, REMOTE).exit_code is ExitCode.OK
    summary = verify(world, DOWNLOAD)
    assert (summary.exit_code, summary.drift.altered) == (ExitCode.NEEDS_PERSON, 1)
    assert verify(world, REMOTE).drift.altered == 1, "what S3 says is no proof against what was read"
    repaired = world.sync(full=True)
    assert (repaired.exit_code, repaired.drift.repaired) == (ExitCode.OK, 1)
    assert world.objects() == world.files()


def test_a_damaged_way_is_no_damaged_object(world: World) -> None:
    original = world.store.get
    told: list[str] = []

    @contextmanager
    def get(key: str) -> Iterator[Body]:
        with original(key) as body:
            yield Body(body.info, iter([b"garbled"])) if key not in told else body
            told.append(key)

    world.store.get = get  # type: ignore[method-assign]
    summary = verify(world, DOWNLOAD)
    assert (summary.exit_code, counts_of(summary).proven) == (ExitCode.OK, 3)


def test_a_login_page_is_no_damaged_object(world: World) -> None:
    """A hotel's network answers everything with 200, and no ETag: of the object that says nothing."""
    stored = world.store.versions[f"{PREFIX}/c.txt"]
    stored[-1] = replace(stored[-1], data=b"<html>log in</html>", etag="", metadata={}, checksum=None)
    check = verify(world, DOWNLOAD)
    assert (check.exit_code, check.drift.altered) == (ExitCode.INCOMPLETE, 0)
    assert [(failed.path, "is not S3" in failed.message) for failed in check.errors] == [("c.txt", True)]


def test_a_mark_goes_when_the_object_is_proven_again(world: World) -> None:
    with manifest_of(world) as manifest:
        manifest.set_drift([("c.txt", Drift.MISSING), ("2024/b.jpg", Drift.ALTERED)])
    summary = verify(world, REMOTE)
    assert (summary.drift.missing, summary.drift.altered) == (0, 1)
    assert verify(world, DOWNLOAD).exit_code is ExitCode.OK
    assert status(world).drifted == 0
    assert status(world).findings == ()


def test_objects_of_files_that_are_gone_are_verified_too(world: World) -> None:
    (world.photos / "c.txt").unlink()
    world.sync()
    assert counts_of(verify(world, REMOTE)).checked == 3
    assert counts_of(verify(world, LOCAL)).checked == 2
    world.store.lose(f"{PREFIX}/c.txt")
    (finding,) = verify(world, REMOTE).findings
    assert "not on the disk either" in finding.message


def test_archived_objects_are_not_read_and_are_no_failures(world: World) -> None:
    world.store.archived = {f"{PREFIX}/c.txt"}
    summary = verify(world, DOWNLOAD)
    counts = counts_of(summary)
    assert (summary.exit_code, counts.archived, counts.proven, summary.errors) == (ExitCode.OK, 1, 2, [])


def test_a_failing_request_is_a_failure_of_one_file(world: World) -> None:
    def fail(operation: str, key: str) -> None:
        if key.endswith("c.txt"):
            raise ObjectError("internal error", code="InternalError", hint="later")

    world.store.fail = fail
    summary = verify(world, REMOTE)
    assert (summary.exit_code, counts_of(summary).proven) == (ExitCode.INCOMPLETE, 2)
    assert summary.errors[0].path == "c.txt"


# --- what comes first, and what is recorded ---------------------------------------------------------------


def test_a_sample_takes_the_least_recently_verified_and_covers_all_in_time(world: World) -> None:
    seen: list[str] = []
    for mode in (REMOTE, LOCAL):
        for _ in range(3):
            verify(world, replace(mode, sample=Sample(count=1)))
        with manifest_of(world) as manifest:
            rows = [manifest.row(path) for path in ("2024/a.nef", "2024/b.jpg", "c.txt")]
        seen = sorted({str(row.verified_at) for row in rows if row is not None})
        assert len(seen) == 3, "three nights, three files"
    assert counts_of(verify(world, replace(REMOTE, sample=Sample(percent=50)))).checked == 2


def test_local_proofs_say_nothing_of_the_bucket(world: World) -> None:
    before = world.row("c.txt")
    verify(world, LOCAL)
    assert world.row("c.txt") == before


def test_max_age_leaves_out_what_was_proven_lately(world: World) -> None:
    month = replace(REMOTE, max_age_ns=30 * DAY_NS)
    assert counts_of(verify(world, month)).checked == 0, "an upload's acknowledgement is a proof"
    world.now_ns += 40 * DAY_NS
    assert counts_of(verify(world, month)).checked == 3
    assert counts_of(verify(world, month)).checked == 0
    both = replace(month, local=True)
    assert counts_of(verify(world, both)).checked == 3, "the disk was not looked at yet"
    assert counts_of(verify(world, both)).checked == 0


def test_status_tells_how_long_ago_the_objects_were_proven(world: World) -> None:
    with manifest_of(world) as manifest:
        manifest.mark_verified(["c.txt"], world.now_ns - 20 * DAY_NS)
        manifest.mark_verified(["2024/a.nef"], world.now_ns - 200 * DAY_NS)
        manifest.set_drift([("2024/b.jpg", Drift.ALTERED)])
    found = {age: (tally.files, tally.bytes) for age, tally in status(world).verified.items()}
    assert found == {
        "within_7_days": (0, 0), "within_30_days": (1, 4), "within_90_days": (0, 0), "older": (1, 10), "never": (1, 6)
    }  # fmt: skip


def test_a_verification_is_no_backup(world: World) -> None:
    backup = status(world).last_good_run
    verify(world, REMOTE)
    report = status(world)
    assert report.last_good_run == backup
    assert report.last_run is not None and report.last_run.kind.value == "verify"


def test_an_interrupted_verification_keeps_what_it_proved_and_goes_on(world: World) -> None:
    make_tree(world.photos, {f"{i}.jpg": str(i) for i in range(20)}, mtime_ns=LONG_AGO_NS)
    world.sync()
    advanced = lambda: sum(isinstance(event, PhaseAdvanced) for event in world.events)  # noqa: E731
    world.events.clear()
    world.stopping = lambda: advanced() >= 4
    with pytest.raises(InterruptedRun):
        verify(world, LOCAL)
    first = advanced()
    assert 4 <= first < 23
    world.stopping = lambda: False
    week = replace(LOCAL, max_age_ns=7 * DAY_NS)
    assert counts_of(verify(world, week)).checked == 23 - first


def test_a_bucket_that_cannot_be_used_ends_the_run_and_marks_nothing(world: World) -> None:
    def fail(operation: str, key: str) -> None:
        raise BucketError("access denied")

    world.store.fail = fail
    with pytest.raises(BucketError):
        verify(world, REMOTE)
    report = status(world)
    assert (report.safe, report.drifted) == (3, 0)
    assert report.last_run is not None and report.last_run.exit_code == ExitCode.BUCKET

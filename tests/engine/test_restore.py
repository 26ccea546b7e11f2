"""Restore, on a bucket in memory: what comes back, what stays as it is, and where nothing is ever written."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lrsync.adapters.filewriter import FileWriter
from lrsync.adapters.leftovers import TEMPORARY, temporary_name
from lrsync.adapters.manifest import Manifest
from lrsync.core.counts import RestoreCounts
from lrsync.core.events import Notice
from lrsync.core.filetypes import parse_types
from lrsync.core.findings import FindingKind
from lrsync.core.localnames import WINDOWS
from lrsync.core.parts import format_mtime
from lrsync.core.requests import RestoreRequest
from lrsync.core.restoring import Overwrite, RestoreItem, RestorePlan
from lrsync.core.runs import RunSummary
from lrsync.engine.backups import AskPorts, ListingBackup, with_times
from lrsync.engine.pool import DaemonPool
from lrsync.errors import ExitCode, InterruptedRun, ObjectError, UsageError
from tests.engine.restoring import STAMP, bare, list_bucket, restored
from tests.engine.world import PREFIX, World
from tests.stores.memory import MemoryStore
from tests.trees import LONG_AGO_NS, Tree, file_paths, make_tree, trees

LIBRARY: Tree = {
    "2024": {
        "Iceland": {"a.nef": b"raw a", "a.xmp": b"<a/>", "a.jpg": b"jpeg a"},
        "b.nef": b"raw b",
        "empty.jpg": b"",
    },
    "c.mov": b"film",
}
DAY_NS = 86_400_000_000_000


@pytest.fixture
def world(tmp_path: Path) -> World:
    made = World(tmp_path)
    make_tree(made.photos, LIBRARY, mtime_ns=LONG_AGO_NS)
    made.sync()
    return made


@pytest.fixture
def target(tmp_path: Path) -> Path:
    folder = tmp_path / "target"
    folder.mkdir()
    return folder


def counts_of(summary: RunSummary) -> RestoreCounts:
    assert summary.restored is not None
    return summary.restored


def facts(folder: Path) -> dict[str, tuple[bytes, int]]:
    """Bytes and times of every file."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): (path.read_bytes(), path.stat().st_mtime_ns) for path in files}


# --- there and back ---------------------------------------------------------------------------------------


@settings(max_examples=12, deadline=None)
@given(trees, st.data())
def test_any_tree_comes_back_as_it_was(tree: Tree, data: st.DataObject) -> None:
    spellings = [unicodedata.normalize("NFC", path) for path in file_paths(tree)]
    if len(set(spellings)) != len(spellings):
        return  # two names that become one key: neither may overwrite the other, and both are reported
    with TemporaryDirectory() as home:
        world, target = World(Path(home)), Path(home, "target")
        target.mkdir()
        make_tree(world.photos, tree)
        for path in file_paths(tree):
            world.age(path, data.draw(st.integers(0, 4 * 10**18)))
        expected = facts(world.photos)
        kept = world.sync().actions.uploaded
        by_manifest = restored(world, RestoreRequest(to=str(target)))
        found = facts(target)
        assert counts_of(by_manifest).restored == kept == len(found)
        assert found.items() <= expected.items()
        assert set(expected) - set(found) <= {p for p in expected if ".lrsync" in p or not world.row(p)}
        elsewhere = Path(home, "bare")
        elsewhere.mkdir()
        assert bare(world, RestoreRequest(to=str(elsewhere))).exit_code is ExitCode.OK
        composed = {unicodedata.normalize("NFC", path): fact for path, fact in found.items()}
        assert {unicodedata.normalize("NFC", path): fact for path, fact in facts(elsewhere).items()} == composed


def test_run_again_it_only_looks(world: World, target: Path) -> None:
    assert counts_of(restored(world, RestoreRequest(to=str(target)))).restored == 6
    before = world.store.requests.total
    again = counts_of(restored(world, RestoreRequest(to=str(target))))
    assert (again.restored, again.intact, world.store.requests.total) == (0, 6, before)
    checked = counts_of(restored(world, RestoreRequest(to=str(target), overwrite=Overwrite.IF_CHANGED)))
    assert (checked.restored, checked.intact) == (0, 6)


# --- what is selected -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("request_", "paths"),
    [
        (RestoreRequest(("*.mov",)), {"c.mov"}),
        (RestoreRequest(("/2024/*.nef",)), {"2024/b.nef"}),
        (RestoreRequest(("Iceland/",)), {"2024/Iceland/a.nef", "2024/Iceland/a.xmp", "2024/Iceland/a.jpg"}),
        (RestoreRequest(("2024/**/a.x*",)), {"2024/Iceland/a.xmp"}),
        (RestoreRequest(folders=("2024/Iceland/",), types=parse_types(["jpg"])), {"2024/Iceland/a.jpg"}),
        (
            RestoreRequest(types=parse_types(["nef"])),
            {"2024/Iceland/a.nef", "2024/Iceland/a.xmp", "2024/Iceland/a.jpg", "2024/b.nef"},
        ),
        (RestoreRequest(types=parse_types(["nef"]), companions=False), {"2024/Iceland/a.nef", "2024/b.nef"}),
        (RestoreRequest(listed=("./c.mov", "2024/Iceland/a.xmp")), {"c.mov", "2024/Iceland/a.xmp"}),
        (RestoreRequest(since_ns=LONG_AGO_NS, until_ns=LONG_AGO_NS + 1, types=parse_types(["mov"])), {"c.mov"}),
        (RestoreRequest(until_ns=LONG_AGO_NS), set()),
    ],
)
@pytest.mark.parametrize("how", [restored, bare])
def test_selection(world: World, target: Path, request_: RestoreRequest, paths: set[str], how: Any) -> None:
    if how is bare and (request_.since_ns is not None or request_.until_ns is not None):
        return  # a listing knows no times: see test_times_are_asked_for
    summary = how(world, replace(request_, to=str(target)))
    assert (summary.exit_code, set(facts(target))) == (ExitCode.OK, paths)


def test_a_pattern_typed_in_a_folder_is_about_that_folder(world: World, target: Path) -> None:
    from lrsync.adapters.selecting import selection_of

    chosen = selection_of(RestoreRequest(("*.nef",)), world.photos, world.photos / "2024" / "Iceland")
    restored(world, RestoreRequest(to=str(target)), options={"selection": replace(chosen, companions=False)})
    assert set(facts(target)) == {"2024/Iceland/a.nef"}


@pytest.mark.parametrize("pattern", ["!*.nef", "", "a\\", "[z-a]x"])
def test_what_is_no_pattern(world: World, target: Path, pattern: str) -> None:
    with pytest.raises(UsageError):
        restored(world, RestoreRequest((pattern,), str(target)))


def test_every_name_that_stands_for_nothing_is_told(world: World, target: Path) -> None:
    request = RestoreRequest(("*.cr3", "c.mov"), str(target), folders=("2099",), listed=("gone.jpg",))
    summary = restored(world, request)
    assert summary.exit_code is ExitCode.INCOMPLETE
    assert {failed.path for failed in summary.errors} == {"*.cr3", "2099", "gone.jpg"}
    assert set(facts(target)) == {"c.mov"}


# --- what is replaced -------------------------------------------------------------------------------------


def occupied(target: Path, tree: Tree, mtime_ns: int = LONG_AGO_NS) -> None:
    make_tree(target, tree, mtime_ns=mtime_ns)


@pytest.mark.parametrize(
    ("policy", "mine", "mtime_ns", "becomes", "code"),
    [
        (Overwrite.NEVER, b"mine", LONG_AGO_NS - DAY_NS, b"mine", ExitCode.INCOMPLETE),
        (Overwrite.IF_CHANGED, b"mine", LONG_AGO_NS, b"film", ExitCode.OK),
        (Overwrite.IF_CHANGED, b"longer", LONG_AGO_NS, b"film", ExitCode.OK),
        (Overwrite.IF_NEWER, b"mine", LONG_AGO_NS - DAY_NS, b"film", ExitCode.OK),
        (Overwrite.IF_NEWER, b"mine", LONG_AGO_NS + DAY_NS, b"mine", ExitCode.OK),
        (Overwrite.ALWAYS, b"mine", LONG_AGO_NS + DAY_NS, b"film", ExitCode.OK),
    ],
)
def test_overwrite(
    world: World, target: Path, policy: Overwrite, mine: bytes, mtime_ns: int, becomes: bytes, code: ExitCode
) -> None:
    occupied(target, {"c.mov": mine}, mtime_ns)
    summary = restored(world, RestoreRequest(("*.mov",), str(target), overwrite=policy))
    assert (summary.exit_code, facts(target)["c.mov"][0]) == (code, becomes)
    assert [path.name for path in target.iterdir()] == ["c.mov"], "elsewhere nothing is kept aside"
    counts = counts_of(summary)
    assert counts.replaced == (becomes == b"film")
    assert (counts.existing, counts.skipped) == ((1, 0) if policy is Overwrite.NEVER else (0, int(becomes == b"mine")))


def test_a_link_or_folder_in_the_way_is_never_replaced(world: World, target: Path) -> None:
    precious = target.parent / "precious"
    precious.write_bytes(b"precious")
    (target / "c.mov").symlink_to(precious)
    (target / "2024" / "b.nef").mkdir(parents=True)
    outside = target.parent / "outside"
    outside.mkdir()
    (target / "2024" / "Iceland").symlink_to(outside)
    summary = restored(world, RestoreRequest(to=str(target), overwrite=Overwrite.ALWAYS))
    assert summary.exit_code is ExitCode.INCOMPLETE
    assert len(summary.errors) == 5
    assert (target / "c.mov").is_symlink()
    assert precious.read_bytes() == b"precious"
    assert list(outside.iterdir()) == []
    assert set(facts(target)) == {"2024/empty.jpg", "c.mov"}


def test_in_place_without_names_brings_back_what_is_missing_or_bad(world: World) -> None:
    (world.photos / "2024/b.nef").write_bytes(b"changed!")
    world.sync()
    (world.photos / "c.mov").unlink()
    (world.photos / "2024/Iceland/a.jpg").write_bytes(b"my newest work")
    summary = restored(world, RestoreRequest())
    counts = counts_of(summary)
    assert (summary.exit_code, counts.restored, counts.intact, counts.skipped) == (ExitCode.OK, 2, 3, 1)
    assert world.files()[f"{PREFIX}/2024/b.nef"] == b"raw b"
    assert world.files()[f"{PREFIX}/c.mov"] == b"film"
    assert world.files()[f"{PREFIX}/2024/Iceland/a.jpg"] == b"my newest work"
    assert (world.photos / f"2024/.lrsync-replaced-{STAMP}-b.nef").read_bytes() == b"changed!"
    night = world.sync()
    assert (night.exit_code, night.findings, night.actions.uploaded) == (ExitCode.OK, [], 1)


def test_in_place_what_is_overwritten_is_kept(world: World) -> None:
    (world.photos / "2024/Iceland/a.jpg").write_bytes(b"spoilt")
    assert restored(world, RestoreRequest(overwrite=Overwrite.IF_CHANGED)).exit_code is ExitCode.OK
    assert world.files()[f"{PREFIX}/2024/Iceland/a.jpg"] == b"jpeg a"
    assert (world.photos / f"2024/Iceland/.lrsync-replaced-{STAMP}-a.jpg").read_bytes() == b"spoilt"


# --- before anything happens ------------------------------------------------------------------------------


def test_what_would_not_fit_is_not_begun(world: World, target: Path) -> None:
    with pytest.raises(UsageError, match="20,480 bytes are needed, and only 9,000 are free") as caught:
        restored(world, RestoreRequest(to=str(target)), free_bytes=lambda: 9_000)
    assert caught.value.hint
    assert list(target.iterdir()) == []
    restored(world, RestoreRequest(("*.mov",), str(target)), free_bytes=lambda: 9_000)
    restored(world, RestoreRequest(to=str(target)), free_bytes=lambda: 16_384)  # one is there already
    assert len(facts(target)) == 6
    dry = restored(world, RestoreRequest(to=str(target / "x")), free_bytes=lambda: 0, dry_run=True)
    assert dry.exit_code is ExitCode.OK
    assert any(isinstance(event, Notice) and "would not fit" in event.message for event in world.events)


def test_the_user_is_asked_with_what_it_comes_to(world: World, target: Path) -> None:
    plans: list[RestorePlan] = []

    def refuse(plan: RestorePlan) -> bool:
        plans.append(plan)
        return False

    occupied(target, {"c.mov": b"film"})
    with pytest.raises(InterruptedRun, match="nothing was restored"):
        restored(world, RestoreRequest(to=str(target)), confirm=refuse)
    assert plans == [RestorePlan(6, 24, 5, 20, 4 * 4096, {"STANDARD": (5, 20)})]
    assert set(facts(target)) == {"c.mov"}


def test_a_dry_run_makes_and_asks_nothing(world: World, target: Path) -> None:
    before = world.store.requests.total
    summary = restored(world, RestoreRequest(to=str(target / "new")), dry_run=True)
    assert (counts_of(summary).restored, counts_of(summary).bytes) == (6, 24)
    assert (list(target.iterdir()), world.store.requests.total) == ([], before)


@dataclass(frozen=True)
class AtATime:
    """What a point in time had: versions of objects."""

    found: tuple[RestoreItem, ...]
    has_folders: bool = True

    def items(self) -> Iterator[RestoreItem]:
        return iter(self.found)

    def has(self, path: str) -> bool:
        return any(item.path == path for item in self.found)

    def folder(self, path: str) -> tuple[RestoreItem, ...]:
        return tuple(item for item in self.found if item.path.rpartition("/")[0] == path)


def test_older_versions_are_restored_and_the_rows_stay_true(tmp_path: Path, target: Path) -> None:
    world = World(tmp_path, store=MemoryStore(versioned=True))
    for data in (b"old", b"newest"):
        world.make({"a.jpg": data, "b.jpg": data})
        world.sync()
    old = {name: world.store.versions[f"{PREFIX}/{name}"][0] for name in ("a.jpg", "b.jpg")}
    items = [
        RestoreItem(n, f"{PREFIX}/{n}", 3, 7, sha256(b"old").digest(), version_id=v.version_id) for n, v in old.items()
    ]
    backup = AtATime((items[0], replace(items[1], sha256=bytes(32))))
    assert restored(world, RestoreRequest(("a.jpg",), str(target)), backup=lambda m: backup).exit_code is ExitCode.OK
    assert facts(target) == {"a.jpg": (b"old", 7)}
    before = [world.row(name) for name in old]
    summary = restored(world, RestoreRequest(overwrite=Overwrite.ALWAYS), backup=lambda m: backup)
    assert (summary.exit_code, counts_of(summary).restored) == (ExitCode.INCOMPLETE, 1)
    assert world.files()[f"{PREFIX}/a.jpg"] == b"old"
    assert [world.row(name) for name in old] == before, "neither restated nor called altered"
    assert world.sync().changes.modified == 1


# --- names ------------------------------------------------------------------------------------------------


def test_names_that_the_disk_cannot_hold_are_mapped_and_told(tmp_path: Path, target: Path) -> None:
    world = World(tmp_path)
    make_tree(world.photos, {"a:b.jpg": b"1", "CON.nef": b"2", "X.jpg": b"3", "x.jpg": b"4", "d.": {"y ": b"5"}})
    world.sync()
    summary = restored(world, RestoreRequest(to=str(target)), options={"names": WINDOWS})
    assert summary.exit_code is ExitCode.OK
    local = {renamed.path: renamed.local for renamed in summary.renamed}
    assert set(local) == {"a:b.jpg", "CON.nef", "x.jpg", "d./y "}
    assert (local["a:b.jpg"], local["CON.nef"], local["d./y "]) == ("a_b.jpg", "_CON.nef", "d_/y_")
    found = facts(target)
    for number, path in enumerate(["a:b.jpg", "CON.nef", "X.jpg", "x.jpg", "d./y "], start=1):
        assert found[local.get(path, path)][0] == str(number).encode()
    again = restored(world, RestoreRequest(to=str(target)), options={"names": WINDOWS})
    assert (counts_of(again).intact, again.renamed) == (5, summary.renamed)


# --- with nothing but the bucket --------------------------------------------------------------------------


def put(store: MemoryStore, key: str, data: bytes, **metadata: str) -> None:
    """An object as another tool writes it."""
    store.corrupt(key, data, keep_metadata=False)
    store.versions[key][-1].metadata.update(metadata)


def test_what_other_tools_wrote_comes_back(tmp_path: Path, target: Path) -> None:
    world = World(tmp_path)
    world.store.tick = lambda serial: LONG_AGO_NS + serial * 1_000_000
    put(world.store, f"{PREFIX}/aws.jpg", b"aws s3 sync")
    put(world.store, f"{PREFIX}/2024/rclone.jpg", b"rclone", mtime="1600000000.123456789")
    put(world.store, f"{PREFIX}/odd.jpg", b"odd", mtime="yesterday")
    put(world.store, f"{PREFIX}/2024/", b"")
    put(world.store, f"{PREFIX}/.lrsync/trash/20260101T000000Z/x.jpg", b"trash")
    put(world.store, f"{PREFIX}2/other.jpg", b"another library")
    summary = bare(world, RestoreRequest(to=str(target)))
    counts = counts_of(summary)
    assert (summary.exit_code, counts.restored, counts.unproven) == (ExitCode.OK, 3, 3)
    assert facts(target) == {
        "aws.jpg": (b"aws s3 sync", LONG_AGO_NS + 1_000_000),
        "2024/rclone.jpg": (b"rclone", 1_600_000_000_123_456_789),
        "odd.jpg": (b"odd", LONG_AGO_NS + 3_000_000),
    }
    assert counts_of(bare(world, RestoreRequest(to=str(target)))).intact == 3


def test_an_object_that_is_not_what_its_metadata_says_is_kept_aside(world: World, target: Path) -> None:
    world.store.corrupt(f"{PREFIX}/c.mov", b"rot!")
    summary = bare(world, RestoreRequest(to=str(target)))
    assert (summary.exit_code, [f.kind for f in summary.findings]) == (ExitCode.INCOMPLETE, [FindingKind.DRIFT])
    assert facts(target).keys() >= {"c.mov.damaged"} and "c.mov" not in facts(target)
    bare(world, RestoreRequest(to=str(target)))
    assert [name for name in facts(target) if "damaged" in name] == ["c.mov.damaged"], "not one for each try"
    world.store.corrupt(f"{PREFIX}/c.mov", b"r0t!")
    bare(world, RestoreRequest(to=str(target)))
    assert facts(target)["c.mov.damaged-1"][0] == b"r0t!", "other bytes are another file"


EVIL = ("../out.jpg", "a/../../out.jpg", "/etc/x", "a//b.jpg", "./x.jpg", "nul\0.jpg", "..")


def test_no_key_leads_out_of_the_target(world: World, target: Path) -> None:
    for key in EVIL:
        put(world.store, f"{PREFIX}/{key}", b"evil", mtime=format_mtime(1))
    before = {path.name for path in target.parent.iterdir()}
    seen: list[ListingBackup] = []

    def listing(manifest: Manifest) -> ListingBackup:
        list_bucket(world, manifest)
        seen.append(ListingBackup(manifest, PREFIX))
        return seen[0]

    world.path.unlink()
    world.new_manifest(world.path)
    summary = restored(world, RestoreRequest(to=str(target)), backup=listing)
    assert counts_of(summary).restored == 6
    assert set(seen[0].refused) == {f"{PREFIX}/{key}" for key in EVIL}
    assert {path.name for path in target.parent.iterdir()} == before


def test_times_are_asked_for_where_they_decide(world: World, target: Path) -> None:
    world.age("c.mov", LONG_AGO_NS + 2 * DAY_NS)
    world.sync()
    world.path.unlink()
    world.new_manifest(world.path)
    request = RestoreRequest(to=str(target), since_ns=LONG_AGO_NS + DAY_NS, types=parse_types(["mov", "jpg"]))
    from lrsync.adapters.selecting import selection_of

    chosen = selection_of(request, world.photos, world.home)
    put(world.store, f"{PREFIX}/d.mov", b"new", mtime=format_mtime(LONG_AGO_NS + 3 * DAY_NS))

    def timed(manifest: Manifest) -> Any:
        list_bucket(world, manifest)
        with DaemonPool(2) as pool:
            ports = AskPorts(world.store, pool, lambda: False, world.events.append)
            backup, failed = with_times(ports, ListingBackup(manifest, PREFIX), chosen)
        assert failed == []
        return backup

    heads = world.store.requests.head
    assert restored(world, request, backup=timed).exit_code is ExitCode.OK
    assert "d.mov" in facts(target) and "2024/Iceland/a.jpg" not in facts(target)
    assert world.store.requests.head - heads == 4, "two films and two JPEGs; the RAWs were not asked"


# --- what goes wrong on the way ---------------------------------------------------------------------------


def breaking(*at: int) -> Any:
    """A body that breaks off before its n-th chunks."""
    numbers = iter(range(1, 10**9))

    def fail(operation: str, key: str) -> None:
        if next(numbers) in at:
            raise ObjectError("the connection failed", code="ConnectionError")

    return fail


@pytest.fixture
def film(world: World) -> Iterator[bytes]:
    data = os.urandom(500_000)
    world.make({"film.mov": data})
    world.sync()
    yield data


def test_a_connection_that_breaks_is_taken_up_where_it_broke(world: World, film: bytes, target: Path) -> None:
    world.store.fail_chunk = breaking(1, 3, 4, 7)
    waits: list[float] = []
    summary = restored(world, RestoreRequest(("film.mov",), str(target)), wait=waits.append)
    assert (summary.exit_code, facts(target)["film.mov"][0]) == (ExitCode.OK, film)
    assert len(waits) == 4 and max(waits) < 5


def test_a_connection_that_keeps_breaking_fails_the_file_and_no_other(world: World, film: bytes, target: Path) -> None:
    def fail(operation: str, key: str) -> None:
        if key.endswith("film.mov"):
            raise ObjectError("the connection failed", code="ConnectionError")

    world.store.fail_chunk = fail
    summary = restored(world, RestoreRequest(to=str(target)))
    assert (summary.exit_code, counts_of(summary).restored) == (ExitCode.INCOMPLETE, 6)
    assert [failed.path for failed in summary.errors] == ["film.mov"]
    assert list(target.rglob(".lrsync-*")) == []
    world.store.fail_chunk = None
    assert counts_of(restored(world, RestoreRequest(to=str(target)))).restored == 1


def test_an_object_that_is_replaced_while_it_is_read_is_never_half_of_each(
    world: World, film: bytes, target: Path
) -> None:
    numbers = iter(range(1, 100))

    def fail(operation: str, key: str) -> None:
        if next(numbers) == 4:
            world.store.corrupt(key, bytes(len(film)))
            raise ObjectError("the connection failed", code="ConnectionError")

    world.store.fail_chunk = fail
    summary = restored(world, RestoreRequest(("film.mov",), str(target)))
    assert summary.exit_code is ExitCode.INCOMPLETE
    assert "changed in the bucket" in summary.errors[0].message
    assert facts(target) == {}


def test_a_stop_ends_it_and_the_next_run_goes_on(world: World, target: Path) -> None:
    stop = iter([False] * 4)
    with pytest.raises(InterruptedRun):
        restored(world, RestoreRequest(to=str(target)), stopping=lambda: next(stop, True), options={"threads": 1})
    done = facts(target)
    assert len(done) < 6
    summary = restored(world, RestoreRequest(to=str(target)))
    assert counts_of(summary).intact == len(done)
    assert len(facts(target)) == 6


# --- what a killed run left --------------------------------------------------------------------------------


@pytest.mark.skipif(os.name == "nt", reason="there are no such locks on Windows")
def test_what_a_killed_restore_left_goes_with_the_next_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(tmp_path)
    world.make({"2024": {"a": {"x.jpg": b"x"}, "b.jpg": b"b", "c": {"y.jpg": b"y"}, "d.jpg": b"d"}, "z.jpg": b"z"})
    world.sync()
    target = tmp_path / "target"
    target.mkdir()
    restored(world, RestoreRequest(to=str(target)))
    for folder in ("", "2024", "2024/c", "other"):
        (target / folder).mkdir(exist_ok=True)
        (target / folder / temporary_name()).write_bytes(b"half")
    restored(world, RestoreRequest(to=str(target)), dry_run=True)
    assert len(list(target.rglob(f"{TEMPORARY}*"))) == 4
    cleared: list[str] = []
    clear = FileWriter.clear_left

    def spy(self: FileWriter, folder: str) -> None:
        cleared.append(folder)
        clear(self, folder)

    monkeypatch.setattr(FileWriter, "clear_left", spy)
    assert counts_of(restored(world, RestoreRequest(to=str(target)))).intact == 5
    # Nothing of the backup lies in the other folder: what is in there is none of this restore's business.
    assert [path.parent.name for path in target.rglob(f"{TEMPORARY}*")] == ["other"]
    assert sorted(cleared) == ["", "2024", "2024/a", "2024/c"]  # each once


# --- a dry run foretells, and nothing is told of nothing ---------------------------------------------------


def test_a_dry_run_sees_a_link_or_a_folder_in_a_files_place(world: World, target: Path) -> None:
    (target / "c.mov").symlink_to("/etc/passwd")
    (target / "2024").symlink_to(target)
    request = RestoreRequest(to=str(target), overwrite=Overwrite.ALWAYS)
    foretold = restored(world, request, dry_run=True)
    done = restored(world, request)
    assert sorted(foretold.errors, key=repr) == sorted(done.errors, key=repr)
    assert counts_of(foretold) == counts_of(done)
    hints = {error.path: error.hint for error in done.errors}
    below = next(path for path in hints if path.startswith("2024/"))
    assert "nothing is ever written through a link" in hints[below]
    assert hints["c.mov"] == "restore to an empty folder, or see --overwrite"


@pytest.mark.parametrize("narrowed", [{"types": parse_types(["rwa"])}, {"since_ns": 10**19}, {"listed": ()}])
def test_that_nothing_is_meant_is_told(world: World, target: Path, narrowed: dict[str, Any]) -> None:
    summary = restored(world, RestoreRequest(to=str(target), **narrowed))
    assert (summary.exit_code, counts_of(summary).selected) == (ExitCode.OK, 0)
    assert Notice("nothing in the backup is what was asked for") in world.events

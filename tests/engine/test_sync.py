"""The nightly job on real files and a real manifest: what each kind of day does to the bucket."""

from __future__ import annotations

import os
import unicodedata
from pathlib import Path

import pytest

from lrsync.adapters.ignore import IgnoreRules
from lrsync.adapters.manifest import Manifest
from lrsync.core.amounts import MaxDelete
from lrsync.core.findings import FindingKind
from lrsync.core.model import Drift
from lrsync.core.runs import RunKind
from lrsync.errors import BucketError, ExitCode, InterruptedRun, ObjectError, ObjectExistsError
from lrsync.ui.summary import sentence_of
from tests.engine.world import PREFIX, World
from tests.trees import AWKWARD_NAMES

LIBRARY = {
    "2024": {"Iceland": {"a.nef": b"raw a" * 100, "a.xmp": b"edit a", "b.jpg": b"jpeg b" * 50}},
    "2025": {"c.mov": b"movie" * 1000},
    "readme.txt": b"hello",
}


def test_first_night_stores_every_byte(world: World) -> None:
    world.make(LIBRARY)
    summary = world.sync()
    assert world.objects() == world.files()
    assert (summary.exit_code, summary.actions.uploaded, summary.changes.added) == (ExitCode.OK, 5, 5)
    assert summary.bytes.uploaded == sum(map(len, world.files().values()))
    row = world.row("2024/Iceland/a.nef")
    assert row is not None and row.checksum is not None and row.settled


def test_quiet_night_asks_nothing_and_opens_nothing(world: World) -> None:
    world.make(LIBRARY)
    world.sync()
    before = world.store.requests.total
    summary = world.sync()
    assert world.store.requests.total == before
    assert world.opened == [], "neither the rows nor the bucket were needed"
    assert (summary.requests.total, summary.changes.unchanged, summary.exit_code) == (0, 5, ExitCode.OK)


def test_touched_file_is_restated_not_sent(world: World) -> None:
    world.make(LIBRARY)
    world.sync()
    world.age("readme.txt", 1_500_000_000_000_000_000)
    summary = world.sync()
    assert (summary.actions.restated, summary.actions.uploaded, summary.requests.total) == (1, 0, 0)
    assert summary.changes.touched == 1
    assert world.sync().changes.touched == 0


def test_edited_file_replaces_its_object_and_the_old_one_is_kept(world: World) -> None:
    world.make(LIBRARY)
    world.sync()
    (world.photos / "2024/Iceland/b.jpg").write_bytes(b"edited")
    summary = world.sync()
    assert (summary.actions.uploaded, summary.changes.modified) == (1, 1)
    assert world.objects() == world.files()
    assert world.trash() == {"2024/Iceland/b.jpg": b"jpeg b" * 50}


def test_versioned_bucket_needs_no_trash(world: World) -> None:
    world.store.versioned = True
    world.make(LIBRARY)
    world.sync()
    (world.photos / "readme.txt").write_bytes(b"edited")
    world.sync()
    assert world.trash() == {}
    assert [v.data for v in world.store.versions[f"{PREFIX}/readme.txt"]] == [b"hello", b"edited"]


def test_same_size_edit_with_the_old_mtime_is_found(world: World) -> None:
    world.make({"a.jpg": b"before"})
    world.sync()
    stat = (world.photos / "a.jpg").stat()
    (world.photos / "a.jpg").write_bytes(b"after!")
    os.utime(world.photos / "a.jpg", ns=(stat.st_mtime_ns, stat.st_mtime_ns))
    world.sync()
    assert world.objects() == {f"{PREFIX}/a.jpg": b"after!"}


def test_renamed_folder_is_copied_in_the_bucket(world: World) -> None:
    world.make(LIBRARY)
    world.sync()
    (world.photos / "2024/Iceland").rename(world.photos / "2024/Island")
    summary = world.sync()
    assert (summary.actions.copied, summary.actions.uploaded, summary.bytes.uploaded) == (3, 0, 0)
    assert summary.changes.missing == 3
    assert world.files().items() <= world.objects().items()


def test_changed_original_is_quarantined_night_after_night(world: World) -> None:
    world.make(LIBRARY)
    world.sync()
    (world.photos / "2024/Iceland/a.nef").write_bytes(b"rot a" * 100)
    for hashed in (len(b"rot a" * 100), 0):
        summary = world.sync()
        assert (summary.exit_code, summary.actions.quarantined) == (ExitCode.NEEDS_PERSON, 1)
        assert [f.kind for f in summary.findings] == [FindingKind.ORIGINAL_CHANGED]
        assert summary.bytes.hashed == hashed, "a quarantined file is not read again every night"
        assert world.objects()[f"{PREFIX}/2024/Iceland/a.nef"] == b"raw a" * 100
    (world.photos / "2024/Iceland/a.nef").write_bytes(b"raw a" * 100)
    summary = world.sync()
    assert (summary.exit_code, summary.actions.restated, summary.findings) == (ExitCode.OK, 1, [])
    assert world.sync().exit_code is ExitCode.OK


def test_awkward_names(world: World) -> None:
    world.make({"folder with ünïcode & +": {name: name.encode() for name in AWKWARD_NAMES}})
    summary = world.sync()
    assert summary.errors == []
    expected = {unicodedata.normalize("NFC", key): data for key, data in world.files().items()}
    assert world.objects() == expected
    assert world.sync().requests.total == 0


def test_a_name_that_is_not_utf8_fails_alone(world: World) -> None:
    world.make({"good.jpg": b"good"})
    Path(os.fsdecode(os.fsencode(world.photos) + b"/bad\xff.jpg")).write_bytes(b"bad")
    summary = world.sync()
    assert (summary.exit_code, summary.actions.failed, summary.actions.uploaded) == (ExitCode.INCOMPLETE, 1, 1)
    assert "UTF-8" in summary.errors[0].message and summary.errors[0].hint


def test_two_names_for_one_key_are_both_reported_and_neither_is_sent(world: World) -> None:
    nfc, nfd = (unicodedata.normalize(form, "é.jpg") for form in ("NFC", "NFD"))
    world.make({nfc: b"one", nfd: b"two", "other.jpg": b"other"})
    summary = world.sync()
    assert {error.path for error in summary.errors} == {nfc, nfd}
    assert world.objects() == {f"{PREFIX}/other.jpg": b"other"}


def test_a_second_name_for_a_stored_key_does_not_overwrite_it(world: World) -> None:
    nfc, nfd = (unicodedata.normalize(form, "é.jpg") for form in ("NFC", "NFD"))
    world.make({nfd: b"one"})
    world.sync()
    world.make({nfc: b"two"})
    summary = world.sync()
    assert {error.path for error in summary.errors} == {nfc, nfd}
    assert world.objects() == {f"{PREFIX}/{nfc}": b"one"}


def test_excluding_never_deletes_what_was_backed_up(world: World) -> None:
    world.make(LIBRARY)
    world.sync()
    before = world.objects()
    world.rules = IgnoreRules(exclude=("2024/", "*.txt"))
    summary = world.sync(delete=True)
    assert (summary.actions.trashed, summary.changes.missing, summary.exit_code) == (0, 0, ExitCode.OK)
    assert world.objects() == before
    assert world.sync().requests.total == 0 and world.opened == []


def test_large_file_goes_in_parts_and_quietly_after(world: World) -> None:
    data, sent = os.urandom(70 << 20), list[str]()
    world.make({"big.mov": data})
    world.store.fail_after = lambda operation, key: sent.append(operation) if key.endswith("big.mov") else None
    world.sync()
    assert sent.count("put_part") == 5
    assert world.objects()[f"{PREFIX}/big.mov"] == data
    assert world.store.uploads == []
    with Manifest(world.path, PREFIX) as manifest:
        assert manifest.multiparts() == []
    assert world.sync().requests.total == 0


# --- deletes ------------------------------------------------------------------------------------------------


def test_missing_files_stay_without_delete(world: World) -> None:
    world.make(LIBRARY)
    world.sync()
    (world.photos / "readme.txt").unlink()
    for _ in range(2):
        summary = world.sync()
        assert (summary.changes.missing, summary.actions.trashed, summary.exit_code) == (1, 0, ExitCode.OK)
    assert world.objects()[f"{PREFIX}/readme.txt"] == b"hello"
    row = world.row("readme.txt")
    assert row is not None and row.missing_since is not None


def test_delete_moves_to_the_trash(world: World) -> None:
    world.make(LIBRARY)
    world.sync()
    (world.photos / "readme.txt").unlink()
    summary = world.sync(delete=True)
    assert (summary.actions.trashed, summary.exit_code) == (1, ExitCode.OK)
    assert world.objects() == world.files()
    assert world.trash() == {"readme.txt": b"hello"}
    assert world.row("readme.txt") is None


def test_a_file_that_returns_is_known_again(world: World) -> None:
    world.make(LIBRARY)
    world.sync()
    hidden = world.home / "hidden"
    (world.photos / "2025").rename(hidden)
    assert world.sync().changes.missing == 1
    hidden.rename(world.photos / "2025")
    summary = world.sync()
    assert (summary.changes.missing, summary.actions.uploaded) == (0, 0)
    row = world.row("2025/c.mov")
    assert row is not None and row.missing_since is None


@pytest.mark.parametrize("case", ["too many", "unreadable", "no marker", "empty", "mass change"])
def test_a_guard_that_refuses_deletes_nothing(world: World, case: str) -> None:
    world.make({"a": {f"{i}.jpg": str(i).encode() for i in range(5)}, "b.jpg": b"b", "c": {"d.jpg": b"d"}})
    world.sync()
    (world.photos / "b.jpg").unlink()
    limit = MaxDelete()
    if case == "too many":
        limit = MaxDelete(count=0, percent=None)
    elif case == "no marker":
        world.proven = False
    elif case == "empty":
        for file in world.photos.rglob("*.jpg"):
            file.unlink()
    elif case == "mass change":
        world.make({"many": {f"{i}.jpg": f"photo {i}".encode() for i in range(60)}})
        world.sync()
        world.make({"many": {f"{i}.jpg": f"encrypted {i}".encode() for i in range(60)}})
    else:
        world.wrap_tree = _Unreadable  # type: ignore[assignment]
    before = world.objects()
    summary = world.sync(delete=True, max_delete=limit)
    assert world.objects() == before and world.trash() == {}
    (refused,) = [f for f in summary.findings if f.kind is FindingKind.DELETE_GUARD]
    assert ("--max-delete" in refused.hint) is (case == "too many"), "no number helps against the other guards"
    assert summary.exit_code in (ExitCode.NEEDS_PERSON, ExitCode.INCOMPLETE)
    assert (summary.exit_code is ExitCode.INCOMPLETE) == (case == "unreadable")


def test_deletes_come_last(world: World) -> None:
    """A file that only moved has its object under the new key before the old one goes."""
    world.make({"a": {f"{i}.jpg": str(i).encode() for i in range(5)}})
    world.sync()
    (world.photos / "a").rename(world.photos / "z")
    world.make({"zz.jpg": b"new"})
    asked: list[str] = []
    world.store.fail = lambda operation, key: asked.append(operation)
    assert world.sync(delete=True).actions.trashed == 5
    first = asked.index("delete")
    assert asked[:first].count("copy") == 5
    assert not {"put", "copy"} & set(asked[first:])


def test_renames_do_not_count_as_deletes(world: World) -> None:
    world.make({"a": {f"{i}.jpg": str(i).encode() for i in range(20)}})
    world.sync()
    (world.photos / "a").rename(world.photos / "b")
    summary = world.sync(delete=True, max_delete=MaxDelete(count=0, percent=None))
    assert (summary.actions.copied, summary.actions.trashed, summary.findings) == (20, 20, [])
    assert world.objects() == world.files()


@pytest.mark.parametrize("forms", [("NFD", "NFC"), ("NFC", "NFD")])
def test_a_name_in_another_unicode_form_keeps_its_object(world: World, forms: tuple[str, str]) -> None:
    before, after = (unicodedata.normalize(form, "\u00e9.jpg") for form in forms)
    world.make({before: b"photo", "other.jpg": b"other"})
    world.sync()
    (world.photos / before).rename(world.photos / after)
    summary = world.sync(delete=True)
    assert summary.actions.trashed == 0
    key = f"{PREFIX}/" + unicodedata.normalize("NFC", before)
    assert world.objects()[key] == b"photo"


def test_nothing_is_deleted_while_a_file_cannot_be_backed_up(world: World) -> None:
    world.make({"a.nef": b"photo"})
    world.sync()
    os.rename(world.photos / "a.nef", os.fsencode(world.photos) + b"/moved\xff.nef")
    summary = world.sync(delete=True)
    assert summary.actions.trashed == 0
    assert world.objects() == {f"{PREFIX}/a.nef": b"photo"}


class _Unreadable:
    """A tree whose folder `c` cannot be read."""

    def __init__(self, tree: object) -> None:
        self._tree = tree

    def __getattr__(self, name: str) -> object:
        return getattr(self._tree, name)

    def walk(self):  # type: ignore[no-untyped-def]
        from lrsync.core.scan import ScannedDir, ScanProblem

        for scanned in self._tree.walk():  # type: ignore[attr-defined]
            if scanned.path == "c":
                scanned = ScannedDir("c", complete=False, problems=(ScanProblem("c", "cannot be read"),))
            yield scanned


def test_an_unreadable_folder_makes_nothing_missing(world: World) -> None:
    world.make({"c": {"d.jpg": b"d", "e": {"f.jpg": b"f"}}, "b.jpg": b"b"})
    world.sync()
    world.wrap_tree = _Unreadable  # type: ignore[assignment]
    summary = world.sync()
    assert (summary.exit_code, summary.changes.missing) == (ExitCode.INCOMPLETE, 0)
    assert summary.scan.unreadable == 1
    assert [f.kind for f in summary.findings] == [FindingKind.UNREADABLE]


# --- the full pass ------------------------------------------------------------------------------------------


def test_full_pass_repairs_what_the_bucket_lost_or_altered(world: World) -> None:
    world.make(LIBRARY)
    world.sync()
    world.store.lose(f"{PREFIX}/2025/c.mov")
    world.store.corrupt(f"{PREFIX}/2024/Iceland/b.jpg", b"vandal")
    world.store.corrupt(f"{PREFIX}/stranger.jpg", b"not ours")
    summary = world.sync(full=True)
    drift = summary.drift
    assert (drift.checked, drift.missing, drift.altered, drift.unknown, drift.repaired) == (True, 1, 1, 1, 2)
    assert summary.exit_code is ExitCode.OK
    assert world.objects() == {**world.files(), f"{PREFIX}/stranger.jpg": b"not ours"}
    assert world.trash() == {"2024/Iceland/b.jpg": b"vandal"}, "what was there is kept, whoever wrote it"
    again = world.sync(full=True)
    assert (again.drift.missing, again.drift.altered, again.drift.repaired) == (0, 0, 0)


def test_drift_that_cannot_be_repaired_needs_a_person_until_it_is(world: World) -> None:
    world.make(LIBRARY)
    world.sync()
    saved = (world.photos / "readme.txt").read_bytes()
    (world.photos / "readme.txt").unlink()
    world.store.lose(f"{PREFIX}/readme.txt")
    assert world.sync(full=True).exit_code is ExitCode.NEEDS_PERSON
    summary = world.sync()
    assert [f.kind for f in summary.findings] == [FindingKind.DRIFT], "it is not forgotten on a quiet night"
    assert summary.drift.lost == 1, "no file of the source is unsafe by it"
    assert summary.exit_code is ExitCode.NEEDS_PERSON
    (world.photos / "readme.txt").write_bytes(saved)
    assert world.sync().exit_code is ExitCode.OK
    assert world.objects() == world.files()


def test_changed_original_does_not_replace_an_altered_object(world: World) -> None:
    world.make({"a.nef": b"good"})
    world.sync()
    world.store.corrupt(f"{PREFIX}/a.nef", b"bad1")
    (world.photos / "a.nef").write_bytes(b"bad2")
    summary = world.sync(full=True)
    assert summary.actions.quarantined == 1
    (changed,) = [f for f in summary.findings if f.kind is FindingKind.ORIGINAL_CHANGED]
    assert "not the good one" in changed.message, "of an altered object nobody may say that the good one was kept"
    assert world.objects() == {f"{PREFIX}/a.nef": b"bad1"}
    row = world.row("a.nef")
    assert row is not None and row.drift is Drift.ALTERED


@pytest.mark.parametrize("quarantined_before", [False, True])
def test_a_changed_original_whose_good_object_was_lost_goes_up_and_is_told(
    world: World, quarantined_before: bool
) -> None:
    """What the disk has is the only copy that is left; that it is not what was backed up must not be passed over."""
    world.make({"a.nef": b"good"})
    world.sync()
    (world.photos / "a.nef").write_bytes(b"changed")
    if quarantined_before:
        assert world.sync().actions.quarantined == 1
    world.store.lose(f"{PREFIX}/a.nef")
    foretold = world.sync(full=True, dry_run=True)
    assert (foretold.actions.uploaded, world.objects()) == (1, {})
    summary = world.sync(full=True)
    assert (summary.exit_code, summary.actions.uploaded) == (ExitCode.NEEDS_PERSON, 1)
    assert [(f.kind, f.path) for f in summary.findings] == [(FindingKind.SUSPECT_ORIGINAL, "a.nef")]
    assert "the bucket has lost those" in summary.findings[0].message
    assert world.objects() == world.files()
    assert world.sync().exit_code is ExitCode.NEEDS_PERSON, "until it is accepted, or the good bytes are back"


def test_another_etag_with_the_same_checksum_is_no_drift(world: World) -> None:
    world.make({"a.jpg": b"same"})
    world.sync()
    key = f"{PREFIX}/a.jpg"
    world.store.corrupt(key, b"same")
    from dataclasses import replace

    world.store.versions[key][-1] = replace(world.store.versions[key][-1], etag="f" * 32)
    summary = world.sync(full=True)
    assert (summary.drift.altered, summary.actions.uploaded) == (0, 0)
    row = world.row("a.jpg")
    assert row is not None and row.etag == "f" * 32


def test_any_order_and_short_pages_of_a_listing(world: World) -> None:
    world.make({"a": {"x.jpg": b"1"}, "a b": {"x.jpg": b"2"}, "a-b.jpg": b"3", "Z": {"y.jpg": b"4"}})
    world.sync()
    world.store.page_size = 1
    world.store.list_order = lambda key: key.split("/")[::-1]
    summary = world.sync(full=True)
    assert (summary.drift.missing, summary.drift.altered, summary.drift.unknown) == (0, 0, 0)


def test_full_pass_comes_due_by_itself(world: World) -> None:
    week = 7 * 24 * 3_600_000_000_000
    world.make({"a.jpg": b"a"})
    checked = [world.sync(full_every_ns=week).drift.checked for _ in range(9)]
    assert checked == [True, False, False, False, False, False, False, True, False]


# --- what lies there already --------------------------------------------------------------------------------


def test_a_new_manifest_adopts_what_is_in_the_bucket(world: World) -> None:
    world.make(LIBRARY)
    world.sync()
    world.path.unlink()
    world.new_manifest(world.path)
    summary = world.sync()
    assert (summary.bytes.uploaded, summary.actions.adopted, summary.actions.uploaded) == (0, 5, 0)
    assert world.sync().requests.total == 0


def test_an_unknown_object_is_kept_before_it_is_replaced(world: World) -> None:
    world.make({"a.jpg": b"mine"})
    world.store.corrupt(f"{PREFIX}/a.jpg", b"somebody's")
    world.sync()
    assert world.objects() == world.files()
    assert world.trash() == {"a.jpg": b"somebody's"}


def test_an_object_that_appeared_since_the_listing_is_kept_too(world: World) -> None:
    world.make({"a.jpg": b"a"})
    world.sync()
    world.make({"b.jpg": b"mine"})
    world.store.corrupt(f"{PREFIX}/b.jpg", b"somebody's")
    summary = world.sync()
    assert summary.drift.checked is False
    assert world.objects() == world.files()
    assert world.trash() == {"b.jpg": b"somebody's"}


def test_a_key_that_is_taken_by_a_folder_is_one_files_failure(world: World) -> None:
    """As SeaweedFS answers for `a.jpg` while it has `a.jpg/inside.txt`."""
    world.make({"a.jpg": b"a", "b.jpg": b"b"})

    def taken(operation: str, key: str) -> None:
        if operation == "put" and key.endswith("a.jpg"):
            raise ObjectExistsError("is in the bucket already")

    world.store.fail = taken
    summary = world.sync()
    assert (summary.exit_code, summary.actions.uploaded) == (ExitCode.INCOMPLETE, 1)
    assert [(failed.path, "folder of that name" in failed.hint) for failed in summary.errors] == [("a.jpg", True)]
    assert world.row("a.jpg") is None


def test_a_server_copy_never_replaces_an_unknown_object(world: World) -> None:
    world.make({"a.jpg": b"a"})
    world.sync()
    (world.photos / "a.jpg").rename(world.photos / "b.jpg")
    world.store.corrupt(f"{PREFIX}/b.jpg", b"somebody's")
    world.sync()
    assert world.objects()[f"{PREFIX}/b.jpg"] == b"a"
    assert world.trash() == {"b.jpg": b"somebody's"}


# --- failures -----------------------------------------------------------------------------------------------


def test_one_failing_file_does_not_stop_the_others(world: World) -> None:
    world.make(LIBRARY)

    def fail(operation: str, key: str) -> None:
        if operation == "put" and key.endswith("b.jpg"):
            raise ObjectError("refused", hint="ask it")

    world.store.fail = fail
    summary = world.sync()
    assert (summary.exit_code, summary.actions.failed, summary.actions.uploaded) == (ExitCode.INCOMPLETE, 1, 4)
    assert world.row("2024/Iceland/b.jpg") is None
    world.store.fail = None
    summary = world.sync()
    assert (summary.exit_code, summary.actions.uploaded) == (ExitCode.OK, 1)


def test_a_bucket_that_cannot_be_used_ends_the_run_at_once(world: World) -> None:
    world.make({f"{i}.jpg": str(i).encode() for i in range(100)})
    calls = []

    def fail(operation: str, key: str) -> None:
        if operation == "put":
            calls.append(key)
            if len(calls) > 10:
                raise BucketError("the token has expired")

    world.store.fail = fail
    with pytest.raises(BucketError):
        world.sync(batch_size=1)
    assert len(calls) < 30, "not once per file"
    world.store.fail = None
    summary = world.sync()
    assert summary.actions.uploaded == 90, "what was acknowledged is recorded"
    assert world.objects() == world.files()


def test_interrupted_run_records_what_was_acknowledged(world: World) -> None:
    world.make({str(d): {f"{i}.jpg": f"{d} {i}".encode() for i in range(10)} for d in range(20)})
    world.stopping = lambda: len(world.store.keys()) > 40
    with pytest.raises(InterruptedRun):
        world.sync()
    sent = len(world.store.keys())
    assert 40 < sent < 200
    world.stopping = lambda: False
    summary = world.sync()
    assert summary.actions.uploaded == 200 - sent
    assert world.objects() == world.files()


def test_interrupted_multipart_resumes(world: World) -> None:
    data = os.urandom(16 * 6 << 20)
    world.make({"big.mov": data})
    parts: list[str] = []
    world.store.fail_after = lambda operation, key: parts.append(operation) if operation == "put_part" else None
    world.stopping = lambda: len(parts) >= 2
    with pytest.raises(InterruptedRun):
        world.sync(threads=1)
    sent = len(parts)
    assert 2 <= sent < 6 and len(world.store.uploads) == 1
    world.stopping = lambda: False
    world.sync()
    assert len(parts) == 6, "only the missing parts went"
    assert world.objects() == world.files() and world.store.uploads == []


def test_dry_run_changes_nothing_and_foretells_the_run(world: World) -> None:
    world.make(LIBRARY)
    world.sync()
    (world.photos / "2024/Iceland/a.nef").write_bytes(b"rot")
    (world.photos / "2024/Iceland/b.jpg").write_bytes(b"edited")
    (world.photos / "readme.txt").rename(world.photos / "readme2.txt")
    world.make({"new.jpg": b"brand new"})
    before = (world.path.read_bytes(), world.objects(), world.files())
    foretold = world.sync(dry_run=True, delete=True)
    assert (world.path.read_bytes(), world.objects(), world.files()) == before
    assert (world.objects(), world.trash()) == (before[1], {})
    done = world.sync(delete=True)
    assert foretold.changes == done.changes
    assert foretold.actions == done.actions
    assert foretold.bytes.uploaded == done.bytes.uploaded


# --- alarms -------------------------------------------------------------------------------------------------


def a_hundred(edit: bytes = b"") -> dict[str, bytes]:
    return {f"{i:03}.jpg": f"photo {i}".encode() + edit for i in range(100)}


def test_mass_change_overwrites_nothing_until_it_is_accepted(world: World) -> None:
    world.make({"a": a_hundred(), "gone.jpg": b"gone"})
    world.sync()
    before = world.objects()
    world.make({"a": a_hundred(b" encrypted"), "new.jpg": b"new"})
    (world.photos / "gone.jpg").unlink()
    summary = world.sync(delete=True)
    assert summary.exit_code is ExitCode.NEEDS_PERSON
    assert {f.kind for f in summary.findings} == {FindingKind.MASS_CHANGE, FindingKind.DELETE_GUARD}
    assert world.objects() == {**before, f"{PREFIX}/new.jpg": b"new"}, "additions still go up, nothing else happens"
    assert (summary.changes.modified, summary.actions.uploaded, summary.actions.trashed) == (100, 1, 0)
    assert sentence_of(RunKind.SYNC, summary).endswith("1 is safe."), sentence_of(RunKind.SYNC, summary)
    world.store.corrupt(f"{PREFIX}/a/000.jpg", b"other bytes")
    summary = world.sync(full=True)
    assert summary.exit_code is ExitCode.NEEDS_PERSON, "it is still so the next night"
    assert sentence_of(RunKind.SYNC, summary).endswith("1 is safe."), "of the altered object's file, too, but once"
    summary = world.sync(accept_mass_change=True)
    assert (summary.exit_code, summary.actions.uploaded) == (ExitCode.OK, 100)
    assert world.files().items() <= world.objects().items()
    assert len(world.trash()) == 100


@pytest.mark.parametrize(("changed", "alarm"), [(51, False), (52, True)])
def test_the_alarm_needs_more_than_thirty_percent(world: World, changed: int, alarm: bool) -> None:
    others = {f"x{i}.jpg": f"x{i}".encode() for i in range(70)}
    world.make({"a": {**a_hundred(), **others}})
    world.sync()
    world.make({"a": dict(list(a_hundred(b" edited").items())[:changed])})
    summary = world.sync()
    assert (summary.actions.uploaded == 0) == alarm
    assert (world.objects() == world.files()) != alarm
    assert summary.exit_code is (ExitCode.NEEDS_PERSON if alarm else ExitCode.OK)


def test_a_new_original_that_is_cut_off_is_reported_and_backed_up(world: World) -> None:
    movie = b"\0\0\0\x10ftypqt  \0\0\0\0" + b"\0\0\x10\0mdat" + os.urandom(100)
    world.make({"cut.mov": movie, "zero.nef": bytes(5000), "fine.raf": b"fine"})
    summary = world.sync()
    assert {(f.kind, f.path) for f in summary.findings} == {
        (FindingKind.SUSPECT_ORIGINAL, "cut.mov"),
        (FindingKind.SUSPECT_ORIGINAL, "zero.nef"),
    }
    assert summary.exit_code is ExitCode.NEEDS_PERSON
    assert world.objects() == world.files()
    again = world.sync()
    assert {f.path for f in again.findings} == {"cut.mov", "zero.nef"}, "it is said until somebody settles it"
    world.make({"cut.mov": movie[:16]})
    (world.photos / "zero.nef").unlink()
    world.sync()
    assert [f.path for f in world.sync().findings] == ["cut.mov", "cut.mov"], "what is gone is settled"

"""Archived objects: asked for once, waited for, read when they are there. On a clock of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from lrsync.adapters.thaw_notes import FileThawNotes
from lrsync.core.model import Failed
from lrsync.core.thaw import DAY_NS, HOUR_NS, Archive, NoteState, ThawNote, ThawWish, Tier
from lrsync.engine.thaw import READY_NOW, Asked, Asleep, Thawer, thaw_report
from lrsync.errors import BucketError, ObjectError
from tests.stores.memory import MemoryStore, content_of

KEY = "P/a.nef"
FILE = Asleep("a.nef", KEY, None)
NOW = 1_800_000_000_000_000_000


class Bench:
    """One archived object, its notes, and a clock."""

    def __init__(self, folder: Path, storage_class: str = "GLACIER") -> None:
        self.store = MemoryStore(storage_class=storage_class)
        self.store.put(KEY, content_of(b"photo"))
        self.store.archived.add(KEY)
        self.notes = FileThawNotes(folder / "deep" / "thaws.sqlite")
        self.now_ns = NOW

    def see_to(self, wish: ThawWish | None = ThawWish()) -> object:  # noqa: B008 - frozen
        found = Thawer(lambda: self.store, self.notes, wish, lambda: self.now_ns).see_to(FILE)
        if isinstance(found, Asked) and found.is_new and found.note is not None:
            self.notes.add([found.note])
        return found

    def states(self) -> dict[NoteState, int]:
        report = thaw_report(self.notes, self.now_ns)
        return {state: group.objects for state, group in report.groups.items() if group.objects}


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_a_life_of_a_thaw(bench: Bench) -> None:
    asked = bench.see_to()
    assert isinstance(asked, Asked)
    assert (asked.is_new, asked.ready_ns, asked.size) == (True, NOW + 12 * HOUR_NS, 5)
    assert bench.store.asked == [(KEY, Tier.BULK, 7, None)]
    assert bench.states() == {NoteState.WAITING: 1}

    bench.now_ns += HOUR_NS
    again = bench.see_to()
    assert isinstance(again, Asked) and not again.is_new
    assert again.ready_ns == NOW + 12 * HOUR_NS, "an hour later it is not an hour more"
    assert len(bench.store.asked) == 1, "S3 is asked once, and bills once"

    bench.store.finish_thaws()
    bench.now_ns = NOW + 12 * HOUR_NS
    assert bench.states() == {NoteState.DUE: 1}
    assert bench.see_to() is READY_NOW
    bench.notes.forget([(KEY, None)])
    assert bench.states() == {}


def test_one_that_went_back_to_sleep_is_asked_for_again(bench: Bench) -> None:
    bench.see_to()
    bench.store.thaws.clear()  # its days are over
    bench.now_ns = NOW + 8 * DAY_NS
    assert bench.states() == {NoteState.EXPIRED: 1}
    asked = bench.see_to(ThawWish(Tier.STANDARD, 2))
    assert isinstance(asked, Asked) and asked.is_new
    assert bench.store.asked[-1] == (KEY, Tier.STANDARD, 2, None)
    assert bench.states() == {NoteState.WAITING: 1}


def test_one_that_somebody_else_asked_for_is_waited_for(bench: Bench) -> None:
    bench.store.thaw(KEY, Tier.BULK, days=1)
    found = bench.see_to()
    assert isinstance(found, Asked)
    assert (found.is_new, found.ready_ns, found.note) == (False, None, None)


def test_nothing_is_asked_for_where_the_user_does_not_want_it(bench: Bench) -> None:
    found = bench.see_to(None)
    assert isinstance(found, Failed) and "GLACIER" in found.message
    assert bench.store.asked == []


def test_a_deep_archive_is_never_asked_for_expedited(tmp_path: Path) -> None:
    bench = Bench(tmp_path, "DEEP_ARCHIVE")
    found = bench.see_to(ThawWish(Tier.EXPEDITED))
    assert isinstance(found, Failed) and "no expedited" in found.message
    assert bench.store.asked == []


def test_what_cannot_be_asked_is_that_files_failure(bench: Bench) -> None:
    def refuse(operation: str, key: str) -> None:
        if operation == "thaw":
            raise ObjectError("has to wait", code="GlacierExpeditedRetrievalNotAvailable", hint="use standard")

    bench.store.fail = refuse
    found = bench.see_to(ThawWish(Tier.EXPEDITED))
    assert isinstance(found, Failed) and found.hint == "use standard"
    assert bench.states() == {}

    def denied(operation: str, key: str) -> None:
        raise BucketError("denied")

    bench.store.fail = denied
    with pytest.raises(BucketError):
        bench.see_to()


def test_notes_outlive_the_process_and_tell_versions_apart(tmp_path: Path) -> None:
    path = tmp_path / "thaws.sqlite"
    kept = [
        ThawNote("P/a\udcff.nef", None, "a\udcff.nef", 5, Archive.GLACIER, Tier.BULK, 7, NOW),
        ThawNote("P/a\udcff.nef", "v1", "a\udcff.nef", 5, Archive.DEEP_ARCHIVE, Tier.BULK, 1, NOW),
        ThawNote("P/b", None, "b", 5, Archive.ARCHIVE_ACCESS, Tier.BULK, None, NOW),
    ]
    with FileThawNotes(path) as notes:
        assert list(notes.all()) == []
        notes.forget([("x", None)])
        assert not path.exists(), "nothing to keep, nothing made"
        notes.add(kept)
    with FileThawNotes(path) as notes:
        assert sorted(notes.all(), key=repr) == sorted(kept, key=repr)
        assert notes.find("P/a\udcff.nef", "v1") == kept[1]
        notes.forget([("P/a\udcff.nef", None)])
        assert notes.find("P/a\udcff.nef", None) is None
        assert notes.find("P/a\udcff.nef", "v1") == kept[1]

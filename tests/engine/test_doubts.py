"""When an ETag that is not a file's says that the object has other bytes."""

from __future__ import annotations

from lrsync.core.model import Change, ChangeKind
from lrsync.core.scan import ScannedFile
from lrsync.engine.adoption import Examined, Fate
from lrsync.engine.doubts import MAX_WAITING, Doubts


def one(number: int = 0) -> Examined:
    return Examined(Change(ChangeKind.ADDED, "", ScannedFile(f"{number}.nef", 1, 1, 1), None), Fate.DOUBTFUL)


def test_they_wait_until_another_etag_was_an_md5() -> None:
    doubts = Doubts(lambda: False)
    assert doubts.doubt(one(1)) == ([], [])
    assert doubts.etag_proved() == [one(1)]
    assert doubts.doubt(one(2)) == ([one(2)], [])
    assert doubts.etag_proved() == doubts.end() == []


def test_without_any_they_are_unproven() -> None:
    doubts = Doubts(lambda: False)
    doubts.doubt(one())
    assert doubts.end() == [one()]


def test_so_many_that_the_stores_etags_are_something_else() -> None:
    doubts = Doubts(lambda: False)
    for number in range(MAX_WAITING):
        assert doubts.doubt(one(number)) == ([], [])
    differing, unproven = doubts.doubt(one(MAX_WAITING))
    assert (differing, len(unproven)) == ([], MAX_WAITING + 1)
    assert doubts.doubt(one()) == ([], [one()])


def test_an_earlier_adoption_may_have_met_an_md5() -> None:
    doubts = Doubts(lambda: True)
    assert doubts.doubt(one()) == ([one()], [])

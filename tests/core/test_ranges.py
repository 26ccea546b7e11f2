"""Ranges of keys: nothing between two of them, about as large as each other, and not trusted where they do not meet."""

from __future__ import annotations

from bisect import bisect_right

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lrsync.core.ranges import KeyRange, Seam, count_inside, is_ascending, meet, places, ranges

OWN = "P/.lrsync/"
KEYS = st.text(st.sampled_from("a/.-~é"), min_size=1, max_size=6).map("P/".__add__)


@given(st.dictionaries(st.sampled_from(["", "a", "a/b", "a-b", "b"]), st.integers(1, 30)), st.integers(1, 40))
def test_between_two_cuts_lie_so_many_files(counts: dict[str, int], every: int) -> None:
    in_turn = [(f, n) for f in sorted(counts, key=lambda f: f and f"{f}/") for n in range(1, counts[f] + 1)]
    assert list(places(counts, every)) == in_turn[every - 1 :: every]


@given(st.sets(KEYS), st.sets(KEYS, max_size=8))
def test_every_key_is_in_just_one_range(keys: set[str], borders: set[str]) -> None:
    cut = ranges(borders, OWN)
    for key in keys:
        holding = [one for one in cut if one.after < key and (one.until is None or key <= one.until)]
        assert len(holding) == (0 if OWN < key <= f"{OWN}~" else 1)


def test_what_is_left_out_lies_between_two_ranges() -> None:
    whole = [KeyRange("", OWN), KeyRange(f"{OWN}~", None)]
    assert ranges([], OWN) == ranges([OWN, f"{OWN}trash/x", f"{OWN}~", ""], OWN) == whole
    assert ranges(["P/b", "P/-"], OWN) == [
        KeyRange("", "P/-"),
        KeyRange("P/-", OWN),
        KeyRange(f"{OWN}~", "P/b"),
        KeyRange("P/b", None),
    ]


@pytest.mark.parametrize(
    ("keys", "after", "expected"),
    [
        ([], "x", True),
        (["a", "a-b/c", "a/b", "aé", "a\U0001f600"], "", True),
        (["a/b", "a-b/c"], "", False),
        (["a", "a"], "", False),
        (["b"], "b", False),
        (["b"], "c", False),
        (["\U0001f600", "\uffee"], "", False),  # the order of UTF-16, which some languages compare by
    ],
)
def test_ascending_is_by_bytes(keys: list[str], after: str, expected: bool) -> None:
    assert is_ascending(keys, after) is expected
    assert expected is (keys == sorted(set(keys), key=str.encode) and all(key > after for key in keys))


@given(st.lists(KEYS, unique=True).map(sorted), st.none() | KEYS)
def test_a_range_ends_with_its_last_key(keys: list[str], until: str | None) -> None:
    assert keys[: count_inside(keys, until)] == [key for key in keys if until is None or key <= until]


def test_ranges_meet_where_one_ends_with_what_the_next_begins_with() -> None:
    one = KeyRange("", "b")
    assert meet(one, Seam("a", "c"), Seam("c", None), OWN)
    assert meet(one, Seam("a", None), Seam(None, None), OWN)
    assert not meet(one, Seam("a", "c"), Seam("d", None), OWN)
    assert not meet(one, Seam("a", None), Seam("d", None), OWN)
    assert not meet(one, Seam("a", "c"), Seam(None, None), OWN)
    before = KeyRange("", OWN)
    assert meet(before, Seam(None, f"{OWN}trash/x"), Seam("P/a", None), OWN)
    assert not meet(before, Seam(None, "P/0"), Seam("P/a", None), OWN)
    assert not meet(one, Seam("a", f"{OWN}trash/x"), Seam("P/a", None), OWN), "not the range before what is left out"


@given(st.permutations(list("abcdefgh")), st.sets(st.sampled_from("abcdefgh"), max_size=4), st.booleans())
def test_ranges_that_meet_are_whole_whatever_the_order(listed: list[str], borders: set[str], sorted_: bool) -> None:
    """The claim that all rests on: of a store that lists a suffix of one list, nothing is lost where ranges meet."""
    whole = sorted(listed) if sorted_ else listed
    taken: list[str] = []
    seams = []
    cut = ranges(borders, OWN)[1:]  # nothing here is lrsync's own
    for one in cut:
        start = whole.index(one.after) + 1 if one.after in whole else 0
        rest = whole[start:]
        ends = next((at for at, key in enumerate(rest) if one.until is not None and key > one.until), None)
        taken += rest if ends is None else rest[:ends]
        seams.append(Seam(rest[0] if rest else None, None if ends is None else rest[ends]))
    if all(meet(*each, OWN) for each in zip(cut, seams, seams[1:], strict=False)):
        assert taken == whole
    else:
        assert whole != sorted(whole)
    assert bisect_right(sorted(whole), "a") == 1

"""What photographers write, and what a catalog has: stars, times, collections. No name is ever guessed."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lrsync.core.photos import (
    Captured,
    Collection,
    CollectionKind,
    Stars,
    capture_moment,
    choose_collections,
    parse_captured,
    parse_stars,
)
from lrsync.errors import UsageError

PLAIN, SMART, SET = CollectionKind.PLAIN, CollectionKind.SMART, CollectionKind.SET
COLLECTIONS = [
    Collection(1, "quick collection", None, PLAIN),
    Collection(2, "Iceland best", None, PLAIN),
    Collection(3, "Trips", None, SET),
    Collection(4, "Iceland best", 3, PLAIN),
    Collection(5, "2023", 3, SET),
    Collection(6, "Winter", 5, PLAIN),
    Collection(7, "Five Stars", 3, SMART),
    Collection(8, "Winter", None, SET),
    Collection(9, "Été", 8, PLAIN),
    Collection(10, "a/b", 8, PLAIN),
    Collection(11, "Twice", 5, PLAIN),
    Collection(12, "Twice", 8, PLAIN),
]


# --- stars ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"), [("4+", (4, 5)), (" 3 ", (3, 3)), ("2-4", (2, 4)), ("0", (0, 0)), ("5+", (5, 5))]
)
def test_stars(text: str, expected: tuple[int, int]) -> None:
    assert parse_stars(text) == Stars(*expected)


@pytest.mark.parametrize("text", ["", "6", "4-2", "+4", "4++", "-1", "four", "4.5", "１", "2-", "3+-5"])
def test_what_is_no_rating(text: str) -> None:
    with pytest.raises(UsageError, match="is no rating"):
        parse_stars(text)


# --- times ------------------------------------------------------------------------------------------------

MAY = "2024-05-31T23:59:59.99"


@pytest.mark.parametrize(
    ("text", "stored", "is_taken"),
    [
        ("2024-05..2024-06", MAY, True),
        ("2024-05..2024-06", "2024-06-30T23:59:59", True),
        ("2024-05..2024-06", "2024-07-01T00:00:00", False),
        ("2024-05..2024-06", "2024-04-30T23:59:59", False),
        ("2024-05", MAY, True),
        ("2024-05-31", MAY, True),
        ("2024-05-30", MAY, False),
        ("2024", MAY, True),
        ("2024-05..", MAY, True),
        ("2024-06..", MAY, False),
        ("..2024-05", MAY, True),
        ("..2024-04", MAY, False),
        ("2024-05..2024", "2024-12-31T00:00:00", True),
        ("2024-05-31T18:00..2024-05-31T23:59", MAY, True),
        ("2024-05-31 18:00..2024-05-31 19:00", MAY, False),
        # The camera's clock counts, wherever it was: a zone moves nothing.
        ("2024-05-31", "2024-05-31T23:59:59-10:00", True),
        ("2024-05-31", "2024-05-31T00:00:01+14:00", True),
        ("2024-05-31", "2024-05-31T00:00:01Z", True),
        ("2024-05-31", "2024-05-31 00:00:01", True),
        # Of a photo that has nothing but a year nobody knows that it was not taken then.
        ("2024-05", "2024", True),
        ("2024-05..2024-06", "2024-00-00T00:00:00", True),
        ("2024-05-30", "2024-05", True),
        ("2024-05", "2023", False),
        ("2024-05", "2025", False),
        ("2024..", "2024", True),
        ("..2024-05", "2024", True),
    ],
)
def test_times(text: str, stored: str, is_taken: bool) -> None:
    assert parse_captured(text).takes(capture_moment(stored)) is is_taken


@pytest.mark.parametrize("stored", [None, "", "yesterday", 0, b"2024", "20240531"])
def test_what_is_no_time_of_capture(stored: object) -> None:
    assert capture_moment(stored) in ("", "2024")


@pytest.mark.parametrize(
    "text",
    [
        *("", "..", "May", "2024-13", "2024-02-30", "2023-02-29", "24-05", "2024-5", "2024-05-31T24:00"),
        *("2024-06..2024-05", "2024...2025", "2024-05-01..x", "30d", "0000", "２０２４"),
    ],
)
def test_what_is_no_range(text: str) -> None:
    with pytest.raises(UsageError, match="--captured"):
        parse_captured(text)


@given(st.dates(date(1990, 1, 1), date(2050, 1, 1)), st.integers(0, 800), st.dates(date(1990, 1, 1), date(2050, 1, 1)))
def test_a_range_of_days_takes_just_the_photos_of_these_days(since: date, days: int, taken: date) -> None:
    until = since + timedelta(days=days)
    found = parse_captured(f"{since}..{until}").takes(capture_moment(f"{taken}T12:00:00.50"))
    assert found == (since <= taken <= until)
    month = parse_captured(f"{since:%Y-%m}..{until:%Y-%m}")
    assert month.takes(capture_moment(f"{taken}T00:00:00")) == (
        f"{since:%Y-%m}" <= f"{taken:%Y-%m}" <= f"{until:%Y-%m}"
    )


def test_open_ends() -> None:
    assert parse_captured("2024-05..") == Captured("2024-05", None)
    assert parse_captured("..2024-05") == Captured(None, "2024-05")


# --- collections ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "ids"),
    [
        ("Iceland best", {2}),
        ("Trips/Iceland best", {4}),
        ("/Trips/Iceland best/", {4}),
        ("iceland BEST", {2}),
        ("2023/Winter", {6}),
        ("Trips/2023/Winter", {6}),
        ("Quick Collection", {1}),
        ("E\u0301te\u0301", {9}),
        ("a/b", {10}),
        ("Winter", {8, 9, 10, 12}),
        ("2023", {5, 6, 11}),
    ],
)
def test_collections_by_their_names(name: str, ids: set[int]) -> None:
    assert choose_collections([name], COLLECTIONS) == (ids, ())


def test_several_add_up_and_a_set_says_which_rules_it_holds() -> None:
    chosen = choose_collections(["Iceland best", "Trips"], COLLECTIONS)
    assert chosen == ({2, 3, 4, 5, 6, 11}, ("Trips/Five Stars",))


def test_a_smart_collection_is_a_rule_that_only_lightroom_works_out() -> None:
    with pytest.raises(UsageError, match="only Lightroom itself") as caught:
        choose_collections(["five stars"], COLLECTIONS)
    assert "--rating" in caught.value.hint


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("Icland best", "'Iceland best' or 'Trips/Iceland best'"),
        ("Wintre", "'Winter'"),
        ("Trips/Winter", "Trips"),
        ("xyz", "there are: 2023, "),
        ("", "there are"),
    ],
)
def test_an_unknown_name_is_answered_with_the_nearest(name: str, hint: str) -> None:
    collections = [one if one.name != "2023" else one._replace(parent=None) for one in COLLECTIONS]
    with pytest.raises(UsageError, match="no collection") as caught:
        choose_collections([name], collections)
    assert hint in caught.value.hint


def test_a_name_that_two_have_is_no_guess() -> None:
    with pytest.raises(UsageError, match="2 collections are called 'Twice'") as caught:
        choose_collections(["Twice"], COLLECTIONS)
    assert caught.value.hint == "name one whole: Trips/2023/Twice, Winter/Twice"


def test_a_catalog_without_collections() -> None:
    with pytest.raises(UsageError) as caught:
        choose_collections(["a"], [])
    assert caught.value.hint == "it has none at all"


def test_a_set_in_itself_does_no_harm() -> None:
    loop = [Collection(1, "a", 2, SET), Collection(2, "b", 1, SET), Collection(3, "c", 1, PLAIN)]
    assert choose_collections(["c"], loop).ids == {3}
    assert choose_collections(["b"], loop).ids >= {1, 2, 3}

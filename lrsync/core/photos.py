"""Which photos of a Lightroom catalog are meant: by collection, stars, capture time and flag. Pure; opens nothing."""

from __future__ import annotations

import difflib
import re
from calendar import monthrange
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final, NamedTuple

from lrsync.core.keys import composed, folded
from lrsync.core.lightroom import RootMapping
from lrsync.errors import UsageError

MOST_STARS: Final = 5
MOST_NAMED: Final = 8
_MOMENT: Final = re.compile(r"\d{4}(?:-\d\d(?:-\d\d(?:T\d\d(?::\d\d(?::\d\d)?)?)?)?)?", re.ASCII)
_STARS: Final = re.compile(r"([0-5])(?:(\+)|-([0-5]))?", re.ASCII)


class Stars(NamedTuple):
    """A range of ratings, both ends included; a photo without one has 0."""

    least: int
    most: int


class Captured(NamedTuple):
    """A range of capture times as their cameras' clocks told them: `2024`, `2024-05`, `2024-05-31T18:30`.

    Both ends are included with all that they name (`2024-05` is the whole month); None is an open end.
    """

    since: str | None
    until: str | None

    def takes(self, text: str) -> bool:
        """Whether a photo of this capture time is meant, or may be: some have nothing but a year.

        Times of this form sort as text, and one that is less exact is the beginning of those that it may stand for.
        """
        if self.since is not None and text < self.since and not self.since.startswith(text):
            return False
        return self.until is None or text <= self.until or text.startswith(self.until)


@dataclass(frozen=True, slots=True)
class PhotoWish:
    """Photos by what a catalog knows of them. Collections add up; everything else narrows that down.

    `catalog` and `stamp` say which catalog and which of its snapshots ('' is the only one, and the newest);
    `mappings` where its folders are in the backup.
    """

    collections: tuple[str, ...] = ()
    stars: Stars | None = None
    captured: Captured | None = None
    picked: bool = False
    catalog: str = ""
    stamp: str = ""
    mappings: tuple[RootMapping, ...] = ()


# --- what users write -------------------------------------------------------------------------------------


def parse_stars(text: str) -> Stars:
    """`4+`, `3` or `2-4`; `0` is without a rating. Raises UsageError.

    >>> parse_stars("4+"), parse_stars("3"), parse_stars("2-4")
    (Stars(least=4, most=5), Stars(least=3, most=3), Stars(least=2, most=4))
    """
    found = _STARS.fullmatch(text.strip())
    if found is None or (found[3] and found[3] < found[1]):
        raise UsageError(f"--rating: '{text}' is no rating", hint="write it as 4+, 3 or 2-4; 0 is without a rating")
    least = int(found[1])
    return Stars(least, MOST_STARS if found[2] else int(found[3] or least))


def parse_captured(text: str) -> Captured:
    """`2024`, `2024-05`, `2024-05-31`, or two of them as `2024-05..2024-06`; either may be left out. Raises UsageError.

    >>> parse_captured("2024-05.."), parse_captured("2024")
    (Captured(since='2024-05', until=None), Captured(since='2024', until='2024'))
    """
    first, dots, last = (part.strip() for part in text.partition(".."))
    if not dots:
        last = first
    if not first + last:
        raise _no_time(text)
    since, until = (_parsed_moment(part, text) if part else None for part in (first, last))
    if since is not None and until is not None and until < since and not since.startswith(until):
        raise UsageError(f"--captured: {until} is before {since}", hint="write the earlier one first")
    return Captured(since, until)


def _parsed_moment(part: str, text: str) -> str:
    word = part.replace(" ", "T")
    if _MOMENT.fullmatch(word) is None or not _is_real(word):
        raise _no_time(text)
    return word


def _is_real(moment: str) -> bool:
    """Whether there is such a day and time. A 31st of June would quietly be none at all."""
    numbers = [int(number) for number in re.split("[-T:]", moment)]
    year, month, day, hour, minute, second = numbers + [1, 1, 1, 0, 0, 0][len(numbers) :]
    if not (year >= 1 and 1 <= month <= 12):
        return False
    return 1 <= day <= monthrange(year, month)[1] and hour < 24 and minute < 60 and second < 60


def _no_time(text: str) -> UsageError:
    hint = "write it as 2024-05, 2024-05-31, 2024-05..2024-06 or 2024-05.. (years, months, days)"
    return UsageError(f"--captured: '{text}' is no time", hint=hint)


def capture_moment(stored: object) -> str:
    """A stored `captureTime` as `Captured` compares it: without fractions, zone, and parts that are not known.

    It is what the camera's clock told: a zone, where there is one, does not move it. '' where there is none.

    >>> capture_moment("2013-09-08T06:52:07.90"), capture_moment("2013-00-00"), capture_moment(None)
    ('2013-09-08T06:52:07', '2013', '')
    """
    found = _MOMENT.match(str(stored or "").strip().replace(" ", "T"))
    return "" if found is None else found[0].split("-00")[0]


# --- collections ------------------------------------------------------------------------------------------


class CollectionKind(Enum):
    """What a collection is."""

    PLAIN = "collection"
    SMART = "smart collection"
    """A rule, and no list of photos: what is in it only Lightroom works out."""
    SET = "collection set"


class Collection(NamedTuple):
    """One collection of a catalog; `parent` is the id of the set that it is in."""

    id: int
    name: str
    parent: int | None
    kind: CollectionKind


class Chosen(NamedTuple):
    """The collections that are meant, by id; and those in a chosen set that are rules, by their full names."""

    ids: frozenset[int]
    rules: tuple[str, ...]


def choose_collections(wanted: Iterable[str], collections: Sequence[Collection]) -> Chosen:
    """The collections that are called so: `Iceland best`, or `Trips/Iceland best` with the sets above. A set is all
    that is in it. Raises UsageError for a name that none or several have, and for a smart collection.
    """
    by_id = {one.id: one for one in collections}
    names = {one.id: full_name(one, by_id) for one in collections}
    ids, rules = set[int](), dict[str, None]()
    for text in wanted:
        chosen = _called(text, collections, names)
        if chosen.kind is CollectionKind.SMART:
            raise _is_a_rule(names[chosen.id])
        for one in collections:
            if chosen not in (one, *_sets_of(one, by_id)):
                continue
            if one.kind is CollectionKind.SMART:
                rules[names[one.id]] = None
            else:
                ids.add(one.id)
    return Chosen(frozenset(ids), tuple(rules))


def full_name(collection: Collection, by_id: Mapping[int, Collection]) -> str:
    """The name with those of the sets that it is in: `Trips/Iceland best`."""
    return "/".join([*(above.name for above in reversed(_sets_of(collection, by_id))), collection.name])


def _sets_of(collection: Collection, by_id: Mapping[int, Collection]) -> list[Collection]:
    """The sets that it is in, the innermost first."""
    found = list[Collection]()
    while (parent := by_id.get(collection.parent or 0)) is not None and parent not in found:
        # A damaged catalog may have a set in itself.
        found.append(parent)
        collection = parent
    return found


def _called(text: str, collections: Sequence[Collection], names: Mapping[int, str]) -> Collection:
    """The one collection of this name. Exact spelling wins, and the whole name wins over the end of one."""
    wanted = composed(text.strip().strip("/"))
    for same in (composed, folded):
        for fits in (_is_whole, _is_end):
            found = [one for one in collections if wanted and fits(same(names[one.id]), same(wanted))]
            if len(found) > 1:
                full = ", ".join(sorted(names[one.id] for one in found)[:MOST_NAMED])
                raise UsageError(f"{len(found)} collections are called '{text}'", hint=f"name one whole: {full}")
            if found:
                return found[0]
    raise UsageError(f"there is no collection '{text}' in the catalog", hint=_nearest(text, names.values()))


def _is_whole(name: str, wanted: str) -> bool:
    return name == wanted


def _is_end(name: str, wanted: str) -> bool:
    return name.endswith(f"/{wanted}")


def _nearest(text: str, names: Iterable[str]) -> str:
    """Those that may have been meant; where none is near, the first that there are."""
    known = sorted(set(names))
    if not known:
        return "it has none at all"
    words: dict[str, list[str]] = {}
    for name in known:
        for word in {folded(name), folded(name.rpartition("/")[2])}:
            words.setdefault(word, []).append(name)
    close = difflib.get_close_matches(folded(text), list(words), n=3, cutoff=0.5)
    found = dict.fromkeys(name for word in close for name in words[word])
    if found:
        return f"did you mean {' or '.join(repr(name) for name in list(found)[:MOST_NAMED])}?"
    more = f", and {len(known) - MOST_NAMED} more" if len(known) > MOST_NAMED else ""
    return f"there are: {', '.join(known[:MOST_NAMED])}{more}"


def _is_a_rule(name: str) -> UsageError:
    return UsageError(
        f"'{name}' is a smart collection: a rule, and what it holds only Lightroom itself works out",
        hint="say what the rule says with --rating, --captured or --pick; or open the catalog in Lightroom ('lrsync "
        "catalog restore' brings it back) and make a collection of what it shows",
    )

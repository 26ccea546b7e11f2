"""Find in a backup the photos that a catalog names: under other roots, in another case, in another Unicode form.

Memory is bounded by what is wanted, never by the backup.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from lrsync.core.keys import composed, folded, join_path, split_path
from lrsync.core.lightroom import CatalogFolder, RootMapping
from lrsync.core.model import Failed
from lrsync.core.restoring import Backup, RestoreItem
from lrsync.core.roots import NameVote, RootMap, RootUse, Witness
from lrsync.core.selection import Selection, Selector


class WantedPhoto(NamedTuple):
    """A photo that a catalog names, with the names of its sidecars; `folder` as the catalog has it."""

    folder: CatalogFolder
    name: str
    sidecars: tuple[str, ...] = ()


class LostPhoto(NamedTuple):
    """A photo that the backup has not. `path`: in the backup, where its folder is known there; else the catalog's."""

    path: str
    is_placed: bool


@dataclass(frozen=True, slots=True)
class PlacedPhotos:
    """Where the wanted photos are. `paths`: as the backup spells them, sidecars among them.

    `uses`: how many photos each mapping of a root led to; `without_sidecars`: how many sidecars the backup has not.
    """

    paths: frozenset[str]
    lost: tuple[LostPhoto, ...]
    uses: Mapping[RootUse, int]
    without_sidecars: int

    def failures(self, selection: Selection) -> list[Failed]:
        """What is wanted and is not there, by path: as far as the rest of the selection wants it, too."""
        rest = replace(selection, photos=None)
        placed = sorted(lost.path for lost in self.lost if lost.is_placed)
        wanted = Selector(rest).select(_item(path) for path in placed)
        failed = [Failed(item.path, "is in the catalog, and not in the backup", _LOOK) for item in wanted]
        # Where it would be nobody knows: only its type can tell that it is not meant.
        homeless = Selector(Selection(types=rest.types)).select(
            _item(path) for path in sorted(lost.path for lost in self.lost if not lost.is_placed)
        )
        return failed + [Failed(item.path, "is in the catalog, and not known in the backup", _MAP) for item in homeless]


_LOOK = "was it ever backed up? 'lrsync history FILE' shows what there is of it"
_MAP = "say with --map-root OLD=NEW which folder of the backup is which of the catalog's"


def _item(path: str) -> RestoreItem:
    return RestoreItem(path, "", 0, None, None)


def place_photos(
    backup: Backup,
    photos: Sequence[WantedPhoto],
    roots: RootMap,
    witnesses: Callable[[Iterable[CatalogFolder]], Sequence[Witness]],
) -> PlacedPhotos:
    """Find the photos. Where nothing tells where a folder is, the `witnesses` of it are asked: the files in it."""
    folders = {photo.folder.id: photo.folder for photo in photos}
    unknown = [folder for folder in folders.values() if roots.find(folder.path) is None]
    if unknown:
        roots = replace(roots, names=_by_names(backup, witnesses(unknown)))
    known = {id_: found for id_, folder in folders.items() if (found := roots.find(folder.path)) is not None}
    search = _Search()
    for photo in photos:
        if photo.folder.id in known:
            search.want(known[photo.folder.id][1], photo)
    search.look(backup)
    uses = Counter(known[photo.folder.id][0] for photo in photos if photo.folder.id in known)
    homeless = [_catalog_path(photo) for photo in photos if photo.folder.id not in known]
    lost = [LostPhoto(path, True) for path in search.lost()] + [LostPhoto(path, False) for path in homeless]
    return PlacedPhotos(frozenset(search.found.values()), tuple(lost), uses, sum(1 for _ in search.lost(sidecars=True)))


def _by_names(backup: Backup, witnesses: Sequence[Witness]) -> tuple[RootMapping, ...]:
    vote = NameVote(witnesses)
    if witnesses:
        for item in backup.items():
            vote.add(item.path, item.size)
    return vote.mappings()


def _catalog_path(photo: WantedPhoto) -> str:
    return f"{photo.folder.path.rstrip('/')}/{photo.name}"


@dataclass(slots=True)
class _Search:
    """Files by their path in the backup, as the catalog spells it; the backup's own spelling may be another."""

    wanted: list[tuple[str, bool]] = field(default_factory=list)
    found: dict[int, str] = field(default_factory=dict)
    _numbers: dict[str, list[int]] = field(default_factory=dict)

    def want(self, folder: str, photo: WantedPhoto) -> None:
        for name, is_sidecar in ((photo.name, False), *((sidecar, True) for sidecar in photo.sidecars)):
            path = composed(join_path(folder, name))
            self._numbers.setdefault(folded(path), []).append(len(self.wanted))
            self.wanted.append((path, is_sidecar))

    def look(self, backup: Backup) -> None:
        """Look into the folders that are named; where something is not there, through everything."""
        if backup.has_folders:
            for folder in sorted({split_path(path)[0] for path, _ in self.wanted}):
                self._take(backup.folder(folder))
        if next(self.lost(), None) is not None:
            self._take(backup.items())

    def _take(self, items: Iterable[RestoreItem]) -> None:
        for item in items:
            for number in self._numbers.get(folded(item.path), ()):
                # Of `A.jpg` and `a.jpg` the one that the catalog spells so.
                if number not in self.found or composed(item.path) == self.wanted[number][0]:
                    self.found[number] = item.path

    def lost(self, *, sidecars: bool = False) -> Iterator[str]:
        """The photos, or the sidecars, that were not found."""
        return (
            path
            for number, (path, is_sidecar) in enumerate(self.wanted)
            if is_sidecar is sidecars and number not in self.found
        )

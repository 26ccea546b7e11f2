"""Wire a restore by what a catalog knows: its newest snapshot in the bucket says which photos are meant."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace

from lrsync.adapters.catalog_read import CatalogReader
from lrsync.app.catalog_shelf import explained, open_snapshot
from lrsync.config import Config
from lrsync.core.catalogs import StoredSnapshot
from lrsync.core.counts import CatalogUse
from lrsync.core.events import EventSink, Notice, Phase, PhaseStarted
from lrsync.core.keys import stamp_of
from lrsync.core.lightroom import CatalogFolder, import_size, sidecar_names
from lrsync.core.model import Failed
from lrsync.core.photos import Chosen, PhotoWish, choose_collections
from lrsync.core.ports import CatalogDamagedError, ObjectStore
from lrsync.core.restoring import Backup
from lrsync.core.roots import MOST_SAMPLED, RootUse, Source, Witness, root_map
from lrsync.core.selection import Selection
from lrsync.engine.catalog_snapshots import SnapshotWish, choose_snapshot
from lrsync.engine.photo_places import PlacedPhotos, WantedPhoto, place_photos
from lrsync.errors import CatalogError


@dataclass(slots=True)
class PhotoChoice:
    """The photos of one wish: looked up in the catalog, then found in the backup. `sources`: see `core.roots`."""

    config: Config
    wish: PhotoWish
    selection: Selection
    until_ns: int | None
    resources: ExitStack
    sink: EventSink
    stop: threading.Event
    sources: Sequence[str] = ()
    use: CatalogUse | None = None
    _look: _Look | None = None
    _placed: PlacedPhotos | None = None

    def look(self, open_store: Callable[[], ObjectStore]) -> None:
        """Ask the catalog, before anything else is done: a name that it does not know ends the restore.

        Raises LrsyncError.
        """
        store, prefix = open_store(), self.config.prefix
        self.sink(PhaseStarted(Phase.READING_CATALOG))
        until_ns = None if self.wish.stamp else self.until_ns
        with explained():
            wanted = SnapshotWish(self.wish.catalog, self.wish.stamp, until_ns)
            chosen = choose_snapshot(store, prefix, self.sink, wanted, how="add --catalog with one of them")
        reader = open_snapshot(store, prefix, chosen, self.stop, self.resources)
        try:
            self._look = _looked_up(reader, chosen, self.wish)
        except CatalogDamagedError as error:
            raise CatalogError(f"the snapshot of {chosen.id.stamp} cannot be read: {error}", hint=_OLDER) from error
        self._tell_of(self._look)

    def narrow(self, backup: Backup, source: str) -> Selection:
        """The selection, narrowed down to where the photos are in this backup. `source`: as the library has it.

        Raises LrsyncError.
        """
        look = self._look
        assert look is not None, "the catalog was asked"
        photos = look.photos if self.selection.companions else [photo._replace(sidecars=()) for photo in look.photos]
        roots = root_map(self.wish.mappings, [source, *self.sources])
        try:
            self._placed = placed = place_photos(backup, photos, roots, look.witnesses)
        except CatalogDamagedError as error:
            raise CatalogError(f"the catalog cannot be read: {error}", hint=_OLDER) from error
        note = look.snapshot.note
        roots_used = tuple((use.old, use.new, use.by.value, count) for use, count in placed.uses.items())
        self.use = CatalogUse(note.catalog, look.snapshot.id.stamp, note.taken_ns, len(photos), roots_used)
        for use, count in placed.uses.items():
            self.sink(Notice(_words(use, count)))
        if placed.without_sidecars:
            sidecars = _count(placed.without_sidecars, "sidecar")
            self.sink(Notice(f"{sidecars} named by the catalog and not in the backup"))
        return replace(self.selection, photos=placed.paths)

    def failures(self, selection: Selection) -> list[Failed]:
        """What is meant and cannot be brought back."""
        look, placed = self._look, self._placed
        assert look is not None
        assert placed is not None
        failed = [Failed(name, _RULE, _RULE_HINT) for name in look.chosen.rules]
        if not look.photos:
            failed.append(Failed(look.snapshot.note.catalog, "no photo in it is meant", "leave out one of the options"))
        return failed + placed.failures(selection)

    def _tell_of(self, look: _Look) -> None:
        note = look.snapshot.note
        version = "" if look.is_known else f", of a version that is not known here ('{note.db_version}')"
        by = f"by the catalog {note.catalog} of {stamp_of(note.taken_ns)}{version}"
        self.sink(Notice(f"{_count(len(look.photos), 'photo')} meant, {by}"))
        if look.undated:
            self.sink(Notice(f"{_count(look.undated, 'photo')} left out: the catalog has no capture time"))


_OLDER = "take an older snapshot with --catalog-snapshot; 'lrsync catalog list' names them"
_RULE = "is a smart collection in a set that was named: what it holds only Lightroom itself works out"
_RULE_HINT = "say what its rule says with --rating, --captured or --pick"


def _words(use: RootUse, count: int) -> str:
    where = f"'{use.new}' in the backup" if use.new else "the backup's root"
    by = {
        Source.USER: "as --map-root says",
        Source.LIBRARY: "as the library's source was recorded",
        Source.NAMES: "as most names agree; --map-root corrects it",
    }[use.by]
    return f"{use.old or '/'} is {where}, {by} ({count:,} {'photo' if count == 1 else 'photos'})"


def _count(number: int, what: str) -> str:
    return f"1 {what} is" if number == 1 else f"{number:,} {what}s are"


@dataclass(frozen=True, slots=True)
class _Look:
    """What a catalog said."""

    reader: CatalogReader
    snapshot: StoredSnapshot
    photos: list[WantedPhoto]
    undated: int
    chosen: Chosen
    is_known: bool

    def witnesses(self, folders: Iterable[CatalogFolder]) -> Sequence[Witness]:
        """Files of these folders, of each root some that are spread over all of them."""
        by_root: dict[str, list[Witness]] = {}
        for folder in folders:
            by_root.setdefault(folder.root, []).extend(
                Witness(folder.root, folder.path, name, import_size(imported))
                for name, _, imported in self.reader.photos(folder.id)
            )
        return [one for found in by_root.values() for one in found[:: -(-len(found) // MOST_SAMPLED) or 1]]


def _looked_up(reader: CatalogReader, snapshot: StoredSnapshot, wish: PhotoWish) -> _Look:
    is_known = reader.facts().is_known
    finder, chosen = reader.finder(), Chosen(frozenset(), ())
    if wish.collections:
        chosen = choose_collections(wish.collections, finder.collections())
    found = finder.photos(
        chosen.ids if wish.collections else None, stars=wish.stars, captured=wish.captured, picked=wish.picked
    )
    folders = {folder.id: folder for folder in reader.folders()}
    reader.index_folders()
    photos = [
        WantedPhoto(
            folders.get(photo.folder, CatalogFolder(photo.folder, "", "")),
            photo.name,
            tuple(sidecar_names(photo.name, photo.sidecars)),
        )
        for photo in found.photos
    ]
    return _Look(reader, snapshot, photos, found.undated, chosen, is_known)

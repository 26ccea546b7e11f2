"""What can be restored, as the manifest's rows tell it, or as a listing of the bucket does. Fetches no file.

A listing knows neither times nor sha256: where a selection is by time, each object is asked first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import islice
from typing import ClassVar

from lrsync.core.events import EventSink, Phase, PhaseAdvanced, PhaseStarted
from lrsync.core.keys import KeyProblem, key_for, path_for, split_path
from lrsync.core.model import Adopt, Change, ChangeKind, Content, Done, Failed, ManifestEntry
from lrsync.core.objects import ObjectInfo
from lrsync.core.parts import parse_mtime
from lrsync.core.ports import ManifestStore, ObjectStore, Shelf
from lrsync.core.proof import sha256_of
from lrsync.core.restoring import RestoreItem, item_of
from lrsync.core.scan import ScannedFile
from lrsync.core.selection import Selection, Selector, search
from lrsync.core.timeline import FileVersion, Lost
from lrsync.engine.stop import StoppedError
from lrsync.errors import ObjectError, ObjectMissingError

BATCH = 500


@dataclass(frozen=True, slots=True)
class ManifestBackup:
    """What a manifest's rows tell: a library's own, or a snapshot's."""

    manifest: ManifestStore
    has_folders: ClassVar[bool] = True

    def items(self) -> Iterator[RestoreItem]:
        """Every row, sorted by path."""
        return (item_of(entry) for entry in self.manifest.entries())

    def has(self, path: str) -> bool:
        """Whether this file has a row."""
        return self.manifest.row(path) is not None

    def folder(self, path: str) -> Sequence[RestoreItem]:
        """The rows of one folder, by name."""
        return [item_of(entry) for entry in self.manifest.rows(path)]


@dataclass(slots=True)
class ListingBackup:
    """What a listing tells, which `manifest` (without rows) keeps. `refused`: keys that could leave a folder, and why.

    Names that end in a slash are what consoles make of folders: no files, and no news.
    """

    manifest: ManifestStore
    prefix: str
    refused: dict[str, str] = field(default_factory=dict)
    has_folders: ClassVar[bool] = False

    def items(self) -> Iterator[RestoreItem]:
        """Every object that can be a file, sorted by path."""
        for listed in self.manifest.unknown_listed():
            if listed.key.endswith("/") and listed.size == 0:
                continue
            try:
                path = path_for(self.prefix, listed.key)
            except KeyProblem as problem:
                self.refused[listed.key] = str(problem)
                continue
            yield RestoreItem(path, listed.key, listed.size, None, None, listed.storage_class)

    def has(self, path: str) -> bool:
        """Whether there is an object of this path."""
        try:
            return self.manifest.listed(key_for(self.prefix, path)) is not None
        except KeyProblem:
            return False

    def folder(self, path: str) -> Sequence[RestoreItem]:
        """The objects of one folder."""
        return [item for item in self.items() if split_path(item.path)[0] == path]


@dataclass(frozen=True, slots=True)
class AskPorts:
    """What it takes to ask objects for their times."""

    store: ObjectStore
    pool: Executor
    stopping: Callable[[], bool]
    sink: EventSink


def with_times(ports: AskPorts, backup: ListingBackup, selection: Selection) -> tuple[ManifestBackup, list[Failed]]:
    """The same with times, of all that the selection may be about; and what could not be asked.

    Kept as rows of the backup's manifest, so that memory stays flat. Raises BucketError, StoppedError.
    """
    selector = Selector(replace(selection, since_ns=None, until_ns=None))
    items, failed, count = search(backup, selector), list[Failed](), 0
    ports.sink(PhaseStarted(Phase.HEADING))
    while batch := list(islice(items, BATCH)):
        answers = list(ports.pool.map(partial(_ask, ports), batch))
        known = zip(batch, answers, strict=True)
        backup.manifest.record([_row(item, info) for item, info in known if isinstance(info, ObjectInfo)])
        failed += [answer for answer in answers if isinstance(answer, Failed)]
        count += len(batch)
        ports.sink(PhaseAdvanced(Phase.HEADING, count))
    return ManifestBackup(backup.manifest), failed


def _ask(ports: AskPorts, item: RestoreItem) -> ObjectInfo | Failed | None:
    """What HEAD says; None for an object that was deleted since it was listed."""
    if ports.stopping():
        raise StoppedError("restoring")
    try:
        return ports.store.head(item.key)
    except ObjectMissingError:
        return None
    except ObjectError as error:
        return Failed(item.path, f"its object could not be asked: {error.message}", error.hint, transfer=True)


def _row(item: RestoreItem, info: ObjectInfo) -> Done:
    told = parse_mtime(info.metadata.get("mtime", ""))
    entry = ManifestEntry(
        path=item.path,
        size=info.size,
        mtime_ns=info.last_modified_ns if told is None else told,
        ctime_ns=0,
        key=item.key,
        sha256=sha256_of(info),
        checksum=info.checksum,
        etag=info.etag,
        version_id=info.version_id,
        storage_class=info.storage_class,
        uploaded_at=info.last_modified_ns,
    )
    folder, name = split_path(item.path)
    change = Change(ChangeKind.ADDED, folder, ScannedFile(name, *entry.stat), None)
    return Done(Adopt(change, Content(entry.stat, entry.sha256 or b"", crc32=0, was_read=False), info), entry)


@dataclass(frozen=True, slots=True)
class PastBackup:
    """What the library was at a time, as it was put on a shelf. `lost`: what cannot be had any more."""

    shelf: Shelf
    lost: Sequence[Lost]
    has_folders: ClassVar[bool] = True

    def items(self) -> Iterator[RestoreItem]:
        """Every file of then, sorted by path."""
        return map(_past_item, self.shelf.chosen())

    def has(self, path: str) -> bool:
        """Whether this file was there."""
        return any(item.path == path for item in self.folder(split_path(path)[0]))

    def folder(self, path: str) -> Sequence[RestoreItem]:
        """The files of one folder, by name."""
        return [_past_item(version) for version in self.shelf.chosen(path)]

    def failures(self, selection: Selection) -> list[Failed]:
        """What is wanted and cannot be had, by path."""
        lost = {one.path: one.why for one in self.lost}
        items = (RestoreItem(path, "", 0, None, None) for path in sorted(lost))
        hint = "look for it in another backup; 'lrsync history FILE' shows what is left of it"
        return [Failed(item.path, lost[item.path], hint) for item in Selector(selection).select(items)]


def _past_item(version: FileVersion) -> RestoreItem:
    return RestoreItem(
        version.path,
        version.key,
        version.size,
        version.mtime_ns,
        version.sha256,
        version.storage_class,
        version_id=version.version_id,
    )

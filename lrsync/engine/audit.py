"""Is every photo in a catalog safe? Compare what a catalog names with the disk and the manifest, folder by folder.

Reads only. Memory is bounded by the largest folder (and by what is asked to be listed), never by the library.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Final, Protocol

from lrsync.core.audit import (
    AuditedFile,
    AuditReport,
    DiskFacts,
    FileState,
    Recorded,
    RootTally,
    SizeWitness,
    ZipState,
    judge,
)
from lrsync.core.events import EventSink, Phase, PhaseAdvanced, PhaseStarted
from lrsync.core.filetypes import is_original, is_photo
from lrsync.core.keys import join_path
from lrsync.core.lightroom import CatalogFacts, CatalogFolder, NamedFile, RootMapping, map_path, volume_of
from lrsync.core.ports import Clock, SourceTree
from lrsync.core.scan import ScannedDir
from lrsync.engine.stop import StoppedError

_PREVIEWS: Final = ".lrdata"
_LEFT_OUT: Final = "left out by the rules, or reached through a link"
_UNREADABLE: Final = "cannot be read"


class Catalog(Protocol):
    """An open copy of a catalog."""

    def facts(self) -> CatalogFacts:
        """What it says of itself."""

    def folders(self) -> list[CatalogFolder]:
        """Every folder that it knows."""

    def sort_into(self, places: Sequence[tuple[int, int]]) -> None:
        """Sort all files by place: (folder's id, place's number)."""

    def at(self, place: int | None) -> Iterator[NamedFile]:
        """The files of one place; None: of no folder that is known."""


class Probe(Protocol):
    """The disk outside of the walk. Paths are absolute; one that is not absolute here is nowhere."""

    def is_folder(self, path: str) -> bool:
        """Whether there is a folder."""

    def resolve(self, path: str) -> str:
        """The path with its links followed."""

    def look(self, path: str) -> DiskFacts | FileState | None:
        """The file's facts; PLACEHOLDER where its bytes are in a cloud, None where there is none. Raises OSError."""


class AuditMemory(Protocol):
    """What the last audit of this catalog found in it."""

    def begin(self) -> None:
        """Forget what was added since the last `settle`."""

    def add(self, photo_id: str, path: str) -> None:
        """A photo that the catalog has now."""

    def previous(self) -> tuple[int, int] | None:
        """When the last audit was (nanoseconds since the epoch), and how many photos it found."""

    def vanished(self) -> Iterator[str]:
        """The paths of photos that the last audit found and that were not added now."""

    def settle(self, now_ns: int) -> None:
        """What was added is what the next audit is compared with."""


@dataclass(frozen=True, slots=True)
class AuditPorts:
    """The world of an audit. `tree` is None where the source is not there; `sources` are its absolute paths."""

    catalog: Catalog
    rows: Callable[[str], Mapping[str, Recorded]]
    tree: SourceTree | None
    sources: Sequence[str]
    probe: Probe
    memory: AuditMemory
    clock: Clock
    sink: EventSink
    stopping: Callable[[], bool]


@dataclass(frozen=True, slots=True)
class AuditOptions:
    """Which catalog (its path, for people), where its roots lie here, and the files of which states to list."""

    catalog: str
    mappings: tuple[RootMapping, ...] = ()
    listed: Collection[FileState] = ()
    zip_backup: ZipState | None = None
    source_missing: str = ""


def run_audit(ports: AuditPorts, options: AuditOptions) -> AuditReport:
    """Account for every file that the catalog names. Raises StoppedError."""
    return _Audit(ports, options).execute()


class _Where(Enum):
    INSIDE = "inside"
    OUTSIDE = "outside"
    UNMOUNTED = "unmounted"


@dataclass(frozen=True, slots=True)
class _Place:
    """One folder: as the catalog spells it, on this machine, and below the source (None: it is not in there)."""

    root: str
    path: str
    disk: str
    where: _Where
    below: str | None = None


@dataclass(slots=True)
class _Audit:
    ports: AuditPorts
    options: AuditOptions
    report: AuditReport = field(init=False)
    places: list[_Place] = field(default_factory=list)
    inside: dict[str, list[int]] = field(default_factory=dict)
    visited: set[int] = field(default_factory=set)
    files: int = 0

    def __post_init__(self) -> None:
        self.report = AuditReport(
            self.options.catalog,
            self.ports.catalog.facts(),
            self.ports.clock(),
            zip_backup=self.options.zip_backup,
            source_missing=self.options.source_missing,
        )

    def execute(self) -> AuditReport:
        """Walk the source once, then look at whatever the walk did not come to."""
        self.ports.sink(PhaseStarted(Phase.AUDITING, self.report.facts.files))
        self.ports.memory.begin()
        self._find_places()
        if self.ports.tree is not None:
            for scanned in self.ports.tree.walk():
                self._check_stop()
                self._take_folder(scanned)
        for number, place in enumerate(self.places):
            if number not in self.visited:
                self._check_stop()
                self._take_elsewhere(number, place)
        self._take_homeless()
        self._compare_with_last()
        return self.report

    # --- where the catalog's folders are ------------------------------------------------------------------

    def _find_places(self) -> None:
        roots: dict[str, str] = {}
        numbers = []
        for folder in self.ports.catalog.folders():
            if folder.root not in roots:
                roots[folder.root] = self._root_here(folder.root)
                self.report.roots[folder.root] = RootTally(roots[folder.root])
            numbers.append((folder.id, len(self.places)))
            self._add_place(folder, roots[folder.root])
        self.ports.catalog.sort_into(numbers)

    def _root_here(self, root: str) -> str:
        here = map_path(root.rstrip("/") or "/", self.options.mappings)
        return self.ports.probe.resolve(here) if self.ports.probe.is_folder(here) else here

    def _add_place(self, folder: CatalogFolder, root_here: str) -> None:
        disk = join_path(root_here.rstrip("/"), folder.path[len(folder.root.rstrip("/")) :].strip("/"))
        disk = disk.rstrip("/") or "/"
        below = self._below_source(disk)
        where = self._where(disk, root_here, below)
        if below is not None:
            self.inside.setdefault(_composed(below), []).append(len(self.places))
        self.places.append(_Place(folder.root, folder.path, disk, where, below))

    def _below_source(self, path: str) -> str | None:
        """The path below the source; None where it is not in there."""
        parts = path.split("/")
        for source in self.ports.sources:
            head = _composed(source.rstrip("/")).split("/")
            if [_composed(part) for part in parts[: len(head)]] == head:
                return "/".join(parts[len(head) :])
        return None

    def _where(self, disk: str, root_here: str, below: str | None) -> _Where:
        if below is not None:
            return _Where.UNMOUNTED if self.ports.tree is None else _Where.INSIDE
        probe = self.ports.probe
        there = probe.is_folder(root_here) or probe.is_folder(volume_of(disk))
        return _Where.OUTSIDE if there else _Where.UNMOUNTED

    # --- a folder of the source ---------------------------------------------------------------------------

    def _take_folder(self, scanned: ScannedDir) -> None:
        numbers = self.inside.get(_composed(scanned.path), ())
        names: set[str] = set()
        if numbers:
            here = _Here(scanned, self.ports.rows(scanned.path))
            for number in numbers:
                self.visited.add(number)
                for file in self.ports.catalog.at(number):
                    names.add(self._take_file(file, self.places[number], here))
        self._report_unnamed(scanned, names)
        self.ports.sink(PhaseAdvanced(Phase.AUDITING, self.report.photos))

    def _take_file(self, file: NamedFile, place: _Place, here: _Here) -> str:
        """Count one file; returns the name that it has on the disk."""
        disk, name = here.find(file.name)
        note, state = "", None
        if disk is None:
            disk, name, note, state = self._look_closer(file, place, here)
        row = here.row(name)
        if state is None:
            state = judge(disk, row)
        self._count(file, place, state, disk, row, note)
        return name

    def _look_closer(
        self, file: NamedFile, place: _Place, here: _Here
    ) -> tuple[DiskFacts | None, str, str, FileState | None]:
        """A file that the walk did not show: gone, left out, a placeholder, or spelled in another case."""
        try:
            found = self.ports.probe.look(join_path(place.disk, file.name))
        except OSError:
            return None, file.name, _UNREADABLE, FileState.PENDING
        if isinstance(found, FileState):
            return None, file.name, "", found
        if found is None:
            return None, file.name, "", None
        name = here.in_another_case(file.name)
        return found, name or file.name, "" if name else _LEFT_OUT, None

    def _report_unnamed(self, scanned: ScannedDir, names: Collection[str]) -> None:
        if f"{_PREVIEWS}/" in f"{scanned.path}/":
            return
        for file in scanned.files:
            if is_photo(file.name) and file.name not in names:
                path = join_path(scanned.path, file.name)
                self._add(AuditedFile(FileState.NOT_IN_CATALOG, path, "", size=file.size))

    # --- what lies elsewhere ------------------------------------------------------------------------------

    def _take_elsewhere(self, number: int, place: _Place) -> None:
        """A folder that the walk did not come to: it is gone, left out, outside of the source, or not mounted."""
        rows = {} if place.below is None else self.ports.rows(place.below)
        here = _Here(ScannedDir(""), rows)
        for file in self.ports.catalog.at(number):
            match place.where:
                case _Where.INSIDE:
                    self._take_file(file, place, here)
                case _Where.UNMOUNTED:
                    row = here.row(file.name)
                    note = "the bucket has it" if row is not None and row.good else ""
                    self._count(file, place, FileState.UNMOUNTED, None, row, note)
                case _Where.OUTSIDE:
                    self._take_outside(file, place)

    def _take_outside(self, file: NamedFile, place: _Place) -> None:
        try:
            found = self.ports.probe.look(join_path(place.disk, file.name))
        except OSError:
            self._count(file, place, FileState.OUTSIDE, None, None, _UNREADABLE)
            return
        state = FileState.MISSING if found is None else FileState.OUTSIDE
        disk = found if isinstance(found, DiskFacts) else None
        self._count(file, place, state, disk, None, "")

    def _take_homeless(self) -> None:
        """Files whose folder the catalog itself does not know: they must not be left out of the account."""
        for file in self.ports.catalog.at(None):
            self.report.roots.setdefault("", RootTally(""))
            nowhere = _Place("", "", "", _Where.OUTSIDE)
            self._count(file, nowhere, FileState.MISSING, None, None, "its folder is not in the catalog")

    # --- counting -----------------------------------------------------------------------------------------

    def _count(
        self,
        file: NamedFile,
        place: _Place,
        state: FileState,
        disk: DiskFacts | None,
        row: Recorded | None,
        note: str,
    ) -> None:
        path = join_path(place.path, file.name) if place.path != "/" else f"/{file.name}"
        size = disk.size if disk is not None else None
        proven = row.proven_ns if row is not None and row.good else None
        if not file.is_sidecar:
            self.ports.memory.add(file.photo_id, path)
            if None not in (size, file.import_size) and size != file.import_size and is_original(file.name):
                assert size is not None
                assert file.import_size is not None
                self.report.witnesses.append(SizeWitness(path, file.import_size, size))
        self._add(AuditedFile(state, path, place.root, file.is_sidecar, size, proven, note))

    def _add(self, file: AuditedFile) -> None:
        self.report.count(file)
        if file.state in self.options.listed:
            self.report.listed.append(file)

    def _compare_with_last(self) -> None:
        previous = self.ports.memory.previous()
        if previous is not None:
            self.report.previous_ns, self.report.previous_photos = previous
            for path in self.ports.memory.vanished():
                self._add(AuditedFile(FileState.VANISHED, path, ""))
        self.ports.memory.settle(self.report.audited_ns)

    def _check_stop(self) -> None:
        if self.ports.stopping():
            raise StoppedError("auditing")


class _Here:
    """One folder on the disk and in the manifest, asked by the catalog's spelling of a name."""

    def __init__(self, scanned: ScannedDir, rows: Mapping[str, Recorded]) -> None:
        self._disk = {file.name: file for file in scanned.files}
        self._rows = rows
        self._composed: dict[str, str] | None = None

    def find(self, name: str) -> tuple[DiskFacts | None, str]:
        """The file's facts, and its name as the disk spells it (a Mac's disk may have it decomposed)."""
        found = self._disk.get(name)
        if found is None and not name.isascii():
            name = self._spellings().get(_composed(name), name)
            found = self._disk.get(name)
        return (None if found is None else DiskFacts(found.size, found.mtime_ns, found.ctime_ns)), name

    def in_another_case(self, name: str) -> str | None:
        """The file that a disk which does not tell cases apart gives for this name."""
        wanted = _composed(name).casefold()
        return next((other for other in self._disk if _composed(other).casefold() == wanted), None)

    def row(self, name: str) -> Recorded | None:
        """The manifest's row."""
        row = self._rows.get(name)
        if row is None and not name.isascii():
            row = next((self._rows[other] for other in _forms(name) if other in self._rows), None)
        return row

    def _spellings(self) -> Mapping[str, str]:
        if self._composed is None:
            self._composed = {_composed(name): name for name in self._disk}
        return self._composed


def _composed(text: str) -> str:
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def _forms(name: str) -> Iterable[str]:
    return (unicodedata.normalize("NFC", name), unicodedata.normalize("NFD", name))

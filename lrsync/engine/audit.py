"""Is every photo in a catalog safe? Compare what a catalog names with the disk and the manifest, folder by folder.

Reads only. Memory is bounded by the largest folder (and by what is asked to be listed), never by the library.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum
from typing import Final, NamedTuple, Protocol

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
from lrsync.core.keys import composed, join_path
from lrsync.core.lightroom import (
    CatalogFacts,
    CatalogFolder,
    RootMapping,
    below,
    import_size,
    map_path,
    mapped,
    path_here,
    sidecar_names,
    volume_of,
)
from lrsync.core.ports import CatalogNames, Clock, SourceTree
from lrsync.core.scan import ScannedDir
from lrsync.engine.audit_folder import FolderHere
from lrsync.engine.stop import StoppedError

_PREVIEWS: Final = ".lrdata"
_LEFT_OUT: Final = "left out by the rules, or reached through a link"
_UNREADABLE: Final = "cannot be read"


class Catalog(CatalogNames, Protocol):
    """An open copy of a catalog."""

    def facts(self) -> CatalogFacts:
        """What it says of itself."""


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

    def previous(self) -> tuple[int, int] | None:
        """When the last audit was (nanoseconds since the epoch), and how many photos it found."""

    def vanished(self) -> Iterator[str]:
        """The paths of photos that the last audit found and that the catalog does not have now."""

    def missed(self) -> Iterator[tuple[str, int]]:
        """The paths of photos that an earlier audit told to have vanished, and when it did (nanoseconds)."""

    def settle(self, now_ns: int, states: Mapping[FileState, int]) -> None:
        """What the catalog has now is what the next audit is compared with; `states`: what this one found."""


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

    id: int | None
    root: str
    path: str
    disk: str
    where: _Where
    below: str | None = None

    def path_of(self, name: str) -> str:
        """A file's path as the catalog spells it."""
        return join_path(self.path, name) if self.path != "/" else f"/{name}"


class _Named(NamedTuple):
    """One file that a catalog names: a photo, or a sidecar of one."""

    name: str
    import_hash: str | None = None
    is_sidecar: bool = False


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
        for folder in self.ports.catalog.folders():
            if folder.root not in roots:
                roots[folder.root] = self._root_here(folder.root)
                self.report.roots[folder.root] = RootTally(roots[folder.root])
            self._add_place(folder, roots[folder.root])
        for mapping in self.options.mappings:
            if not any(mapped(root, (mapping,)) for root in roots):
                self.report.unused_mappings.append(mapping.old)

    def _root_here(self, root: str) -> str:
        here = map_path(root.rstrip("/") or "/", self.options.mappings)
        return self.ports.probe.resolve(here) if self.ports.probe.is_folder(here) else here

    def _add_place(self, folder: CatalogFolder, root_here: str) -> None:
        disk = path_here(folder, root_here)
        inside = below(disk, self.ports.sources)
        where = self._where(disk, root_here, inside)
        if inside is not None:
            self.inside.setdefault(composed(inside), []).append(len(self.places))
        self.places.append(_Place(folder.id, folder.root, folder.path, disk, where, inside))

    def _where(self, disk: str, root_here: str, inside: str | None) -> _Where:
        if inside is not None:
            return _Where.UNMOUNTED if self.ports.tree is None else _Where.INSIDE
        probe = self.ports.probe
        there = probe.is_folder(root_here) or probe.is_folder(volume_of(disk))
        return _Where.OUTSIDE if there else _Where.UNMOUNTED

    # --- a folder of the source ---------------------------------------------------------------------------

    def _take_folder(self, scanned: ScannedDir) -> None:
        names: set[str] = set()
        numbers = self.inside.get(composed(scanned.path), ())
        if numbers:
            here = FolderHere(scanned, self.ports.rows(scanned.path))
            for number in numbers:
                self.visited.add(number)
                self._take_files(self.places[number], here, names)
        self._report_unnamed(scanned, names)
        self.ports.sink(PhaseAdvanced(Phase.AUDITING, self.report.photos))

    def _take_files(self, place: _Place, here: FolderHere, names: set[str]) -> None:
        """Count a folder's files; `names` takes those that they have on the disk.

        The hot path: mostly every file is just as it was backed up, and those are counted by the folder.
        """
        known, photos, sidecars = here.safe, list[Recorded](), list[Recorded]()
        for name, extensions, import_hash in self.ports.catalog.photos(place.id):
            if (row := known.get(name)) is None:
                names.add(self._take_file(_Named(name, import_hash), place, here))
            else:
                photos.append(row)
                if import_hash is not None and not import_hash.endswith(f":{row.size}"):
                    self._witness(_Named(name, import_hash), place, row.size)
            for sidecar in sidecar_names(name, extensions) if extensions else ():
                if (row := known.get(sidecar)) is None:
                    names.add(self._take_file(_Named(sidecar, is_sidecar=True), place, here))
                else:
                    sidecars.append(row)
        self._take_safe(place, photos, sidecars, names)

    def _take_safe(
        self, place: _Place, photos: Sequence[Recorded], sidecars: Sequence[Recorded], names: set[str]
    ) -> None:
        self.report.count_many(place.root, FileState.SAFE, photos=len(photos), sidecars=len(sidecars))
        for rows, is_sidecar in ((photos, False), (sidecars, True)):
            names.update([row.name for row in rows])
            for proven_ns in {row.proven_ns for row in rows}:
                self.report.take_proof(proven_ns)
            if FileState.SAFE in self.options.listed:
                self.report.listed += [
                    AuditedFile(FileState.SAFE, place.path_of(r.name), place.root, is_sidecar, r.size, r.proven_ns)
                    for r in rows
                ]

    def _take_file(self, file: _Named, place: _Place, here: FolderHere) -> str:
        """Count one file; returns the name that it has on the disk."""
        disk, name = here.find(file.name)
        note, state = "", None
        if disk is None:
            disk, name, note, state = self._look_closer(file.name, place, here)
        row = here.row(name)
        if state is None:
            state = judge(disk, row)
        self._count(file, place, state, disk, row, note)
        return name

    def _look_closer(
        self, wanted: str, place: _Place, here: FolderHere
    ) -> tuple[DiskFacts | None, str, str, FileState | None]:
        """A file that the walk did not show: gone, left out, a placeholder, or spelled in another case."""
        try:
            found = self.ports.probe.look(join_path(place.disk, wanted))
        except OSError:
            return None, wanted, _UNREADABLE, FileState.PENDING
        if isinstance(found, FileState):
            return None, wanted, "", found
        if found is None:
            return None, wanted, "", None
        name = here.in_another_case(wanted)
        return found, name or wanted, "" if name else _LEFT_OUT, None

    def _report_unnamed(self, scanned: ScannedDir, names: Collection[str]) -> None:
        if f"{_PREVIEWS}/" in f"{scanned.path}/":
            return
        for file in scanned.files:
            if file[0] not in names and is_photo(file[0]):
                path = join_path(scanned.path, file.name)
                self._add(AuditedFile(FileState.NOT_IN_CATALOG, path, "", size=file.size))

    # --- what lies elsewhere ------------------------------------------------------------------------------

    def _take_elsewhere(self, number: int, place: _Place) -> None:
        """A folder that the walk did not come to: it is gone, left out, outside of the source, or not mounted."""
        rows = {} if place.below is None else self.ports.rows(place.below)
        here = FolderHere(ScannedDir(""), rows)
        for file in self._named(place):
            match place.where:
                case _Where.INSIDE:
                    self._take_file(file, place, here)
                case _Where.UNMOUNTED:
                    row = here.row(file.name)
                    note = "the bucket has it" if row is not None and row.good else ""
                    self._count(file, place, FileState.UNMOUNTED, None, row, note)
                case _Where.OUTSIDE:
                    self._take_outside(file, place)

    def _named(self, place: _Place) -> Iterator[_Named]:
        """The files of a folder, sidecars after their photo."""
        for name, extensions, import_hash in self.ports.catalog.photos(place.id):
            yield _Named(name, import_hash)
            for sidecar in sidecar_names(name, extensions):
                yield _Named(sidecar, is_sidecar=True)

    def _take_outside(self, file: _Named, place: _Place) -> None:
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
        nowhere = _Place(None, "", "", "", _Where.OUTSIDE)
        for file in self._named(nowhere):
            self.report.roots.setdefault("", RootTally(""))
            self._count(file, nowhere, FileState.MISSING, None, None, "its folder is not in the catalog")

    # --- counting -----------------------------------------------------------------------------------------

    def _count(
        self,
        file: _Named,
        place: _Place,
        state: FileState,
        disk: DiskFacts | None,
        row: Recorded | None,
        note: str,
    ) -> None:
        size = disk.size if disk is not None else None
        proven = row.proven_ns if row is not None and row.good else None
        if size is not None and not file.is_sidecar:
            self._witness(file, place, size)
        self._add(AuditedFile(state, place.path_of(file.name), place.root, file.is_sidecar, size, proven, note))

    def _witness(self, file: _Named, place: _Place, size: int) -> None:
        """Compare the size on the disk with the one that the file had when it was imported."""
        imported = import_size(file.import_hash)
        if imported not in (None, size) and is_original(file.name):
            assert imported is not None
            self.report.witnesses.append(SizeWitness(place.path_of(file.name), imported, size))

    def _add(self, file: AuditedFile) -> None:
        self.report.count(file)
        if file.state in self.options.listed:
            self.report.listed.append(file)

    def _compare_with_last(self) -> None:
        previous = self.ports.memory.previous()
        if previous is not None:
            self.report.previous_ns, self.report.previous_photos = previous
            for path in self.ports.memory.vanished():
                self.report.vanished.append(path)
                self._add(AuditedFile(FileState.VANISHED, path, ""))
            self._list_missed()
        self.ports.memory.settle(self.report.audited_ns, self.report.states)

    def _list_missed(self) -> None:
        """Who was told that some vanished may ask for their names afterwards; they are no alarm for a second time."""
        if FileState.VANISHED not in self.options.listed:
            return
        for path, told_ns in self.ports.memory.missed():
            day = datetime.fromtimestamp(told_ns // 1_000_000_000, UTC).date().isoformat()
            self.report.listed.append(AuditedFile(FileState.VANISHED, path, "", note=f"told on {day}"))

    def _check_stop(self) -> None:
        if self.ports.stopping():
            raise StoppedError("auditing")

"""The manifest's rows: what was last seen on the disk, and what S3 acknowledged. SQLAlchemy Core on SQLite.

Owns every write to a file's row and the clearing of seals that goes with it, in one transaction. Decides nothing,
and never asks the disk or S3.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import astuple, replace
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Any, Final

from sqlalchemy import Engine, Select, delete, select, text
from sqlalchemy.dialects import sqlite as sqlite_dialect
from sqlalchemy.engine import Connection

from lrsync.adapters.database import make_engine, prepare
from lrsync.adapters.entry_codec import decode_entry, encode_entry
from lrsync.adapters.folder_counts import WATCH
from lrsync.adapters.manifest_listing import ListingScratch
from lrsync.adapters.manifest_session import Session
from lrsync.adapters.manifest_sql import (
    CLEAR_FINDINGS,
    CLEAR_PASSING,
    DELETE,
    PASSING_KINDS,
    PATH,
    RESOLVED_KINDS,
    SET_DIGEST,
    SET_DRIFT,
    UNSEAL,
    UPSERT,
    one_row,
    twins,
    with_twins,
)
from lrsync.adapters.manifest_verify import Proofs
from lrsync.adapters.schema import directories, files, findings, library, multiparts
from lrsync.adapters.schema_names import LIBRARY_COLUMNS, MULTIPART_COLUMNS, PROOF_CODES, listed, placeholders
from lrsync.adapters.sqlite import from_int, from_text, to_int, to_text
from lrsync.core.checksums import ChecksumKind
from lrsync.core.findings import FindingKind, QuarantinedContent
from lrsync.core.keys import listing_prefix, split_path
from lrsync.core.library import LibraryRow
from lrsync.core.model import (
    Done,
    Drift,
    ManifestEntry,
    MarkMissing,
    MultipartRecord,
    Outcome,
    Quarantine,
    Return,
    Trash,
    VerifyScope,
)
from lrsync.core.objects import ListedObject
from lrsync.core.scan import Stat
from lrsync.errors import ManifestError

_CHUNK: Final = 1000

_Write = tuple[str, str, ManifestEntry | None]
"""Folder, name, and what the row becomes; None where it goes."""


class Manifest:
    """The rows of one library. Any thread may call any method; every write is one transaction."""

    def __init__(self, database: Engine | Path, prefix: str, *, path: Path | None = None) -> None:
        """Open the manifest. `prefix` is the library's, from which most keys are derived.

        `database`: the file, or an engine for it (then `path` says in errors which file it is).
        Raises ManifestError; also where the file is of a library with another prefix.
        """
        if isinstance(database, Path):
            path = database
            prepare(path, check=False)
        engine = make_engine(database) if isinstance(database, Path) else database
        self.prefix = prefix
        self._head = listing_prefix(prefix)
        self._dir_ids: dict[str, int] = {}
        self._session = Session(engine, path or Path("manifest"))
        self._listing = ListingScratch(self._session, self._head)
        self._proofs = Proofs(self._session, self._head)
        try:
            with self._session.reading() as connection:
                for statement in WATCH:
                    connection.exec_driver_sql(statement)
            self._check_prefix()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Let go of the file."""
        self._session.close()

    def __enter__(self) -> Manifest:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _check_prefix(self) -> None:
        with self._session.reading() as connection:
            stored = connection.execute(select(library.c.prefix)).scalar()
        self._demand_prefix(stored if stored is not None else self.prefix)

    def _demand_prefix(self, prefix: str) -> None:
        if prefix != self.prefix:
            # Keys that are derived from the prefix would all become others, that nothing was ever stored under.
            message = f"the manifest is of a library under the prefix '{prefix}', not '{self.prefix}'"
            raise ManifestError(message, hint="use another manifest for another prefix", path=str(self._session.path))

    # --- the library --------------------------------------------------------------------------------------

    def update_library(self, library_row: LibraryRow) -> None:
        """Write the library's row. Raises ManifestError where it has another prefix."""
        self._demand_prefix(library_row.prefix)
        values = dict(zip(LIBRARY_COLUMNS, astuple(library_row), strict=True))
        values |= {"source": to_text(library_row.source), "has_marker": int(library_row.has_marker)}
        insert = sqlite_dialect.insert(library).values(id=1, **values)
        with self._session.writing() as connection:
            connection.execute(insert.on_conflict_do_update(index_elements=["id"], set_=values))

    # --- reading rows -------------------------------------------------------------------------------------

    def rows(self, folder: str) -> list[ManifestEntry]:
        """The rows of the files directly in `folder`, by name."""
        query = select(files).join(directories).where(directories.c.path == to_text(folder)).order_by(files.c.name)
        with self._session.reading() as connection:
            found = connection.execute(query).all()
        return [decode_entry(folder, row, self._head) for row in found]

    def row(self, path: str) -> ManifestEntry | None:
        """One file's row."""
        return self._first(one_row(path))

    def count(self, *, at_most: int | None = None) -> int:
        """How many rows there are; with `at_most`, that where there are more: it looks at no more rows."""
        limit = -1 if at_most is None else at_most
        query = f"SELECT count(*) FROM (SELECT 1 FROM {files.name} LIMIT ?)"
        with self._session.reading() as connection:
            return int(connection.exec_driver_sql(query, (limit,)).scalar_one())

    def folder_counts(self) -> dict[str, int]:
        """How many rows there are directly in each folder, by its path."""
        query = (
            f"SELECT d.path, n FROM (SELECT dir_id, count(*) AS n FROM {files.name} GROUP BY dir_id) "
            f"JOIN {directories.name} d ON d.id = dir_id"
        )
        with self._session.reading() as connection:
            return {from_text(path): count for path, count in connection.exec_driver_sql(query)}

    def name_at(self, folder: str, number: int) -> str:
        """The name of one file directly in a folder: of so many by name, counted from 1. Raises KeyError."""
        query = (
            f"SELECT name FROM {files.name} WHERE dir_id = (SELECT id FROM {directories.name} WHERE path = ?) "
            "ORDER BY name LIMIT 1 OFFSET ?"
        )
        with self._session.reading() as connection:
            name = connection.exec_driver_sql(query, (to_text(folder), number - 1)).scalar()
        if name is None:
            raise KeyError((folder, number))
        return from_text(name)

    def sizes(self) -> set[int]:
        """Every size that a good object has; to know cheaply that a file has no twin."""
        # Made distinct by the set: SQLite would put every row into a scratch index for it.
        query = f"SELECT size FROM {files.name} WHERE sha256 IS NOT NULL AND drift IS NULL"
        with self._session.reading() as connection:
            return set(connection.exec_driver_sql(query).scalars())

    def find_twin(self, sha256: bytes) -> ManifestEntry | None:
        """A row with these bytes whose object is good; rather one that is not missing."""
        return self._first(twins(sha256).order_by(files.c.missing_since.is_not(None)).limit(1))

    def with_twins(self, digests: Sequence[bytes]) -> set[bytes]:
        """Those of these sha256s (fewer than a thousand) for which `find_twin` has a row, in one look."""
        if not digests:
            return set()
        with self._session.reading() as connection:
            return set(connection.exec_driver_sql(with_twins(len(digests)), tuple(digests)).scalars())

    def has_live_twin(self, entry: ManifestEntry) -> bool:
        """Whether another row, not missing and good, has the same bytes: then it was moved, not deleted."""
        if entry.sha256 is None:
            return False
        # At most one of the first two can be the entry itself: of many with the same bytes no more are looked at.
        live = twins(entry.sha256).where(text("(files.missing_since IS NOT NULL) = 0")).limit(2)
        with self._session.reading() as connection:
            found = connection.execute(live).all()
        return any(decode_entry(from_text(row.folder), row, self._head).path != entry.path for row in found)

    def missing(self) -> Iterator[ManifestEntry]:
        """Rows whose file is missing, by path; as they are when the first is asked for."""
        return self._spooled("f.missing_since IS NOT NULL")

    def unproven(self, *, trusted: bool) -> Iterator[ManifestEntry]:
        """Rows of files that are there and whose object is not proven, by path; with `trusted` also those on trust."""
        settled = "" if trusted else " AND f.settled = 0"
        return self._spooled(f"f.sha256 IS NULL AND f.missing_since IS NULL{settled}")

    def has_md5_etag(self) -> bool:
        """Whether a row's checksum is an MD5 that is its ETag: the row then has no value of its own for it."""
        md5 = files.c.proof == PROOF_CODES[ChecksumKind.MD5]
        query = select(files.c.size).where(md5, files.c.checksum.is_(None), files.c.sha256.is_not(None)).limit(1)
        with self._session.reading() as connection:
            return connection.execute(query).first() is not None

    def drifted(self) -> Iterator[ManifestEntry]:
        """Rows whose object the bucket lost or altered, by path; as they are when the first is asked for."""
        return self._spooled("f.drift IS NOT NULL")

    def quarantined(self, kind: FindingKind = FindingKind.ORIGINAL_CHANGED) -> Mapping[str, QuarantinedContent]:
        """The bytes on the disk that findings of this kind speak of, by path; by default of changed originals."""
        times = (findings.c.size, findings.c.mtime_ns, findings.c.ctime_ns)
        columns = (findings.c.path, *times, findings.c.sha256, findings.c.message)
        changed = findings.c.kind == kind.value
        with self._session.reading() as connection:
            found = connection.execute(select(*columns).where(changed, findings.c.sha256.is_not(None))).all()
        contents = [
            QuarantinedContent(from_text(path), Stat(size, from_int(mtime), from_int(ctime)), sha256, message)
            for path, size, mtime, ctime, sha256, message in found
        ]
        return {content.path: content for content in contents}

    def _first(self, query: Any) -> ManifestEntry | None:
        with self._session.reading() as connection:
            row = connection.execute(query).first()
        return None if row is None else decode_entry(from_text(row.folder), row, self._head)

    def _spooled(self, condition: str) -> Iterator[ManifestEntry]:
        columns = ", ".join(f"f.{column.name}" for column in files.columns)
        query = (
            f"SELECT {columns}, d.path AS folder FROM {files.name} f JOIN {directories.name} d ON d.id = f.dir_id "
            f"WHERE {condition} ORDER BY {PATH}"
        )
        for row in self._session.spooled(query):
            yield decode_entry(from_text(row[-1]), row, self._head)

    # --- writing rows -------------------------------------------------------------------------------------

    def record(self, outcomes: Sequence[Outcome]) -> None:
        """Write acknowledged outcomes and clear their directories' seals. Failed and Raced only clear seals."""
        writes, folders = _writes_of(outcomes)
        with self._session.writing() as connection:
            ids = self._ids_for(connection, {folder for folder, _, _ in writes.values()})
            self._write_rows(connection, writes.values(), ids)
            _clear_findings(connection, writes, {_path_of(outcome) for outcome in outcomes if _read_nothing(outcome)})
            _execute(connection, UNSEAL, [(to_text(folder),) for folder in folders])
        self._dir_ids.update(ids)  # only now: an id from a transaction that failed is nobody's

    def _write_rows(self, connection: Connection, writes: Iterable[_Write], ids: Mapping[str, int]) -> None:
        upserts: list[tuple[Any, ...]] = []
        deletes: list[tuple[Any, ...]] = []
        for folder, name, entry in writes:
            if entry is None:
                deletes.append((ids[folder], to_text(name)))
            else:
                upserts.append(encode_entry(entry, ids[folder], name, self._head))
        _execute(connection, UPSERT, upserts)
        _execute(connection, DELETE, deletes)

    def _ids_for(self, connection: Connection, folders: Iterable[str]) -> dict[str, int]:
        """The directories' ids; rows are made for those that have none."""
        ids = {}
        for folder in folders:
            known = self._dir_ids.get(folder)
            ids[folder] = known if known is not None else _directory_id(connection, folder)
        return ids

    def seal(self, digests: Mapping[str, bytes]) -> None:
        """Set these directories' digests."""
        with self._session.writing() as connection:
            _execute(connection, SET_DIGEST, [(to_text(path), digest) for path, digest in digests.items()])

    def forget_empty_directories(self) -> None:
        """Drop directories without rows and without a seal."""
        used = select(files.c.dir_id).where(files.c.dir_id == directories.c.id).exists()
        with self._session.writing() as connection:
            # Ids may be given again to other directories.
            self._dir_ids.clear()
            connection.execute(delete(directories).where(directories.c.digest.is_(None), ~used))

    def set_drift(self, verdicts: Iterable[tuple[str, Drift | None]]) -> None:
        """Mark rows (by path) and clear their directories' seals; a thousand in a transaction."""
        remaining = iter(verdicts)
        # Taken from the caller before a transaction begins: what it iterates over may itself ask the manifest.
        while chunk := list(islice(remaining, _CHUNK)):
            with self._session.writing() as connection:
                _execute(connection, SET_DRIFT, [_drift_row(path, drift) for path, drift in chunk])
                folders = {split_path(path)[0] for path, _ in chunk}
                _execute(connection, UNSEAL, [(to_text(folder),) for folder in folders])

    def update_object(self, path: str, *, etag: str, version_id: str | None) -> None:
        """The object was proven to be the row's bytes under another ETag; clears the directory's seal."""
        folder, name = split_path(path)
        with self._session.writing() as connection:
            row = connection.execute(one_row(path)).first()
            if row is None:
                return
            # Written as a whole: a checksum that was left out because the old ETag implied it must be put in now.
            entry = replace(decode_entry(folder, row, self._head), etag=etag, version_id=version_id)
            _execute(connection, UPSERT, [encode_entry(entry, row.dir_id, name, self._head)])
            _execute(connection, UNSEAL, [(to_text(folder),)])

    # --- proofs -------------------------------------------------------------------------------------------

    def entries(self) -> Iterator[ManifestEntry]:
        """Every row, by path; as they are when the first is asked for."""
        return self._proofs.entries()

    def rows_at(self, places: Sequence[int]) -> Iterator[ManifestEntry]:
        """The rows at these places, counted from 0 in an order that is always the same; as they are now."""
        return self._proofs.rows_at(places)

    def to_verify(self, scope: VerifyScope) -> Iterator[ManifestEntry]:
        """The rows of this scope, least recently proven first; as they are when the first is asked for."""
        return self._proofs.due(scope)

    def count_to_verify(self, scope: VerifyScope) -> int:
        """How many rows `to_verify` has."""
        return self._proofs.count_due(scope)

    def mark_verified(self, paths: Iterable[str], at: int, *, disk: bool = False) -> None:
        """The objects of these files (with `disk`: the files themselves) were proven at this time. Keeps seals."""
        self._proofs.mark(paths, at, disk=disk)

    def set_images(self, images: Iterable[tuple[str, bytes]]) -> None:
        """What identifies the image data of these files, by path, as it was just read. Keeps seals."""
        self._proofs.set_images(images)

    def clear_findings(self, kinds: Iterable[FindingKind], paths: Iterable[str]) -> None:
        """Take these findings back."""
        self._proofs.clear_findings(tuple(kinds), paths)

    # --- multipart uploads --------------------------------------------------------------------------------

    def remember_multipart(self, record: MultipartRecord) -> None:
        """Keep a multipart upload so that it can be resumed; an older one for the key is forgotten."""
        stat = record.stat
        values = (record.key, to_text(record.path), record.upload_id, record.part_size)
        times = (stat.size, to_int(stat.mtime_ns), to_int(stat.ctime_ns))
        columns = f"{listed(MULTIPART_COLUMNS)}) VALUES ({placeholders(MULTIPART_COLUMNS)}"
        with self._session.writing() as connection:
            connection.exec_driver_sql(
                f"INSERT OR REPLACE INTO {multiparts.name} ({columns})",
                (*values, *times, record.sha256, record.started_at),
            )

    def multipart_for(self, key: str) -> MultipartRecord | None:
        """The upload in progress for this key."""
        return next(iter(self._multiparts(select(multiparts).where(multiparts.c.key == key))), None)

    def multiparts(self) -> list[MultipartRecord]:
        """All uploads in progress, by key."""
        return self._multiparts(select(multiparts).order_by(multiparts.c.key))

    def forget_multipart(self, key: str) -> None:
        """The upload is complete, aborted or gone."""
        with self._session.writing() as connection:
            connection.execute(delete(multiparts).where(multiparts.c.key == key))

    def _multiparts(self, query: Select[Any]) -> list[MultipartRecord]:
        with self._session.reading() as connection:
            found = connection.execute(query).all()
        return [
            MultipartRecord(
                key=row.key,
                path=from_text(row.path),
                upload_id=row.upload_id,
                part_size=row.part_size,
                stat=Stat(row.size, from_int(row.mtime_ns), from_int(row.ctime_ns)),
                sha256=row.sha256,
                started_at=row.started_at,
            )
            for row in found
        ]

    # --- the listing --------------------------------------------------------------------------------------

    def begin_listing(self) -> None:
        """Make room for a listing; an older one goes."""
        self._listing.begin()

    def add_listed(self, objects: Iterable[ListedObject]) -> None:
        """Keep a page of the listing. A key that comes twice counts once."""
        self._listing.add(objects)

    def listed(self, key: str) -> ListedObject | None:
        """What this run's listing said about a key; None also where there was no listing."""
        return self._listing.get(key)

    def listed_among(self, keys: Sequence[str]) -> set[str]:
        """Which of these keys this run's listing has, in one look."""
        return self._listing.among(keys)

    def count_listed(self) -> int:
        """How many objects this run's listing has, without lrsync's own."""
        return self._listing.count()

    def listed_of_size(self, size: int, *, etags: Collection[str] = (), limit: int) -> list[ListedObject]:
        """Objects of this many bytes in this run's listing; with `etags` only those that have one of them."""
        return self._listing.of_size(size, etags, limit)

    def compare_listing(self) -> Iterator[tuple[ManifestEntry, ListedObject | None]]:
        """Rows that the listing does not have, or has with another size or ETag; and those marked with drift.

        By path, as they are when the first is asked for.
        """
        return self._listing.compare()

    def unknown_listed(self) -> Iterator[ListedObject]:
        """Listed objects that no row explains, by key; lrsync's own and the marker left out."""
        return self._listing.unknown()


# --- statements and values --------------------------------------------------------------------------------


def _drift_row(path: str, drift: Drift | None) -> tuple[Any, ...]:
    folder, name = split_path(path)
    return None if drift is None else drift.value, to_text(folder), to_text(name)


def _writes_of(outcomes: Sequence[Outcome]) -> tuple[dict[str, _Write], set[str]]:
    """What becomes of which rows, by path, and all the folders that anything happened in.

    By path, so that the last outcome of a file wins, as it would one by one.
    """
    writes: dict[str, _Write] = {}
    folders: set[str] = set()
    for outcome in outcomes:
        path = _path_of(outcome)
        folder, name = split_path(path)
        folders.add(folder)
        if isinstance(outcome, Done) and not _keeps_its_row(outcome):
            writes[path] = (folder, name, outcome.entry)
    return writes, folders


def _keeps_its_row(outcome: Done) -> bool:
    """Whether the row stays as it is: a quarantine's, unless it is the first to know of the good object.

    Or to see the file again: it may have been missing.
    """
    return isinstance(outcome.action, Quarantine) and outcome.action.change.old == outcome.entry


def _read_nothing(outcome: Outcome) -> bool:
    """Whether nobody looked into the file: that it went, or is there again, does not make bad bytes good."""
    return isinstance(outcome, Done) and isinstance(outcome.action, MarkMissing | Return)


def _path_of(outcome: Outcome) -> str:
    if not isinstance(outcome, Done):
        return outcome.path
    if outcome.entry is not None:
        return outcome.entry.path
    if isinstance(outcome.action, Trash):
        return outcome.action.entry.path
    raise ValueError(f"only a trashed file leaves no row, not one with {type(outcome.action).__name__}")


def _directory_id(connection: Connection, folder: str) -> int:
    path = (to_text(folder),)
    found = connection.exec_driver_sql(f"SELECT id FROM {directories.name} WHERE path = ?", path).scalar()
    if found is not None:
        return int(found)
    return int(connection.exec_driver_sql(f"INSERT INTO {directories.name} (path) VALUES (?)", path).lastrowid)


def _execute(connection: Connection, statement: str, rows: list[tuple[Any, ...]]) -> None:
    if rows:
        connection.exec_driver_sql(statement, rows)


def _clear_findings(connection: Connection, paths: Iterable[str], unread: Collection[str]) -> None:
    """A file that was dealt with is no finding any more. Mostly there is none at all: looked at once a batch."""
    unsolved = select(findings.c.kind).where(findings.c.kind.in_(RESOLVED_KINDS)).limit(1)
    if connection.execute(unsolved).first() is not None:
        read = [path for path in paths if path not in unread]
        _execute(connection, CLEAR_FINDINGS, [(*RESOLVED_KINDS, to_text(path)) for path in read])
        _execute(connection, CLEAR_PASSING, [(*PASSING_KINDS, to_text(path)) for path in unread])

"""Which rows to verify next, and when each was last proven. Part of the manifest; judges no object and no file."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, Final

from lrsync.adapters.entry_codec import decode_entry
from lrsync.adapters.manifest_session import Session
from lrsync.adapters.manifest_sql import PATH
from lrsync.adapters.schema_names import DIRECTORIES, DISK_PROOFS, FILE_COLUMNS, FILES, FINDINGS
from lrsync.adapters.sqlite import from_text, to_text
from lrsync.core.findings import FindingKind
from lrsync.core.keys import split_path
from lrsync.core.model import ManifestEntry, VerifyScope

_CHUNK: Final = 1000
_COLUMNS: Final = ", ".join(f"f.{column}" for column in FILE_COLUMNS)
_JOINED: Final = (
    f"FROM {FILES} f JOIN {DIRECTORIES} d ON d.id = f.dir_id "
    f"LEFT JOIN {DISK_PROOFS} p ON p.dir_id = f.dir_id AND p.name = f.name"
)
_DIR_ID: Final = f"(SELECT id FROM {DIRECTORIES} WHERE path = ?)"
_MARK_OBJECT: Final = f"UPDATE {FILES} SET verified_at = ? WHERE dir_id = {_DIR_ID} AND name = ?"
_SET_IMAGE: Final = f"UPDATE {FILES} SET image = ? WHERE dir_id = {_DIR_ID} AND name = ?"
# From the row itself: a file without one has nothing that could have been proven.
_MARK_DISK: Final = (
    f"INSERT INTO {DISK_PROOFS} (proven_at, dir_id, name) "
    f"SELECT ?, dir_id, name FROM {FILES} WHERE dir_id = {_DIR_ID} AND name = ? "
    "ON CONFLICT (dir_id, name) DO UPDATE SET proven_at = excluded.proven_at"
)


_AT_PLACES: Final = f"""
SELECT {_COLUMNS}, d.path
FROM (SELECT dir_id, name, row_number() OVER (ORDER BY dir_id, name) - 1 AS place FROM {FILES}) AS ranked
JOIN {FILES} f ON f.dir_id = ranked.dir_id AND f.name = ranked.name JOIN {DIRECTORIES} d ON d.id = f.dir_id
WHERE ranked.place IN (SELECT value FROM json_each(?)) ORDER BY ranked.place
"""


class Proofs:
    """When rows were proven. `head` is the listing prefix, with which every key begins."""

    def __init__(self, session: Session, head: str) -> None:
        self._session = session
        self._head = head

    def entries(self) -> Iterator[ManifestEntry]:
        """Every row, by path; as they are when the first is asked for."""
        return self._spooled(f"SELECT {_COLUMNS}, d.path {_JOINED} ORDER BY {PATH}", ())

    def rows_at(self, places: Sequence[int]) -> Iterator[ManifestEntry]:
        """The rows at these places, counted from 0. One pass over the keys, and none of it leaves SQLite."""
        return self._spooled(_AT_PLACES, (json.dumps(list(places)),))

    def due(self, scope: VerifyScope) -> Iterator[ManifestEntry]:
        """The rows of a scope, those never proven first, then by age and path."""
        conditions, parameters = _conditions(scope)
        limit = "" if scope.limit is None else f" LIMIT {scope.limit:d}"
        query = f"SELECT {_COLUMNS}, d.path {_JOINED} WHERE {conditions} ORDER BY {_proven_at(scope)}, {PATH}{limit}"
        return self._spooled(query, parameters)

    def count_due(self, scope: VerifyScope) -> int:
        """How many rows `due` has."""
        conditions, parameters = _conditions(scope)
        with self._session.reading() as connection:
            found = connection.exec_driver_sql(f"SELECT count(*) {_JOINED} WHERE {conditions}", tuple(parameters))
            count = int(found.scalar_one())
        return count if scope.limit is None else min(count, scope.limit)

    def mark(self, paths: Iterable[str], at: int, *, disk: bool) -> None:
        """These files' objects (with `disk`: the files) were proven at this time; a thousand in a transaction."""
        remaining = iter(paths)
        while chunk := [(at, *_place(path)) for path in islice(remaining, _CHUNK)]:
            with self._session.writing() as connection:
                connection.exec_driver_sql(_MARK_DISK if disk else _MARK_OBJECT, chunk)

    def set_images(self, images: Iterable[tuple[str, bytes]]) -> None:
        """These files' image data; a thousand in a transaction."""
        remaining = iter(images)
        while chunk := [(image, *_place(path)) for path, image in islice(remaining, _CHUNK)]:
            with self._session.writing() as connection:
                connection.exec_driver_sql(_SET_IMAGE, chunk)

    def clear_findings(self, kinds: Iterable[FindingKind], paths: Iterable[str]) -> None:
        """Take the findings of these kinds about these paths back."""
        rows = [(kind.value, to_text(path)) for path in paths for kind in kinds]
        if rows:
            with self._session.writing() as connection:
                connection.exec_driver_sql(f"DELETE FROM {FINDINGS} WHERE kind = ? AND path = ?", rows)

    def _spooled(self, query: str, parameters: Iterable[Any]) -> Iterator[ManifestEntry]:
        for row in self._session.spooled(query, tuple(parameters)):
            yield decode_entry(from_text(row[-1]), row, self._head)


def _proven_at(scope: VerifyScope) -> str:
    """SQL for when everything that the scope asks for was last proven; 0 for never.

    A file that is gone has nothing on the disk to prove: its object's age alone counts.
    """
    verified, disk = "coalesce(f.verified_at, 0)", "coalesce(p.proven_at, 0)"
    if scope.objects and scope.disk:
        return f"CASE WHEN f.missing_since IS NULL THEN min({verified}, {disk}) ELSE {verified} END"
    return verified if scope.objects else disk


def _conditions(scope: VerifyScope) -> tuple[str, list[Any]]:
    conditions, parameters = ["1"], []
    if not scope.objects:
        conditions.append("f.missing_since IS NULL")
    if scope.before_ns is not None:
        conditions.append(f"{_proven_at(scope)} < ?")
        parameters.append(scope.before_ns)
    return " AND ".join(conditions), parameters


def _place(path: str) -> tuple[str | bytes, str | bytes]:
    folder, name = split_path(path)
    return to_text(folder), to_text(name)

"""A listing of the bucket, beside the manifest's rows. Lives in a scratch table: a crash leaves nothing of it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, Final

from lrsync.adapters.entry_codec import decode_entry
from lrsync.adapters.manifest_session import Session
from lrsync.adapters.manifest_sql import PATH
from lrsync.adapters.schema_names import DIRECTORIES, FILE_COLUMNS, FILES
from lrsync.adapters.sqlite import from_text, to_text
from lrsync.core.keys import MARKER, RESERVED
from lrsync.core.model import ManifestEntry
from lrsync.core.objects import ListedObject

_CHUNK: Final = 1000
_LISTED: Final = "key, size, etag, storage_class, last_modified_ns"
_WIDTH: Final = len(FILE_COLUMNS)

_FILE_COLUMNS: Final = ", ".join(f"f.{column}" for column in FILE_COLUMNS)

# The fields of a ListedObject as they are, so that a million need no taking apart; and `cut`, where the key's folder
# ends, so that SQL finds the row of a key by the indexes that are there.
_CREATE: Final = """
CREATE TEMP TABLE listing (
    key TEXT PRIMARY KEY, size INTEGER NOT NULL, etag TEXT NOT NULL, storage_class TEXT NOT NULL,
    last_modified_ns INTEGER NOT NULL, cut INTEGER NOT NULL
) WITHOUT ROWID
"""

# What `decode_etag` makes of a row's.
_ETAG: Final = "CASE typeof(f.etag) WHEN 'blob' THEN lower(hex(f.etag)) ELSE f.etag END"

_COMPARE: Final = f"""
SELECT {_FILE_COLUMNS}, d.path AS folder, {PATH} AS path,
       l.key AS listed_key, l.size AS listed_size, l.etag AS listed_etag, l.storage_class AS listed_class,
       l.last_modified_ns
FROM {FILES} f JOIN {DIRECTORIES} d ON d.id = f.dir_id
LEFT JOIN temp.listing l ON l.key = coalesce(f.key, ? || {PATH})
WHERE l.key IS NULL OR l.size <> f.size OR f.drift IS NOT NULL
   OR (f.etag <> '' AND l.etag <> '' AND {_ETAG} <> l.etag)
ORDER BY path
"""

# Parameters: the prefix's length in characters twice, then lrsync's own folder (its length, itself) and marker as keys.
_UNKNOWN: Final = f"""
SELECT l.key, l.size, l.etag, l.storage_class, l.last_modified_ns
FROM temp.listing l
WHERE NOT EXISTS (
    SELECT 1 FROM {DIRECTORIES} d JOIN {FILES} f ON f.dir_id = d.id
    WHERE d.path = substr(l.key, ? + 1, l.cut)
      AND f.name = substr(l.key, ? + 1 + l.cut + (l.cut > 0))
      AND f.key IS NULL
)
AND l.key NOT IN (SELECT key FROM {FILES} WHERE key IS NOT NULL)
AND substr(l.key, 1, ?) <> ? AND l.key <> ?
ORDER BY l.key
"""


class ListingScratch:
    """What one run's listing said. `head` is the listing prefix, with which every key begins."""

    def __init__(self, session: Session, head: str) -> None:
        self._session = session
        self._head = head
        self._begun = False

    def begin(self) -> None:
        """Make room for a listing; an older one goes."""
        with self._session.reading() as connection:
            connection.exec_driver_sql("DROP TABLE IF EXISTS temp.listing")
            connection.exec_driver_sql(_CREATE)
        self._begun = True

    def add(self, objects: Iterable[ListedObject]) -> None:
        """Keep some objects; a key that comes again replaces the earlier. Keys outside the prefix are not kept."""
        self._demand()
        statement = "INSERT OR REPLACE INTO temp.listing VALUES (?, ?, ?, ?, ?, ?)"
        told = iter(objects)
        # Taken from the caller before a transaction begins: what it iterates over may itself ask the manifest.
        while chunk := list(islice(told, _CHUNK)):
            rows = self._rows(chunk)
            with self._session.reading() as connection:
                if rows:
                    connection.exec_driver_sql(statement, rows)

    def get(self, key: str) -> ListedObject | None:
        """What the listing said about a key; None also where there was no listing."""
        if not self._begun:
            return None
        statement = f"SELECT {_LISTED} FROM temp.listing WHERE key = ?"
        with self._session.reading() as connection:
            row = connection.exec_driver_sql(statement, (to_text(key),)).first()
        return None if row is None else _decode(row)

    def among(self, keys: Sequence[str]) -> set[str]:
        """Which of these keys the listing has; none where there was no listing."""
        if not self._begun or not keys:
            return set()
        marks = ", ".join("?" * len(keys))
        statement = f"SELECT key FROM temp.listing WHERE key IN ({marks})"
        with self._session.reading() as connection:
            found = connection.exec_driver_sql(statement, tuple(map(to_text, keys))).scalars().all()
        return {from_text(key) for key in found}

    def count(self) -> int:
        """How many objects the listing has, without lrsync's own."""
        self._demand()
        reserved = self._head + RESERVED
        statement = "SELECT count(*) FROM temp.listing WHERE substr(key, 1, ?) <> ?"
        with self._session.reading() as connection:
            return int(connection.exec_driver_sql(statement, (len(reserved), reserved)).scalar_one())

    def of_size(self, size: int, etags: Collection[str], limit: int) -> list[ListedObject]:
        """Objects of this many bytes, by key; with `etags` only those that have one of them."""
        if not self._begun:
            return []
        marks = f" AND etag IN ({', '.join('?' * len(etags))})" if etags else ""
        statement = f"SELECT {_LISTED} FROM temp.listing WHERE size = ?{marks} ORDER BY key LIMIT ?"
        with self._session.reading() as connection:
            connection.exec_driver_sql("CREATE INDEX IF NOT EXISTS temp.listing_sizes ON listing (size, etag)")
            found = connection.exec_driver_sql(statement, (size, *etags, limit)).all()
        return [_decode(row) for row in found]

    def compare(self) -> Iterator[tuple[ManifestEntry, ListedObject | None]]:
        """Rows that the listing does not have or has otherwise, and rows with drift, by path."""
        self._demand()
        for row in self._session.spooled(_COMPARE, (self._head,)):
            folder, listed = from_text(row[_WIDTH]), row[_WIDTH + 2 :]
            yield decode_entry(folder, row, self._head), None if listed[0] is None else _decode(listed)

    def unknown(self) -> Iterator[ListedObject]:
        """Objects that no row explains and that are not lrsync's own, by key."""
        self._demand()
        skip, reserved = len(self._head), self._head + RESERVED
        for row in self._session.spooled(_UNKNOWN, (skip, skip, len(reserved), reserved, self._head + MARKER)):
            yield _decode(row)

    def _demand(self) -> None:
        if not self._begun:
            # Without this every row would seem to be missing from the bucket.
            raise RuntimeError("there is no listing to compare with")

    def _rows(self, chunk: Iterable[ListedObject]) -> list[tuple[object, ...]]:
        head, skip = self._head, len(self._head)
        return [(to_text(key), *facts, max(key.rfind("/") - skip, 0)) for key, *facts in chunk if key.startswith(head)]


def _decode(row: Any) -> ListedObject:
    key, *facts = row
    return ListedObject(from_text(key), *facts)

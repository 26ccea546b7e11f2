"""One connection to the manifest, shared by threads: its lock, its transactions, its scratch tables. Knows no row."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from threading import RLock
from typing import Any, Final

from sqlalchemy import Engine
from sqlalchemy.engine import Connection

from lrsync.adapters import sqlite
from lrsync.adapters.database import BEGIN

_PAGE: Final = 1000


class Session:
    """A connection that any thread may use, one transaction at a time."""

    def __init__(self, engine: Engine, path: Path) -> None:
        self.path = path
        self._lock = RLock()
        self._spools = count(1)
        self._read_out: list[str] = []
        with sqlite.translating(path):
            self._connection: Connection = engine.connect()

    def close(self) -> None:
        """Let go of the file; the scratch tables go with it."""
        with self._lock, sqlite.translating(self.path):
            self._connection.close()

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """One write transaction: all of it or nothing. Raises ManifestError."""
        with self._lock, sqlite.translating(self.path), self._connection.begin():
            yield self._connection

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """One consistent look. Also for scratch tables, which are not in the file: it keeps no writer out."""
        with self._lock, sqlite.translating(self.path):
            self._connection.info[BEGIN] = "BEGIN"
            try:
                with self._connection.begin():
                    yield self._connection
            finally:
                self._connection.info.pop(BEGIN, None)

    def spooled(self, select: str, parameters: Sequence[Any] = ()) -> Iterator[tuple[Any, ...]]:
        """The rows of a query as they are when the first is asked for, a page at a time.

        They are put into a scratch table first: a cursor left open would see half of what is written meanwhile.
        """
        name = f"spool_{next(self._spools)}"
        with self.reading() as connection:
            self._drop_spools(connection)
            connection.exec_driver_sql(f"CREATE TEMP TABLE {name} AS {select}", tuple(parameters))
        try:
            last = 0
            while page := self._page(name, last):
                last = page[-1][0]
                for row in page:
                    yield row[1:]
        finally:
            # Not dropped here: the collector may run this inside another transaction.
            self._read_out.append(name)

    def _page(self, name: str, after: int) -> list[tuple[Any, ...]]:
        statement = f"SELECT rowid, * FROM temp.{name} WHERE rowid > ? ORDER BY rowid LIMIT {_PAGE}"
        with self.reading() as connection:
            return [tuple(row) for row in connection.exec_driver_sql(statement, (after,))]

    def _drop_spools(self, connection: Connection) -> None:
        while self._read_out:
            connection.exec_driver_sql(f"DROP TABLE temp.{self._read_out.pop()}")

"""What a run costs, counted and not timed: a slow machine counts the same."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from unittest import mock


@dataclass
class Cost:
    """Requests, statements, rows that left SQLite, and thousands of SQLite's own steps."""

    requests: int = 0
    statements: int = 0
    rows: int = 0
    steps: int = 0


@contextmanager
def counted(cost: Cost) -> Iterator[None]:
    """Count what connections that are opened now do."""
    connect = sqlite3.connect

    def opened(*args: Any, **options: Any) -> sqlite3.Connection:
        connection: sqlite3.Connection = connect(*args, **options)

        def step() -> int:
            cost.steps += 1
            return 0

        def row(_: sqlite3.Cursor, values: tuple[object, ...]) -> tuple[object, ...]:
            cost.rows += 1
            return values

        def statement(_: str) -> None:
            cost.statements += 1

        connection.set_progress_handler(step, 1000)
        connection.row_factory = row
        connection.set_trace_callback(statement)
        return connection

    with mock.patch.object(sqlite3, "connect", opened):
        yield

"""A process that writes to a catalog as Lightroom does: short bursts, an invariant across tables, small pauses.

Run with: DATABASE JOURNAL_MODE LOCKING_MODE. In every committed state, `balance` of all accounts adds up to TOTAL, and
`ledger` has one row for each transfer that `counter` counts. Says "ready" when it has begun.
"""

from __future__ import annotations

import random
import sqlite3
import sys
import time

ACCOUNTS, TOTAL = 1500, 1_500_000
PAD = "x" * 900  # a page holds four rows: a burst touches many pages

SCHEMA = """
CREATE TABLE accounts (id INTEGER PRIMARY KEY, balance INTEGER NOT NULL, pad TEXT NOT NULL);
CREATE TABLE ledger (id INTEGER PRIMARY KEY, source INTEGER, target INTEGER, amount INTEGER, pad TEXT);
CREATE TABLE counter (transfers INTEGER NOT NULL);
INSERT INTO counter VALUES (0);
"""


def prepare(connection: sqlite3.Connection) -> None:
    connection.executescript(SCHEMA)
    connection.executemany(
        "INSERT INTO accounts VALUES (?, ?, ?)", [(i, TOTAL // ACCOUNTS, PAD) for i in range(ACCOUNTS)]
    )


def burst(connection: sqlite3.Connection, chance: random.Random) -> None:
    """One transaction over a dozen accounts."""
    connection.execute("BEGIN IMMEDIATE")
    for _ in range(12):
        source, target, amount = chance.randrange(ACCOUNTS), chance.randrange(ACCOUNTS), chance.randrange(100)
        connection.execute("UPDATE accounts SET balance = balance - ? WHERE id = ?", (amount, source))
        connection.execute("UPDATE accounts SET balance = balance + ? WHERE id = ?", (amount, target))
        connection.execute("INSERT INTO ledger VALUES (NULL, ?, ?, ?, ?)", (source, target, amount, PAD))
        connection.execute("UPDATE counter SET transfers = transfers + 1")
    connection.execute("DELETE FROM ledger WHERE id < (SELECT max(id) - 500 FROM ledger)")
    connection.execute("UPDATE counter SET transfers = (SELECT count(*) FROM ledger)")
    connection.execute("COMMIT")


def main(path: str, journal_mode: str, locking_mode: str) -> None:
    chance = random.Random(7)
    connection = sqlite3.connect(path, isolation_level=None, timeout=30)
    connection.execute(f"PRAGMA locking_mode = {locking_mode}")
    connection.execute(f"PRAGMA journal_mode = {journal_mode}")
    connection.execute("PRAGMA synchronous = OFF")
    connection.execute("PRAGMA cache_size = 20")  # small: pages of an open transaction reach the file early
    connection.execute("PRAGMA wal_autocheckpoint = 60")
    if not connection.execute("SELECT 1 FROM sqlite_master").fetchone():
        prepare(connection)
    print("ready", flush=True)
    while True:
        end = time.monotonic() + chance.uniform(0.1, 0.4)
        while time.monotonic() < end:
            burst(connection, chance)
        # A moment of rest, as when a photographer looks at a photo.
        time.sleep(chance.uniform(0.2, 0.5))


if __name__ == "__main__":
    main(*sys.argv[1:4])

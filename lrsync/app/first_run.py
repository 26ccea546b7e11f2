"""Take back what a first run made when its bucket turns out to be of no use.

Removes only a manifest that this very run made and that records nothing, and the marker that goes with it.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lrsync.adapters.sqlite import read_only, side_file
from lrsync.core.keys import MARKER
from lrsync.errors import BucketError


@contextmanager
def unmade_if_useless(source: Path, manifest: Path) -> Iterator[None]:
    """Around a whole run, under the library's lock, with the manifest closed at both ends. Raises what the run raises.

    A bucket may be listed and yet take no object: then the user corrects the rights, or the bucket's name, and a
    marker of a library that never was would stand in the way of another bucket.
    """
    is_new = not os.path.lexists(manifest)
    had_marker = os.path.lexists(source / MARKER)
    try:
        yield
    except BucketError:
        if is_new and os.path.lexists(manifest) and not _records_anything(manifest):
            if not had_marker:
                (source / MARKER).unlink(missing_ok=True)
            for suffix in ("-wal", "-shm", ""):
                side_file(manifest, suffix).unlink(missing_ok=True)
        raise


def _records_anything(manifest: Path) -> bool:
    def found(connection: sqlite3.Connection) -> bool:
        query = "SELECT EXISTS (SELECT 1 FROM files) OR EXISTS (SELECT 1 FROM multiparts)"
        return bool(connection.execute(query).fetchone()[0])

    return read_only(manifest, found)

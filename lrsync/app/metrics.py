"""Wire the metrics' file."""

from __future__ import annotations

from pathlib import Path

from lrsync.adapters.wholefile import write_whole
from lrsync.errors import UsageError


def write_metrics(path: Path, text: str) -> None:
    """Write the metrics in one move: a collector that reads meanwhile sees the old ones. Raises UsageError."""
    try:
        # Readable by all: the collector is another user.
        write_whole(path, text.encode(), mode=0o644)
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}", hint="see who owns its folder") from error

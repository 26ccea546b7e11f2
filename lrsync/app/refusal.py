"""Note a run whose source was refused before the run could begin a row of its own.

Else a drive that was not there last night, or was another one, would leave no trace in the history. Decides nothing.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from lrsync.app.manifest_place import manifest_path
from lrsync.app.session import place_of
from lrsync.config import Config
from lrsync.core.events import EventSink, Trouble
from lrsync.core.runs import RunInfo, RunKind, RunSummary, result_for
from lrsync.errors import ManifestError, SourceError


@contextmanager
def refusal_noted(config: Config, kind: RunKind, sink: EventSink) -> Iterator[Callable[[], None]]:
    """Around all of a run. Gives what the run calls once it keeps a row of its own. Raises what the run raises.

    Noted is a refusal of a library that has a manifest: of any other there is no history.
    """
    started_at, begun = time.time_ns(), False

    def begins() -> None:
        nonlocal begun
        begun = True

    try:
        yield begins
    except SourceError as error:
        if not (begun or config.dry_run):
            _note(config, kind, sink, started_at, error)
        raise


def _note(config: Config, kind: RunKind, sink: EventSink, started_at: int, error: SourceError) -> None:
    from lrsync.adapters.refusals import note_refusal
    from lrsync.adapters.seals import counts_of

    code = error.exit_code
    counts = counts_of(RunSummary(exit_code=code, failure=error.message))
    path = manifest_path(config)
    try:
        if _is_of_this_library(config):
            note_refusal(path, RunInfo(0, kind, result_for(code), int(code), started_at, time.time_ns(), counts))
    except (ManifestError, OSError) as other:
        # What refused the run is what is told: this is said besides.
        sink(Trouble(f"the history does not have this run: {other}"))


def _is_of_this_library(config: Config) -> bool:
    """Whether there is a manifest, and of this place: --manifest may name another library's. Raises ManifestError."""
    from lrsync.adapters import sqlite
    from lrsync.adapters.seals import read_library

    path = manifest_path(config)
    if not os.path.lexists(path):
        return False
    with sqlite.translating(path):
        sqlite.check_header(path)
    row, place = sqlite.read_only(path, read_library), place_of(config)
    return row is not None and (row.source, row.address) == (place.source, place.address)

"""Keep a command's run row: begun before anything is done, ended whatever happens. Knows no command's work."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from lrsync.core.model import Finding, RunKind, RunSummary, result_for
from lrsync.core.ports import Clock, ObjectStore, SealStore
from lrsync.engine.multipart import StoppedError
from lrsync.errors import ExitCode, InterruptedRun, LrsyncError


class LazyStore:
    """Opens the bucket when something first asks for it, and knows how many requests that came to."""

    def __init__(self, open_store: Callable[[], ObjectStore]) -> None:
        self._open = open_store
        self._store: ObjectStore | None = None

    def __call__(self) -> ObjectStore:
        """The bucket."""
        if self._store is None:
            self._store = self._open()
        return self._store

    def count_requests(self, summary: RunSummary) -> None:
        """Write into the summary what was asked of S3."""
        if self._store is not None:
            summary.requests = self._store.requests


@contextmanager
def run_row(
    seals: SealStore,
    kind: RunKind,
    summary: RunSummary,
    clock: Clock,
    *,
    store: LazyStore,
    settle: Callable[[], None],
    findings: Callable[[], Sequence[Finding]] | None = None,
) -> Iterator[None]:
    """Write the run's row around the work. `settle` records what was done, however the work ended.

    The findings are added to those that are there: only a sync looks at all of the library. Raises InterruptedRun
    for StoppedError; what else the work raises goes on.
    """
    began = time.monotonic()
    run_id = seals.begin_run(kind, clock())
    summary.run_id = None if summary.dry_run else run_id
    summary.exit_code = ExitCode.BUG
    try:
        try:
            yield
        finally:
            settle()
        summary.settle_exit_code()
    except StoppedError:
        summary.exit_code = ExitCode.INTERRUPTED
        raise InterruptedRun(
            "interrupted: what was done is recorded", hint="run the same command again to go on"
        ) from None
    except LrsyncError as error:
        summary.exit_code = error.exit_code
        raise
    finally:
        summary.seconds_total = time.monotonic() - began
        store.count_requests(summary)
        stored = summary.findings if findings is None else findings()
        seals.finish_run(run_id, result_for(summary.exit_code), summary, stored, complete=False)

"""Keep a command's run row: begun before anything is done, ended whatever happens. Knows no command's work."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lrsync.core.runs import RequestCounts, RunKind, RunSummary, result_for, sum_requests
from lrsync.engine.stop import StoppedError
from lrsync.errors import ExitCode, InterruptedRun, LrsyncError

if TYPE_CHECKING:
    from lrsync.core.findings import Finding
    from lrsync.core.ports import Clock, ObjectStore, SealStore

OpenStore = Callable[[], "ObjectStore"]


class LazyStore:
    """Opens the bucket when something first asks for it, and knows how many requests that came to."""

    def __init__(self, open_store: OpenStore) -> None:
        self._stores = Stores()
        self._open = self._stores.lazily(open_store)

    def __call__(self) -> ObjectStore:
        """The bucket."""
        return self._open()

    def requests(self) -> RequestCounts:
        """HTTP requests so far, retries included."""
        return self._stores.requests()


class Stores:
    """The buckets that a command opened, and how many requests that came to."""

    def __init__(self) -> None:
        self._opened: dict[int, ObjectStore] = {}

    def opened(self, open_store: OpenStore) -> ObjectStore:
        """Open one, and remember it: two names of one store are one."""
        store = open_store()
        self._opened[id(store)] = store
        return store

    def lazily(self, open_store: OpenStore) -> OpenStore:
        """What opens this one when something first asks for it, once."""
        store: ObjectStore | None = None

        def opened() -> ObjectStore:
            nonlocal store
            if store is None:
                store = self.opened(open_store)
            return store

        return opened

    def requests(self) -> RequestCounts:
        """HTTP requests so far, retries included."""
        return sum_requests(store.requests for store in self._opened.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRow:
    """The row of one run.

    `settle` records what was done, however the work ended. `findings`: what the manifest keeps, where that is not the
    summary's; they are added to those that are there, or (`is_whole`: this looks at all of the library) take their
    place once the work has come to its end. `left`: what an interruption leaves, in words.
    """

    seals: SealStore
    kind: RunKind
    summary: RunSummary
    clock: Clock
    requests: Callable[[], RequestCounts]
    settle: Callable[[], None] = lambda: None
    findings: Callable[[], Sequence[Finding]] | None = None
    is_whole: bool = False
    left: str = "what was done is recorded"

    @contextmanager
    def around(self) -> Iterator[int]:
        """Begin the row, and write its end when the work has ended; gives the run's id.

        Raises InterruptedRun for StoppedError; what else the work raises goes on.
        """
        summary = self.summary
        began = time.monotonic()
        run_id = self.seals.begin_run(self.kind, self.clock())
        summary.run_id = None if summary.dry_run else run_id
        summary.exit_code = ExitCode.BUG
        ended = False
        try:
            try:
                yield run_id
            finally:
                self.settle()
            summary.settle_exit_code()
            ended = True
        except StoppedError:
            summary.exit_code = ExitCode.INTERRUPTED
            raise InterruptedRun(f"interrupted: {self.left}", hint="run the same command again to go on") from None
        except LrsyncError as error:
            summary.exit_code, summary.failure = error.exit_code, error.message
            raise
        finally:
            summary.seconds_total = time.monotonic() - began
            self.write_end(run_id, ended=ended)

    def write_end(self, run_id: int, *, ended: bool = True) -> None:
        """Write how the run ended; once more where something came after its end. `ended`: it came to its end."""
        self.summary.requests = self.requests()
        stored = self.summary.findings if self.findings is None else self.findings()
        result = result_for(self.summary.exit_code)
        self.seals.finish_run(run_id, result, self.summary, stored, complete=self.is_whole and ended)

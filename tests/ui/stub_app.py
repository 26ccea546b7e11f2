"""An app that emits made-up events and ends as it is told: what the command line looks like, without a bucket.

`python -m tests.ui.stub_app SCENARIO lrsync-arguments...` runs the real command line on it in its own process.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable
from types import ModuleType

from lrsync.config import Config
from lrsync.core.events import (
    BytesSent,
    EventSink,
    FindingRaised,
    Phase,
    PhaseAdvanced,
    PhaseStarted,
    Scanned,
    WorkFinished,
    WorkFound,
    WorkStarted,
)
from lrsync.core.findings import Finding, FindingKind
from lrsync.core.library import LibraryRow
from lrsync.core.model import Change, ChangeKind, Content, Done, Failed, Upload
from lrsync.core.runs import RunInfo, RunKind, RunResult, RunSummary
from lrsync.core.scan import ScannedFile, Stat
from lrsync.core.status import StatusReport, Tally
from lrsync.errors import ExitCode, InterruptedRun

NASTY = "2024/a\nb\x1b[31m [red]x[/red] \udcff.nef"
HOUR_NS = 3600 * 1_000_000_000

Runner = Callable[[Config, EventSink, threading.Event], RunSummary]


def done(path: str, size: int) -> Done:
    """The outcome of an upload."""
    name = path.rpartition("/")[2]
    change = Change(ChangeKind.ADDED, "2024", ScannedFile(name, size, 1, 1), None)
    return Done(Upload(change, Content(Stat(size, 1, 1), b"s" * 32, 0)), None)


def good_summary(**changes: object) -> RunSummary:
    """43 files, of which 3 were new."""
    summary = RunSummary(run_id=12)
    summary.scan.files, summary.scan.directories, summary.scan.bytes = 43, 5, 1_500_000
    summary.changes.added, summary.changes.unchanged = 3, 40
    summary.actions.uploaded = 3
    summary.bytes.uploaded = summary.bytes.hashed = 300_000
    summary.requests.put = 3
    summary.seconds_total, summary.seconds_scan = 1.5, 0.25
    for name, value in changes.items():
        setattr(summary, name, value)
    return summary


def quiet_summary() -> RunSummary:
    """43 files, none changed."""
    summary = RunSummary(run_id=13)
    summary.scan.files, summary.scan.directories = 43, 5
    summary.changes.unchanged = 43
    return summary


def failed_summary() -> RunSummary:
    """Two files failed, one of an awful name."""
    summary = good_summary()
    summary.actions.failed = 2
    summary.errors = [Failed(NASTY, "permission denied", "check who owns it"), Failed("b.jpg", "gone bad")]
    summary.settle_exit_code()
    return summary


def attention_summary() -> RunSummary:
    """A changed original."""
    summary = good_summary()
    summary.actions.quarantined = 1
    summary.findings = [Finding(FindingKind.ORIGINAL_CHANGED, "2024/a.nef", "this original's bytes changed")]
    summary.settle_exit_code()
    return summary


def good_run(config: Config, sink: EventSink, stop: threading.Event) -> RunSummary:
    """A run with one file of an awful name."""
    sink(PhaseStarted(Phase.LISTING))
    sink(PhaseAdvanced(Phase.LISTING, 40))
    sink(PhaseStarted(Phase.SCANNING))
    sink(Scanned(1, 43, 1_500_000))
    sink(WorkFound(NASTY, 1_000_000))
    sink(WorkStarted(NASTY, 1_000_000))
    sink(PhaseStarted(Phase.UPLOADING))
    sink(BytesSent(NASTY, 500_000))
    sink(WorkFinished(NASTY, 1_000_000, done(NASTY, 1_000_000)))
    return good_summary(dry_run=config.dry_run)


def slow_run(config: Config, sink: EventSink, stop: threading.Event) -> RunSummary:
    """A run that is long enough to be drawn."""
    sink(PhaseStarted(Phase.SCANNING))
    sink(Scanned(1, 43, 1_500_000))
    sink(WorkFound(NASTY, 1_000_000))
    sink(WorkStarted(NASTY, 1_000_000))
    sink(PhaseStarted(Phase.UPLOADING))
    sink(BytesSent(NASTY, 250_000))
    sink(FindingRaised(Finding(FindingKind.DELETE_GUARD, "", "nothing was deleted")))
    time.sleep(0.7)
    sink(WorkFinished(NASTY, 1_000_000, done(NASTY, 1_000_000)))
    return good_summary()


def failing_run(config: Config, sink: EventSink, stop: threading.Event) -> RunSummary:
    """A run that could not back up two files."""
    sink(WorkFinished("b.jpg", 5, Failed("b.jpg", "gone bad")))
    return failed_summary()


def stoppable_run(config: Config, sink: EventSink, stop: threading.Event) -> RunSummary:
    """A run that ends when it is asked to."""
    os.write(2, b"READY\n")
    assert stop.wait(30)
    raise InterruptedRun("interrupted: what was acknowledged is recorded", hint="run the same command again to go on")


def stubborn_run(config: Config, sink: EventSink, stop: threading.Event) -> RunSummary:
    """A run that does not end by itself."""
    os.write(2, b"READY\n")
    time.sleep(30)
    raise AssertionError("nobody ended it")


def broken_run(config: Config, sink: EventSink, stop: threading.Event) -> RunSummary:
    """A bug."""
    raise ZeroDivisionError("what\never")


def good_status(**changes: object) -> StatusReport:
    """43 safe files, backed up three hours ago."""
    run = run_info(RunResult.OK)
    values: dict[str, object] = {
        "library": LibraryRow("u", "default", "/photos", "", "bucket", "pre", 1, True, time.time_ns() - 50 * HOUR_NS),
        "files": 43,
        "bytes": 1_500_000,
        "safe": 43,
        "safe_bytes": 1_500_000,
        "pending": 0,
        "pending_bytes": 0,
        "missing": 0,
        "missing_bytes": 0,
        "quarantined": 0,
        "drifted": 0,
        "unproven": 0,
        "by_type": {"original": Tally(40, 1_400_000, 40), "sidecar": Tally(3, 100_000, 3)},
        "by_folder": {"2024": Tally(42, 1_499_000, 42), "写真\udcff\n" + "x" * 60: Tally(1, 1000, 1)},
        "by_proof": {"SHA256": 43},
        "last_run": run,
        "last_good_run": run,
        "findings": (),
        "recent": (run_info(RunResult.ATTENTION, 50, 4), run_info(RunResult.FAILED, 27, 5), run),
    }
    return StatusReport(**(values | changes))  # type: ignore[arg-type]


def run_info(result: RunResult, hours_ago: int = 3, code: int = 0) -> RunInfo:
    """A past run."""
    finished = time.time_ns() - hours_ago * HOUR_NS
    return RunInfo(7, RunKind.SYNC, result, code, finished - HOUR_NS // 60, finished, {})


def make(run: Runner = good_run, status: Callable[[Config], StatusReport | None] | None = None) -> ModuleType:
    """A module that stands in for lrsync.app. `configs` keeps what it was called with."""
    module = ModuleType("lrsync.app")
    configs: list[Config] = []

    def run_sync(config: Config, sink: EventSink, stop: threading.Event) -> RunSummary:
        configs.append(config)
        return run(config, sink, stop)

    def read_status(config: Config) -> StatusReport | None:
        configs.append(config)
        return status(config) if status is not None else good_status()

    vars(module).update(run_sync=run_sync, run_rebuild=run_sync, read_status=read_status, configs=configs)
    return module


SCENARIOS: dict[str, Runner] = {
    "good": good_run,
    "slow": slow_run,
    "failing": failing_run,
    "stoppable": stoppable_run,
    "stubborn": stubborn_run,
    "broken": broken_run,
    "quiet": lambda config, sink, stop: quiet_summary(),
}

if __name__ == "__main__":
    import lrsync

    lrsync.app = sys.modules["lrsync.app"] = make(SCENARIOS[sys.argv[1]])  # type: ignore[attr-defined]
    from lrsync.ui.main import main

    code = main(sys.argv[2:])
    if os.environ.get("SHOW_MODULES"):
        print("\nMODULES", *sorted({name.partition(".")[0] for name in sys.modules}), file=sys.stderr)
    assert code in list(ExitCode)
    sys.exit(code)

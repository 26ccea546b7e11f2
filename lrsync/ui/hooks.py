"""Tell the hooks when a backup begins and how it ended. The run's own end is the same with them and without."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from lrsync.core.events import EventSink, Trouble
from lrsync.core.hooks import HookEvent, HookReport
from lrsync.errors import ExitCode, LrsyncError
from lrsync.ui.text import sentence

if TYPE_CHECKING:
    from lrsync.config import Config
    from lrsync.core.runs import RunKind, RunSummary
    from lrsync.ui.running import Runner


def with_hooks(kind: RunKind, runner: Runner) -> Runner:
    """The runner, with the config's hooks told before and after. A dry run is nobody's business."""

    def run(config: Config, sink: EventSink, stop: threading.Event) -> RunSummary:
        if config.hooks.is_empty or config.dry_run:
            return runner(config, sink, stop)
        _tell(config, sink, HookReport(HookEvent.START, config.library, "The backup begins."))
        try:
            done = runner(config, sink, stop)
        except BaseException as error:
            _tell(config, sink, _failure(config.library, error))
            raise
        _tell(config, sink, _ending(kind, config.library, done))
        return done

    return run


def _ending(kind: RunKind, library: str, done: RunSummary) -> HookReport:
    from lrsync.ui import summary

    event = HookEvent.SUCCESS if done.exit_code is ExitCode.OK else HookEvent.FAIL
    return HookReport(event, library, summary.sentence_of(kind, done), int(done.exit_code))


def _failure(library: str, error: BaseException) -> HookReport:
    match error:
        case LrsyncError():
            hint = f" Hint: {sentence(error.hint)}" if error.hint else ""
            return HookReport(HookEvent.FAIL, library, sentence(error.message) + hint, int(error.exit_code))
        case KeyboardInterrupt():
            return HookReport(HookEvent.FAIL, library, "interrupted", int(ExitCode.INTERRUPTED))
        case _:
            # No more than its kind: what a bug's message holds, nobody knows. The log has it.
            return HookReport(HookEvent.FAIL, library, f"unexpected error: {type(error).__name__}", int(ExitCode.BUG))


def _tell(config: Config, sink: EventSink, report: HookReport) -> None:
    from lrsync.app import hooks

    for problem in hooks.announce(config.hooks, report):
        sink(Trouble(problem))

"""Run a command that may write: log, progress, signals, and the report at its end."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

import click

from lrsync import __version__, logs
from lrsync.config import Config
from lrsync.core.events import Event, EventSink
from lrsync.core.runs import RunKind, RunSummary
from lrsync.errors import ExitCode
from lrsync.ui import output, summary
from lrsync.ui.logsink import LogSink
from lrsync.ui.options import Talk
from lrsync.ui.progress import Progress, choose
from lrsync.ui.signals import StopSignals
from lrsync.ui.text import printable

T = TypeVar("T")

Runner = Callable[[Config, EventSink, threading.Event], RunSummary]


def run(
    kind: RunKind, config: Config, talk: Talk, runner: Runner, *, shown: Callable[[Progress], None] = lambda p: None
) -> int:
    """Run it and show what came of it; returns the exit code. Raises what `runner` raises.

    `shown` is told the display, for a command that asks something meanwhile.
    """
    talk = replace(talk, dry_run=config.dry_run)
    logs.configure(config.log_file, verbose=talk.verbose, warn=output.warning)
    _log_start(kind, config)
    log = LogSink()
    done = _run_watched(config, talk, runner, log, shown)
    log.finish(done, summary.sentence_of(kind, done))
    _show(kind, config, talk, done)
    return int(done.exit_code)


def _run_watched(
    config: Config, talk: Talk, runner: Runner, log: LogSink, shown: Callable[[Progress], None]
) -> RunSummary:
    stop = threading.Event()
    with choose(talk) as progress:
        shown(progress)

        def sink(event: Event) -> None:
            log.sink(event)
            progress.sink(event)

        with StopSignals(stop, say=progress.say, restore=progress.restore):
            return runner(config, sink, stop)


def watched(
    run: Callable[[EventSink, threading.Event], T],
    *,
    as_json: bool,
    shown: Callable[[Progress], None] = lambda p: None,
) -> T:
    """Call what only answers, with progress, and let Ctrl-C stop it.

    `shown` is told the display, for a command that asks something meanwhile.
    """
    stop = threading.Event()
    with (
        choose(Talk(as_json=as_json)) as progress,
        StopSignals(stop, say=progress.say, restore=progress.restore),
    ):
        shown(progress)
        return run(progress.sink, stop)


def _log_start(kind: RunKind, config: Config) -> None:
    where = printable(f"{config.source} -> s3://{config.bucket}/{config.prefix}")
    dry = " (dry run)" if config.dry_run else ""
    logs.LOGGER.info("lrsync %s %s%s, library %s: %s", __version__, kind.value, dry, printable(config.library), where)


def _show(kind: RunKind, config: Config, talk: Talk, done: RunSummary) -> None:
    if talk.as_json:
        from lrsync.ui.jsons import run_object, to_text

        output.result(to_text(run_object(kind, config.library, done)))
        return
    if talk.quiet and done.exit_code is ExitCode.OK:
        return  # so that cron sends a mail only when there is something to read
    from lrsync.ui.place import with_place
    from lrsync.ui.render import show

    report, context = summary.build(kind, done), click.get_current_context(silent=True)
    flags = context.params if context is not None else {}
    show(replace(report, problems=tuple(with_place(line, flags) for line in report.problems)))

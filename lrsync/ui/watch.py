"""`lrsync watch`: parse, watch, say what happens."""

from __future__ import annotations

import threading
import time
from typing import Any, Final

import click
from click.core import ParameterSource

from lrsync.ui.options import (
    examples,
    load_config,
    place_options,
    source_options,
    sync_options,
    talk_options,
    work_options,
)
from lrsync.ui.sync import sync

_OWN: Final = ("quiet_for", "max_wait", "every", "poll")
_LAST_RESORT_S: Final = 15.0
"""Longer than the sync that is stopped with it takes to end."""


_EXAMPLES: Final = examples(
    ("lrsync watch", "a sync whenever nothing changed for three minutes"),
    ("lrsync watch --quiet-for 10m --poll", "for a network drive, with more patience"),
)


@click.command(epilog=_EXAMPLES)
@click.option("--quiet-for", metavar="TIME", default="3m", show_default=True, help="Sync when nothing changed so long.")
@click.option("--max-wait", metavar="TIME", default="30m", show_default=True, help="But wait no longer than this.")
@click.option("--every", metavar="TIME", default="24h", show_default=True, help="Sync so often without any change.")
@click.option("--poll", is_flag=True, help="Look at every file now and then: network drives tell of no changes.")
@place_options
@work_options
@source_options
@sync_options
@talk_options
@click.pass_context
def watch(context: click.Context, /, **flags: Any) -> int:
    """Keep running, and sync a few minutes after something changed.

    For days of importing. Takes all that 'lrsync sync' takes; each sync is an ordinary one, in a process of its own.
    A sync that fails is tried again after a while, a drive that is unmounted is waited for. Ends with Ctrl-C, or
    where only a person can go on (exit codes 2 and 8).

    It does not replace the nightly sync: no system tells of every change. Keep 'lrsync schedule'.
    """
    from lrsync.errors import UsageError

    own = {name: flags.pop(name) for name in _OWN}
    config = load_config(flags)
    if config.dry_run:
        raise UsageError("watching and --dry-run do not go together", hint="use lrsync sync --dry-run")

    from lrsync import app
    from lrsync.ui.signals import StopSignals

    stop, say = threading.Event(), _silent if flags["quiet"] else _say
    with StopSignals(stop, say=say, restore=lambda: None, last_resort_s=_LAST_RESORT_S):
        return app.run_watch(config, _times(own), passed_on(context), poll=own["poll"], stop=stop, say=say)


def passed_on(context: click.Context) -> list[str]:
    """The arguments for each sync: those of its options that were given here. Variables it has by itself."""
    args: list[str] = []
    for option in sync.params:
        assert isinstance(option, click.Option)
        assert option.name is not None
        if context.get_parameter_source(option.name) is not ParameterSource.COMMANDLINE:
            continue
        value = context.params[option.name]
        name = max(option.opts, key=len)
        if option.is_flag:
            args.append(name if value else max(option.secondary_opts, key=len))
        else:
            args += [f"{name}={each}" for each in (value if option.multiple else [value])]
    return args


def _times(own: dict[str, Any]) -> Any:
    from lrsync.config import parse_period, parse_wait
    from lrsync.core.watching import WatchTimes
    from lrsync.errors import UsageError

    quiet_s, wait_s = parse_wait(own["quiet_for"]), parse_wait(own["max_wait"])
    if wait_s < quiet_s:
        raise UsageError("--max-wait is shorter than --quiet-for", hint="write it as --quiet-for 3m --max-wait 30m")
    return WatchTimes(quiet_s, wait_s, parse_period(own["every"]))


def _say(text: str) -> None:
    from lrsync.ui import output

    output.note(f"{time.strftime('%Y-%m-%d %H:%M')} {text}")


def _silent(text: str) -> None:
    """What --quiet leaves out; the syncs say what is wrong all the same."""

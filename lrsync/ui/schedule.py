"""`lrsync schedule install`, `remove`, `show`: run every night by the system's own scheduler."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from lrsync.ui.options import examples, json_option

if TYPE_CHECKING:
    from lrsync.core.schedule import DailyTime, SchedulePlan

_LIBRARY: Final = click.option(
    "--library", metavar="NAME", envvar="LRSYNC_LIBRARY", default="default", help="The library in the config file."
)
_CONFIG: Final = click.option(
    "--config", "config_file", metavar="FILE", envvar="LRSYNC_CONFIG", help="Another config file."
)
_USING: Final = click.option(
    "--using",
    type=click.Choice(["systemd", "launchd", "taskscheduler", "cron"]),
    help="The scheduler, if not the system's usual one.",
)
_DRY_RUN: Final = click.option(
    "--dry-run", is_flag=True, envvar="LRSYNC_DRY_RUN", help="Show what would be done, and change nothing."
)
_YES: Final = click.option("--yes", is_flag=True, help="Do not ask.")


_INSTALL_EXAMPLES: Final = examples(
    ("lrsync schedule install --at 02:30", "every night at half past two"),
    ("lrsync schedule install --library nas --dry-run", "see what would be written"),
)
_REMOVE_EXAMPLES: Final = examples(
    ("lrsync schedule remove", "not any more"),
)
_SHOW_EXAMPLES: Final = examples(
    ("lrsync schedule show", "when it ran, and when it will"),
)


@click.group()
def schedule() -> None:
    """Back a library up every night, by the system's own scheduler.

    systemd on Linux, launchd on macOS, the Task Scheduler on Windows; cron where there is none of them.
    """


@schedule.command(epilog=_INSTALL_EXAMPLES)
@click.option("--at", default="02:30", show_default=True, metavar="HH:MM", help="When, on this computer's clock.")
@_LIBRARY
@_CONFIG
@_USING
@_DRY_RUN
@_YES
@json_option
def install(at: str, library: str, config_file: str | None, using: str | None, **flags: bool) -> int:
    """Run 'lrsync sync' on the library every night.

    Shows all that it writes first. The library must be in the config file: a scheduler knows none of your shell's
    variables.
    """
    from lrsync import settings
    from lrsync.app import schedule as wired
    from lrsync.ui.place import with_place

    file = Path(config_file).expanduser() if config_file else None
    settings.load({}, {}, library=library, config_file=file)
    plan = wired.plan_schedule(library, _time(at), using=using, config_file=file)
    done = f"From now on {library} is backed up at {at} every night ('lrsync schedule show')."
    done = with_place(done, {"library": library, "config_file": config_file})
    return _carried_out("schedule install", library, plan, done, **flags)


@schedule.command(epilog=_REMOVE_EXAMPLES)
@_LIBRARY
@_USING
@_DRY_RUN
@_YES
@json_option
def remove(library: str, using: str | None, **flags: bool) -> int:
    """Do not run at night any more. Touches no photo, no manifest and no bucket."""
    from lrsync.app import schedule as wired

    plan = wired.plan_unschedule(library, using=using)
    if plan is None:
        return _tell("schedule remove", library, None, f"There is no schedule for {library}.", **flags)
    return _carried_out("schedule remove", library, plan, f"The schedule of {library} is gone.", **flags)


@schedule.command(epilog=_SHOW_EXAMPLES)
@_LIBRARY
@_CONFIG
@json_option
def show(library: str, config_file: str | None, as_json: bool) -> int:
    """Say when the library ran last, how that ended, and when it is next. Ends with 4 where nothing is scheduled."""
    from lrsync.app import schedule as wired
    from lrsync.ui import output, schedule_view

    found = wired.find_schedule(library)
    last = schedule_view.last_run(library, config_file)
    now_s = time.time()
    code = schedule_view.exit_code(found)
    if as_json:
        from lrsync.ui.jsons import to_text

        output.result(to_text(schedule_view.as_object(library, found, last, now_s)))
    else:
        from lrsync.ui.place import with_place

        text = schedule_view.as_text(library, found, last, now_s)
        output.result(with_place(text, {"library": library, "config_file": config_file}))
    return int(code)


def _time(text: str) -> DailyTime:
    from lrsync.core.schedule import DailyTime
    from lrsync.errors import UsageError

    try:
        return DailyTime.parse(text)
    except ValueError:
        raise UsageError(f"'{text}' is not a time of day", hint="write it as 02:30") from None


def _carried_out(
    command: str, library: str, plan: SchedulePlan, done: str, *, dry_run: bool, yes: bool, as_json: bool
) -> int:
    """Show the plan, and carry it out where that is wanted; returns the exit code."""
    from lrsync.app import schedule as wired
    from lrsync.errors import UsageError
    from lrsync.ui import output, schedule_view

    if as_json and not (yes or dry_run):
        raise UsageError("with --json nobody is asked", hint="add --yes to do it, or --dry-run to only see it")
    if not as_json:
        output.result(schedule_view.describe(plan))
    if dry_run or not (yes or _agreed("Do this?")):
        return _tell(command, library, plan, "Nothing was changed.", dry_run=dry_run, as_json=as_json)
    wired.carry_out(plan)
    return _tell(command, library, plan, done, as_json=as_json)


def _tell(
    command: str,
    library: str,
    plan: SchedulePlan | None,
    text: str,
    *,
    as_json: bool,
    dry_run: bool = False,
    yes: bool = False,
) -> int:
    from lrsync.ui import output, schedule_view

    if as_json:
        from lrsync.ui.jsons import to_text

        output.result(to_text(schedule_view.plan_object(command, library, plan, dry_run=dry_run)))
    else:
        output.result(text)
    return 0


def _agreed(question: str) -> bool:
    """Ask whoever is at the terminal. Raises UsageError where nobody is."""
    from lrsync.errors import UsageError
    from lrsync.ui import output

    if not output.is_terminal(sys.stdin):
        raise UsageError("nobody is there to be asked", hint="add --yes to do it, or --dry-run to only see it")
    return click.confirm(question, err=True)

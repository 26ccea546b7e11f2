"""`lrsync schedule install`, `remove`, `show`: run every night by the system's own scheduler."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from lrsync.ui.options import json_option

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
_DRY_RUN: Final = click.option("--dry-run", is_flag=True, help="Show what would be done, and change nothing.")
_YES: Final = click.option("--yes", is_flag=True, help="Do not ask.")


@click.group()
def schedule() -> None:
    """Back a library up every night, by the system's own scheduler.

    systemd on Linux, launchd on macOS, the Task Scheduler on Windows; cron where there is none of them.
    """


@schedule.command()
@click.option("--at", default="02:30", show_default=True, metavar="HH:MM", help="When, on this computer's clock.")
@_LIBRARY
@_CONFIG
@_USING
@_DRY_RUN
@_YES
def install(at: str, library: str, config_file: str | None, using: str | None, dry_run: bool, yes: bool) -> int:
    """Run 'lrsync sync' on the library every night.

    Shows all that it writes first. The library must be in the config file: a scheduler knows none of your shell's
    variables.
    """
    from lrsync import settings
    from lrsync.app import schedule as wired
    from lrsync.ui import output

    file = Path(config_file).expanduser() if config_file else None
    settings.load({}, {}, library=library, config_file=file)
    plan = wired.plan_schedule(library, _time(at), using=using, config_file=file)
    if _carried_out(plan, dry_run=dry_run, yes=yes):
        output.result(f"From now on {library} is backed up at {at} every night ('lrsync schedule show').")
    return 0


@schedule.command()
@_LIBRARY
@_USING
@_DRY_RUN
@_YES
def remove(library: str, using: str | None, dry_run: bool, yes: bool) -> int:
    """Do not run at night any more. Touches no photo, no manifest and no bucket."""
    from lrsync.app import schedule as wired
    from lrsync.ui import output

    plan = wired.plan_unschedule(library, using=using)
    if plan is None:
        output.result(f"There is no schedule for {library}.")
        return 0
    if _carried_out(plan, dry_run=dry_run, yes=yes):
        output.result(f"The schedule of {library} is gone.")
    return 0


@schedule.command()
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
        output.result(schedule_view.as_text(library, found, last, now_s))
    return int(code)


def describe(plan: SchedulePlan) -> str:
    """The plan in full: nothing is written that was not shown."""
    from lrsync.ui.text import printable

    lines: list[str] = []
    for file in plan.files:
        lines += [f"Write {printable(file.path)}:", *(f"    {printable(line)}" for line in file.text.splitlines())]
    for command in plan.commands:
        lines.append(f"Run {printable(_shell_words(command.argv))}" + (" with:" if command.stdin else ""))
        lines += [f"    {printable(line)}" for line in command.stdin.splitlines()]
    lines += [f"Remove {printable(path)}" for path in plan.removals]
    if plan.note:
        lines.append(f"Note: {plan.note}.")
    return "\n".join(lines)


def _shell_words(argv: tuple[str, ...]) -> str:
    import shlex

    return shlex.join(argv)


def _time(text: str) -> DailyTime:
    from lrsync.core.schedule import DailyTime
    from lrsync.errors import UsageError

    try:
        return DailyTime.parse(text)
    except ValueError:
        raise UsageError(f"'{text}' is not a time of day", hint="write it as 02:30") from None


def _carried_out(plan: SchedulePlan, *, dry_run: bool, yes: bool) -> bool:
    """Show the plan, and carry it out where that is wanted; whether it was."""
    from lrsync.app import schedule as wired
    from lrsync.ui import output

    output.result(describe(plan))
    if dry_run:
        return False
    if not (yes or _agreed("Do this?")):
        output.note("nothing was changed")
        return False
    wired.carry_out(plan)
    return True


def _agreed(question: str) -> bool:
    """Ask whoever is at the terminal. Raises UsageError where nobody is."""
    from lrsync.errors import UsageError
    from lrsync.ui import output

    if not output.is_terminal(sys.stdin):
        raise UsageError("nobody is there to be asked", hint="add --yes to do it, or --dry-run to only see it")
    return click.confirm(question, err=True)

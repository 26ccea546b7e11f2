"""Wire the nightly schedule: which scheduler there is, and what is done to it."""

from __future__ import annotations

import getpass
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

from lrsync.adapters.programs import Runner, run_program
from lrsync.adapters.schedule_cron import Cron
from lrsync.adapters.schedule_launchd import Launchd
from lrsync.adapters.schedule_systemd import Systemd
from lrsync.adapters.schedule_tasks import TaskScheduler
from lrsync.adapters.wholefile import write_whole
from lrsync.core.schedule import DailyTime, Installed, Job, SchedulePlan, Scheduler, sync_arguments
from lrsync.errors import UsageError

SCHEDULERS: Final = ("systemd", "launchd", "taskscheduler", "cron")


def plan_schedule(library: str, at: DailyTime, *, using: str | None, config_file: Path | None) -> SchedulePlan:
    """What to write and run so that the library is backed up every night. Raises UsageError."""
    if not library.isprintable():
        raise UsageError("the library's name has control characters", hint="rename it in the config file")
    file = None if config_file is None else str(config_file.absolute())
    return _scheduler(using).plan(Job(library, at, (*program(), *sync_arguments(library, file))))


def plan_unschedule(library: str, *, using: str | None) -> SchedulePlan | None:
    """What to do so that the library's schedule is gone; None where there is none. Raises UsageError."""
    found = next((one for one in _schedulers(using) if one.find(library) is not None), None)
    return None if found is None else found.plan_removal(library)


def find_schedule(library: str, run: Runner = run_program) -> Installed | None:
    """The library's schedule, whichever scheduler has it. Raises UsageError where a crontab cannot be read."""
    return next((found for one in _schedulers(None, run) if (found := one.find(library)) is not None), None)


def carry_out(plan: SchedulePlan, run: Runner = run_program) -> None:
    """Do what the plan says. Raises UsageError where a step fails; those before it stay done."""
    try:
        for file in plan.files:
            write_whole(Path(file.path), file.text.encode(file.encoding), mode=0o644)
    except OSError as error:
        raise UsageError(f"{file.path} cannot be written: {error.strerror}", hint="see who owns its folder") from error
    for command in plan.commands:
        done = run(command)
        if done.code != 0 and not command.may_fail:
            said = " ".join((done.err or done.out).split()) or f"it ended with {done.code}"
            raise UsageError(f"'{' '.join(command.argv)}' failed: {said}", hint="nothing runs at night before it works")
    for path in plan.removals:
        Path(path).unlink(missing_ok=True)


def program() -> tuple[str, ...]:
    """This very lrsync, by an absolute path: a scheduler knows no virtual environment and a short PATH.

    -P keeps a file in the scheduler's working folder from being taken for one of Python's own modules.
    """
    return (sys.executable, "-P", "-m", "lrsync")


def _scheduler(using: str | None) -> Scheduler:
    found = _schedulers(using)
    if not found:
        asked = using or "systemd or cron"
        raise UsageError(f"there is no {asked} here", hint="let your scheduler run 'lrsync sync --quiet' every night")
    return found[0]


def _schedulers(using: str | None, run: Runner = run_program) -> list[Scheduler]:
    """Those that are there (or the one that was asked for), the best first."""
    if using is not None:
        return [one for one in (_make(using, run),) if one.is_there()]
    names = {"darwin": ("launchd",), "win32": ("taskscheduler",)}.get(sys.platform, ("systemd", "cron"))
    return [one for one in (_make(name, run) for name in names) if one.is_there()]


def _make(name: str, run: Runner) -> Systemd | Launchd | TaskScheduler | Cron:
    makers: dict[str, Callable[[], Systemd | Launchd | TaskScheduler | Cron]] = {
        "systemd": lambda: Systemd(run, _config_home(), getpass.getuser()),
        "launchd": lambda: Launchd(run, Path.home(), _uid()),
        "taskscheduler": lambda: TaskScheduler(run, _data_folder()),
        "cron": lambda: Cron(run),
    }
    return makers[name]()


def _config_home() -> Path:
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")


def _uid() -> int:
    return os.getuid() if hasattr(os, "getuid") else 0


def _data_folder() -> Path:
    import platformdirs

    return platformdirs.user_data_path("lrsync", appauthor=False) / "schedule"

"""The user's crontab: one line in it, and every other line as it was. Writes nothing by itself."""

from __future__ import annotations

import re
import shlex
from typing import Final

from lrsync.adapters.programs import Runner
from lrsync.core.schedule import Command, DailyTime, Installed, Job, SchedulePlan, job_name
from lrsync.errors import UsageError

_TIME: Final = re.compile(r"(\d+)\s+(\d+)\s")


class Cron:
    """`crontab`, for systems that have no other scheduler."""

    name = "cron"

    def __init__(self, run: Runner) -> None:
        self._run = run

    def is_there(self) -> bool:
        """Whether there is a crontab program."""
        return self._run(Command(("crontab", "-l"))).code != -1

    def plan(self, job: Job) -> SchedulePlan:
        """The crontab with the job's line at its end."""
        # crontab(5): a % is a line's end unless a backslash stands before it.
        command = shlex.join(job.argv).replace("%", "\\%")
        line = f"{job.at.minute} {job.at.hour} * * * {command} {_mark(job.name)}"
        lines = [*self._others(job.name), line]
        return SchedulePlan(
            self.name,
            commands=(_write(lines),),
            note="cron makes up for no night that the machine was off or asleep",
        )

    def plan_removal(self, library: str) -> SchedulePlan:
        """The crontab without the job's line."""
        return SchedulePlan(self.name, commands=(_write(self._others(job_name(library))),))

    def find(self, library: str) -> Installed | None:
        """The job by its line; cron does not say when it ran."""
        mark = _mark(job_name(library))
        line = next((line for line in self._lines() if line.endswith(mark)), None)
        if line is None:
            return None
        time = _TIME.match(line)
        return Installed(self.name, DailyTime(int(time[2]), int(time[1])) if time else None)

    def _others(self, name: str) -> list[str]:
        return [line for line in self._lines() if not line.endswith(_mark(name))]

    def _lines(self) -> list[str]:
        told = self._run(Command(("crontab", "-l")))
        if told.code != 0 and "no crontab" not in told.err.lower():
            # Taken for an empty one, the crontab that cannot be read would be replaced.
            reason = told.err.strip() or f"crontab -l ended with {told.code}"
            raise UsageError(f"the crontab cannot be read: {reason}", hint="see 'crontab -l'")
        return told.out.splitlines() if told.code == 0 else []


def _mark(name: str) -> str:
    return f"# {name}"


def _write(lines: list[str]) -> Command:
    return Command(("crontab", "-"), stdin="".join(f"{line}\n" for line in lines))

"""Windows' Task Scheduler: a task's XML, and what Windows says of it. Writes nothing by itself."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any, Final
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from lrsync.adapters.programs import Runner
from lrsync.core.schedule import Command, DailyTime, Installed, Job, PlannedFile, SchedulePlan, job_name

NAMESPACE: Final = "http://schemas.microsoft.com/windows/2004/02/mit/task"
_NEVER_RAN: Final = 267_011
"""SCHED_S_TASK_HAS_NOT_RUN (Task Scheduler's error and success constants)."""
_XML: Final = """\
<?xml version="1.0" encoding="UTF-16"?>
<Task version="1.2" xmlns="{namespace}">
  <RegistrationInfo>
    <Description>Back up the photo library {library} every night (lrsync schedule)</Description>
  </RegistrationInfo>
  <Triggers>
    <CalendarTrigger>
      <StartBoundary>2026-01-01T{at}:00</StartBoundary>
      <ScheduleByDay>
        <DaysInterval>1</DaysInterval>
      </ScheduleByDay>
    </CalendarTrigger>
  </Triggers>
  <Settings>
    <MultipleInstancesPolicy>IgnoreNew</MultipleInstancesPolicy>
    <DisallowStartIfOnBatteries>false</DisallowStartIfOnBatteries>
    <StopIfGoingOnBatteries>false</StopIfGoingOnBatteries>
    <StartWhenAvailable>true</StartWhenAvailable>
    <ExecutionTimeLimit>PT0S</ExecutionTimeLimit>
    <Priority>7</Priority>
  </Settings>
  <Actions>
    <Exec>
      <Command>{program}</Command>
      <Arguments>{arguments}</Arguments>
    </Exec>
  </Actions>
</Task>
"""
# Times as seconds since the epoch: what schtasks prints is in the user's language.
_ASK: Final = (
    "$i = Get-ScheduledTaskInfo -TaskName '{name}' -ErrorAction Stop; "
    "function s($t) {{ if ($t) {{ ([DateTimeOffset]$t).ToUnixTimeSeconds() }} }}; "
    "@{{last = s $i.LastRunTime; next = s $i.NextRunTime; code = $i.LastTaskResult}} | ConvertTo-Json -Compress"
)


class TaskScheduler:
    """The tasks of one user."""

    name = "Task Scheduler"

    def __init__(self, run: Runner, folder: Path) -> None:
        self._run = run
        self._folder = folder

    def is_there(self) -> bool:
        """Whether Windows answers."""
        return self._run(Command(("schtasks", "/Query", "/?"))).code == 0

    def plan(self, job: Job) -> SchedulePlan:
        """One file, and the task made of it in place of an older one."""
        path = self._path(job.name)
        text = _XML.format(
            namespace=NAMESPACE,
            library=escape(job.library),
            at=job.at,
            program=escape(job.argv[0]),
            arguments=escape(subprocess.list2cmdline(job.argv[1:])),
        )
        return SchedulePlan(
            self.name,
            files=(PlannedFile(str(path), text, "utf-16"),),
            commands=(Command(("schtasks", "/Create", "/TN", job.name, "/XML", str(path), "/F")),),
            note="the task runs while you are logged in",
        )

    def plan_removal(self, library: str) -> SchedulePlan:
        """The task deleted, its file gone."""
        name = job_name(library)
        delete = Command(("schtasks", "/Delete", "/TN", name, "/F"), may_fail=True)
        return SchedulePlan(self.name, commands=(delete,), removals=(str(self._path(name)),))

    def find(self, library: str) -> Installed | None:
        """The task as Windows has it."""
        name = job_name(library)
        told = self._run(Command(("schtasks", "/Query", "/TN", name, "/XML")))
        if told.code != 0:
            return None
        facts = self._facts(name)
        code = facts.get("code")
        has_run = code is not None and code != _NEVER_RAN
        return Installed(
            self.name,
            _start(told.out),
            last_s=facts.get("last") if has_run else None,
            exit_code=code if has_run else None,
            next_s=facts.get("next"),
        )

    def _facts(self, name: str) -> dict[str, Any]:
        told = self._run(Command(("powershell", "-NoProfile", "-Command", _ASK.format(name=name))))
        try:
            found = json.loads(told.out)
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}.xml"


def _start(xml: str) -> DailyTime | None:
    """The time of day in a task's XML; None where somebody gave it another trigger."""
    try:
        # Without the declaration: it says UTF-16, and this is text already.
        boundary = ElementTree.fromstring(xml.partition("?>")[2].strip()).findtext(f".//{{{NAMESPACE}}}StartBoundary")
        return DailyTime.parse((boundary or "")[11:16])
    except (ElementTree.ParseError, ValueError):
        return None

"""A launchd agent on macOS: its plist, and what launchd says of it. Writes nothing by itself."""

from __future__ import annotations

import plistlib
import re
from pathlib import Path
from typing import Final

from lrsync.adapters.programs import Runner
from lrsync.core.schedule import Command, DailyTime, Installed, Job, PlannedFile, SchedulePlan, job_name

_EXIT: Final = re.compile(r"last exit code = (\d+)")


class Launchd:
    """The agents of one user. A start that the Mac slept through is made up for when it wakes (launchd.plist(5))."""

    name = "launchd"

    def __init__(self, run: Runner, home: Path, uid: int) -> None:
        self._run = run
        self._home = home
        self._domain = f"gui/{uid}"

    def is_there(self) -> bool:
        """Whether launchd answers."""
        return self._run(Command(("launchctl", "version"))).code == 0

    def plan(self, job: Job) -> SchedulePlan:
        """One file, and the agent loaded in place of an older one."""
        path = self._path(job.name)
        return SchedulePlan(
            self.name,
            files=(PlannedFile(str(path), self._plist(job)),),
            commands=(self._unload(job.name), Command(("launchctl", "bootstrap", self._domain, str(path)))),
            note="macOS may ask once whether Python may read your photos: allow it, or give it Full Disk Access",
        )

    def plan_removal(self, library: str) -> SchedulePlan:
        """The agent unloaded, its file gone."""
        name = job_name(library)
        return SchedulePlan(self.name, commands=(self._unload(name),), removals=(str(self._path(name)),))

    def find(self, library: str) -> Installed | None:
        """The agent by its file; launchd knows how it ended last, but not when."""
        name = job_name(library)
        try:
            found = plistlib.loads(self._path(name).read_bytes())
            at = DailyTime(found["StartCalendarInterval"]["Hour"], found["StartCalendarInterval"]["Minute"])
        except OSError:
            return None
        except (plistlib.InvalidFileException, ValueError, KeyError, TypeError):
            at = None
        told = self._run(Command(("launchctl", "print", f"{self._domain}/{name}")))
        if told.code != 0:
            return Installed(
                self.name, at, problem="launchd has not loaded it", mend="run 'lrsync schedule install' again"
            )
        code = _EXIT.search(told.out)
        return Installed(self.name, at, exit_code=int(code[1]) if code else None)

    def _plist(self, job: Job) -> str:
        log = str(self._home / "Library" / "Logs" / f"{job.name}.log")
        return plistlib.dumps(
            {
                "Label": job.name,
                "ProgramArguments": list(job.argv),
                "StartCalendarInterval": {"Hour": job.at.hour, "Minute": job.at.minute},
                "ProcessType": "Background",
                "LowPriorityIO": True,
                "StandardOutPath": log,
                "StandardErrorPath": log,
            },
            sort_keys=False,
        ).decode()

    def _unload(self, name: str) -> Command:
        return Command(("launchctl", "bootout", f"{self._domain}/{name}"), may_fail=True)

    def _path(self, name: str) -> Path:
        return self._home / "Library" / "LaunchAgents" / f"{name}.plist"

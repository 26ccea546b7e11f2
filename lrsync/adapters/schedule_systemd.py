"""A systemd user timer: its two files, and what systemd says of it. Writes and changes nothing by itself."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from lrsync.adapters.programs import Runner
from lrsync.core.schedule import Command, DailyTime, Installed, Job, PlannedFile, SchedulePlan, job_name

_PLAIN: Final = re.compile(r"[A-Za-z0-9_@%+=:,./-]+", re.ASCII)
_UNSAFE: Final = frozenset("\"'\\")
_ON_CALENDAR: Final = re.compile(r"^OnCalendar=\*-\*-\* (\d\d:\d\d):00$", re.MULTILINE)
_SERVICE: Final = """\
# Written by `lrsync schedule install`; `lrsync schedule remove` removes it.
[Unit]
Description=Back up the photo library {library}

[Service]
Type=oneshot
ExecStart={command}
# A backup is never in a hurry: whoever works at night comes first.
Nice=10
IOSchedulingClass=idle
"""
_TIMER: Final = """\
# Written by `lrsync schedule install`; `lrsync schedule remove` removes it.
[Unit]
Description=Back up the photo library {library} every night

[Timer]
OnCalendar=*-*-* {at}:00
# A night that the machine slept through is made up for.
Persistent=true

[Install]
WantedBy=timers.target
"""


class Systemd:
    """The user's own systemd."""

    name = "systemd"

    def __init__(self, run: Runner, config_home: Path, user: str) -> None:
        self._run = run
        self._folder = config_home / "systemd" / "user"
        self._user = user

    def is_there(self) -> bool:
        """Whether a systemd of this user runs and answers."""
        return self._run(Command(("systemctl", "--user", "show-environment"))).code == 0

    def plan(self, job: Job) -> SchedulePlan:
        """Two files, and the timer started."""
        library = job.library.replace("%", "%%")
        service = _SERVICE.format(library=library, command=_command_line(job.argv))
        timer = _TIMER.format(library=library, at=job.at)
        return SchedulePlan(
            self.name,
            files=(
                PlannedFile(str(self._path(job.name, "service")), service),
                PlannedFile(str(self._timer(job.name)), timer),
            ),
            commands=(
                _systemctl("daemon-reload"),
                _systemctl("enable", f"{job.name}.timer"),
                # Not only `start`: a timer that runs keeps its old time.
                _systemctl("restart", f"{job.name}.timer"),
            ),
            note="" if self._lingers() else f"{self._lingering()[0]}; {self._lingering()[1]}",
        )

    def plan_removal(self, library: str) -> SchedulePlan:
        """The timer stopped, the two files gone."""
        name = job_name(library)
        return SchedulePlan(
            self.name,
            commands=(_systemctl("disable", "--now", f"{name}.timer", may_fail=True),),
            removals=(str(self._path(name, "service")), str(self._timer(name))),
        )

    def find(self, library: str) -> Installed | None:
        """The timer by its file, and systemd's own word on when it ran, how that ended and when it is next."""
        name = job_name(library)
        try:
            text = self._timer(name).read_text(encoding="utf-8")
        except OSError:
            return None
        told = _ON_CALENDAR.search(text)
        timer = self._ask(f"{name}.timer", "ActiveState,NextElapseUSecRealtime,LastTriggerUSec")
        service = self._ask(f"{name}.service", "ExecMainStatus,ExecMainExitTimestamp")
        ended = _seconds(service.get("ExecMainExitTimestamp"))
        problem, mend = self._problem(timer)
        return Installed(
            self.name,
            DailyTime.parse(told[1]) if told else None,
            last_s=_seconds(timer.get("LastTriggerUSec")),
            exit_code=int(service["ExecMainStatus"]) if ended and service["ExecMainStatus"].isdigit() else None,
            next_s=_seconds(timer.get("NextElapseUSecRealtime")),
            problem=problem,
            mend=mend,
        )

    def _problem(self, timer: dict[str, str]) -> tuple[str, str]:
        if timer.get("ActiveState") != "active":
            return "the timer is not running", "run 'lrsync schedule install' again"
        return ("", "") if self._lingers() else self._lingering()

    def _lingering(self) -> tuple[str, str]:
        return "it runs only while you are logged in", f"'loginctl enable-linger {self._user}' lets it run always"

    def _lingers(self) -> bool:
        told = self._run(Command(("loginctl", "show-user", self._user, "--property=Linger", "--value")))
        return told.code == 0 and told.out.strip() == "yes"

    def _ask(self, unit: str, properties: str) -> dict[str, str]:
        told = self._run(Command(("systemctl", "--user", "show", unit, f"--property={properties}", "--timestamp=unix")))
        return dict(line.split("=", 1) for line in told.out.splitlines() if "=" in line)

    def _timer(self, name: str) -> Path:
        return self._path(name, "timer")

    def _path(self, name: str, kind: str) -> Path:
        return self._folder / f"{name}.{kind}"


def _systemctl(*args: str, may_fail: bool = False) -> Command:
    return Command(("systemctl", "--user", *args), may_fail=may_fail)


def _seconds(text: str | None) -> int | None:
    """`@1700000000` as systemd writes it; None for `n/a` and for what an older systemd writes."""
    return int(text[1:]) if text and text[:1] == "@" and text[1:].isdigit() else None


def _command_line(argv: tuple[str, ...]) -> str:
    if set(argv[0]) & _UNSAFE:
        # systemd takes no program with a quote or a backslash in its path, however it is escaped; an argument it does.
        argv = ("/usr/bin/env", *argv)
    program, *args = (arg.replace("%", "%%") for arg in argv)
    # systemd.service(5): variables are put into the arguments, not into the program's path.
    return " ".join(_quoted(part) for part in (program, *(arg.replace("$", "$$") for arg in args)))


def _quoted(text: str) -> str:
    if _PLAIN.fullmatch(text):
        return text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'

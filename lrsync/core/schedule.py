"""A nightly run as a value: what starts, when, and what has to be written for it. Pure."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, NamedTuple, Protocol

_AT: Final = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)", re.ASCII)
_UNPLAIN: Final = re.compile(r"[^A-Za-z0-9_-]+")


class DailyTime(NamedTuple):
    """A time of day on the user's own clock."""

    hour: int
    minute: int

    def __str__(self) -> str:
        return f"{self.hour:02}:{self.minute:02}"

    @classmethod
    def parse(cls, text: str) -> DailyTime:
        """Read `02:30`. Raises ValueError."""
        match = _AT.fullmatch(text.strip())
        if match is None:
            raise ValueError(text)
        return cls(int(match[1]), int(match[2]))

    def after(self, now: datetime) -> datetime:
        """When it is this time next, on the clock of `now`."""
        today = now.replace(hour=self.hour, minute=self.minute, second=0, microsecond=0)
        return today if today > now else today + timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Job:
    """What runs every night: a program with its arguments, each of them absolute."""

    library: str
    at: DailyTime
    argv: tuple[str, ...]

    @property
    def name(self) -> str:
        """What the job is called in every scheduler."""
        return job_name(self.library)


class Command(NamedTuple):
    """A program to run. `may_fail`: for what may well be gone already, or never have been there."""

    argv: tuple[str, ...]
    stdin: str = ""
    may_fail: bool = False


class Ran(NamedTuple):
    """How a program ended; -1 where it could not be started or did not end in time."""

    code: int
    out: str = ""
    err: str = ""


class PlannedFile(NamedTuple):
    """A file to write, whole."""

    path: str
    text: str
    encoding: str = "utf-8"


@dataclass(frozen=True, slots=True)
class SchedulePlan:
    """What an installation (or a removal) does, in this order: write, run, remove."""

    scheduler: str
    files: tuple[PlannedFile, ...] = ()
    commands: tuple[Command, ...] = ()
    removals: tuple[str, ...] = ()
    note: str = ""


@dataclass(frozen=True, slots=True)
class Installed:
    """What a scheduler knows of a library's job. Times in seconds since the epoch; None is unknown.

    `exit_code` is that of the last start, None also where there was none. `problem` says why it may not run.
    """

    scheduler: str
    at: DailyTime | None
    last_s: int | None = None
    exit_code: int | None = None
    next_s: int | None = None
    problem: str = ""
    mend: str = ""


class Scheduler(Protocol):
    """One of the systems' own schedulers. Plans change nothing; `find` only asks."""

    name: str

    def plan(self, job: Job) -> SchedulePlan:
        """What to do so that the job runs every night; an older one of the library is replaced."""

    def plan_removal(self, library: str) -> SchedulePlan:
        """What to do so that it does not any more."""

    def find(self, library: str) -> Installed | None:
        """The library's job; None where there is none."""


def job_name(library: str) -> str:
    """A name that every scheduler takes; two libraries never share one.

    >>> job_name("default"), job_name("Anna's NAS")
    ('lrsync-default', 'lrsync-Anna-s-NAS-a9cdb2')
    """
    plain = _UNPLAIN.sub("-", library).strip("-")
    if plain == library:
        return f"lrsync-{library}"
    return f"lrsync-{plain[:40]}-{hashlib.sha256(library.encode('utf-8', 'surrogatepass')).hexdigest()[:6]}"


def sync_arguments(library: str, config_file: str | None) -> tuple[str, ...]:
    """The arguments of the nightly run: by name and file alone, as a scheduler has no shell's variables."""
    place = ("--config", config_file) if config_file else ()
    return ("sync", "--library", library, *place, "--quiet")

"""What `lrsync schedule show` says: when it ran last, how that ended, when it is next."""

from __future__ import annotations

import shlex
from datetime import datetime
from pathlib import Path
from typing import Any

from lrsync.core.runs import RunInfo, result_for
from lrsync.core.schedule import Installed, SchedulePlan
from lrsync.errors import ExitCode, LrsyncError
from lrsync.ui.text import iso, local, printable, sentence

_S: int = 1_000_000_000


def last_run(library: str, config_file: str | None) -> RunInfo | None:
    """The library's last backup as its manifest has it; None where it has none, or is not in the config file."""
    from lrsync import app, settings

    try:
        file = Path(config_file).expanduser() if config_file else None
        report = app.read_status(settings.load({}, {}, library=library, config_file=file))
    except LrsyncError:
        return None  # what is wrong with the settings or the manifest, `config check` and `status` say
    return None if report is None else report.last_backup


def exit_code(found: Installed | None) -> ExitCode:
    """4 where nobody runs it."""
    return ExitCode.NEEDS_PERSON if found is None else ExitCode.OK


def as_text(library: str, found: Installed | None, last: RunInfo | None, now_s: float) -> str:
    """Three lines at most, and one about what is in the way."""
    if found is None:
        return f"{library} is not scheduled: 'lrsync schedule install --at 02:30' does it."
    at = f"at {found.at} every night" if found.at else "at a time of its own"
    lines = [f"{library} is backed up {at} ({found.scheduler}).", _last_line(found, last)]
    following = next_s(found, now_s)
    if following is not None:
        lines.append(f"Next: {local(following * _S)}.")
    if found.problem:
        lines.append(f"But {sentence(found.problem)} {sentence(found.mend)}")
    return "\n".join(line for line in lines if line)


def _last_line(found: Installed, last: RunInfo | None) -> str:
    parts = []
    if found.last_s is not None:
        ended = "" if found.exit_code is None else f", ended with {_meaning(found.exit_code)}"
        parts.append(f"The scheduler started it last {local(found.last_s * _S)}{ended}.")
    elif found.exit_code is not None:
        parts.append(f"Its last start ended with {_meaning(found.exit_code)}.")
    if last is not None:
        parts.append(f"The last backup began {local(last.started_at)} and ended with {_meaning(last.exit_code)}.")
    return " ".join(parts) or "It has not run yet."


def _meaning(code: int) -> str:
    meanings = {
        0: "everything backed up",
        3: "some files not backed up",
        4: "something that needs you",
        5: "no usable bucket",
        6: "no source",
        7: "another run in the way",
    }
    return f"{code}" + (f" ({meanings[code]})" if code in meanings else "")


def next_s(found: Installed, now_s: float) -> int | None:
    """When it is next, in seconds since the epoch: as the scheduler says, else by its time of day."""
    if found.next_s is not None or found.at is None:
        return found.next_s
    return int(found.at.after(datetime.fromtimestamp(now_s).astimezone()).timestamp())


def as_object(library: str, found: Installed | None, last: RunInfo | None, now_s: float) -> dict[str, Any]:
    """The object of `schedule show --json`."""
    code = exit_code(found)
    head = {
        "command": "schedule show",
        "library": library,
        "result": result_for(code).value,
        "exit_code": int(code),
        "installed": found is not None,
    }
    if found is None:
        return head
    following = next_s(found, now_s)
    return head | {
        "scheduler": found.scheduler,
        "at": str(found.at) if found.at else None,
        "last_start": iso(None if found.last_s is None else found.last_s * _S),
        "last_exit_code": found.exit_code,
        "last_backup": None
        if last is None
        else {"started_at": iso(last.started_at), "finished_at": iso(last.finished_at), "exit_code": last.exit_code},
        "next": iso(None if following is None else following * _S),
        "problem": found.problem or None,
        "mend": found.mend or None,
    }


def plan_object(command: str, library: str, plan: SchedulePlan | None, *, dry_run: bool) -> dict[str, Any]:
    """The object of `schedule install --json` and `remove --json`; no plan where there was nothing to do."""
    plan = plan or SchedulePlan("")
    return {
        "command": command,
        "library": library,
        "result": "ok",
        "exit_code": 0,
        "dry_run": dry_run,
        "scheduler": plan.scheduler or None,
        "written": [{"path": file.path, "text": file.text} for file in plan.files],
        "run": [list(command.argv) for command in plan.commands],
        "removed": list(plan.removals),
        "note": plan.note or None,
    }


def describe(plan: SchedulePlan) -> str:
    """The plan in full: nothing is written that was not shown."""
    lines: list[str] = []
    for file in plan.files:
        lines += [f"Write {printable(file.path)}:", *(f"    {printable(line)}" for line in file.text.splitlines())]
    for command in plan.commands:
        lines.append(f"Run {printable(shlex.join(command.argv))}" + (" with:" if command.stdin else ""))
        lines += [f"    {printable(line)}" for line in command.stdin.splitlines()]
    lines += [f"Remove {printable(path)}" for path in plan.removals]
    if plan.note:
        lines.append(f"Note: {plan.note}.")
    return "\n".join(lines)

"""Each system's scheduler: what is written for it, by its own tools where they are here, and what is read back."""

from __future__ import annotations

import os
import plistlib
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from xml.etree import ElementTree

import pytest

from lrsync.adapters.programs import run_program
from lrsync.adapters.schedule_cron import Cron
from lrsync.adapters.schedule_launchd import Launchd
from lrsync.adapters.schedule_systemd import Systemd
from lrsync.adapters.schedule_tasks import NAMESPACE, TaskScheduler
from lrsync.adapters.wholefile import write_whole
from lrsync.core.schedule import Command, DailyTime, Installed, Job, Ran, SchedulePlan, job_name, sync_arguments
from lrsync.errors import UsageError

AT = DailyTime(2, 30)
NASTY = 'Anna\'s "50 %" $HOME \\ <nas>'


class Fake:
    """Answers commands by the first words that fit; `asked` keeps them."""

    def __init__(self, **answers: Ran) -> None:
        self.answers = {name.replace("_", " "): answer for name, answer in answers.items()}
        self.asked: list[Command] = []

    def __call__(self, command: Command) -> Ran:
        self.asked.append(command)
        line = " ".join(command.argv)
        return next((answer for words, answer in self.answers.items() if words in line), Ran(0))


def job(library: str = "default", *program: str) -> Job:
    return Job(library, AT, (*(program or (sys.executable,)), "-P", "-m", "lrsync", *sync_arguments(library, None)))


def write(plan: SchedulePlan) -> None:
    for file in plan.files:
        write_whole(Path(file.path), file.text.encode(file.encoding))


# --- values -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["", "24:00", "2", "02:60", "2:3", "02:30:00", "-1:00", "٠٢:٣٠"])
def test_what_is_no_time_of_day(text: str) -> None:
    with pytest.raises(ValueError):
        DailyTime.parse(text)


def test_when_it_is_next() -> None:
    before, after = (datetime(2026, 3, 1, 2, minute, tzinfo=UTC) for minute in (29, 30))
    assert DailyTime.parse("2:30").after(before) == datetime(2026, 3, 1, 2, 30, tzinfo=UTC)
    assert DailyTime.parse("02:30").after(after) == datetime(2026, 3, 2, 2, 30, tzinfo=UTC)


def test_two_libraries_never_share_a_job() -> None:
    names = ["default", "a b", "a-b", "a.b", "写真", "写真2", "", "x" * 300, "x" * 299 + "!"]
    found = {job_name(name) for name in names}
    assert len(found) == len(names)
    assert all(set(name) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") for name in found)


# --- systemd ----------------------------------------------------------------------------------------------


def verify(folder: Path, *files: str) -> str:
    """What systemd says of its files, of their own folder only: without a login it has more to say about itself."""
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("there is no systemd-analyze here")
    command = [program, "verify", "--user", "--man=no", *files]
    environment = {**os.environ, "XDG_RUNTIME_DIR": str(folder)}
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment)
    assert "Failed to initialize" not in done.stderr
    return "\n".join(line for line in done.stderr.splitlines() if "lrsync" in line or str(folder) in line)


@pytest.mark.parametrize("library", ["default", NASTY])
@pytest.mark.parametrize("folder", ["bin", 'odd "50%" folder'])
def test_systemd_takes_its_files(tmp_path: Path, library: str, folder: str) -> None:
    python = tmp_path / folder / "python3"
    python.parent.mkdir()
    python.symlink_to(sys.executable)
    plan = Systemd(Fake(), tmp_path, "anna").plan(job(library, str(python)))
    write(plan)
    assert verify(tmp_path, *(file.path for file in plan.files)) == ""


@pytest.mark.parametrize(("right", "wrong"), [("*-*-*", "every"), ("Persistent=true", "Persistence=true")])
def test_systemd_would_have_seen_an_error(tmp_path: Path, right: str, wrong: str) -> None:
    plan = Systemd(Fake(), tmp_path, "anna").plan(job())
    write(plan)
    timer = Path(plan.files[1].path)
    timer.write_text(timer.read_text().replace(right, wrong))
    assert "lrsync-default.timer" in verify(tmp_path, str(timer))


def test_systemd_is_told_of_a_new_time(tmp_path: Path) -> None:
    plan = Systemd(Fake(), tmp_path, "anna").plan(job())
    service, timer = plan.files
    assert timer.path == str(tmp_path / "systemd" / "user" / "lrsync-default.timer")
    assert "OnCalendar=*-*-* 02:30:00\n" in timer.text
    assert "Persistent=true\n" in timer.text
    assert f"ExecStart={sys.executable} -P -m lrsync sync --library default --quiet\n" in service.text
    assert [" ".join(command.argv[2:]) for command in plan.commands] == [
        "daemon-reload",
        "enable lrsync-default.timer",
        "restart lrsync-default.timer",
    ]


@pytest.mark.parametrize(("linger", "note"), [("yes\n", False), ("no\n", True)])
def test_systemd_says_when_it_needs_a_login(tmp_path: Path, linger: str, note: bool) -> None:
    run = Fake(loginctl=Ran(0, linger))
    plan = Systemd(run, tmp_path, "anna").plan(job())
    assert ("loginctl enable-linger anna" in plan.note) is note
    write(plan)
    found = Systemd(Fake(loginctl=Ran(0, linger), timer=Ran(0, "ActiveState=active\n")), tmp_path, "anna").find(
        "default"
    )
    assert found is not None
    assert bool(found.problem) is note


def test_systemd_says_how_it_went(tmp_path: Path) -> None:
    run = Fake()
    run.answers = {
        "loginctl": Ran(0, "yes"),
        "lrsync-default.timer": Ran(
            0, "ActiveState=active\nNextElapseUSecRealtime=@1772418600\nLastTriggerUSec=@1772332200\n"
        ),
        "lrsync-default.service": Ran(0, "ExecMainStatus=3\nExecMainExitTimestamp=@1772332300\n"),
    }
    systemd = Systemd(run, tmp_path, "anna")
    assert systemd.find("default") is None
    write(systemd.plan(job()))
    assert systemd.find("default") == Installed("systemd", AT, 1772332200, 3, 1772418600)
    run.answers["lrsync-default.timer"] = Ran(
        0, "ActiveState=inactive\nNextElapseUSecRealtime=n/a\nLastTriggerUSec=n/a\n"
    )
    run.answers["lrsync-default.service"] = Ran(0, "ExecMainStatus=0\nExecMainExitTimestamp=n/a\n")
    found = systemd.find("default")
    assert found is not None
    assert (found.last_s, found.exit_code, found.next_s, found.problem) == (
        None,
        None,
        None,
        "the timer is not running",
    )


def test_systemd_is_rid_of_it(tmp_path: Path) -> None:
    plan = Systemd(Fake(), tmp_path, "anna").plan_removal("default")
    assert {Path(path).name for path in plan.removals} == {"lrsync-default.service", "lrsync-default.timer"}
    assert plan.commands[0].argv[2:] == ("disable", "--now", "lrsync-default.timer")
    assert plan.commands[0].may_fail


# --- launchd ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("library", ["default", NASTY])
def test_launchd_gets_a_plist(tmp_path: Path, library: str) -> None:
    run = Fake(launchctl_print=Ran(0, "\tstate = not running\n\tlast exit code = 4\n"))
    launchd = Launchd(run, tmp_path, 501)
    plan = launchd.plan(job(library))
    (file,) = plan.files
    found = plistlib.loads(file.text.encode())
    assert found["Label"] == job_name(library)
    assert found["ProgramArguments"] == list(job(library).argv)
    assert found["StartCalendarInterval"] == {"Hour": 2, "Minute": 30}
    assert [command.argv[1:3] for command in plan.commands] == [
        ("bootout", f"gui/501/{job_name(library)}"),
        ("bootstrap", "gui/501"),
    ]
    assert launchd.find(library) is None
    write(plan)
    assert launchd.find(library) == Installed("launchd", AT, exit_code=4)
    assert launchd.plan_removal(library).removals == (file.path,)


def test_launchd_may_not_have_loaded_it(tmp_path: Path) -> None:
    launchd = Launchd(Fake(launchctl_print=Ran(113, err="Could not find service")), tmp_path, 501)
    write(launchd.plan(job()))
    found = launchd.find("default")
    assert found is not None and "not loaded" in found.problem


# --- Task Scheduler ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("library", ["default", NASTY])
def test_the_task_schedulers_xml(tmp_path: Path, library: str) -> None:
    plan = TaskScheduler(Fake(), tmp_path).plan(job(library, r"C:\Program Files\Python\python.exe"))
    (file,) = plan.files
    # As schtasks reads it: from bytes whose declaration tells the encoding.
    root = ElementTree.fromstring(file.text.encode(file.encoding))
    texts = {element.tag.removeprefix(f"{{{NAMESPACE}}}"): element.text for element in root.iter()}
    assert root.tag == f"{{{NAMESPACE}}}Task"
    assert [child.tag.partition("}")[2] for child in root] == ["RegistrationInfo", "Triggers", "Settings", "Actions"]
    assert (texts["StartBoundary"], texts["DaysInterval"]) == ("2026-01-01T02:30:00", "1")
    assert (texts["StartWhenAvailable"], texts["MultipleInstancesPolicy"]) == ("true", "IgnoreNew")
    assert texts["Command"] == r"C:\Program Files\Python\python.exe"
    assert texts["Arguments"] == subprocess.list2cmdline(job(library).argv[1:])
    assert plan.commands[0].argv == ("schtasks", "/Create", "/TN", job_name(library), "/XML", str(file.path), "/F")


def test_the_task_scheduler_is_read_back(tmp_path: Path) -> None:
    xml = TaskScheduler(Fake(), tmp_path).plan(job()).files[0].text
    facts = '{"last":1772332200,"next":1772418600,"code":0}'
    run = Fake(schtasks=Ran(0, xml), powershell=Ran(0, facts))
    assert TaskScheduler(run, tmp_path).find("default") == Installed("Task Scheduler", AT, 1772332200, 0, 1772418600)
    never = Fake(schtasks=Ran(0, xml), powershell=Ran(0, '{"last":943920000,"next":1772418600,"code":267011}'))
    assert TaskScheduler(never, tmp_path).find("default") == Installed("Task Scheduler", AT, next_s=1772418600)
    mute = Fake(schtasks=Ran(0, "<odd"), powershell=Ran(-1))
    assert TaskScheduler(mute, tmp_path).find("default") == Installed("Task Scheduler", None)
    assert TaskScheduler(Fake(schtasks=Ran(1)), tmp_path).find("default") is None


# --- cron -------------------------------------------------------------------------------------------------

OTHERS = "# my own\nMAILTO=me\n0 1 * * * /bin/true\n"


def installed(run: Callable[[Command], Ran], library: str) -> str:
    return Cron(run).plan(job(library)).commands[0].stdin


@pytest.mark.parametrize("library", ["default", NASTY])
def test_cron_keeps_every_other_line(library: str) -> None:
    first = installed(Fake(crontab=Ran(0, OTHERS)), library)
    assert first.startswith(OTHERS)
    line = first.splitlines()[-1]
    assert line.startswith("30 2 * * * ")
    command = line.removeprefix("30 2 * * * ").rpartition(" # ")[0]
    # What cron hands to the shell: it takes the backslash off each %.
    assert shlex.split(command.replace("\\%", "%")) == list(job(library).argv)
    assert "%" not in command.replace("\\%", "")
    again = Fake(crontab=Ran(0, first))
    assert installed(again, library) == first
    assert Cron(again).find(library) == Installed("cron", AT)
    assert Cron(again).plan_removal(library).commands[0].stdin == OTHERS


def test_cron_tells_two_libraries_apart() -> None:
    run = Fake(crontab=Ran(0, installed(Fake(crontab=Ran(1, err="no crontab for anna")), "a")))
    assert Cron(run).find("b") is None
    both = Fake(crontab=Ran(0, installed(run, "b")))
    assert Cron(both).plan_removal("a").commands[0].stdin.count("\n") == 1
    assert Cron(both).find("a") and Cron(both).find("b")


def test_a_crontab_that_cannot_be_read_is_not_replaced() -> None:
    with pytest.raises(UsageError, match="not allowed"):
        installed(Fake(crontab=Ran(1, err="you are not allowed to use crontab")), "default")
    assert not Cron(Fake(crontab=Ran(-1))).is_there()
    assert Cron(Fake(crontab=Ran(1, err="no crontab for anna"))).is_there()


# --- programs ---------------------------------------------------------------------------------------------


def test_programs_are_run_without_a_shell() -> None:
    script = "import os, sys; print(sys.stdin.read(), sys.argv[1], os.environ['LC_ALL']); sys.exit(3)"
    assert run_program(Command((sys.executable, "-c", script, "$HOME"), stdin="in")) == Ran(3, "in $HOME C\n", "")
    missing = run_program(Command(("/no/such/program",)))
    assert missing.code == -1 and "cannot be run" in missing.err

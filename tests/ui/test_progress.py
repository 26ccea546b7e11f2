"""Progress off a terminal, and the numbers behind every display."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable

import pytest

from lrsync.core.events import (
    BytesSent,
    Event,
    FileBack,
    FindingRaised,
    Notice,
    Phase,
    PhaseAdvanced,
    PhaseStarted,
    Scanned,
    WorkFinished,
    WorkFound,
    WorkStarted,
)
from lrsync.core.findings import Finding, FindingKind
from lrsync.core.model import Change, ChangeKind, Failed, Raced
from lrsync.ui.meter import CurrentFile, Meter
from lrsync.ui.options import Talk
from lrsync.ui.progress import PlainProgress, Progress, choose, progress_line
from lrsync.ui.worklines import outcome_line
from tests.ui import stub_app
from tests.ui.conftest import LIBRARY

MB = 1_000_000


class Clock:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def apply(meter: Meter, *events: Event) -> None:
    for event in events:
        meter.apply(event)


def test_totals_rate_and_eta() -> None:
    clock = Clock()
    meter = Meter(clock)
    apply(meter, PhaseStarted(Phase.SCANNING), Scanned(1, 5, 50), WorkFound("a", 60 * MB), WorkFound("b", 40 * MB))
    assert meter.snapshot().eta_s is None
    apply(meter, PhaseStarted(Phase.UPLOADING), WorkStarted("a", 60 * MB), WorkStarted("b", 40 * MB))
    clock.now = 5.0
    apply(meter, BytesSent("a", 20 * MB))
    clock.now = 10.0
    apply(meter, WorkFinished("b", 40 * MB, stub_app.done("b", 40 * MB)))
    now = meter.snapshot()
    assert (now.done_files, now.found_files, now.done_bytes, now.found_bytes) == (1, 2, 60 * MB, 100 * MB)
    assert now.current == (CurrentFile("a", 60 * MB, 20 * MB),)
    assert now.rate == pytest.approx(6 * MB)
    assert now.eta_s == pytest.approx(40 / 6)


def test_a_finished_file_counts_once() -> None:
    meter = Meter(Clock())
    apply(meter, WorkFound("a", 10), BytesSent("a", 10), BytesSent("a", 10))
    assert meter.snapshot().done_bytes == 10
    apply(meter, WorkFinished("a", 10, stub_app.done("a", 10)))
    assert (meter.snapshot().done_bytes, meter.snapshot().current) == (10, ())


def test_the_rate_forgets_what_is_long_ago() -> None:
    clock = Clock()
    meter = Meter(clock)
    apply(meter, WorkFound("a", 1000 * MB), BytesSent("a", 500 * MB))
    for second in range(1, 120):
        clock.now = float(second)
        meter.snapshot()
    assert meter.snapshot().rate == 0.0


def test_meter_takes_events_from_many_threads() -> None:
    meter = Meter()

    def send() -> None:
        for _ in range(2000):
            meter.apply(WorkFound("x", 1))

    threads = [threading.Thread(target=send) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert meter.snapshot().found_files == 8000


def test_a_line_every_ten_seconds_and_at_phases(capsys: pytest.CaptureFixture[str]) -> None:
    clock = Clock()
    progress = PlainProgress(Talk(), clock)
    progress.sink(PhaseStarted(Phase.SCANNING))
    for second in range(25):
        clock.now = float(second)
        progress.sink(WorkFound("a", MB))
    progress.sink(PhaseStarted(Phase.UPLOADING))
    progress.sink(PhaseStarted(Phase.DELETING, 1200))
    lines = capsys.readouterr().err.splitlines()
    assert lines == [
        "scanning...",
        "0 files scanned, 0 of 11 files done, 0 B of 11.0 MB, 0 B/s",
        "0 files scanned, 0 of 21 files done, 0 B of 21.0 MB, 0 B/s",
        "uploading...",
        "moving to trash: 1,200 to do",
    ]


def test_nothing_to_upload_is_no_upload(capsys: pytest.CaptureFixture[str]) -> None:
    progress = PlainProgress(Talk(), Clock())
    progress.sink(PhaseStarted(Phase.SCANNING))
    progress.sink(PhaseStarted(Phase.UPLOADING))
    assert capsys.readouterr().err == "scanning...\n"


def test_counted_phases() -> None:
    meter = Meter(Clock())
    apply(meter, PhaseStarted(Phase.HEADING, 2000), PhaseAdvanced(Phase.HEADING, 1500))
    assert progress_line(meter.snapshot()) == "reading object metadata: 1,500 of 2,000"
    apply(meter, PhaseStarted(Phase.LISTING), PhaseAdvanced(Phase.LISTING, 7))
    assert progress_line(meter.snapshot()) == "checking the bucket: 7 so far"
    meter.apply(PhaseStarted(Phase.SNAPSHOT))
    assert progress_line(meter.snapshot()) == "saving the manifest: working"
    from rich.console import Console

    from lrsync.ui.live import draw

    console = Console(width=80)
    with console.capture() as shown:
        console.print(draw(meter.snapshot(), 80))
    assert shown.get().count("saving the manifest") == 1, "the bar has its name beside it already"


def test_what_is_wrong_gets_a_line_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    progress = PlainProgress(Talk(), Clock())
    progress.sink(FindingRaised(Finding(FindingKind.DELETE_GUARD, "", "nothing was deleted")))
    progress.sink(Notice("a\nb"))
    progress.sink(WorkFinished("a.jpg", 5, Failed("a.jpg", "no\nway")))
    progress.sink(WorkFinished("b.jpg", 5, stub_app.done("b.jpg", 5)))
    assert capsys.readouterr().err.splitlines() == [
        "warning: delete guard: nothing was deleted",
        "a\\nb",
        "failed a.jpg: no\\nway",
    ]


def test_quiet_draws_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    progress = choose(Talk(quiet=True))
    assert type(progress) is Progress
    progress.sink(PhaseStarted(Phase.SCANNING))
    progress.sink(WorkFinished("a.jpg", 5, Failed("a.jpg", "no")))
    assert capsys.readouterr().err == ""


def test_a_raced_file_is_not_called_done() -> None:
    change = Change(ChangeKind.ADDED, "", None, None)
    assert outcome_line("a", 1, Raced("a", change)) == "skipped a: it was being written"
    assert outcome_line("a", 1, Raced("a", change, gone=True)) == "gone a"


def test_off_a_terminal_there_are_no_escapes(stub: Callable[..., subprocess.CompletedProcess[bytes]]) -> None:
    done = stub("slow", "sync", *LIBRARY, SHOW_MODULES="1")
    assert done.returncode == 0, done.stderr
    assert b"\x1b" not in done.stdout + done.stderr
    assert b"scanning...\nwarning: delete guard: nothing was deleted\n" in done.stderr.replace(b"uploading...\n", b"")
    modules = done.stderr.partition(b"MODULES")[2].split()
    assert b"click" in modules
    assert not {b"rich", b"boto3", b"botocore", b"sqlalchemy", b"alembic", b"wakepy"} & set(modules)


# --- on a terminal ------------------------------------------------------------------------------------------


def on_terminal(env: dict[str, str], scenario: str, *args: str) -> tuple[int, str]:
    """Run with stdout and stderr on a terminal of 100 columns; returns the code and all that it showed."""
    import fcntl
    import pty
    import struct
    import termios

    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))
    command = [sys.executable, "-m", "tests.ui.stub_app", scenario, *args]
    env = {k: v for k, v in env.items() if k not in ("NO_COLOR", "COLUMNS", "LINES")} | {"TERM": "xterm-256color"}
    process = subprocess.Popen(command, env=env, stdin=slave, stdout=slave, stderr=slave)
    os.close(slave)
    shown = bytearray()
    try:
        while chunk := os.read(master, 65536):
            shown += chunk
    except OSError:
        pass  # Linux: EIO is the end of a terminal whose other side is closed
    finally:
        os.close(master)
    return process.wait(60), shown.decode()


def without_escapes(shown: str) -> str:
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown)


needs_pty = pytest.mark.skipif(os.name == "nt", reason="Windows has no pty")


@needs_pty
def test_the_live_display(stub_env: dict[str, str]) -> None:
    code, shown = on_terminal(stub_env, "slow", "sync", *LIBRARY)
    text = without_escapes(shown)
    assert code == 0, shown
    assert "uploading" in text
    assert "0 of 1 file done" in text
    assert "2024/a\\nb\\x1b[31m [red]x[/red] \\xff.nef  250.0 kB of 1.0 MB" in text
    assert "warning: delete guard: nothing was deleted" in text
    assert "\x1b[?25l" in shown
    assert shown.rindex("\x1b[?25h") > shown.rindex("\x1b[?25l")  # the cursor is back
    assert "\x1b[1;32mAll 43 files are backed up." in shown
    assert shown.rindex("All 43 files") > shown.rindex("\x1b[?25h")


@needs_pty
def test_status_in_colour(stub_env: dict[str, str]) -> None:
    code, shown = on_terminal(stub_env, "good", "status", *LIBRARY)
    assert code == 0, shown
    assert "\x1b[1;32mAll 43 files are safe. Last backup 3 hours ago." in shown
    assert "写真\\xff\\n" in without_escapes(shown)


@needs_pty
def test_nasty_names_in_the_table_on_a_terminal(stub_env: dict[str, str]) -> None:
    code, shown = on_terminal(stub_env, "failing", "sync", "--quiet", *LIBRARY)
    assert code == 3
    assert "\\x1b[31m [red]x[/red] \\xff.nef: permission denied." in without_escapes(shown)
    assert "\x1b[1;31m2 files could not be backed up; 41 are safe." in shown


@needs_pty
def test_dumb_terminals_get_plain_lines(stub_env: dict[str, str]) -> None:
    env = stub_env | {"SHOW_MODULES": "1"}
    command = [sys.executable, "-m", "tests.ui.stub_app", "slow", "sync", *LIBRARY]
    import pty

    master, slave = pty.openpty()
    started = time.monotonic()
    process = subprocess.run(command, env=env | {"TERM": "dumb"}, stderr=slave, stdout=subprocess.PIPE, timeout=60)
    os.close(slave)
    shown = os.read(master, 65536)
    os.close(master)
    assert process.returncode == 0
    assert time.monotonic() - started < 60
    assert b"\x1b" not in shown
    assert b"rich" not in shown.partition(b"MODULES")[2].split()


def test_a_dry_run_claims_no_upload(capsys: pytest.CaptureFixture[str]) -> None:
    progress = PlainProgress(Talk(verbose=True, dry_run=True), Clock())
    progress.sink(FileBack("a.jpg", MB, was_fetched=True))
    progress.sink(FileBack("b.jpg", MB, was_fetched=True, failed=Failed("b.jpg", "no", "h", None)))
    assert capsys.readouterr().err.splitlines() == ["dry run: restored a.jpg (1.0 MB)", "failed b.jpg: no"]

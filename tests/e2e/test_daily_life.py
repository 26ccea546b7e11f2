"""Terminals, pipes, cron, other locales, two runs at once: wherever a nightly job is started."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.machine import Machine, Result, run, wait_until
from tests.stores.server import S3Server

Make = Callable[..., Machine]

TREE = {"2024": {"a.jpg": b"first", "b.nef": b"second"}, "c.xmp": b"third"}


@pytest.fixture
def here(seaweed: S3Server, machine: Make) -> Machine:
    made: Machine = machine(seaweed, TREE)
    return made


# --- two runs ------------------------------------------------------------------------------------------------


def test_a_second_run_is_told_who_is_busy(seaweed: S3Server, machine: Make) -> None:
    here: Machine = machine(seaweed, {"a.jpg": b"a", "long.mov": os.urandom(20 << 20)})
    with here.started("sync", "--bwlimit", "200K") as first:
        assert wait_until(lambda: here.recorded() >= 1, first)
        second = here.run("sync", "--json")
        assert second.code == 7
        assert f"(process {first.pid} on " in second.error_line
        assert "since " in second.error_line
        assert second.json["error"]["message"] in second.err
        assert here.run("rebuild-manifest").code == 7
        # Looking changes nothing, and needs no lock.
        assert here.run("status").code in (0, 3)
        assert here.run("sync", "--dry-run").code == 0
    # A dead holder's lock is taken over.
    here.sync()
    here.check_bucket()


# --- where it says what --------------------------------------------------------------------------------------


def test_in_a_pipe_the_result_is_on_stdout_alone(here: Machine) -> None:
    result = here.run("sync")
    assert result.code == 0
    assert result.out.splitlines()[-1] == "All 3 files are backed up."
    assert "\x1b" not in result.out + result.err
    assert "backed up" not in result.err
    quiet = here.run("sync")
    assert quiet.out.splitlines()[-1].startswith("Nothing changed: 3 files are safe")


def test_quiet_says_nothing_unless_something_is_wrong(here: Machine) -> None:
    assert here.run("sync", "--quiet") == Result(0, "", "")
    (here.source / "2024/b.nef").write_bytes(b"rotten")
    result = here.run("sync", "--quiet")
    assert result.code == 4
    assert "2024/b.nef" in result.out + result.err


def test_verbose_names_every_file(here: Machine) -> None:
    result = here.run("sync", "--verbose")
    assert result.code == 0
    for name in here.files():
        assert name in result.err


def test_dry_run_foretells_and_changes_nothing(here: Machine) -> None:
    done = here.sync("--dry-run")
    assert (done["dry_run"], done["actions"]["uploaded"], done["run_id"]) == (True, 3, None)
    here.nothing_was_made()
    assert here.objects() == {}


def test_from_cron_without_home_terminal_or_path(here: Machine) -> None:
    bare = {name: value for name, value in here.variables().items() if name.startswith(("AWS_", "PYTHONW"))}
    place = [*here.command("sync"), "--manifest", str(here.home / "m.sqlite"), "--log-file", str(here.home / "log")]
    result = run(place, {**bare, "PATH": "/usr/bin:/bin"}, Path("/"))
    assert result.code == 0, result
    assert "All 3 files are backed up." in result.out
    here.check_bucket()
    assert "All 3 files are backed up." in (here.home / "log").read_text()


def test_names_cannot_write_to_the_terminal(seaweed: S3Server, machine: Make) -> None:
    names = {"evil \x1b]0;owned\x07\x1b[2J.nef": b"1", "two\nlines.nef": b"2", "写真 \U0001f4f7.nef": b"3"}
    here: Machine = machine(seaweed, names)
    here.sync()
    here.check_bucket()
    for name in names:
        (here.source / name).write_bytes(b"changed")
    for locale in ("C.UTF-8", "C"):
        there = replace(here, environment={"LC_ALL": locale})
        result = there.run("sync", "--verbose")
        assert result.code == 4, result
        assert "\x1b" not in result.out + result.err
        assert "\x07" not in result.out + result.err
        assert "two\nlines" not in result.out + result.err
        found = {finding["path"] for finding in there.sync(code=4)["findings"]}
        assert found == set(names)
    log = (here.home / ".local/state/lrsync/log/lrsync.log").read_text()
    assert "\x1b" not in log
    assert "two\nlines" not in log


def in_a_terminal(here: Machine, *args: str, **variables: str) -> tuple[int, str]:
    """Run on a terminal of 80 columns; returns the exit code and everything that it was sent."""
    parent, child = pty.openpty()
    size = f'stty cols 80 rows 24 && exec {json.dumps(sys.executable)} -m lrsync "$@"'
    process = subprocess.Popen(
        ["sh", "-c", size, "sh", *here.command(*args)[3:]],
        env={**here.variables(), "TERM": "xterm-256color", **variables},
        cwd=here.home,
        stdin=child,
        stdout=child,
        stderr=child,
        start_new_session=True,
    )
    os.close(child)
    shown = b""
    end = time.monotonic() + 60
    with process, os.fdopen(parent, "rb", buffering=0) as screen:
        while time.monotonic() < end:
            try:
                piece = screen.read(4096)
            except OSError:  # Linux' way to say that the other end is closed
                break
            if not piece:
                break
            shown += piece
    return process.returncode, shown.decode()


def test_on_a_terminal(here: Machine) -> None:
    code, shown = in_a_terminal(here, "sync")
    assert code == 0, shown
    assert "All 3 files are backed up." in shown
    assert "\x1b[" in shown
    assert "\x1b[?25h" in shown or "\x1b[?25l" not in shown, "the cursor is left visible"


def test_no_color_on_a_terminal(here: Machine) -> None:
    code, shown = in_a_terminal(here, "sync", NO_COLOR="1")
    assert code == 0, shown
    assert not any(f"\x1b[{colour}m" in shown for colour in (31, 32, 33, 34, 35, 36, "1;31", "1;32"))


def test_status_fits_eighty_columns(here: Machine) -> None:
    (here.source / "2024" / f"{'a very long name ' * 12}.jpg").write_bytes(b"long")
    here.sync()
    code, shown = in_a_terminal(here, "status", NO_COLOR="1")
    assert code == 0, shown
    assert max(len(re.sub(r"\x1b\[[0-9;]*m", "", line)) for line in shown.splitlines()) <= 80, shown


def test_a_reader_that_goes_away_does_not_stop_the_backup(here: Machine) -> None:
    with subprocess.Popen(
        here.command("sync", "--verbose"),
        env=here.variables(),
        cwd=here.home,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        for stream in (process.stdout, process.stderr):
            assert stream is not None
            stream.close()
        assert process.wait(60) == 0
    here.check_bucket()


def test_the_old_name_is_the_same_as_sync(here: Machine) -> None:
    program = Path(sys.executable).with_name("lightroom-s3-sync")
    result = run([str(program), *here.place(), "--json"], here.variables(), here.home)
    found: dict[str, Any] = result.json
    assert (found["command"], found["result"], found["actions"]["uploaded"]) == ("sync", "ok", 3)

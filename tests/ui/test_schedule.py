"""`lrsync schedule`: shown before it is done, done by the system's own programs, which are stand-ins here."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import pytest

from lrsync import app
from lrsync.core.runs import RunKind, RunResult
from lrsync.ui.main import main
from tests.ui.stub_app import good_status, run_info

SYSTEMCTL = """#!/bin/sh
echo "$@" >> "$CALLS"
case "$*" in
*show\\ lrsync-default.timer*)
  echo ActiveState=active; echo NextElapseUSecRealtime=@4000000000; echo LastTriggerUSec=@1772332200;;
*show\\ lrsync-default.service*) printf 'ExecMainStatus=5\\nExecMainExitTimestamp=@1772332300\\n';;
esac
exit ${SYSTEMCTL_CODE:-0}
"""
LOGINCTL = "#!/bin/sh\necho ${LINGER:-yes}\n"

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the stand-ins are of Linux's programs")


class Result(NamedTuple):
    code: int
    out: str
    err: str


class Desk:
    """A user with a systemd of stand-ins."""

    def __init__(self, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.home = home
        self._capsys = capsys

    def __call__(self, *args: str) -> Result:
        code = main(("schedule", *args))
        return Result(code, *self._capsys.readouterr())

    @property
    def calls(self) -> list[str]:
        file = self.home / "calls"
        return file.read_text().splitlines() if file.exists() else []

    @property
    def timer(self) -> Path:
        return self.home / "config" / "systemd" / "user" / "lrsync-default.timer"


@pytest.fixture
def desk(home: Path, config_file: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Desk:
    config_file.write_text('[libraries.default]\nsource_path = "/photos"\ns3_bucket = "bucket"\n')
    programs = home / "bin"
    programs.mkdir()
    for name, text in (("systemctl", SYSTEMCTL), ("loginctl", LOGINCTL)):
        (programs / name).write_text(text)
        (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:/usr/bin:/bin")
    monkeypatch.setenv("CALLS", str(home / "calls"))
    return Desk(home, capsys)


def test_a_dry_run_shows_it_all_and_does_nothing(desk: Desk) -> None:
    result = desk("install", "--at", "3:15", "--dry-run")
    assert result.code == 0
    assert f"Write {desk.timer}:" in result.out
    assert "OnCalendar=*-*-* 03:15:00" in result.out
    assert f"{sys.executable} -P -m lrsync sync --library default --quiet" in result.out
    assert "Run systemctl --user enable lrsync-default.timer" in result.out
    assert not desk.timer.exists()
    assert desk.calls == ["--user show-environment"]


def test_a_check_since_does_not_hide_the_last_backup(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a scheduler that tells no times this is all that there is: 'It has not run yet' was untrue."""
    desk("install", "--yes")
    backup, check = run_info(RunResult.FAILED, 9, 6), replace(run_info(RunResult.OK, 1), kind=RunKind.VERIFY)
    report = good_status(last_run=check, last_good_run=None, recent=(backup, check))
    monkeypatch.setattr(app, "read_status", lambda config: report)
    assert "and ended with 6 (" in desk("show").out
    recent = (check,) * 30
    monkeypatch.setattr(app, "read_status", lambda config: replace(report, last_good_run=backup, recent=recent))
    assert "and ended with 6 (" in desk("show").out


def test_install_show_and_remove(desk: Desk) -> None:
    assert desk("show").code == 4
    assert desk("install", "--yes").code == 0
    assert "OnCalendar=*-*-* 02:30:00" in desk.timer.read_text()
    assert desk.calls[-3:] == [
        "--user daemon-reload",
        "--user enable lrsync-default.timer",
        "--user restart lrsync-default.timer",
    ]
    found = json.loads(desk("show", "--json").out)
    assert (found["installed"], found["scheduler"], found["at"]) == (True, "systemd", "02:30")
    assert (found["last_start"], found["last_exit_code"]) == ("2026-03-01T02:30:00Z", 5)
    assert (found["next"], found["problem"], found["exit_code"]) == ("2096-10-02T07:06:40Z", None, 0)
    shown = desk("show").out
    assert "default is backed up at 02:30 every night (systemd)." in shown
    assert "5 (no usable bucket)" in shown
    removed = desk("remove", "--yes")
    assert f"Remove {desk.timer}" in removed.out
    assert not desk.timer.exists()
    assert "There is no schedule" in desk("remove", "--yes").out


def test_another_config_file_goes_with_it(desk: Desk, config_file: Path) -> None:
    other = desk.home / "other.toml"
    other.write_text('[libraries.nas]\nsource_path = "/nas"\ns3_bucket = "b"\n')
    result = desk("install", "--library", "nas", "--config", str(other), "--dry-run")
    assert f"sync --library nas --config {other} --quiet" in result.out


def test_what_is_only_in_the_shell_is_no_library(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LRSYNC_SOURCE_PATH", "/p")
    monkeypatch.setenv("LRSYNC_S3_BUCKET", "b")
    result = desk("install", "--library", "other", "--yes")
    assert result.code == 2
    assert "there is no library 'other'" in result.err
    assert desk.calls == []


def test_nobody_to_ask(desk: Desk) -> None:
    result = desk("install")
    assert result.code == 2
    assert "add --yes" in result.err
    assert not desk.timer.exists()


def test_a_wrong_time(desk: Desk) -> None:
    result = desk("install", "--at", "half past two", "--yes")
    assert result.code == 2
    assert "02:30" in result.err


def test_a_step_that_fails_is_said(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    systemctl = desk.home / "bin" / "systemctl"
    systemctl.write_text('#!/bin/sh\ncase "$*" in *enable*) echo no bus >&2; exit 1;; esac\n')
    result = desk("install", "--yes")
    assert result.code == 2
    assert "'systemctl --user enable lrsync-default.timer' failed: no bus" in result.err


def test_a_system_without_any(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SYSTEMCTL_CODE", "1")
    monkeypatch.setenv("PATH", str(desk.home / "bin"))
    result = desk("install", "--yes")
    assert result.code == 2
    assert "there is no systemd or cron here" in result.err

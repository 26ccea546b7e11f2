"""A sync with hooks: told at its start and its end, and otherwise the very same run."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

import lrsync.app.hooks as wired
from lrsync.config import Config
from lrsync.core.events import EventSink
from lrsync.core.hooks import HookEvent, HookReport, HookSettings
from lrsync.core.runs import RunSummary
from lrsync.errors import BucketError, InterruptedRun
from tests.ui import stub_app
from tests.ui.conftest import Cli

HOOKED = """
[libraries.default]
source_path = "/photos"
s3_bucket = "b"

[hooks]
webhook = "https://hc-ping.com/secret-token"
"""
PROBLEM = "the webhook hook failed: https://hc-ping.com/... answered 500"


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch, config_file: Path) -> list[HookReport]:
    """What the hooks were told; each of them fails."""
    found: list[HookReport] = []

    def announce(settings: HookSettings, report: HookReport) -> list[str]:
        assert settings.webhook == "https://hc-ping.com/secret-token"
        found.append(report)
        return [PROBLEM]

    config_file.write_text(HOOKED)
    monkeypatch.setattr(wired, "announce", announce)
    return found


def raising(error: BaseException) -> stub_app.Runner:
    def run(config: Config, sink: EventSink, stop: threading.Event) -> RunSummary:
        raise error

    return run


def test_start_and_success(cli: Cli, told: list[HookReport]) -> None:
    result = cli("sync")
    assert result.code == 0
    assert [(one.event, one.exit_code) for one in told] == [(HookEvent.START, None), (HookEvent.SUCCESS, 0)]
    assert told[1].sentence in result.out
    assert result.err.count(f"warning: {PROBLEM}.\n") == 2


def test_a_hook_that_fails_is_told_to_cron_too(cli: Cli, told: list[HookReport], log_path: Path) -> None:
    """Who hears of no failure, as the mail cannot be sent, must hear of that."""
    result = cli("sync", "--quiet")
    assert (result.code, result.out) == (0, "")
    assert result.err == f"warning: {PROBLEM}.\n" * 2
    assert f"WARNING [{os.getpid()}] {PROBLEM}" in log_path.read_text()


def test_a_failure_reads_as_sentences(cli: Cli, told: list[HookReport]) -> None:
    cli.runs(raising(BucketError("the bucket b does not exist", hint="make it")))
    cli("sync")
    assert told[1].sentence == "the bucket b does not exist. Hint: make it."


@pytest.mark.parametrize(
    ("run", "code"),
    [
        (stub_app.failing_run, 3),
        (raising(BucketError("the bucket b does not exist", hint="make it")), 5),
        (raising(InterruptedRun("interrupted")), 130),
        (raising(KeyboardInterrupt()), 130),
        (raising(ZeroDivisionError("what")), 1),
    ],
)
def test_every_other_end_is_a_fail_and_stays_what_it_was(
    cli: Cli, told: list[HookReport], run: stub_app.Runner, code: int
) -> None:
    cli.runs(run)
    assert cli("sync", "--quiet").code == code
    assert [(one.event, one.exit_code) for one in told] == [(HookEvent.START, None), (HookEvent.FAIL, code)]
    assert "what" not in told[1].sentence or code != 1


def test_a_dry_run_is_nobodys_business(cli: Cli, told: list[HookReport]) -> None:
    assert cli("sync", "--dry-run").code == 0
    assert told == []


def test_no_address_in_what_is_said_or_logged(cli: Cli, told: list[HookReport], log_path: Path, home: Path) -> None:
    result = cli("sync", "--verbose")
    log = log_path.read_text()
    assert PROBLEM in log
    assert "secret-token" not in result.out + result.err + log


def test_without_hooks_nothing_is_loaded(home: Path, stub: Callable[..., object]) -> None:
    done = stub("good", "sync", "--source-path", "/p", "--s3-bucket", "b", SHOW_MODULES="1")
    modules = done.stderr.decode().rpartition("MODULES")[2].split()  # type: ignore[attr-defined]
    assert "lrsync" in modules and "http" not in modules

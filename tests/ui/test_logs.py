"""The log file: private, rotating, complete, without credentials, and never in the way of a run."""

from __future__ import annotations

import logging
import os
import stat
from pathlib import Path

import pytest

from lrsync import logs
from tests.ui import stub_app
from tests.ui.conftest import LIBRARY, Cli

posix = pytest.mark.skipif(os.name == "nt", reason="POSIX permissions")


def test_start_failures_and_end(cli: Cli, log_path: Path) -> None:
    cli.runs(stub_app.failing_run)
    cli("sync", *LIBRARY, "--s3-prefix", "pre")
    lines = [line.partition("] ")[2] for line in log_path.read_text().splitlines()]
    assert lines == [
        "lrsync 0.1.0 sync, library default: /photos -> s3://bucket/pre",
        "failed b.jpg: gone bad",
        "failed 2024/a\\nb\\x1b[31m [red]x[/red] \\xff.nef: permission denied (check who owns it)",
        "ended with exit code 3: 2 files could not be backed up; 41 are safe.",
    ]


def test_every_file_only_when_verbose(cli: Cli, log_path: Path) -> None:
    cli("sync", *LIBRARY)
    assert "uploaded 2024" not in log_path.read_text()
    cli("sync", "--verbose", *LIBRARY)
    assert "uploaded 2024/a\\nb" in log_path.read_text()


@posix
def test_only_its_owner_reads_it(cli: Cli, home: Path) -> None:
    path = home / "new" / "my.log"
    cli("sync", *LIBRARY, "--log-file", str(path))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert "ended with exit code 0" in path.read_text()


def test_it_rotates(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "MAX_BYTES", 2000)
    logs.configure(home / "my.log", verbose=False, warn=pytest.fail)
    for number in range(500):
        logs.LOGGER.info("line %d of a log that grows and grows", number)
    logs.close()
    assert sorted(p.name for p in home.glob("my.log*")) == ["my.log", *(f"my.log.{i}" for i in range(1, 6))]
    assert (home / "my.log").stat().st_size <= 2000


def test_a_log_that_cannot_be_opened_is_one_warning(cli: Cli, home: Path) -> None:
    (home / "file").write_text("")
    result = cli("sync", "--quiet", *LIBRARY, "--log-file", str(home / "file" / "my.log"))
    assert result.code == 0
    assert len(result.err.splitlines()) == 1
    assert result.err.startswith("warning: no log is written: ")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_told_once() -> None:
    told: list[str] = []
    handler = logs._PrivateLog(Path("/dev/full"), told.append)
    for _ in range(3):
        handler.handle(logging.LogRecord("lrsync", logging.INFO, "", 0, "x", None, None))
    handler.close()
    assert told == ["the log /dev/full cannot be written any more"]


def test_botocore_stays_silent_at_any_verbosity(cli: Cli, log_path: Path) -> None:
    def run(*args: object) -> object:
        botocore = logging.getLogger("botocore.auth")
        botocore.debug("Authorization: AWS4-HMAC-SHA256 SECRET")
        botocore.warning("SECRET")
        assert not botocore.isEnabledFor(logging.INFO)
        return stub_app.quiet_summary()

    cli.runs(run)  # type: ignore[arg-type]
    result = cli("sync", "--verbose", *LIBRARY)
    assert result.code == 0
    assert "SECRET" not in log_path.read_text() + result.err + result.out

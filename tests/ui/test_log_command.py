"""`lrsync log`: what the last run said, from a log that others write to as well."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lrsync.log_read import follow
from tests.ui.conftest import LIBRARY, Cli

LOG = """\
2026-03-01T02:30:00+0000 INFO [10] lrsync 1.0 sync, library default: /p -> s3://b/x
2026-03-01T02:30:01+0000 INFO [10] ended with exit code 0: All 43 files are backed up.
2026-03-02T02:30:00+0000 INFO [20] lrsync 1.0 sync, library nas: /n -> s3://b/n
2026-03-02T02:30:00+0000 INFO [21] lrsync 1.0 verify (dry run), library default: /p -> s3://b/x
2026-03-02T02:30:01+0000 WARNING [20] of the nas
2026-03-02T02:30:01+0000 ERROR [21] failed a.jpg: gone
2026-03-02T02:30:02+0000 ERROR [30] unexpected error: what?
Traceback (most recent call last):
  boom\x1b[31m
2026-03-02T02:30:03+0000 INFO [21] ended with exit code 3: 1 file failed.
"""


@pytest.fixture
def log(log_path: Path) -> Path:
    log_path.parent.mkdir(parents=True)
    log_path.write_text(LOG)
    return log_path


def messages(cli: Cli, *args: str) -> list[str]:
    found = json.loads(cli("log", "--json", *args).out)
    assert (found["command"], found["exit_code"]) == ("log", 0)
    return [entry["message"].split("\n")[0] for entry in found["entries"]]


def test_the_last_run_of_the_library(cli: Cli, log: Path) -> None:
    told = messages(cli)
    assert told[0].startswith("lrsync 1.0 verify")
    assert told[1:] == [
        "failed a.jpg: gone",
        "unexpected error: what?",
        "ended with exit code 3: 1 file failed.",
    ]
    out = cli("log").out
    assert "of the nas" not in out
    assert "  boom\\x1b[31m\n" in out, "a traceback stays in one piece, and moves no cursor"


def test_another_library(cli: Cli, log: Path) -> None:
    assert messages(cli, "--library", "nas")[:2] == ["lrsync 1.0 sync, library nas: /n -> s3://b/n", "of the nas"]


def test_the_end_of_the_log(cli: Cli, log: Path) -> None:
    assert messages(cli, "--lines", "2") == ["unexpected error: what?", "ended with exit code 3: 1 file failed."]
    assert cli("log", "--lines", "0").code == 2


def test_where_it_is(cli: Cli, log_path: Path) -> None:
    assert cli("log", "--path").out == f"{log_path}\n"
    result = cli("log")
    assert (result.code, result.out) == (0, "")
    assert "no run of this library" in result.err


def test_a_run_that_began_before_the_log_was_turned_over(cli: Cli, log: Path) -> None:
    begun, rest = LOG.split("\n", 1)
    log.with_name("lrsync.log.1").write_text(begun + "\n")
    log.write_text(rest.replace("library default", "library other"))
    told = messages(cli)
    assert told[:2] == [
        "lrsync 1.0 sync, library default: /p -> s3://b/x",
        "ended with exit code 0: All 43 files are backed up.",
    ]


def test_a_real_run_is_found_again(cli: Cli, log_path: Path) -> None:
    assert cli("sync", *LIBRARY).code == 0
    told = messages(cli, *LIBRARY)
    assert "library default: /photos -> s3://bucket/" in told[0]
    assert told[-1].startswith("ended with exit code 0")


def test_following_goes_on_in_a_new_log(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    path.write_text("old\n")
    writes = iter([("a", "half"), ("a", " a line\nand "), ("w", "new\n")])

    def wait(seconds: float) -> None:
        mode, text = next(writes)
        with path.open(mode) as file:
            file.write(text)

    lines = follow(path, wait=wait)
    assert [next(lines), next(lines)] == ["half a line", "new"]


def test_following_is_for_people(cli: Cli, log: Path) -> None:
    assert cli("log", "--follow", "--json").code == 2

"""Commands that are to be copied name the library that was asked about."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lrsync.app import doctor as wired
from lrsync.core.doctor import Check, Verdict
from lrsync.errors import SourceError
from lrsync.ui.place import with_place
from tests.ui.conftest import Cli
from tests.ui.test_commands import raising

TEXT = "run 'lrsync schedule install --at 02:30', or 'lrsync sync' by hand; 'aws configure' stays"


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ({}, TEXT),
        ({"library": "nas"}, TEXT.replace("02:30", "02:30 --library nas").replace("sync'", "sync --library nas'")),
        ({"source_path": "/a b"}, TEXT.replace("sync'", "sync --source-path '/a b''")),
    ],
)
def test_quoted_commands_get_the_flags(flags: dict[str, str], expected: str) -> None:
    assert with_place(TEXT, flags) == expected


def test_what_doctor_says_mends_the_library_that_it_looked_at(
    cli: Cli, config_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Copied as it was, it would have scheduled the library 'default'."""
    config_file.write_text('[libraries.nas]\nsource_path = "/p"\ns3_bucket = "b"\n')
    check = Check("schedule", Verdict.WARN, "nothing runs it", "run 'lrsync schedule install --at 02:30'")
    monkeypatch.setattr(wired, "examine", lambda config, offline: [check])
    assert "run 'lrsync schedule install --at 02:30 --library nas'" in cli("doctor", "--library", "nas").out
    assert "--library nas'" in cli("doctor", "--library", "nas", "--json").out


def test_a_library_without_a_schedule_is_told_its_own_command(cli: Cli, config_file: Path) -> None:
    config_file.write_text('[libraries.nas]\nsource_path = "/p"\ns3_bucket = "b"\n')
    shown = cli("schedule", "show", "--library", "nas").out
    assert "'lrsync schedule install --at 02:30 --library nas' does it" in shown


def test_a_hint_is_of_the_library_that_was_asked_about(cli: Cli, config_file: Path) -> None:
    """'lrsync sync --accept-source', copied as it was, would have accepted another library's source."""
    config_file.write_text('[libraries.nas]\nsource_path = "/p"\ns3_bucket = "b"\n')
    hint = "run 'lrsync sync --accept-source' once; 'lrsync config check' looks"
    cli.runs(raising(SourceError("not the folder", hint=hint)))
    placed = "run 'lrsync sync --accept-source --library nas' once; 'lrsync config check' looks"
    done = cli("sync", "--library", "nas", "--json")
    assert placed in done.err
    assert json.loads(done.out)["error"]["hint"] == placed
    named = cli("sync", "--library=nas", "--config", str(config_file))
    assert f"--accept-source --library nas --config {config_file}' once" in named.err
    assert f"'lrsync config check --config {config_file}' looks" in named.err

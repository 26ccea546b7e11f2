"""Commands that are to be copied name the library that was asked about."""

from __future__ import annotations

from pathlib import Path

import pytest

from lrsync.app import doctor as wired
from lrsync.core.doctor import Check, Verdict
from lrsync.ui.place import with_place
from tests.ui.conftest import Cli

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

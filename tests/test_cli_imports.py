"""What the command line must not load: its first answer comes at once, and a quiet night stays cheap."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lrsync.ui.main import COMMANDS
from tests.year import Year, make_year

HEAVY = {
    "boto3",
    "botocore",
    "sqlalchemy",
    "alembic",
    "rich",
    "wakepy",
    "pathspec",
    "zstandard",
    "platformdirs",
    "jinja2",
}

PROBE = """
import json, sys
from lrsync.ui.main import main
code = main(sys.argv[1:])
print()
names = sorted(sys.modules)
print(json.dumps([code, [name.partition(".")[0] for name in names], any(n.startswith("lrsync.core.") for n in names)]))
"""


def probe(*args: str) -> tuple[int, set[str], bool]:
    """Exit code, top-level modules, and whether the core was loaded."""
    command = [sys.executable, "-W", "error", "-c", PROBE, *args]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    code, modules, core = json.loads(done.stdout.splitlines()[-1])
    return code, set(modules), core


@pytest.mark.parametrize("args", [("--help",), ("-h",), ("--version",), ("-V",), ("snyc",), ()])
def test_the_first_answer_loads_nothing_heavy(args: tuple[str, ...]) -> None:
    code, modules, core = probe(*args)
    assert code == (0 if args and args[0].startswith("-") else 2)
    assert "click" in modules
    assert not HEAVY & modules
    assert not core


@pytest.mark.parametrize("command", COMMANDS)
def test_a_commands_help_loads_nothing_heavy(command: str) -> None:
    code, modules, core = probe(command, "--help")
    assert code == 0
    assert not HEAVY & modules
    assert not core


@pytest.mark.parametrize("command", ["sync", "status", "rebuild-manifest"])
def test_wrong_settings_load_nothing_heavy(command: str) -> None:
    code, modules, _ = probe(command, "--s3-bucket", "s3://b")
    assert code == 2
    assert not (HEAVY - {"platformdirs"}) & modules


STATUS_PROBE = """
import sys
from lrsync.ui.main import main
assert main(sys.argv[1:]) == 0
print("MODULES", *sys.modules)
"""


def test_a_status_loads_little(tmp_path: Path) -> None:
    """It is asked often; a session, a store or a display cost more than its answer."""
    manifest = tmp_path / "year.sqlite"
    make_year(manifest, Year(time.time_ns(), nights=5, files=30))
    command = [sys.executable, "-c", STATUS_PROBE, "status", "--manifest", str(manifest), "--color", "always"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    shown, _, modules = done.stdout.partition("MODULES ")
    assert "All 30 files are safe." in shown
    names = set(modules.split())
    assert not (HEAVY - {"platformdirs"}) & {name.partition(".")[0] for name in names}
    assert not names & {"lrsync.app.session", "lrsync.core.model", "lrsync.ui.jsons", "lrsync.ui.cost_view"}


def test_the_help_is_quick() -> None:
    resource = pytest.importorskip("resource")
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-m", "lrsync", "--help"], capture_output=True, check=True, timeout=60)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    assert spent < 0.6  # 0.1 s on an idle machine; a heavy import alone takes as much again, several times over


def test_the_table_of_commands_is_right() -> None:
    for name, entry in COMMANDS.items():
        command = entry.load()
        assert command.name == name
        assert command.help

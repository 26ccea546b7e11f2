"""A command line of its own for every test: no config file, no variables, no log but in the test's folder."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import pytest

import lrsync
from lrsync import logs
from tests import schemas
from tests.ui import stub_app

ROOT = Path(__file__).parent.parent.parent


class Result(NamedTuple):
    code: int
    out: str
    err: str


class Cli:
    """The command line in this process, on a stub of the app."""

    def __init__(self, capsys: pytest.CaptureFixture[str], use: Callable[[ModuleType], None]) -> None:
        self._capsys = capsys
        self._use = use
        self.app = stub_app.make()
        self.use(self.app)

    def use(self, app: ModuleType) -> None:
        self.app = app
        self._use(app)

    def runs(self, run: stub_app.Runner) -> None:
        self.use(stub_app.make(run))

    def __call__(self, *args: str) -> Result:
        from lrsync.ui.main import main

        code = main(args)
        result = Result(code, *self._capsys.readouterr())
        schemas.check_text(result.out)
        return result


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home folder, and no LRSYNC_ variables."""
    for name in list(os.environ):
        if name.startswith("LRSYNC_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path


@pytest.fixture
def log_path(home: Path) -> Path:
    return logs.default_log_file()


@pytest.fixture
def config_file(home: Path) -> Path:
    from lrsync.settings import default_config_file

    path = default_config_file()
    path.parent.mkdir(parents=True)
    return path


@pytest.fixture
def cli(home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Cli]:
    def use(app: ModuleType) -> None:
        monkeypatch.setitem(sys.modules, "lrsync.app", app)
        monkeypatch.setattr(lrsync, "app", app, raising=False)

    yield Cli(capsys, use)
    logs.close()


LIBRARY = ("--source-path", "/photos", "--s3-bucket", "bucket")


@pytest.fixture
def stub_env(home: Path) -> dict[str, str]:
    """The environment for a process of its own."""
    return {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "error"}


@pytest.fixture
def stub(stub_env: dict[str, str], home: Path) -> Callable[..., subprocess.CompletedProcess[bytes]]:
    """Run the command line on a stub scenario in a process of its own."""

    def run(scenario: str, *args: str, **env: str) -> subprocess.CompletedProcess[bytes]:
        command = [sys.executable, "-m", "tests.ui.stub_app", scenario, *args]
        return subprocess.run(
            command, env=stub_env | env, cwd=home, capture_output=True, timeout=60, stdin=subprocess.DEVNULL
        )

    return run

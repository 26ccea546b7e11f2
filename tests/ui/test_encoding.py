"""Names are UTF-8 in every locale."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from lrsync.errors import ExitCode, UsageError
from lrsync.ui import encoding
from tests.ui.conftest import Cli

pytestmark = pytest.mark.skipif(os.name != "posix", reason="elsewhere names are always UTF-8")

SHOW = """
import json, os, sys
from lrsync.ui.encoding import demand_utf8_names
demand_utf8_names()
print(json.dumps([sys.getfilesystemencoding(), sys.flags.utf8_mode, os.fsencode(sys.argv[1]).hex(), os.getpid()]))
"""


@pytest.mark.parametrize("options", [(), ("-W", "error", "-X", "dev")])
def test_in_a_c_locale_the_program_starts_anew_with_the_same_arguments(options: tuple[str, ...]) -> None:
    env = {**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    command = [os.fsencode(part) for part in (sys.executable, *options, "-c", SHOW)]
    with subprocess.Popen([*command, "写真 ".encode() + b"\xff"], env=env, stdout=subprocess.PIPE) as process:
        out = process.communicate(timeout=60)[0]
    name = ("写真 ".encode() + b"\xff").hex()
    assert out.decode() == f'["utf-8", 1, "{name}", {process.pid}]\n'


@pytest.fixture
def latin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "getfilesystemencoding", lambda: "iso8859-1")


def test_where_names_are_utf8_nothing_is_started(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "execv", lambda path, args: pytest.fail("started anew"))
    encoding.demand_utf8_names()


@pytest.mark.usefixtures("latin")
def test_a_program_that_cannot_start_anew_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: str, args: list[str]) -> None:
        raise OSError(13, "Permission denied")

    monkeypatch.setattr(os, "execv", refuse)
    with pytest.raises(UsageError, match="as iso8859-1") as caught:
        encoding.demand_utf8_names()
    assert caught.value.exit_code is ExitCode.USAGE
    assert "PYTHONUTF8=1" in caught.value.hint


@pytest.mark.usefixtures("latin")
def test_it_starts_anew_once(monkeypatch: pytest.MonkeyPatch) -> None:
    started = list[list[str]]()
    monkeypatch.setattr(os, "execv", lambda path, args: started.append(args))
    monkeypatch.setattr(sys, "orig_argv", ["python", "lrsync", "sync"])
    encoding.demand_utf8_names()
    assert started == [[sys.executable, "-X", "utf8", "lrsync", "sync"]]
    monkeypatch.setattr(sys, "orig_argv", started[0])
    with pytest.raises(UsageError):
        encoding.demand_utf8_names()


@pytest.mark.usefixtures("latin")
def test_called_as_a_function_nothing_is_started(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "execv", lambda path, args: pytest.fail("started anew"))
    assert cli("--version").code == 0

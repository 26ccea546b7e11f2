"""The fixtures' own promises: a server that does not start is a failure, and none outlives its users."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.stores.servers import HOST, answers, served

SERVE = "from http.server import *; HTTPServer(('127.0.0.1', {port}), BaseHTTPRequestHandler).serve_forever()"


def prepare(folder: Path, ports: list[int]) -> tuple[list[str], dict[str, str]]:
    return [sys.executable, "-c", SERVE.format(port=ports[0])], {}


def is_up(ports: list[int]) -> bool:
    return answers(f"http://{HOST}:{ports[0]}/") is not None


def wait_until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end, "it did not happen in 30 s"
        time.sleep(0.05)


def test_a_server_that_does_not_start_fails_with_its_log(tmp_path: Path) -> None:
    def broken(folder: Path, ports: list[int]) -> tuple[list[str], dict[str, str]]:
        return [sys.executable, "-c", "raise SystemExit('no disk left')"], {}

    with pytest.raises(pytest.fail.Exception, match="no disk left"), served(tmp_path, broken, is_up):
        pytest.fail("it seems to have started", pytrace=False)


def test_users_share_a_server_and_the_last_one_ends_it(tmp_path: Path) -> None:
    with served(tmp_path, prepare, is_up) as ports:
        with served(tmp_path, prepare, is_up) as others:
            assert others == ports
        time.sleep(0.6)
        assert is_up(ports), "one user is left"
    wait_until((tmp_path / "ended").exists)
    assert not is_up(ports)
    with served(tmp_path, prepare, is_up) as ports:
        assert is_up(ports), "whoever comes later starts another one"


def use_until_killed(folder: Path) -> None:
    """What the process below does."""
    with served(folder, prepare, is_up):
        (folder / "in use").touch()
        time.sleep(60)


def test_a_killed_user_leaves_no_server(tmp_path: Path) -> None:
    script = f"import sys, pathlib; from {__name__} import *; use_until_killed(pathlib.Path(sys.argv[1]))"
    root = Path(__file__).parents[2]
    with subprocess.Popen([sys.executable, "-c", script, str(tmp_path)], cwd=root) as user:
        try:
            wait_until((tmp_path / "in use").exists)
        finally:
            user.kill()
    wait_until((tmp_path / "ended").exists)

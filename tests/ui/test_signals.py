"""Ctrl-C and SIGTERM: once is a request, twice is an order."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import click
import pytest

from lrsync.errors import InterruptedRun
from lrsync.ui.asking import question_to
from lrsync.ui.options import Talk
from lrsync.ui.progress import Progress
from lrsync.ui.signals import MESSAGE, SAME_PRESS_S, StopSignals
from tests.ui.conftest import LIBRARY

pytestmark = pytest.mark.skipif(os.name == "nt", reason="POSIX signals")


@contextmanager
def running(env: dict[str, str], scenario: str, *args: str) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "tests.ui.stub_app", scenario, "sync", *LIBRARY, *args]
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stderr is not None
        try:
            while process.stderr.readline() != b"READY\n":
                assert process.poll() is None
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_asks_the_run_to_end(stub_env: dict[str, str], number: signal.Signals) -> None:
    with running(stub_env, "stoppable", "--json") as process:
        process.send_signal(number)
        out, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert err.decode().splitlines() == [
        MESSAGE,
        "error: interrupted: what was acknowledged is recorded. hint: run the same command again to go on.",
    ]
    assert b'"result": "interrupted", "exit_code": 130' in out


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_at_a_question_the_first_is_the_answer(number: signal.Signals, capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever is asked is waited for, for hours: nothing is in flight that could be brought to its end."""
    stop, said = threading.Event(), list[str]()
    with StopSignals(stop, say=said.append, restore=lambda: None, leave=lambda code: None):
        with pytest.raises(InterruptedRun), question_to(Progress(Talk())):
            os.kill(os.getpid(), number)
            time.sleep(5)
        assert not stop.is_set() and said == []
        os.kill(os.getpid(), number)
        assert stop.wait(5), "and afterwards it is a request again"
    assert capsys.readouterr().err == "\n"


def test_the_end_of_the_input_is_no_bug_of_the_runs() -> None:
    with pytest.raises(InterruptedRun, match="interrupted"), question_to(Progress(Talk())):
        raise click.Abort


def test_the_second_ends_it_at_once(stub_env: dict[str, str]) -> None:
    with running(stub_env, "stubborn") as process:
        process.send_signal(signal.SIGINT)
        assert process.stderr is not None
        assert process.stderr.readline().decode().strip() == MESSAGE
        time.sleep(SAME_PRESS_S + 0.1)
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 130
        assert time.monotonic() - began < 5


def test_one_press_that_comes_twice_is_one(stub_env: dict[str, str]) -> None:
    with running(stub_env, "stubborn") as process:
        process.send_signal(signal.SIGTERM)
        process.send_signal(signal.SIGINT)
        time.sleep(1.0)
        assert process.poll() is None


def test_handlers_are_given_back() -> None:
    before = [signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)]
    said: list[str] = []
    stop = threading.Event()
    with StopSignals(stop, say=said.append, restore=lambda: None):
        assert signal.getsignal(signal.SIGINT) is not before[0]
        os.kill(os.getpid(), signal.SIGINT)
        assert stop.wait(5)
    assert said == [MESSAGE]
    assert [signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)] == before
    assert signal.set_wakeup_fd(-1) == -1


def test_what_the_starter_ignores_stays_ignored() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        stop = threading.Event()
        with StopSignals(stop, say=lambda line: None, restore=lambda: None):
            os.kill(os.getpid(), signal.SIGINT)
            assert not stop.wait(0.2)
    finally:
        signal.signal(signal.SIGINT, before)


def test_other_threads_take_no_signals() -> None:
    def enter() -> object:
        with StopSignals(threading.Event(), say=lambda line: None, restore=lambda: None):
            return signal.getsignal(signal.SIGINT)

    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(enter).result() is signal.getsignal(signal.SIGINT)

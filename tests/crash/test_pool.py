"""Workers that a run can leave behind, and how long it waits for them."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from concurrent.futures import CancelledError, Future

import pytest

from lrsync.engine.pool import DaemonPool
from lrsync.engine.stop import Patience, StoppedError
from lrsync.engine.work import WorkQueue

STUCK = """
import threading
from lrsync.engine.pool import DaemonPool
pool = DaemonPool(2)
begun = threading.Event()
def hang():
    begun.set()
    threading.Event().wait()
pool.submit(hang)
begun.wait()
pool.shutdown(wait=False, cancel_futures=True)
print("left")
"""


def test_it_works_as_any_pool() -> None:
    with DaemonPool(3) as pool:
        assert list(pool.map(lambda n: n * n, range(100))) == [n * n for n in range(100)]
        with pytest.raises(ZeroDivisionError):
            pool.submit(lambda: 1 // 0).result()
        assert threading.active_count() >= 2
    with pytest.raises(RuntimeError):
        pool.submit(print)


def test_work_that_waits_is_cancelled() -> None:
    begun, go = threading.Event(), threading.Event()

    def first() -> str:
        begun.set()
        go.wait()
        return "done"

    pool = DaemonPool(1)
    running, waiting = pool.submit(first), pool.submit(time.time)
    assert begun.wait(5)
    pool.shutdown(wait=False, cancel_futures=True)
    with pytest.raises(CancelledError):
        waiting.result(5)
    go.set()
    assert running.result(5) == "done"
    pool.shutdown(wait=True)


def test_a_stuck_worker_does_not_keep_the_process() -> None:
    done = subprocess.run([sys.executable, "-c", STUCK], capture_output=True, text=True, timeout=30)
    assert (done.returncode, done.stdout, done.stderr) == (0, "left\n", "")


def test_patience_counts_from_the_stop() -> None:
    now, stop = [100.0], [False]
    patience = Patience(lambda: stop[0], seconds=7, monotonic=lambda: now[0])
    now[0] = 1000.0
    assert not patience.is_over()
    stop[0] = True
    assert not patience.is_over()
    now[0] = 1006.9
    assert not patience.is_over()
    now[0] = 1007.0
    assert patience.is_over()


def test_patience_gives_a_result_or_stops() -> None:
    done: Future[int] = Future()
    done.set_result(3)
    assert Patience(lambda: True, seconds=0).result_of(done) == 3
    with pytest.raises(StoppedError):
        Patience(lambda: True, seconds=0).result_of(Future())


def test_what_ends_in_time_is_kept_and_the_rest_is_left() -> None:
    hang = threading.Event()
    work = WorkQueue(DaemonPool(2), 2)
    work.submit(lambda deliver: deliver("done"))  # type: ignore[arg-type]
    work.submit(lambda deliver: deliver("late") if hang.wait() else None)  # type: ignore[arg-type]
    end = time.monotonic() + 1
    assert list(work.close(lambda: time.monotonic() > end)) == ["done"]
    hang.set()

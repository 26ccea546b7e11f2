"""Work on many things at once, a bounded number under way, in whatever order they end. Knows nothing of the work."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from typing import TypeVar

from lrsync.engine.stop import POLL_S, Patience, StoppedError

T = TypeVar("T")
R = TypeVar("R")


def sliding(submit: Callable[[T], Future[R]], items: Iterator[T], *, most: int, patience: Patience) -> Iterator[R]:
    """What came of each item, in the order in which they end, with at most so many under way.

    `submit` begins the work on one. Not a batch at a time: one film of 100 GB would hold up all that is small. Once
    the user wants to stop, what has ended is still told. Raises StoppedError where work raised it, or was left behind.
    """
    running, stopped = set[Future[R]](), False
    while True:
        while not stopped and len(running) < most and (one := next(items, None)) is not None:
            running.add(submit(one))
        if not running:
            break
        ended, running = wait(running, timeout=POLL_S, return_when=FIRST_COMPLETED)
        for future in ended:
            try:
                yield future.result()
            except StoppedError:
                stopped = True
        if patience.is_over():
            break
    if stopped or running:
        raise StoppedError("working")

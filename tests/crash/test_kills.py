"""SIGKILL at every kind of moment, again and again: nothing is lost, and nothing recorded is sent twice."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.crash.hooks import PART_BYTES
from tests.crash.life import Life
from tests.crash.proxy import Moment
from tests.crash.runner import Kill

LIVES, KILLS_EACH = 15, 12
REQUESTS = range(4, 17)
"""From the full pass's listing to the snapshot, with an upload in three parts in between."""


@pytest.mark.parametrize("seed", range(LIVES))
def test_a_life_of_kills(seed: int, new_life: Callable[..., Life]) -> None:
    figures = new_life(seed).live(KILLS_EACH)
    assert figures.killed == KILLS_EACH
    assert figures.files_lost == 0


@pytest.mark.parametrize("moment", [Moment.BEFORE, Moment.DONE])
def test_every_request_around_a_large_upload(moment: Moment, new_life: Callable[..., Life]) -> None:
    killed = resumed = 0
    for number in REQUESTS:
        life = new_life(number, small=1, large=0)
        life.add(2 * PART_BYTES + 1, ".tif")
        life.interrupted(["sync", "--delete"], Kill(request=number, moment=moment))
        killed += life.figures.killed
        resumed += life.figures.uploads_resumed
    assert killed == len(REQUESTS)
    assert resumed >= 2


def test_they_are_at_least_two_hundred() -> None:
    assert LIVES * KILLS_EACH + len(REQUESTS) * 2 >= 200

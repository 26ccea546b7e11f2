"""The long campaign: two thousand kills, and what came of them. Not part of a normal run.

    LRSYNC_KILLS=2000 uv run pytest tests/crash/test_campaign.py -m campaign -n 0 -s --timeout=0

`LRSYNC_KILLS`: how many kills in all (2,000); `LRSYNC_SEED`: the first life's seed (1,000); `LRSYNC_SECONDS`: begin
no new life after so long.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable

import pytest

from tests.crash.figures import Figures
from tests.crash.life import Life

KILLS_EACH = 20


@pytest.mark.campaign
@pytest.mark.timeout(0)
def test_campaign(new_life: Callable[[int], Life], capsys: pytest.CaptureFixture[str]) -> None:
    wanted, seed = int(os.environ.get("LRSYNC_KILLS", "2000")), int(os.environ.get("LRSYNC_SEED", "1000"))
    end = time.monotonic() + float(os.environ.get("LRSYNC_SECONDS", "inf"))
    figures = Figures()
    while figures.killed < wanted and time.monotonic() < end:
        figures.add(new_life(seed).live(min(KILLS_EACH, wanted - figures.killed)))
        seed += 1
        with capsys.disabled():
            print("\n".join(["", *figures.lines()]), flush=True)
    assert figures.killed >= min(wanted, KILLS_EACH)
    assert figures.files_lost == 0
    assert figures.uploads_resumed > 0 or figures.killed < 200, "no upload was cut between two of its parts"

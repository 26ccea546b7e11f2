"""What a verification says at its end is no more than what it looked at."""

from __future__ import annotations

import pytest

from lrsync.core.counts import VerifyCounts
from lrsync.core.runs import RunKind, RunSummary
from lrsync.ui.summary import sentence_of


@pytest.mark.parametrize(
    ("counts", "told"),
    [
        (VerifyCounts(checked=3, proven=3), "All 3 files are proven."),
        (VerifyCounts(checked=1, proven=1), "The one file is proven."),
        (
            # What changed may have gone bad: the next sync looks into it, and nobody has yet.
            VerifyCounts(checked=70, proven=66, changed=4),
            "All that could be compared is good: 66 of 70 files proven (4 changed since the last sync).",
        ),
        (
            VerifyCounts(checked=2, gone=1, unproven=1),
            "Nothing was proven: 1 gone from the disk, 1 with nothing to compare with.",
        ),
        (VerifyCounts(checked=2, proven=1, rotten=1), "1 of 2 files proven: 1 went bad on the disk."),
        (VerifyCounts(), "There was nothing to verify."),
    ],
)
def test_the_sentence_of_a_verification(counts: VerifyCounts, told: str) -> None:
    assert sentence_of(RunKind.VERIFY, RunSummary(verified=counts)) == told

"""How much of a library: a number of files, or a share of them. Values only."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

BATCH_FILES: Final = 2000
"""Files to one transaction, where they come fast: none waits for it longer than `engine.recorder.FLUSH_AFTER_NS`."""


@dataclass(frozen=True, slots=True)
class MaxDelete:
    """How many files one run may delete: a count, a percentage of the known files, or (default) the larger of both."""

    count: int | None = 10
    percent: float | None = 10.0

    def limit(self, known: int) -> int:
        """The limit for a library of `known` files."""
        shares = [] if self.percent is None else [int(known * self.percent / 100)]
        counts = [] if self.count is None else [self.count]
        return max(shares + counts, default=0)


@dataclass(frozen=True, slots=True)
class Sample:
    """How much of a library: a number of files, or a percentage of them."""

    count: int | None = None
    percent: float | None = None

    def limit(self, files: int) -> int:
        """How many of `files` files: of any library a percentage is at least one file.

        >>> Sample(percent=2).limit(1001), Sample(count=500).limit(20)
        (21, 20)
        """
        if self.count is not None:
            return min(self.count, files)
        return files if self.percent is None else min(files, math.ceil(files * self.percent / 100))

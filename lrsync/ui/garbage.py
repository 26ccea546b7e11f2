"""How often the interpreter looks for reference cycles: rarely, and not once more at the very end.

A run makes values by the hundred thousand and hardly a cycle, and each look goes through all that is there. Measured: a
twentieth of a first upload's CPU, and a tenth of that of a command that only starts and ends.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

_THRESHOLDS: Final = (200_000, 20, 100)
"""New containers before the youngest are looked at (Python's own: 700), and how often the older ones are with them."""


@contextmanager
def rarely_collected() -> Iterator[None]:
    """For the whole of a process: at its end nothing is looked at, since the system takes all memory back at once."""
    gc.set_threshold(*_THRESHOLDS)
    try:
        yield
    finally:
        gc.disable()
        gc.freeze()

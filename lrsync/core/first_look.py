"""What a first backup is going to be: how many files and bytes, and how long they take. A value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

ASSUMED_RATE: Final = 2_500_000
"""Bytes a second: 20 Mbit/s, a common home line's upload. An assumption, and said to be one."""


@dataclass(frozen=True, slots=True)
class FirstLook:
    """Sizes in bytes, `rate` in bytes a second. `is_assumed`: nobody set the rate.

    `by_class`: files and bytes by the storage class that they will go into.
    """

    files: int
    bytes: int
    excluded: int
    unreadable: int
    rate: int
    is_assumed: bool
    by_class: Mapping[str, tuple[int, int]] = field(default_factory=dict)

    @property
    def upload_s(self) -> float:
        """How long the bytes take at the rate, in seconds."""
        return self.bytes / self.rate

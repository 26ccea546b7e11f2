"""Objects whose ETag speaks against their file: other bytes, or a store whose ETags are no MD5s? Decides nothing alone.

Only another ETag that was its file's MD5 tells, in this run or before: until then they wait.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from lrsync.engine.adoption import Examined

MAX_WAITING: Final = 1000
"""After so many ETags that are no MD5 of their bytes, and none that is, this store's are taken for something else."""


@dataclass(slots=True)
class Doubts:
    """What is known of this store's ETags so far, and the objects that wait for it.

    `proved_before`: whether the manifest has such an ETag. What it proved is not looked at again, so that a later
    adoption may meet none but those that differ. Asked once, with the first doubt.
    """

    proved_before: Callable[[], bool]
    _proved: bool | None = None
    _strange: bool = False
    _waiting: list[Examined] = field(default_factory=list)
    _guessed: list[str] = field(default_factory=list)

    def etag_proved(self) -> list[Examined]:
        """An ETag was its file's MD5. Returns what has other bytes, as is known now."""
        self._proved = True
        return self._release()

    def doubt(self, examined: Examined) -> tuple[list[Examined], list[Examined]]:
        """One more whose ETag is not its file's: what has other bytes, and what is not proven, as far as is known."""
        if examined.is_guess:
            if len(self._guessed) <= MAX_WAITING:
                self._guessed.append(examined.change.path)
            return [], [examined]
        if self._proved is None:
            self._proved = self.proved_before()
        if self._proved:
            return [examined], []
        if self._strange:
            return [], [examined]
        self._waiting.append(examined)
        if len(self._waiting) <= MAX_WAITING:
            return [], []
        self._strange = True
        return [], self._release()

    @property
    def guessed(self) -> frozenset[str]:
        """Files whose object came in parts of no usual length, or has other bytes. Of many the former is likelier."""
        return frozenset(self._guessed) if len(self._guessed) <= MAX_WAITING else frozenset()

    def end(self) -> list[Examined]:
        """All was looked at, and no ETag proved anything: what is not proven. It may still be right, of so few."""
        return self._release()

    def _release(self) -> list[Examined]:
        waiting, self._waiting = self._waiting, []
        return waiting

"""Bring one file back: look at what is there, decide, fetch. Runs in worker threads; writes no manifest.

What is wrong with one file comes back as a value; what ends the run is raised.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import Final, assert_never

from lrsync.core.events import EventSink, FileBack, WorkStarted
from lrsync.core.model import Drift, Failed
from lrsync.core.ports import Damaged, Placed, RacedError, SourceTree, TargetFolder
from lrsync.core.restoring import Overwrite, RestoreItem, Step, first_step, step_for_other_bytes
from lrsync.core.scan import Stat
from lrsync.engine.checks import hash_file
from lrsync.engine.fetching import Fetched, Fetcher, Target
from lrsync.engine.stop import StoppedError
from lrsync.engine.thaw import Asked, Asleep, ReadyNow, Thawer
from lrsync.errors import ObjectArchivedError, ObjectError, ObjectMissingError

_NO_SPACE: Final = (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC))


class Fate(Enum):
    """What became of one file."""

    RESTORED = auto()
    INTACT = auto()
    SKIPPED = auto()
    FAILED = auto()
    ASLEEP = auto()
    """Its object was asked for, and is on its way out of an archive."""


@dataclass(frozen=True, slots=True)
class Back:
    """What became of one file, and how.

    `stat` is the disk's now, where the file is known to have the item's bytes by reading them; `sha256` is of these.
    `existing`: it failed because another file is there.
    """

    item: RestoreItem
    local: str
    fate: Fate
    stat: Stat | None = None
    sha256: bytes | None = None
    is_proven: bool = True
    replaced: bool = False
    kept_as: str | None = None
    existing: bool = False
    drift: Drift | None = None
    failed: Failed | None = None
    asked: Asked | None = None


@dataclass(frozen=True, slots=True)
class Worker:
    """Restores files one by one. One for all workers of a run.

    `bad` has the sha256 of what findings call bad, by path: such bytes may be replaced whatever the policy is.
    """

    tree: SourceTree
    folder: TargetFolder
    fetcher: Fetcher
    stopping: Callable[[], bool]
    sink: EventSink
    policy: Overwrite
    in_place: bool
    dry_run: bool
    quiet: bool
    is_named: Callable[[str], bool]
    bad: Mapping[str, bytes]
    thawer: Thawer

    def restore(self, item: RestoreItem, local: str) -> Back:
        """Bring a file back, if it is not there. Raises StoppedError, BucketError."""
        if self.stopping():
            raise StoppedError(item.path)
        self.sink(WorkStarted(item.path, item.size))
        return self._told(self._guarded(item, local, lambda: self._restore(item, local)))

    def is_plain(self, item: RestoreItem, local: str) -> bool:
        """Whether nothing is there and nothing known that would keep this file from being fetched and written."""
        if self.dry_run or item.drift is Drift.MISSING:
            return False
        try:
            return self.tree.stat(local) is None
        except OSError:
            return False  # the work on it will say what is wrong

    def concluded(self, item: RestoreItem, local: str, error: OSError | ObjectError) -> Back:
        """What becomes of a file that somebody else tried to bring back. Raises StoppedError, BucketError."""

        def fail() -> Back:
            raise error

        return self._told(self._guarded(item, local, fail))

    def placed(self, item: RestoreItem, local: str, placed: Placed, sha256: bytes, *, is_proven: bool) -> Back:
        """What became of a file that somebody else brought back."""
        return self._told(Back(item, local, Fate.RESTORED, placed.stat, sha256, is_proven))

    def _told(self, back: Back) -> Back:
        self.sink(FileBack(back.item.path, back.item.size, back.fate is Fate.RESTORED, back.failed))
        return back

    def _guarded(self, item: RestoreItem, local: str, work: Callable[[], Back], *, again: bool = True) -> Back:
        try:
            return work()
        except FileExistsError:
            return self._occupied(item, local)
        except (RacedError, BlockingIOError):
            return _failed(item, local, "is being written just now", "run the same command again")
        except OSError as error:
            return _failed(item, local, f"cannot be written: {error.strerror or error}", _hint_for(error))
        except ObjectMissingError:
            return _lost(item, local)
        except ObjectArchivedError:
            return self._asleep(item, local, again=again)
        except ObjectError as error:
            return _failed(item, local, f"its object could not be read: {error.message}", error.hint)

    def _asleep(self, item: RestoreItem, local: str, *, again: bool) -> Back:
        found = self.thawer.see_to(Asleep(item.path, item.key, item.version_id))
        match found:
            case Failed():
                return Back(item, local, Fate.FAILED, failed=found)
            case Asked():
                return Back(item, local, Fate.ASLEEP, asked=found)
            case ReadyNow() if again:
                return self._guarded(item, local, lambda: self._restore(item, local), again=False)
            case ReadyNow():
                hint = "run the same command again"
                return _failed(item, local, "could not be read, although it is said to be thawed", hint)
            case _:
                assert_never(found)

    def _restore(self, item: RestoreItem, local: str) -> Back:
        there = self.folder.stat(local)
        if there is None:
            return self._fetch(item, local, None)
        if item.mtime_ns is None:
            item = self.fetcher.told(item)
        step, found = self._step(item, local, there)
        match step:
            case Step.FETCH:
                return self._fetch(item, local, there)
            case Step.INTACT:
                return Back(item, local, Fate.INTACT, stat=there if found is not None else None, sha256=found)
            case Step.LEAVE:
                return Back(item, local, Fate.SKIPPED)
            case Step.OCCUPIED | Step.COMPARE:
                return self._occupied(item, local)
            case _:
                assert_never(step)

    def _step(self, item: RestoreItem, local: str, there: Stat) -> tuple[Step, bytes | None]:
        """What to do about what is there, and the sha256 of that where it had to be read."""
        bad = self.bad.get(item.path)
        step = Step.COMPARE
        if bad is None:
            step = first_step(item, there, self.policy, named=self.is_named(item.path), quiet=self.quiet)
        if step is not Step.COMPARE:
            return step, None
        found = hash_file(self.tree, local, there, self.stopping)
        if found == item.sha256:
            return Step.INTACT, found
        return (Step.FETCH if found == bad else step_for_other_bytes(item, there, self.policy)), found

    def _fetch(self, item: RestoreItem, local: str, there: Stat | None) -> Back:
        if item.drift is Drift.MISSING:
            return _lost(item, local)
        if self.dry_run:
            if there is None:
                self.folder.demand_free(local)
            return Back(item, local, Fate.RESTORED, replaced=there is not None)
        fetched = self.fetcher.fetch(item, Target(local, there, keep=self.in_place))
        return _written(item, local, fetched, replaced=there is not None)

    def _occupied(self, item: RestoreItem, local: str) -> Back:
        if self.in_place:
            message = "has bytes that are not backed up and that no finding calls bad; nothing was replaced"
            hint = "run sync first: it backs them up, or says what is wrong with them"
        else:
            message = "another file is there; it was left as it is"
            hint = "restore to an empty folder, or see --overwrite"
        return replace(_failed(item, local, message, hint), existing=True)


def _written(item: RestoreItem, local: str, fetched: Fetched, *, replaced: bool) -> Back:
    if isinstance(fetched.placed, Damaged):
        hint = f"what came is kept as {fetched.placed.kept_as}; nothing was replaced"
        return replace(_failed(item, local, "its object is damaged in the bucket", hint), drift=Drift.ALTERED)
    placed = fetched.placed
    return Back(
        item,
        local,
        Fate.RESTORED,
        stat=placed.stat,
        sha256=fetched.sha256,
        is_proven=fetched.is_proven,
        replaced=replaced,
        kept_as=placed.kept_as,
    )


def _failed(item: RestoreItem, local: str, message: str, hint: str) -> Back:
    return Back(item, local, Fate.FAILED, failed=Failed(item.path, message, hint))


def _lost(item: RestoreItem, local: str) -> Back:
    hint = "look for an older version of the object"
    return replace(_failed(item, local, "its object is missing from the bucket", hint), drift=Drift.MISSING)


def _hint_for(error: OSError) -> str:
    if error.errno in _NO_SPACE:
        return "make room on its drive, and run the same command again: it goes on"
    if isinstance(error, NotADirectoryError):
        return "move away what is there, or restore to an empty folder; nothing is ever written through a link"
    return "check the folder's permissions and the free space on its drive"

"""Take many small new files together from their bytes to S3's acknowledgement, in one worker.

What a file costs beside its bytes (a look into the manifest, a hand-over between threads, a wait for the network) is
paid once for all of them. Whatever is not plain about a file is left to `transfer`, which knows everything else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final, NamedTuple

from lrsync.core.events import WorkStarted
from lrsync.core.filetypes import is_original
from lrsync.core.keys import KeyProblem, key_for
from lrsync.core.model import Candidate, Change, ChangeKind, Content, Upload, WorkResult
from lrsync.core.objects import Stored
from lrsync.core.plan import decide
from lrsync.core.ports import RacedError
from lrsync.engine.transfer import Transferrer
from lrsync.engine.work import Deliver
from lrsync.errors import LrsyncError, ObjectError

MAX_FILE_BYTES: Final = 64 << 10
"""Larger files are worth a request of their own."""
MAX_FILES: Final = 128
MAX_BYTES: Final = 512 << 10
"""A stop waits for what is under way: on a line of 1 Mbit/s a batch takes four seconds."""
MAX_WAIT_NS: Final = 1_000_000_000
"""A batch that does not fill up goes after this time."""
MOST_BATCHES: Final = 4
"""Under way at once, to a store that takes its time: two megabytes at most that a stop may have to wait for."""
_NEAR, _FAR = 0.5, 0.9
"""From these shares on a store is one that has work of its own with what is sent, and one behind a long line."""


def batches_for(waiting: float | None) -> int:
    """How many batches should be under way to a store that was waited for so much of the time; None: nobody knows.

    As many as it takes to keep store and processor at work, and no more: threads that all want the interpreter hinder
    each other. Measured: on a server that answers at once two cost a third more CPU than one, and are no sooner done;
    on SeaweedFS beside them two are sooner done by a sixth, and four by a fifth for a third more CPU.

    >>> [batches_for(share) for share in (0.1, 0.6, 0.95, None)]
    [1, 2, 4, 4]
    """
    if waiting is None or waiting >= _FAR:
        return MOST_BATCHES
    return 2 if waiting >= _NEAR else 1


class _New(NamedTuple):
    """A file that is just new, as far as its name tells."""

    change: Change
    path: str
    key: str


class _Read(NamedTuple):
    change: Change
    path: str
    key: str
    content: Content
    read_at: int


@dataclass(slots=True)
class Batch:
    """Small new files that wait to be sent together."""

    changes: list[Change] = field(default_factory=list)
    size: int = 0
    since_ns: int = 0

    @staticmethod
    def takes(change: Change) -> bool:
        """Whether this file is of the kind that goes in a batch."""
        return change.kind is ChangeKind.ADDED and change.new is not None and change.new.size <= MAX_FILE_BYTES

    def add(self, change: Change, now_ns: int) -> None:
        """Take one more."""
        assert change.new is not None
        if not self.changes:
            self.since_ns = now_ns
        self.changes.append(change)
        self.size += change.new.size

    def is_due(self, now_ns: int) -> bool:
        """Whether it should wait no longer."""
        full = len(self.changes) >= MAX_FILES or self.size >= MAX_BYTES
        return bool(self.changes) and (full or now_ns - self.since_ns > MAX_WAIT_NS)


def handle_batch(
    transferrer: Transferrer,
    changes: Sequence[Change],
    hold_overwrites: bool,
    keep_on: Callable[[], bool],
    deliver: Deliver,
) -> None:
    """Do what these changes ask for, and deliver each result as it comes; what ends the run is one too.

    Once `keep_on` says no, or the run is to end, nothing more is begun: of what was not begun there is no result.
    """
    ended = False

    def more() -> bool:
        return keep_on() and not ended

    def attempt(work: Callable[[], WorkResult]) -> None:
        nonlocal ended
        try:
            deliver(work())
        except LrsyncError as error:
            ended = True
            deliver(error)

    odd: list[Change] = []
    try:
        for read, stored in _send(transferrer, _read_plain(transferrer, changes, odd), more):
            action = _action_of(read)
            if isinstance(stored, Stored):
                deliver(transferrer.acknowledged(action, read.path, read.key, read.read_at, stored))
            else:
                attempt(partial(transferrer.concluded, action, read.key, read.read_at, stored))
    except LrsyncError as error:
        ended = True
        deliver(error)
    for change in odd:
        if more():
            attempt(partial(transferrer.handle, change, hold_overwrites))


def _send(
    transferrer: Transferrer, plain: Sequence[_Read], more: Callable[[], bool]
) -> Iterator[tuple[_Read, Stored | ObjectError | LrsyncError]]:
    if plain:
        uploads = [(read.key, read.content) for read in plain]
        for index, stored in transferrer.open_store().put_many(uploads, if_absent=True, more=more):
            yield plain[index], stored


def _action_of(read: _Read) -> Upload:
    action = decide(Candidate(read.change, read.content))
    assert isinstance(action, Upload)
    return action


def _read_plain(transferrer: Transferrer, changes: Sequence[Change], odd: list[Change]) -> list[_Read]:
    """Read the files that are just new: no object, no twin, nothing known of them. The others go to `odd`."""
    named = [new for change in changes if (new := _plain(transferrer, change, odd)) is not None]
    listed = transferrer.manifest.listed_among([new.key for new in named])
    odd += [new.change for new in named if new.key in listed]
    found = list(_read_all(transferrer, [new for new in named if new.key not in listed], odd))
    twins = transferrer.manifest.with_twins([read.content.sha256 for read in found])
    odd += [read.change for read in found if read.content.sha256 in twins]
    plain = [read for read in found if read.content.sha256 not in twins]
    for read in plain:
        transferrer.sink(WorkStarted(read.path, read.content.stat.size))
    return plain


def _plain(transferrer: Transferrer, change: Change, odd: list[Change]) -> _New | None:
    """The file with its key, unless its name alone tells that there is more to it."""
    path = change.path
    known = path in transferrer.quarantined or path in transferrer.rotten or path in transferrer.accepted
    if not (known or is_original(path) or transferrer.policy.dry_run):
        try:
            return _New(change, path, key_for(transferrer.policy.prefix, path))
        except KeyProblem:
            pass  # `transfer` says what is wrong with it
    odd.append(change)
    return None


def _read_all(transferrer: Transferrer, files: Sequence[_New], odd: list[Change]) -> Iterator[_Read]:
    for change, path, key in files:
        read_at = transferrer.clock()
        try:
            content = transferrer.tree.read(path, hold_below=2 * MAX_FILE_BYTES, part_size=MAX_FILE_BYTES)
        except (OSError, RacedError):
            odd.append(change)  # `transfer` reads it again, and says what is wrong with it
            continue
        if content.data is None:
            odd.append(change)
        else:
            yield _Read(change, path, key, content, read_at)

"""Fetch one object into one file: small ones in one go, large ones by several ranges at once, and resumable.

Owns that a file is never made of two objects' bytes, and that none takes its name before its bytes are the recorded
ones, where those are known. Runs in worker threads; what ends the file is raised.
"""

from __future__ import annotations

import errno
import hashlib
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from lrsync.core.download import USUAL_RANGING, PartialNote, Ranging
from lrsync.core.events import BytesSent, EventSink
from lrsync.core.objects import ObjectInfo
from lrsync.core.parts import Part, parse_mtime, sha256_in
from lrsync.core.ports import Body, Damaged, ObjectStore, PartialFile, Placed, Placing, Span, TargetFolder
from lrsync.core.proof import sha256_of
from lrsync.core.restoring import RestoreItem
from lrsync.core.scan import Stat
from lrsync.engine.stop import Patience, StoppedError
from lrsync.errors import ObjectArchivedError, ObjectChangedError, ObjectError, ObjectMissingError

ATTEMPTS: Final = 5
"""How often in a row a connection may break without a byte having come."""
LOOKAHEAD: Final = 16
"""Ranges of one file that are asked for before the first of them is hashed."""
PIECE_BYTES: Final = 256 << 10
"""What is read at once to hash it: so much stays in a processor's own memory meanwhile."""
_FINAL: Final = (ObjectMissingError, ObjectArchivedError, ObjectChangedError)


@dataclass(frozen=True, slots=True)
class Fetched:
    """A file that came. `sha256` is of its bytes; `is_proven`: they were compared with what is recorded of them."""

    placed: Placed | Damaged
    sha256: bytes
    is_proven: bool


@dataclass(frozen=True, slots=True)
class Target:
    """Where one file goes. `replacing` and `keep` as in `core.ports.Placing`."""

    path: str
    replacing: Stat | None = None
    keep: bool = True


@dataclass(frozen=True, slots=True)
class Fetcher:
    """Fetches files; one for all workers of a run. `ranges` is a pool of its own: file workers wait for it.

    `wait` sleeps for so many seconds, or less where the user wants to stop.
    """

    store: Callable[[], ObjectStore]
    folder: TargetFolder
    ranges: Executor
    stopping: Callable[[], bool]
    wait: Callable[[float], object]
    sink: EventSink
    ranging: Ranging = USUAL_RANGING

    def fetch(self, item: RestoreItem, target: Target) -> Fetched:
        """Fetch the item. Raises ObjectError, BucketError, OSError, StoppedError."""
        if item.size >= self.ranging.from_bytes:
            found = self._fetch_ranged(item, target)
            if found is not None:
                return found
        return self._fetch_whole(item, target)

    def told(self, item: RestoreItem) -> RestoreItem:
        """The item with what its object itself tells, by HEAD. Raises ObjectError."""
        return learnt(item, self.store().head(item.key, version_id=item.version_id))

    # --- in one go --------------------------------------------------------------------------------------

    def _fetch_whole(self, item: RestoreItem, target: Target) -> Fetched:
        with self.store().get(item.key, version_id=item.version_id) as body:
            demand_object(body.info, item.size)
            known = learnt(item, body.info)
            span = Span(0, body.info.size)
            chunks = self._told_of(item.path, self._bytes_of(item, span, body.info.etag, body))
            placed = self.folder.write(target.path, chunks, known.sha256, _placing(known, target))
        sha256 = placed.sha256 if isinstance(placed, Placed) else None
        return Fetched(placed, sha256 or b"", known.sha256 is not None)

    def _told_of(self, path: str, chunks: Iterator[bytes]) -> Iterator[bytes]:
        for chunk in chunks:
            self.sink(BytesSent(path, len(chunk)))
            yield chunk

    def _bytes_of(self, item: RestoreItem, span: Span, etag: str, first: Body | None = None) -> Iterator[bytes]:
        """The span's bytes. Where the connection breaks the rest is asked for, of the very same object."""
        offset, end, failures = span.offset, span.offset + span.length, 0
        while True:
            try:
                with nullcontext(first) if first is not None else self._open(item, offset, end, etag) as body:
                    first = None
                    for chunk in body:
                        self._check_stop(item)
                        offset, failures = offset + len(chunk), 0
                        if offset > end:
                            raise ObjectError("the store sent more bytes than were asked for", code="TooLong")
                        yield chunk
                if offset >= end:
                    return
                raise ObjectError("the store sent fewer bytes than it said", code="Truncated", hint="try it again")
            except _FINAL:
                raise
            except ObjectError:
                failures += 1
                if failures >= ATTEMPTS or not etag:
                    raise
            self.wait(min(0.25 * 2**failures, 8.0))
            self._check_stop(item)

    def _open(self, item: RestoreItem, offset: int, end: int, etag: str) -> AbstractContextManager[Body]:
        span = Span(offset, end - offset)
        return self.store().get(item.key, version_id=item.version_id, span=span, if_match=etag)

    def _check_stop(self, item: RestoreItem) -> None:
        if self.stopping():
            raise StoppedError(item.path)

    # --- by ranges --------------------------------------------------------------------------------------

    def _fetch_ranged(self, item: RestoreItem, target: Target) -> Fetched | None:
        """None where the object has to be fetched in one go after all."""
        for attempt in (1, 2):
            info = self.store().head(item.key, version_id=item.version_id)
            if info.archived:
                self._wake(item, info)
            if info.size != item.size or not info.etag:
                return None
            try:
                return self._fetch_object(learnt(item, info), info, target)
            except ObjectChangedError:
                if attempt == 2:
                    raise
        raise AssertionError("the second attempt ends it")

    def _fetch_object(self, item: RestoreItem, info: ObjectInfo, target: Target) -> Fetched | None:
        """Fetch this one object, going on with what an earlier run left of it; None where it cannot come in ranges."""
        with self.folder.partial(target.path, target.replacing) as part:
            try:
                return self._fetch_into(part, item, info, target)
            except ObjectError as error:
                if error.code != "RangeIgnored":
                    raise
                part.drop()
                return None

    def _wake(self, item: RestoreItem, info: ObjectInfo) -> None:
        """Raises ObjectArchivedError where the object really cannot be read: to some stores the class is a label."""
        span = Span(0, 1) if info.size else None
        with self.store().get(item.key, version_id=item.version_id, span=span):
            pass

    def _fetch_into(self, part: PartialFile, item: RestoreItem, info: ObjectInfo, target: Target) -> Fetched:
        note = PartialNote(item.key, item.version_id, info.etag, info.size, self.ranging.range_bytes)
        known = part.known()
        # Where no hash is known, nothing would tell that a power cut took bytes that the note promises.
        if known is not None and known[0] == note and item.sha256 is not None:
            sha256 = self._put_together(item, part, note, known[1])
            if sha256 == item.sha256:
                return self._finished(item, part, target, sha256)
        part.begin(note)
        sha256 = self._put_together(item, part, note, frozenset())
        if item.sha256 in (None, sha256):
            return self._finished(item, part, target, sha256)
        return Fetched(part.keep_damaged(_placing(item, target).mtime_ns), sha256, True)

    def _finished(self, item: RestoreItem, part: PartialFile, target: Target, sha256: bytes) -> Fetched:
        return Fetched(part.finish(_placing(item, target)), sha256, item.sha256 is not None)

    def _put_together(self, item: RestoreItem, part: PartialFile, note: PartialNote, done: frozenset[int]) -> bytes:
        """Fetch the ranges that are not done, and hash all of them in order; the sha256."""
        digest = hashlib.sha256()
        patience = Patience(self.stopping)
        waiting: deque[tuple[Part, Future[None] | None]] = deque()
        remaining = iter(note.ranges())
        try:
            while True:
                while len(waiting) < LOOKAHEAD and (one := next(remaining, None)) is not None:
                    waiting.append((one, None if one.number in done else self._submit(item, part, note, one)))
                if not waiting:
                    return digest.digest()
                one, future = waiting.popleft()
                if future is not None:
                    patience.result_of(future)
                self._hash(item, part, one, digest)
        finally:
            for _, future in waiting:
                if future is not None:
                    future.cancel()

    def _submit(self, item: RestoreItem, part: PartialFile, note: PartialNote, one: Part) -> Future[None]:
        return self.ranges.submit(partial(self._fetch_range, item, part, note.etag, one))

    def _fetch_range(self, item: RestoreItem, part: PartialFile, etag: str, one: Part) -> None:
        offset = one.offset
        for chunk in self._bytes_of(item, Span(one.offset, one.length), etag):
            part.write_at(offset, chunk)
            offset += len(chunk)
            self.sink(BytesSent(item.path, len(chunk)))
        part.mark(one.number)

    def _hash(self, item: RestoreItem, part: PartialFile, one: Part, digest: hashlib._Hash) -> None:
        """Hash a range from the file: what an earlier run left counts as little as what came just now."""
        offset, end = one.offset, one.offset + one.length
        while offset < end:
            self._check_stop(item)
            data = part.read_at(offset, min(PIECE_BYTES, end - offset))
            if not data:
                raise OSError(errno.EIO, "became shorter while it was put together", item.path)
            digest.update(data)
            offset += len(data)


def demand_object(info: ObjectInfo, size: int) -> None:
    """See that an answer to a GET is the object's, of which so many bytes are known, however other they may be.

    Raises ObjectError for what is none: a 200 may be the login page of a hotel's network, no object is damaged then.
    """
    if not info.etag and info.size != size:
        hint = "check --endpoint-url, and whether this network wants you to log in first"
        raise ObjectError("what answers is not S3", code="NotS3", hint=hint)


def learnt(item: RestoreItem, info: ObjectInfo) -> RestoreItem:
    """The item with what it did not know and its object tells: its time, and its sha256 where the object has one.

    Without a time of its own (`mtime` metadata, which rclone writes too) it gets that of its upload. What lrsync wrote
    down of the bytes wins over the store's checksum, which whoever replaced them has made right again.
    """
    if item.mtime_ns is not None and item.sha256 is not None:
        return item
    mtime_ns = item.mtime_ns
    if mtime_ns is None:
        told = parse_mtime(info.metadata.get("mtime", ""))
        mtime_ns = info.last_modified_ns if told is None else told
    return replace(item, mtime_ns=mtime_ns, sha256=item.sha256 or sha256_in(dict(info.metadata)) or sha256_of(info))


def _placing(item: RestoreItem, target: Target) -> Placing:
    assert item.mtime_ns is not None, "learnt from the object at the latest"
    return Placing(item.mtime_ns, target.replacing, target.keep)

"""Send large files: in one request, or in parts, several at once, going on where an earlier run stopped.

A file is read again as it is sent: no part of it waits in memory. Owns the order of things: an upload is noted before
it begins, its id before the first part goes, every part is compared with what was hashed before it is whole on the
wire, and nothing is completed that changed meanwhile.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass, replace

from lrsync.core.events import BytesSent, EventSink
from lrsync.core.model import Content, MultipartRecord
from lrsync.core.objects import ObjectInfo, PartInfo, Stored
from lrsync.core.parts import Part, parts_of
from lrsync.core.ports import Clock, ManifestStore, ObjectStore, RacedError, Sendable, SourceTree
from lrsync.core.proof import encode_crc32, proves_content
from lrsync.engine.stop import StoppedError
from lrsync.errors import ObjectMissingError

MAX_INFLIGHT_BYTES = 96 << 20
"""What is on its way at once, over all files, and is lost when the run is killed: with 16 MiB parts, six of them."""
PIECE_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class AlreadyThere:
    """An earlier run completed this upload and died before it could write that down."""

    info: ObjectInfo


class InflightBytes:
    """Bounds the bytes that are on their way; a request with more than the bound goes alone."""

    def __init__(self) -> None:
        self._limit = MAX_INFLIGHT_BYTES
        self._used = 0
        self._changed = threading.Condition()

    def acquire(self, count: int) -> None:
        """Wait until `count` more bytes fit."""
        with self._changed:
            self._changed.wait_for(lambda: self._used == 0 or self._used + count <= self._limit)
            self._used += count

    def release(self, count: int) -> None:
        """Give `count` bytes back."""
        with self._changed:
            self._used -= count
            self._changed.notify_all()


@dataclass(frozen=True, slots=True)
class MultipartUploader:
    """Uploads large files through one pool of part workers."""

    tree: SourceTree
    store: ObjectStore
    manifest: ManifestStore
    pool: Executor
    clock: Clock
    sink: EventSink
    stopping: Callable[[], bool]
    inflight: InflightBytes

    def upload_whole(self, path: str, key: str, content: Content, *, if_absent: bool) -> Stored:
        """Send the file in one request. Raises as `upload`; of a file that changed meanwhile nothing is stored."""
        size = content.stat.size

        def read(offset: int, count: int) -> bytes:
            data = self.tree.read_part(path, offset, count)
            # With its last piece the request is whole, and the object is there.
            if offset + count == size and self.tree.stat(path) != content.stat:
                raise RacedError(path)
            return data

        self.inflight.acquire(size)
        try:
            if self.stopping():
                raise StoppedError(path)
            return self.store.put(key, content, if_absent=if_absent, source=Sendable(size, content.crc32, read))
        finally:
            self.inflight.release(size)

    def upload(self, path: str, key: str, content: Content, *, if_absent: bool) -> Stored | AlreadyThere:
        """Send the file and return S3's acknowledgement.

        Raises RacedError (and aborts the upload) when the file is not what was hashed, StoppedError when the
        user wants to stop, ObjectError or BucketError with the upload kept for the next run.
        """
        record = self.manifest.multipart_for(key)
        listed = None if record is None else self._resume(record, content)
        if record is not None and listed is not None:
            upload_id, done = record.upload_id, self._good_parts(path, listed, content)
        else:
            existing = None if record is None else self._completed_before(key, content)
            if existing is not None:
                return AlreadyThere(existing)
            upload_id, done = self._start(path, key, content), {}
        try:
            parts = self._send_missing(path, key, upload_id, content, done)
            if self.tree.stat(path) != content.stat:
                raise RacedError(path)
        except RacedError:
            self._abort(key, upload_id)
            raise
        return self.store.complete_multipart(key, upload_id, parts, content, if_absent=if_absent)

    def _resume(self, record: MultipartRecord, content: Content) -> Sequence[PartInfo] | None:
        """The parts that S3 has of an earlier run's upload; None where that cannot be gone on with."""
        if not record.upload_id:
            return None  # S3 was asked to begin one, and its answer is not known
        if record.sha256 != content.sha256 or record.part_size != content.part_size:
            self._abort(record.key, record.upload_id)
            return None
        try:
            return self.store.list_parts(record.key, record.upload_id)
        except ObjectMissingError:
            self.manifest.forget_multipart(record.key)
            return None

    def _completed_before(self, key: str, content: Content) -> ObjectInfo | None:
        try:
            info = self.store.head(key)
        except ObjectMissingError:
            return None
        return info if proves_content(info, content) else None

    def _start(self, path: str, key: str, content: Content) -> str:
        record = MultipartRecord(key, path, "", content.part_size, content.stat, content.sha256, self.clock())
        # Noted first: of an upload that begins while this process dies, nobody else would ever know.
        self.manifest.remember_multipart(record)
        upload_id = self.store.start_multipart(key, content)
        self.manifest.remember_multipart(replace(record, upload_id=upload_id))
        return upload_id

    def _abort(self, key: str, upload_id: str) -> None:
        self.store.abort_multipart(key, upload_id)
        self.manifest.forget_multipart(key)

    def _good_parts(self, path: str, parts: Sequence[PartInfo], content: Content) -> dict[int, PartInfo]:
        listed = {part.number: part for part in parts}
        layout = parts_of(content.stat.size, content.part_size)
        return {p.number: listed[p.number] for p in layout if self._is_good(path, p, listed.get(p.number), content)}

    def _is_good(self, path: str, part: Part, listed: PartInfo | None, content: Content) -> bool:
        if listed is None or listed.size != part.length:
            return False
        if listed.crc32 is not None:
            return listed.crc32 == encode_crc32(content.part_crc32s[part.number - 1])
        # This store lists no checksums: a part's ETag is the MD5 of its bytes.
        digest = hashlib.md5(usedforsecurity=False)
        for piece in parts_of(part.length, PIECE_BYTES):
            digest.update(self.tree.read_part(path, part.offset + piece.offset, piece.length))
        return digest.hexdigest() == listed.etag.lower()

    def _send_missing(
        self, path: str, key: str, upload_id: str, content: Content, done: dict[int, PartInfo]
    ) -> list[PartInfo]:
        for info in done.values():
            self.sink(BytesSent(path, info.size))
        failed = threading.Event()
        futures: list[Future[PartInfo]] = []
        for part in parts_of(content.stat.size, content.part_size):
            if part.number in done:
                continue
            if failed.is_set() or self.stopping():
                break
            self.inflight.acquire(part.length)
            futures.append(self.pool.submit(self._send, path, key, upload_id, part, content, failed))
        sent = _all_results(futures)
        if len(sent) + len(done) < len(content.part_crc32s):
            raise StoppedError(path)
        return sorted([*done.values(), *sent], key=lambda info: info.number)

    def _send(
        self, path: str, key: str, upload_id: str, part: Part, content: Content, failed: threading.Event
    ) -> PartInfo:
        def read(offset: int, count: int) -> bytes:
            if failed.is_set():
                raise StoppedError(path)
            return self.tree.read_part(path, part.offset + offset, count)

        try:
            if failed.is_set() or self.stopping():
                raise StoppedError(path)
            source = Sendable(part.length, content.part_crc32s[part.number - 1], read)
            info = self.store.put_part(key, upload_id, part.number, source)
        except BaseException:
            failed.set()  # one bad part is enough: the others need not be sent
            raise
        finally:
            self.inflight.release(part.length)
        self.sink(BytesSent(path, part.length))
        return info


def _all_results(futures: list[Future[PartInfo]]) -> list[PartInfo]:
    """The results once every part has ended, so that no worker still writes; raises the first failure."""
    errors = [error for error in (future.exception() for future in futures) if error is not None]
    # One part's failure stops the others: those only say that they were stopped.
    for error in sorted(errors, key=lambda error: isinstance(error, StoppedError)):
        raise error
    return [future.result() for future in futures]

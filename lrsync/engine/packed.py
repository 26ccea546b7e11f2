"""Store a packed file of lrsync's own: in one request, or in parts that no crash leaves behind unknown."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from lrsync.core.model import Content, MultipartRecord
from lrsync.core.parts import parts_of
from lrsync.core.ports import Clock, ManifestStore, ObjectStore, PackedManifest
from lrsync.engine.stop import StoppedError


@dataclass(frozen=True, slots=True)
class PackedWriter:
    """Where packed files go, and where their uploads are noted."""

    store: ObjectStore
    open_manifest: Callable[[], ManifestStore]
    clock: Clock
    stopping: Callable[[], bool]


def put_packed(to: PackedWriter, key: str, packed: PackedManifest, content: Content) -> None:
    """Store it under this key with `content`'s times. Raises ObjectError, BucketError and StoppedError."""
    store = to.store
    if content.data is not None:
        store.put(key, content)
        return
    manifest = to.open_manifest()
    note = MultipartRecord(key, "", "", content.part_size, content.stat, content.sha256, to.clock())
    # Noted before S3 is asked: a crash must leave no upload that nobody knows and everybody pays for.
    manifest.remember_multipart(note)
    upload_id = store.start_multipart(key, content)
    manifest.remember_multipart(replace(note, upload_id=upload_id))
    parts = []
    for part in parts_of(content.stat.size, content.part_size):
        if to.stopping():
            raise StoppedError("storing a packed file")
        parts.append(store.put_part(key, upload_id, part.number, packed.read_part(part.offset, part.length)))
    store.complete_multipart(key, upload_id, parts, content)
    manifest.forget_multipart(key)

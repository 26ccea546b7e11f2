"""Multipart uploads that earlier runs left behind: parts that nobody completes are paid for, and no listing shows them.

Aborts only uploads of keys that the manifest has an upload noted for. The note is written before S3 is asked to begin
one, so every upload that lrsync began has one, and another program's upload under another key never has.
"""

from __future__ import annotations

from collections.abc import Iterable

from lrsync.core.events import EventSink, Notice
from lrsync.core.keys import listing_prefix
from lrsync.core.model import MultipartRecord
from lrsync.core.parts import SINGLE_PUT_LIMIT
from lrsync.core.ports import ManifestStore, ObjectStore, SourceTree
from lrsync.errors import BucketError, ObjectError


def abort_strays(store: ObjectStore, manifest: ManifestStore, prefix: str, sink: EventSink) -> int:
    """Abort uploads of noted keys under another id than the noted one; returns how many.

    Such a one began, and the run died before it could note its id. Notes without an id go, once S3 was asked.
    A store that does not let us look is told to the user and keeps the notes: the backup itself goes on.
    """
    records = manifest.multiparts()
    if not records:
        return 0
    try:
        strays = _strays(store, {record.key: record.upload_id for record in records}, prefix)
        for key, upload_id in strays:
            store.abort_multipart(key, upload_id)
    except (ObjectError, BucketError) as error:
        sink(Notice(f"uploads that an earlier run left unfinished could not be looked for: {error.message}"))
        return 0
    for record in records:
        if not record.upload_id:
            manifest.forget_multipart(record.key)
    return len(strays)


def _strays(store: ObjectStore, known: dict[str, str], prefix: str) -> list[tuple[str, str]]:
    # Collected first: aborting while S3 still pages through them could make it skip some.
    return [(k, i) for k, i in store.list_multiparts(listing_prefix(prefix)) if k in known and known[k] != i]


def abort_leftovers(store: ObjectStore, manifest: ManifestStore, tree: SourceTree, sink: EventSink) -> int:
    """Abort and forget noted uploads that nothing will ever go on with; returns how many."""
    leftovers = [record for record in manifest.multiparts() if _is_leftover(record, manifest, tree)]
    for record in leftovers:
        try:
            if record.upload_id:
                store.abort_multipart(record.key, record.upload_id)
        except ObjectError as error:
            sink(Notice(f"an unfinished upload of {record.path} could not be aborted: {error.message}"))
        else:
            manifest.forget_multipart(record.key)
    return len(leftovers)


def _is_leftover(record: MultipartRecord, manifest: ManifestStore, tree: SourceTree) -> bool:
    """Whether its file is gone, excluded, another one now, or backed up as it is."""
    if tree.is_excluded(record.path):
        return True
    try:
        stat = tree.stat(record.path)
    except OSError:
        return False  # unknown is not missing
    if stat is None or stat.size != record.stat.size or stat.size < SINGLE_PUT_LIMIT:
        return True
    row = manifest.row(record.path)
    return row is not None and row.drift is None and (row.stat == stat or row.sha256 == record.sha256)


def carry_over(records: Iterable[MultipartRecord], new: ManifestStore) -> None:
    """Note the uploads of the manifest that is replaced in the one that replaces it: else nobody knows of them.

    They take the place of what a snapshot had noted for the same keys, which is older.
    """
    for record in records:
        new.remember_multipart(record)

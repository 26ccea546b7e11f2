"""Find out what a bucket holds when nothing but the bucket is left: its newest whole snapshot of a manifest.

Reads the bucket only. Where there is no snapshot, a listing has to do.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from lrsync.core.events import EventSink, Notice
from lrsync.core.keys import snapshot_folder, snapshot_key, snapshot_owner, stamp_of
from lrsync.core.ports import ObjectStore
from lrsync.engine.snapshot import StoredSnapshot, find_snapshots
from lrsync.errors import BucketError, UsageError

Snapshots = Mapping[str, Sequence[StoredSnapshot]]
"""By library UUID, the newest first."""


def current_snapshots(store: ObjectStore, prefix: str) -> Snapshots:
    """The snapshots that lie there now, without older versions: all that a key which may only read can list.

    Raises BucketError.
    """
    found: dict[str, list[StoredSnapshot]] = {}
    for page in store.list(snapshot_folder(prefix)):
        for listed in page:
            owner = snapshot_owner(prefix, listed.key)
            if owner is not None:
                one = StoredSnapshot(listed.key, listed.size, listed.last_modified_ns)
                found.setdefault(owner, []).append(one)
    for uuid, snapshots in found.items():
        snapshots.sort(key=lambda s: (s.stored_ns, s.key == snapshot_key(prefix, uuid)), reverse=True)
    return found


def older_snapshots(store: ObjectStore, prefix: str, uuid: str, sink: EventSink) -> Sequence[StoredSnapshot]:
    """Versions of the snapshot that are not current: for when those that are cannot be read."""
    try:
        if not store.is_versioned():
            return ()
        return [found for found in find_snapshots(store, prefix).get(uuid, ()) if found.version_id is not None]
    except BucketError as error:
        sink(Notice(f"older versions of the snapshot cannot be looked for: {error.message}"))
        return ()


def choose_library(wanted: str, found: Snapshots, name_of: Callable[[str], str]) -> str | None:
    """The UUID of the library to restore; None where there is no snapshot. `wanted`: a UUID or a name.

    `name_of` tells a library's own name, by reading its snapshot. Raises UsageError where nothing says which of
    several it is.
    """
    if wanted in found:
        return wanted
    if len(found) <= 1:
        return next(iter(found), None)
    names = {uuid: name_of(uuid) for uuid in sorted(found)}
    # 'default' is what a library is called that nobody named: it says nothing.
    called = [uuid for uuid, name in names.items() if name == wanted != "default"]
    if len(called) == 1:
        return called[0]
    listed = "; ".join(f"{uuid} ({names[uuid]}, of {stamp_of(found[uuid][0].stored_ns)})" for uuid in names)
    raise UsageError(
        f"{len(found)} libraries are backed up to this prefix, and nothing says which of them to restore",
        hint=f"add --library with one of: {listed}",
    )

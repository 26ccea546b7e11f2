"""What a new user should know about the bucket, said once. Changes nothing."""

from __future__ import annotations

from lrsync.core.events import EventSink, Notice
from lrsync.core.ports import ObjectStore
from lrsync.errors import ObjectError

NO_SAFETY_NET = (
    "this bucket keeps no old versions and has no lifecycle rules: what is replaced or deleted goes to lrsync's own "
    "trash ('lrsync trash list'), but other programs can destroy objects for good; versioning protects from that too"
)


def advise(store: ObjectStore, sink: EventSink) -> None:
    """Say it where the bucket has neither versioning nor lifecycle rules. Two requests at most. Raises BucketError."""
    try:
        bare = not store.is_versioned() and not store.has_lifecycle()
    except ObjectError:
        return  # a store that cannot answer is not one to give advice about
    if bare:
        sink(Notice(NO_SAFETY_NET))

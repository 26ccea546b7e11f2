"""The composition root: the one place that hands adapters to the engine. A module for each command.

Knows no flags and draws nothing. Each function imports what its command needs, and no more.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lrsync.adapters.s3 import S3Store
    from lrsync.app.adopt import Agree, Choose
    from lrsync.config import Config
    from lrsync.core.amounts import Sample
    from lrsync.core.audit import AuditReport
    from lrsync.core.catalogs import CatalogRestored, StoredSnapshot
    from lrsync.core.costs import CostReport
    from lrsync.core.events import EventSink
    from lrsync.core.filetypes import FileType
    from lrsync.core.prices import Quote, StorageQuote
    from lrsync.core.requests import AcceptRequest, AdoptRequest, AuditRequest, RestoreRequest, VerifyRequest
    from lrsync.core.restoring import RestorePlan
    from lrsync.core.runs import RunInfo, RunRecord, RunSummary
    from lrsync.core.status import StatusReport
    from lrsync.core.thaw import ThawReport
    from lrsync.core.timeline import FileHistory
    from lrsync.core.trash import TrashSummary
    from lrsync.core.watching import WatchTimes


def run_sync(config: Config, sink: EventSink, stop: threading.Event) -> RunSummary:
    """Back the library up. Raises LrsyncError."""
    from lrsync.app import sync

    return sync.run_sync(config, sink, stop)


def run_watch(
    config: Config,
    times: WatchTimes,
    args: Sequence[str],
    *,
    poll: bool,
    stop: threading.Event,
    say: Callable[[str], None],
) -> int:
    """Sync whenever the source changed, until `stop`; the exit code. Raises LrsyncError."""
    from lrsync.app import watch

    return watch.run_watch(config, times, args, poll=poll, stop=stop, say=say)


def read_status(config: Config) -> StatusReport | None:
    """What the manifest knows; None where nothing was ever backed up. Reads only the manifest."""
    from lrsync.adapters.status_query import read_status as query
    from lrsync.app.manifest_place import manifest_path

    return query(manifest_path(config))


def quote_storage(config: Config) -> StorageQuote | None:
    """What the current objects cost a month; None where no price is known. Reads only the manifest and the prices."""
    from lrsync.app import costs

    return costs.quote_storage(config)


def report_costs(config: Config, changes: Mapping[FileType, str]) -> CostReport | None:
    """What the library costs, and with other classes; None where nothing was ever backed up. Asks no network."""
    from lrsync.app import costs

    return costs.report_costs(config, changes)


def storage_warnings(config: Config) -> list[str]:
    """What to know of the configured storage classes, a sentence each. Reads only the prices. Raises UsageError."""
    from lrsync.app import costs

    return costs.storage_warnings(config)


def list_runs(config: Config, limit: int | None) -> list[RunInfo] | None:
    """The latest runs, the newest first; None where nothing was ever backed up. Reads only the manifest."""
    from lrsync.adapters.history_query import list_runs as query
    from lrsync.app.manifest_place import manifest_path

    return query(manifest_path(config), limit)


def find_run(config: Config, run_id: int) -> RunRecord | None:
    """One past run; None where there is none of this number. Reads only the manifest."""
    from lrsync.adapters.history_query import find_run as query
    from lrsync.app.manifest_place import manifest_path

    return query(manifest_path(config), run_id)


def file_history(config: Config, sink: EventSink, stop: threading.Event, name: str) -> FileHistory | None:
    """Everything that the bucket has of one file; None where that is nothing. Raises LrsyncError."""
    from lrsync.app import history

    return history.file_history(config, sink, stop, name)


def run_rebuild(config: Config, sink: EventSink, stop: threading.Event) -> RunSummary:
    """Make the manifest anew from the bucket. Raises LrsyncError."""
    from lrsync.app import rebuild

    return rebuild.run_rebuild(config, sink, stop)


def run_adopt(
    config: Config,
    sink: EventSink,
    stop: threading.Event,
    request: AdoptRequest,
    choose: Choose,
    agree: Agree,
) -> RunSummary:
    """Take over a bucket that another tool filled. Raises LrsyncError."""
    from lrsync.app import adopt

    return adopt.run_adopt(config, sink, stop, request, choose, agree)


def run_verify(config: Config, sink: EventSink, stop: threading.Event, request: VerifyRequest) -> RunSummary:
    """Prove that the disk, the bucket or both still hold what the manifest says. Raises LrsyncError."""
    from lrsync.app import verify

    return verify.run_verify(config, sink, stop, request)


def run_accept(config: Config, sink: EventSink, stop: threading.Event, request: AcceptRequest) -> RunSummary:
    """Take the new bytes of changed originals. Raises LrsyncError."""
    from lrsync.app import accept

    return accept.run_accept(config, sink, stop, request)


def run_restore(
    config: Config,
    sink: EventSink,
    stop: threading.Event,
    request: RestoreRequest,
    confirm: Callable[[RestorePlan, Quote | None], bool],
) -> RunSummary:
    """Bring files back, if `confirm` (asked with what it comes to and costs) agrees. Raises LrsyncError."""
    from lrsync.app import restore

    return restore.run_restore(config, sink, stop, request, confirm)


def thaw_status(config: Config) -> ThawReport:
    """What was asked to be thawed, and what is likely of it now. Asks neither S3 nor the manifest."""
    from lrsync.app import restore

    return restore.thaw_status(config)


def run_drill(config: Config, sink: EventSink, stop: threading.Event, sample: Sample) -> RunSummary:
    """Restore a random sample for real, and throw it away again. Raises LrsyncError."""
    from lrsync.app import drill

    return drill.run_drill(config, sink, stop, sample)


def open_store(config: Config) -> S3Store:
    """The bucket of these settings. Raises BucketError where boto3 finds no credentials or no such profile."""
    from lrsync.app.session import open_store as opened

    return opened(config)


def create_bucket(config: Config) -> None:
    """Make the bucket of these settings. Raises BucketError."""
    from lrsync.app.session import create_bucket as create

    create(config)


def list_trash(config: Config, sink: EventSink, stop: threading.Event, pattern: str) -> TrashSummary:
    """What lies in the trash and matches. Raises LrsyncError."""
    from lrsync.app import trash

    return trash.list_trash(config, sink, stop, pattern)


def restore_trash(
    config: Config, sink: EventSink, stop: threading.Event, pattern: str, to: Path | None
) -> TrashSummary:
    """Bring back what matches, into the source or into the folder `to`. Raises LrsyncError."""
    from lrsync.app import trash

    return trash.restore_trash(config, sink, stop, pattern, to)


def purge_trash(
    config: Config, sink: EventSink, stop: threading.Event, older_than_ns: int, confirm: Callable[[int, int], bool]
) -> TrashSummary | None:
    """Destroy what is older, if `confirm` (asked with count and bytes) agrees; None where not. Raises LrsyncError."""
    from lrsync.app import trash

    return trash.purge_trash(config, sink, stop, older_than_ns, confirm)


def audit_catalog(config: Config, sink: EventSink, stop: threading.Event, request: AuditRequest) -> AuditReport:
    """Say of every file in a Lightroom catalog whether it is safe. Raises LrsyncError."""
    from lrsync.app import catalog

    return catalog.run_audit(config, sink, stop, request)


def list_catalogs(config: Config, sink: EventSink, stop: threading.Event, name: str) -> list[StoredSnapshot]:
    """The snapshots of catalogs in the bucket, of those that are called so or of all. Raises LrsyncError."""
    from lrsync.app import catalog_shelf

    return catalog_shelf.list_snapshots(config, sink, stop, name)


def restore_catalog(
    config: Config, sink: EventSink, stop: threading.Event, name: str, stamp: str, to: Path
) -> CatalogRestored:
    """Bring one snapshot of a catalog back into the folder `to`. Raises LrsyncError."""
    from lrsync.app import catalog_shelf

    return catalog_shelf.restore_snapshot(config, sink, stop, name, stamp, to)

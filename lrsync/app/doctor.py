"""Wire an examination: read the facts of this computer, and let the engine look at them and at the bucket."""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

from lrsync.adapters import machine_facts
from lrsync.adapters.lock import find_holder
from lrsync.adapters.marker import check_source, read_marker
from lrsync.adapters.s3_bucket import S3Bucket
from lrsync.adapters.sqlite import damaged, read_only
from lrsync.adapters.status_query import read_status
from lrsync.app.costs import storage_warnings
from lrsync.app.manifest_place import manifest_path
from lrsync.app.schedule import find_schedule
from lrsync.app.session import open_store, store_settings
from lrsync.app.source_proof import look
from lrsync.config import Config
from lrsync.core.doctor import Check, Verdict
from lrsync.core.library import LibraryRow, Seen
from lrsync.core.storage import STANDARD, sleeping_of
from lrsync.engine import doctor, doctor_local
from lrsync.engine.doctor_local import LockFacts, ManifestFacts, SourceFacts
from lrsync.errors import LrsyncError, ManifestError


def examine(config: Config, *, offline: bool) -> Iterator[Check]:
    """Every check, as it is done: this computer's side first. `offline` leaves the bucket alone."""
    installed, problem = None, ""
    try:
        installed = find_schedule(config.library)
    except LrsyncError as error:
        problem = error.message
    yield from _examine_local(config)
    yield doctor_local.check_schedule(installed, problem)
    yield doctor_local.check_versions(machine_facts.versions())
    if offline:
        yield Check("bucket", Verdict.SKIPPED, "not looked at: --offline")
    else:
        yield from _examine_bucket(config, is_scheduled=installed is not None)


def _examine_local(config: Config) -> Iterator[Check]:
    manifest = _manifest(manifest_path(config))
    source = _source(config, None if manifest.report is None else manifest.report.library)
    yield doctor_local.check_source(source)
    yield doctor_local.check_marker(source, manifest)
    yield doctor_local.check_file_system(source)
    if config.storage_rules.classes != {STANDARD}:
        yield doctor_local.check_storage(config.storage_rules.classes, storage_warnings(config))
    if config.catalogs:
        yield doctor_local.check_catalogs({str(path): path.is_file() for path in config.catalogs})
    yield doctor_local.check_manifest(manifest)
    yield doctor_local.check_free_space(machine_facts.free_bytes(Path(manifest.path).parent), manifest)
    try:
        yield doctor_local.check_lock(_lock(Path(manifest.path)))
    except ManifestError as error:
        yield Check("lock", Verdict.FAIL, error.message, error.hint)


def _examine_bucket(config: Config, *, is_scheduled: bool) -> Iterator[Check]:
    with ExitStack() as resources:
        try:
            admin = resources.enter_context(closing(S3Bucket(store_settings(config), config.prefix)))
        except LrsyncError as error:
            yield Check("credentials", Verdict.FAIL, error.message, error.hint, of_bucket=True)
            return
        ports = doctor.BucketPorts(
            admin=admin,
            open_store=lambda: resources.enter_context(closing(open_store(config))),
            prefix=config.prefix,
            probe_name=str(uuid.uuid4()),
            deletes=config.delete,
            is_scheduled=is_scheduled,
            sleeping=tuple(sleeping_of(config.storage_rules)),
        )
        yield from doctor.examine_bucket(ports)


def _source(config: Config, row: LibraryRow | None) -> SourceFacts:
    assert config.source is not None
    try:
        check_source(config.source)
        source = config.source.resolve()
        named = os.fsencode(source).decode("utf-8", "backslashreplace")
        return SourceFacts(
            named,
            seen=Seen(read_marker(source)) if row is None else look(source, config, row),
            mtimes_ns=machine_facts.sample_mtimes(source),
            ignores_case=machine_facts.ignores_case(source),
        )
    except LrsyncError as error:
        return SourceFacts(str(config.source), problem=error)


def _manifest(path: Path) -> ManifestFacts:
    if not os.path.lexists(path):
        return ManifestFacts(str(path))
    try:
        report = read_status(path)
        found = read_only(path, lambda connection: connection.execute("PRAGMA quick_check(1)").fetchone()[0])
        if found != "ok":
            raise damaged(path, str(found).strip().splitlines()[-1])
        return ManifestFacts(str(path), path.stat().st_size, report)
    except ManifestError as error:
        return ManifestFacts(str(path), problem=error)


def _lock(path: Path) -> LockFacts:
    holder = find_holder(path)
    if holder is None:
        return LockFacts()
    return LockFacts(str(holder), (time.time_ns() - holder.since) / 1e9)

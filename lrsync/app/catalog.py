"""Wire the commands about Lightroom catalogs."""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from lrsync.adapters import sqlite
from lrsync.adapters.catalog_audit import AuditHistory, DiskProbe, ManifestFacts
from lrsync.adapters.catalog_copy import Copied, Patience, guarded_copy
from lrsync.adapters.catalog_read import CatalogReader, settle_copy
from lrsync.adapters.catalog_scratch import newest_backup, scratch_folder
from lrsync.adapters.localfs import LocalTree
from lrsync.adapters.marker import check_source
from lrsync.adapters.seals import read_library
from lrsync.adapters.status_query import check_version
from lrsync.app.manifest_place import manifest_path
from lrsync.app.source_proof import look, rules
from lrsync.config import Config
from lrsync.core.audit import AuditReport
from lrsync.core.events import EventSink, Notice
from lrsync.core.library import LibraryRow, source_problem
from lrsync.core.ports import CatalogBusyError, CatalogDamagedError, CatalogStoppedError
from lrsync.core.requests import AuditRequest
from lrsync.engine import audit
from lrsync.engine.audit import AuditOptions, AuditPorts
from lrsync.engine.stop import StoppedError
from lrsync.errors import CatalogError, InterruptedRun, LrsyncError, ManifestError, UsageError


def run_audit(config: Config, sink: EventSink, stop: threading.Event, request: AuditRequest) -> AuditReport:
    """Say of every file in the catalog whether it is safe. Reads only; no network. Raises LrsyncError."""
    manifest = manifest_path(config)
    if not os.path.lexists(manifest):
        raise UsageError(
            "this library was never backed up from this machine",
            hint="run sync first; or check the source, bucket and prefix",
        )
    source = _look_at_source(config, manifest)
    catalog = _which_catalog(config, request, source, manifest)
    with ExitStack() as resources:
        scratch = resources.enter_context(scratch_folder(manifest))
        copied = copy_for_reading(catalog, scratch, request.wait_s, stop)
        reader = resources.enter_context(CatalogReader(copied.database))
        history = resources.enter_context(AuditHistory(manifest, str(catalog), copied.database))
        try:
            facts = reader.facts()
            reader.index_folders()
            if not facts.is_known:
                sink(
                    Notice(
                        f"the catalog's version ('{facts.db_version}') is not known here: it is read as well as can be"
                    )
                )
            return sqlite.read_only(
                manifest, partial(_audit, _Audit(config, sink, stop, request, source, catalog, reader, history))
            )
        except CatalogDamagedError as error:
            raise _damaged(catalog, error) from error
        except StoppedError:
            raise InterruptedRun("interrupted: nothing was changed") from None


@dataclass(frozen=True, slots=True)
class _Source:
    """The source folder; `problem` says why it cannot be looked at."""

    path: Path
    problem: str


@dataclass(frozen=True, slots=True)
class _Audit:
    config: Config
    sink: EventSink
    stop: threading.Event
    request: AuditRequest
    source: _Source
    catalog: Path
    reader: CatalogReader
    history: AuditHistory


def _audit(run: _Audit, connection: sqlite3.Connection) -> AuditReport:
    config, source = run.config, run.source
    plain = str(source.path).replace(os.sep, "/")
    probe = DiskProbe()
    ports = AuditPorts(
        catalog=run.reader,
        rows=ManifestFacts(connection).rows,
        tree=None if source.problem else LocalTree(source.path, rules(config)),
        sources=list(dict.fromkeys((probe.resolve(plain), plain))),
        probe=probe,
        memory=run.history,
        clock=time.time_ns,
        sink=run.sink,
        stopping=run.stop.is_set,
    )
    options = AuditOptions(
        catalog=str(run.catalog),
        mappings=run.request.mappings,
        listed=run.request.listed,
        zip_backup=newest_backup(run.catalog),
        source_missing=source.problem,
    )
    return audit.run_audit(ports, options)


def _look_at_source(config: Config, manifest: Path) -> _Source:
    """The source, and whether it is the library's: without its drive the audit says so of each file."""
    row = sqlite.read_only(manifest, partial(_library, manifest))
    source = config.source or Path(row.source)
    try:
        check_source(source)
        wrong = source_problem(row, row.source, look(source, config, row))
    except LrsyncError as error:
        wrong = error
    return _Source(source, "" if wrong is None else wrong.message)


def _library(manifest: Path, connection: sqlite3.Connection) -> LibraryRow:
    check_version(manifest, connection)
    row = read_library(connection)
    if row is None:
        raise ManifestError("the manifest does not say which library it is of", hint=sqlite.REBUILD_HINT)
    return row


def _which_catalog(config: Config, request: AuditRequest, source: _Source, manifest: Path) -> Path:
    if request.catalog is not None:
        return Path(os.path.abspath(request.catalog))
    found = sqlite.read_only(manifest, lambda connection: ManifestFacts(connection).catalogs())
    known = [*(source.path / path for path in found), *config.catalogs]
    paths = list({path.resolve(): path for path in known}.values())
    if len(paths) == 1:
        return paths[0]
    if not paths:
        raise UsageError("no catalog lies in the source", hint="name it: lrsync catalog audit FILE.lrcat")
    where = "lie in the source" if not config.catalogs else "are backed up"
    names = ", ".join([*found, *map(str, config.catalogs)][:5])
    raise UsageError(f"{len(paths)} catalogs {where}", hint=f"name one of them: {names}")


def copy_for_reading(catalog: Path, scratch: Path, wait_s: float, stop: threading.Event) -> Copied:
    """A checked copy of the catalog in `scratch`. Raises CatalogError, UsageError, InterruptedRun."""
    patience = Patience(wait_s, stop.wait, time.monotonic, stop.is_set)
    try:
        copied = guarded_copy(catalog, scratch, patience)
        settle_copy(copied.database)
    except CatalogBusyError as error:
        hint = "close Lightroom, or try again when it is less busy"
        raise CatalogError(f"the catalog is being written to: {error}", hint=hint, path=str(catalog)) from error
    except CatalogDamagedError as error:
        raise _damaged(catalog, error) from error
    except CatalogStoppedError:
        raise InterruptedRun("interrupted: nothing was changed") from None
    except FileNotFoundError:
        raise UsageError(f"there is no catalog {catalog}", hint="name the .lrcat file") from None
    except OSError as error:
        reason = error.strerror or str(error)
        hint = "check its permissions, and the free space beside the manifest: it is copied there"
        raise CatalogError(f"the catalog cannot be copied: {reason}", hint=hint, path=str(catalog)) from error
    return copied


def _damaged(catalog: Path, error: CatalogDamagedError) -> CatalogError:
    return CatalogError(
        f"the catalog is damaged, or is none: {error}",
        hint="Lightroom can repair it, or open one of its backups; 'lrsync catalog list' names the ones in the bucket",
        path=str(catalog),
    )

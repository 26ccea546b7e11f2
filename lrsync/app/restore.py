"""Wire a restore: into the source, or into another folder; by this machine's manifest, or by the bucket alone."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple

from lrsync.adapters.filewriter import FileWriter
from lrsync.adapters.ignore import IgnoreRules
from lrsync.adapters.localfs import LocalTree
from lrsync.adapters.openfiles import allow_open_files
from lrsync.adapters.power import awake_while_working
from lrsync.adapters.targets import free_bytes, make_target, name_rules, refuse_source
from lrsync.adapters.thaw_notes import FileThawNotes, default_notes_path
from lrsync.app.costs import quote_restore
from lrsync.app.existing import Existing, open_with_source, open_without_source
from lrsync.app.manifest_place import manifest_path
from lrsync.app.narrowing import Narrower, narrower_of
from lrsync.app.session import open_store
from lrsync.config import Config
from lrsync.core.events import EventSink
from lrsync.core.keys import stamp_of
from lrsync.core.localnames import POSIX, WINDOWS, NameRules
from lrsync.core.model import Failed
from lrsync.core.ports import ManifestStore, ObjectStore, SealStore
from lrsync.core.prices import Quote
from lrsync.core.requests import Knowledge, RestoreRequest
from lrsync.core.restoring import Backup, RestorePlan
from lrsync.core.runs import RunSummary, SnapshotUse
from lrsync.core.selection import Selection
from lrsync.core.thaw import ThawReport
from lrsync.engine import restore
from lrsync.engine.backups import ManifestBackup, PastBackup
from lrsync.engine.restore import RestoreOptions, RestorePorts
from lrsync.engine.thaw import thaw_report
from lrsync.errors import UsageError

_COMMAND: Final = "lrsync restore"
Confirm = Callable[[RestorePlan, Quote | None], bool]


class _Wanted(NamedTuple):
    """Where from, what, and of which time."""

    knowledge: Knowledge
    narrower: Narrower
    at_ns: int | None


def thaw_status(config: Config) -> ThawReport:
    """What was asked to be thawed, and what is likely of it now. Asks neither S3 nor the manifest."""
    with thaw_notes(config) as notes:
        return thaw_report(notes, time.time_ns())


def thaw_notes(config: Config) -> FileThawNotes:
    """The notes of this place in S3."""
    return FileThawNotes(default_notes_path(config.endpoint_url, config.bucket, config.prefix))


@dataclass(frozen=True, slots=True)
class _Known:
    """What can be restored, and who remembers what was."""

    seals: SealStore
    manifest: ManifestStore
    backup: Backup
    open_store: Callable[[], ObjectStore]
    selection: Selection
    snapshot: SnapshotUse | None = None
    problems: Callable[[], list[Failed]] = list
    was_asked: bool = True
    is_library: bool = True
    """Whether the manifest is the library's; else it is thrown away, and nobody remembers the run."""


def run_restore(
    config: Config, sink: EventSink, stop: threading.Event, request: RestoreRequest, confirm: Confirm
) -> RunSummary:
    """Bring files back. `confirm` is asked, with what it comes to, before anything is fetched. Raises LrsyncError."""
    allow_open_files()
    with ExitStack() as resources:
        sink = resources.enter_context(awake_while_working(sink))
        wanted = _Wanted(request.knowledge, narrower_of(config, resources, sink, stop, request), request.at_ns)
        if request.to is None:
            if request.at_ns is not None:
                hint = (
                    "restore into another folder with --to, and compare: in place it would look like a change of yours"
                )
                raise UsageError("--at does not go with --in-place", hint=hint)
            known, folder, names = *_of_source(config, resources, sink, wanted), POSIX
        else:
            folder = Path(request.to)
            if config.source is not None:
                refuse_source(folder, config.source)
            known = _known(config, resources, sink, stop, wanted)
            names = _prepared(folder, dry_run=config.dry_run)
        notes = resources.enter_context(thaw_notes(config))
        quotes: list[Quote | None] = []

        def told(plan: RestorePlan) -> bool:
            quotes.append(quote_restore(config, plan.classes, request.thaw))
            return confirm(plan, quotes[-1])

        ports = replace(_ports(known, folder, sink, stop, told), thaw_notes=notes)
        options = RestoreOptions(
            selection=known.selection,
            in_place=request.to is None,
            overwrite=request.overwrite,
            of_past=request.at_ns is not None,
            thaw=request.thaw,
            names=names,
            threads=config.threads,
            batch_size=config.batch_size,
            dry_run=config.dry_run,
        )
        summary = restore.run_restore(ports, options)
        summary.is_kept = known.is_library
        if not known.is_library:
            summary.run_id = None
        summary.snapshot, summary.quote, summary.catalog = known.snapshot, quotes[-1], wanted.narrower.use
        return summary


def _ports(
    known: _Known, folder: Path, sink: EventSink, stop: threading.Event, confirm: Callable[[RestorePlan], bool]
) -> RestorePorts:
    return RestorePorts(
        tree=LocalTree(folder, IgnoreRules(defaults=False)),
        target=FileWriter(folder, stamp=stamp_of(time.time_ns())),
        seals=known.seals,
        manifest=known.manifest,
        backup=known.backup,
        open_store=known.open_store,
        stopping=stop.is_set,
        wait=stop.wait,
        clock=time.time_ns,
        sink=sink,
        free_bytes=lambda: free_bytes(folder),
        confirm=confirm,
        problems=known.problems,
        was_asked=known.was_asked,
    )


def _of_source(config: Config, resources: ExitStack, sink: EventSink, wanted: _Wanted) -> tuple[_Known, Path]:
    """What the manifest knows, and the source, proven to be the library's."""
    library = open_with_source(config, resources, sink, command=_COMMAND)
    assert library.session is not None
    return _of_library(library, wanted.narrower), library.session.source


def _known(config: Config, resources: ExitStack, sink: EventSink, stop: threading.Event, wanted: _Wanted) -> _Known:
    """What this machine's manifest knows; where it has none, or is told so, what the bucket alone does."""
    knowledge, narrower, at_ns = wanted
    if at_ns is not None:
        return _of_past(config, resources, sink, stop, wanted)
    if knowledge is Knowledge.MANIFEST or (knowledge is Knowledge.AUTO and _has_manifest(config)):
        return _of_library(open_without_source(config, resources, command=_COMMAND), narrower)
    from lrsync.app.bare import open_bare

    store = resources.enter_context(closing(open_store(config)))
    narrower.look(lambda: store)
    bare = open_bare(config, store, resources, sink, stop, (knowledge, narrower.narrow))
    return _Known(
        bare.seals,
        bare.manifest,
        bare.backup,
        lambda: store,
        bare.selection,
        bare.snapshot,
        lambda: bare.problems() + narrower.failures(bare.selection),
        is_library=False,
    )


def _of_past(config: Config, resources: ExitStack, sink: EventSink, stop: threading.Event, wanted: _Wanted) -> _Known:
    """What the bucket knows of a time. This machine's manifest, if it has one, only keeps the run's row."""
    from lrsync.app.timetravel import library_at, private_library

    knowledge, narrower, at_ns = wanted
    assert at_ns is not None
    if knowledge in (Knowledge.AUTO, Knowledge.MANIFEST) and _has_manifest(config):
        library = open_without_source(config, resources, command=_COMMAND)
        seals, manifest, row = library.seals, library.manifest, library.seals.library()
        uuid, source, opener = row.uuid, row.source, library.open_store
    else:
        seals, manifest = private_library(config, resources)
        store = resources.enter_context(closing(open_store(config)))
        uuid, source, opener = None, "", lambda: store
    narrower.look(opener)
    at = resources.enter_context(
        library_at(config, opener(), at_ns, sink, stop, uuid=uuid, find_twin=manifest.find_twin)
    )
    if not (at.past.files or at.past.lost):
        hint = "'lrsync history' lists the runs, and 'lrsync history FILE' what there is of a file"
        raise UsageError("nothing was backed up here by that time", hint=hint)
    backup = PastBackup(at.shelf, at.past.lost)
    selection = narrower.narrow(backup, source)

    def problems() -> list[Failed]:
        lost = {failed.path: failed for failed in backup.failures(replace(selection, photos=None))}
        if selection.photos is None:
            return list(lost.values())
        # Of a photo that was there, and cannot be had any more, the reason is known.
        return [lost.get(failed.path, failed) for failed in narrower.failures(selection)]

    return _Known(seals, manifest, backup, opener, selection, at.past.snapshot, problems, is_library=uuid is not None)


def _of_library(library: Existing, narrower: Narrower) -> _Known:
    narrower.look(library.open_store)
    backup = ManifestBackup(library.manifest)
    selection = narrower.narrow(backup, library.seals.library().source)
    problems, was_asked = partial(narrower.failures, selection), narrower.use is not None
    return _Known(library.seals, library.manifest, backup, library.open_store, selection, None, problems, was_asked)


def _has_manifest(config: Config) -> bool:
    if config.manifest is not None:
        if not os.path.lexists(config.manifest):
            hint = "leave --manifest out: the bucket itself knows what it holds"
            raise UsageError(f"there is no manifest {config.manifest}", hint=hint)
        return True
    return config.source is not None and os.path.lexists(manifest_path(config))


def _prepared(folder: Path, *, dry_run: bool) -> NameRules:
    """Make the folder, and find out what its disk does with names. A dry run makes nothing, and has to guess."""
    if dry_run:
        return WINDOWS if os.name == "nt" else POSIX
    make_target(folder)
    return name_rules(folder)

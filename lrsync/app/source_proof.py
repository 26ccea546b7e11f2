"""Prove that the source is the library's: by its marker, or by its file system where it takes none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from lrsync.adapters.ignore import IgnoreRules
from lrsync.adapters.marker import read_marker, write_marker
from lrsync.core.events import EventSink, Notice
from lrsync.core.library import LibraryRow, Seen, goes_by_identity, is_proof, source_problem

if TYPE_CHECKING:
    from lrsync.config import Config
    from lrsync.core.ports import ManifestStore
    from lrsync.core.runs import RunSummary


def rules(config: Config) -> IgnoreRules:
    """What of the source is left out."""
    return IgnoreRules(config.exclude, config.include, defaults=config.default_excludes)


def goes_without_marker(config: Config) -> bool:
    """Whether the source is to be known by its file system, and nothing written to it."""
    return config.no_marker or config.accept_source


def look(source: Path, config: Config, row: LibraryRow) -> Seen:
    """What proves the source, as far as this library goes by it. Raises SourceError."""
    without = goes_without_marker(config)
    if not (without or goes_by_identity(row, no_marker=without)):
        return Seen(read_marker(source))
    from lrsync.adapters.identity import read_identity

    return Seen(read_marker(source), read_identity(source, rules(config)), no_marker=without)


def is_proven(source: Path, config: Config, row: LibraryRow) -> bool:
    """Whether the source is the library's, now; not merely that nothing speaks against it. Raises SourceError."""
    seen = look(source, config, row)
    return is_proof(row, seen) and source_problem(row, row.source, seen) is None


def try_marker(source: Path, library_uuid: str, sink: EventSink) -> bool:
    """Write the source's marker; False, and a notice, where the source cannot be written."""
    try:
        write_marker(source, library_uuid)
    except OSError as error:
        reason = error.strerror or str(error)
        sink(
            Notice(
                f"the source takes no marker ({reason}); without one --delete stays off, unless --no-marker lets "
                "its file system prove it"
            )
        )
        return False
    return True


def identity_text(source: Path, config: Config, sink: EventSink) -> str | None:
    """The source's identity as the manifest keeps it; None, and a notice, where it has none.

    Raises SourceError, also for an empty source.
    """
    from lrsync.adapters.identity import read_identity
    from lrsync.core.identity import demand_entries, to_text

    found = read_identity(source, rules(config))
    demand_entries(found, str(source))
    if found is None:
        sink(Notice("the source's file system has nothing to be known by; without a marker --delete stays off"))
        return None
    return to_text(found)


def remember_source(
    config: Config, row: LibraryRow, open_manifest: Callable[[], ManifestStore], summary: RunSummary, sink: EventSink
) -> None:
    """After a run on a source that nothing proved: from now on it is known by what it is today.

    Only where the user says that it is the right one, or the files do: at least as many are as recorded as are
    missing. Raises SourceError and ManifestError.
    """
    assert config.source is not None
    source = config.source
    if config.dry_run or not goes_without_marker(config) or is_proven(source, config, row):
        return
    changes = summary.changes
    same = changes.unchanged + changes.touched
    if not config.accept_source and (not same or same < changes.missing):
        sink(Notice("the source is not proven yet: too few of its files are as recorded. --accept-source takes it"))
        return
    text = identity_text(source, config, sink)
    if text is not None:
        open_manifest().update_library(replace(row, identity=text, has_marker=False))

"""Wire a report: everything that this machine knows of a library, read from the manifest and what lies beside it."""

from __future__ import annotations

from pathlib import Path

from lrsync.adapters.catalog_notes import read_audits, read_catalogs
from lrsync.adapters.history_query import list_runs
from lrsync.adapters.status_query import read_classes, read_status
from lrsync.adapters.wholefile import write_whole
from lrsync.app.costs import quote_storage
from lrsync.app.manifest_place import manifest_path
from lrsync.config import Config
from lrsync.core.library_report import LibraryReport
from lrsync.errors import UsageError


def read_report(config: Config) -> LibraryReport | None:
    """All of it; None where nothing was ever backed up. No network. Raises ManifestError and UsageError."""
    manifest = manifest_path(config)
    status = read_status(manifest)
    if status is None:
        return None
    return LibraryReport(
        status=status,
        runs=tuple(reversed(list_runs(manifest, None) or [])),
        classes=read_classes(manifest),
        quote=quote_storage(config),
        audits=tuple(read_audits(manifest)),
        catalogs=tuple(read_catalogs(manifest)),
    )


def write_page(path: Path, text: str, *, private: bool) -> None:
    """Write the page in one move. `private`: for nobody else's eyes, else as the umask says. Raises UsageError."""
    try:
        write_whole(path, text.encode("utf-8", "backslashreplace"), mode=0o600 if private else 0o666)
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}", hint="see who owns its folder") from error

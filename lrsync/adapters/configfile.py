"""Write libraries into the config file, and leave everything else in it as it was, comments included."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import tomlkit
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import Table

from lrsync.adapters.wholefile import write_whole
from lrsync.errors import UsageError

_HEADER: Final = """\
# lrsync's settings: a table for each library. `lrsync config check` reads it as the nightly run does.
# Flags win over LRSYNC_* variables, and those over this file. No keys or passwords here: they come from
# AWS's own configuration.

"""
_COMMENTS: Final[dict[str, str]] = {
    "source_path": "the folder with the photos",
    "s3_bucket": "the bucket",
    "s3_prefix": "the folder in the bucket",
    "endpoint_url": "the S3-compatible store",
    "region": "the bucket's region",
    "profile": "the profile in AWS's own configuration",
    "storage_class": "how S3 stores what is sent",
    "sse": "encryption in the bucket",
    "sse_kms_key_id": "with this key",
    "bwlimit": "at most so many bytes a second",
    "exclude": "left out, as in .gitignore",
    "delete": "move to the trash what is gone from the source",
    "max_delete": "but never more than this",
    "threads": "uploads at once",
}
_MORE: Final = """\
More that may stand here ('lrsync sync --help' explains each):
  s3_prefix, endpoint_url, region   where in the bucket, and which store
  profile                           whose credentials, of AWS's own configuration
  exclude = ["*.tmp", "Exports/"]   include, no_default_excludes
  storage_class = "STANDARD_IA"     sse, sse_kms_key_id
  bwlimit = "5M"                    threads, batch_size, transport
  delete = true                     max_delete = "5%"
  full_every = "7d"                 manifest, log_file, prices
  settle = "2m"                     files that were just written wait for the next run
  catalogs = ["/other/Main.lrcat"]  those that are not in the source; keep_catalogs, catalog_wait
  no_marker = true                  write nothing into the source
A class for each kind of file: [libraries.NAME.storage] (docs/storage.md).
Whom to tell about each run: [hooks], or [libraries.NAME.hooks] (docs/monitoring.md)."""


def save_library(path: Path, name: str, values: Mapping[str, Any]) -> None:
    """Write a library's settings: into its table where it has one, else into a new one at the end. Mode 0600.

    What the table has beyond `values` stays. Raises UsageError where the file cannot be read or written.
    """
    is_new = not path.exists()
    document = _read(path)
    libraries = document.get("libraries")
    if libraries is None:
        libraries = tomlkit.table(is_super_table=True)
        document["libraries"] = libraries
    table = libraries.get(name)
    if table is None:
        table = libraries[name] = _new_table(values, explained=is_new)
    else:
        for key, value in values.items():
            table[key] = value
    _write(path, (_HEADER if is_new else "") + tomlkit.dumps(document))


def _new_table(values: Mapping[str, Any], *, explained: bool) -> Table:
    table = tomlkit.table()
    for key, value in values.items():
        item = tomlkit.item(value)
        if key in _COMMENTS:
            item.comment(_COMMENTS[key])
        table.add(key, item)
    if explained:
        for line in _MORE.splitlines():
            table.add(tomlkit.comment(line))
    return table


def _read(path: Path) -> tomlkit.TOMLDocument:
    try:
        return tomlkit.parse(path.read_bytes().decode("utf-8-sig"))
    except FileNotFoundError:
        return tomlkit.document()
    except (OSError, UnicodeDecodeError, TOMLKitError) as problem:
        raise UsageError(f"the config file {path} cannot be read: {problem}", hint="correct it first") from problem


def _write(path: Path, text: str) -> None:
    try:
        write_whole(path, text.encode("utf-8"))
    except OSError as problem:
        hint = "see who owns its folder, or choose another file with --config"
        raise UsageError(f"the config file {path} cannot be written: {problem.strerror}", hint=hint) from problem

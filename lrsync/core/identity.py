"""What tells one source from another without a file in it. Pure: compares values that others read."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Final

from lrsync.errors import ManifestError, SourceError

WITNESSES: Final = 8
"""So many of a source's entries are remembered. One of them must still be there: folders come, go and are renamed."""


@dataclass(frozen=True, slots=True)
class SourceIdentity:
    """A folder, as its file system tells it.

    `volumes`: the file system's own ids as (scheme, id), the one that lasts longest first. `root`: the folder itself.
    `entries`: name and inode of what lies in it, folders first, each kind by name; the inode is 0 where the file
    system numbers its files anew with every mount.
    """

    volumes: tuple[tuple[str, str], ...]
    root: str
    entries: tuple[tuple[str, int], ...]


def difference(recorded: SourceIdentity, found: SourceIdentity) -> str | None:
    """Why `found` is not the recorded folder, in words; None when it is."""
    now = dict(found.volumes)
    common = next(((known, now[scheme]) for scheme, known in recorded.volumes if scheme in now), None)
    if common is None or common[0] != common[1]:
        return "it is on another file system"
    if recorded.root != found.root:
        return "it is another folder of the same file system"
    if not set(recorded.entries) & set(found.entries):
        return "nothing of what was at its top is there any more"
    return None


def demand_entries(found: SourceIdentity | None, source: str) -> None:
    """Raises SourceError for an empty folder: nothing tells it from the mount point of a drive that is not there."""
    if found is not None and not found.entries:
        raise SourceError(
            f"the source {source} is empty, and no marker tells it from an empty mount point",
            hint="is the drive connected and mounted? else correct --source-path",
        )


def to_text(identity: SourceIdentity) -> str:
    """As the manifest keeps it: JSON, ASCII whatever the names are, with only as many entries as are needed."""
    facts = {"volumes": identity.volumes, "root": identity.root, "entries": identity.entries[:WITNESSES]}
    return json.dumps(facts, separators=(",", ":"))


def from_text(text: str) -> SourceIdentity:
    """What `to_text` made. Raises ManifestError for any other text."""
    try:
        facts = json.loads(text)
        volumes = tuple((str(scheme), str(value)) for scheme, value in facts["volumes"])
        entries = tuple((str(name), int(inode)) for name, inode in facts["entries"])
        return SourceIdentity(volumes, str(facts["root"]), entries)
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        hint = "run 'lrsync rebuild-manifest --no-marker'"
        raise ManifestError("the manifest's record of the source's file system is damaged", hint=hint) from error

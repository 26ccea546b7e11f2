"""Read what tells this source from another one where it takes no marker. Writes nothing."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from lrsync.adapters.ignore import IgnoreRules
from lrsync.adapters.mounts import Mount, find_mount, volume_ids
from lrsync.core.identity import SourceIdentity
from lrsync.core.keys import MARKER
from lrsync.errors import SourceError

_EVERYWHERE: Final = "lost+found"
"""What every ext4 drive has tells none from another. Trash folders and the like are left out by the rules."""


def read_identity(source: Path, rules: IgnoreRules) -> SourceIdentity | None:
    """The source's identity, with everything at its top that the rules do not leave out.

    None where the file system has nothing that lasts. Raises SourceError where the source cannot be read.
    """
    path = os.path.realpath(source)
    mount = find_mount(path)
    keeps_inodes = mount is None or mount.keeps_inodes
    try:
        volumes = volume_ids(path, mount)
        entries = _entries(path, rules, keeps_inodes=keeps_inodes)
        root = f"inode:{os.stat(path).st_ino}" if keeps_inodes else _place_in(mount, path)
    except OSError as error:
        hint = "is the drive still connected and mounted?"
        raise SourceError(f"the source {source} cannot be read: {error.strerror}", hint=hint) from error
    return SourceIdentity(volumes, root, entries) if volumes else None


def _entries(path: str, rules: IgnoreRules, *, keeps_inodes: bool) -> tuple[tuple[str, int], ...]:
    leaves_out = rules.matcher("")
    folders, files = [], []
    with os.scandir(path) as found:
        for entry in found:
            if entry.is_dir(follow_symlinks=False):
                if not rules.closes(entry.name) and entry.name != _EVERYWHERE:
                    folders.append((entry.name, entry.inode() if keeps_inodes else 0))
            elif entry.name != MARKER and not leaves_out(entry.name):
                files.append((entry.name, entry.inode() if keeps_inodes else 0))
    return (*sorted(folders), *sorted(files))


def _place_in(mount: Mount | None, path: str) -> str:
    return f"path:{os.path.relpath(path, mount.point) if mount else path}"

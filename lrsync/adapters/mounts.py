"""Which file system a path is on, and what stays the same of it when it is mounted again. Reads; changes nothing.

docs/reliability.md says which of a file system's facts last, and why.
"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import Final, NamedTuple

MOUNT_TABLE: Final = Path("/proc/self/mountinfo")
UUIDS: Final = Path("/dev/disk/by-uuid")

_REMOTE: Final = frozenset({"nfs", "nfs4", "cifs", "smb3", "ceph", "9p", "virtiofs", "afs"})
"""Mounted from a name that tells more than any number: `nas:/export/photos`."""
_RENUMBERING: Final = frozenset({"vfat", "msdos", "exfat", "fuse", "fuseblk", "cifs", "smb3"})
"""Inode numbers are made up when a file is met, and are others after the next mount, or even sooner."""


class Mount(NamedTuple):
    """One line of the mount table."""

    point: str
    kind: str
    source: str

    @property
    def keeps_inodes(self) -> bool:
        """Whether a file has the same inode number after the next mount."""
        return not (self.kind in _RENUMBERING or self.kind.startswith("fuse."))

    @property
    def is_remote(self) -> bool:
        """Whether what is mounted is named by its source: a share, an export, a FUSE program's own name for it."""
        return self.kind in _REMOTE or self.kind.startswith("fuse.")


def find_mount(path: str, table: Path = MOUNT_TABLE) -> Mount | None:
    """The mount that an absolute path without links is on; None where the system has no such table."""
    try:
        lines = os.fsdecode(table.read_bytes()).split("\n")
    except OSError:
        return None
    found = [mount for line in lines if (mount := _parse(line)) is not None and _is_below(path, mount.point)]
    # What was mounted over another mount stands further down.
    return max(enumerate(found), key=lambda one: (len(one[1].point), one[0]))[1] if found else None


def volume_ids(path: str, mount: Mount | None, uuids: Path = UUIDS) -> tuple[tuple[str, str], ...]:
    """The ids of the file system as (scheme, id), those that last longest first. Raises OSError.

    Empty where nothing tells one such file system from the next. A device's number is the last resort: another drive
    may get it after the next start, and then only the inode numbers tell the two apart.
    """
    device = os.stat(path).st_dev
    if sys.platform == "win32":
        # The volume's serial number; Python 3.12 widened it to 64 bits, of which these are the ones known before.
        return (("serial", str(device & 0xFFFF_FFFF)),)
    found = [("uuid", _uuid_of(device, uuids)), ("mount", mount.source if mount and mount.is_remote else "")]
    if sys.platform == "linux":
        fsid = os.statvfs(path).f_fsid
        # 0: it has none (NFS). The device's number: XFS, FAT and many others have nothing better to say here.
        found.append(("fsid", "" if fsid in (0, device) else f"{fsid:x}"))
    lasting = tuple((scheme, value) for scheme, value in found if value)
    if lasting or (mount is not None and not mount.keeps_inodes):
        return lasting
    return (("dev", str(device)),)


def _uuid_of(device: int, uuids: Path) -> str:
    try:
        names = os.listdir(uuids)
    except OSError:
        return ""  # not Linux, or a container without udev
    return next((name for name in sorted(names) if _device_at(uuids / name) == device), "")


def _device_at(path: Path) -> int | None:
    try:
        return os.stat(path).st_rdev
    except OSError:
        return None  # pulled out a moment ago


def _parse(line: str) -> Mount | None:
    """See proc_pid_mountinfo(5): a varying number of optional fields ends with a hyphen."""
    head, separator, tail = line.partition(" - ")
    fields, rest = head.split(" "), tail.split(" ")
    if not separator or len(fields) < 5 or len(rest) < 2:
        return None
    return Mount(_unescaped(fields[4]), rest[0], _unescaped(rest[1]))


def _unescaped(text: str) -> str:
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), text)


def _is_below(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip("/") + "/")

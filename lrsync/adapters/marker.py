"""The source folder itself: whether it is there, and whether its marker says that it is the library's.

Writes nothing but the marker, and never changes one that is there.
"""

from __future__ import annotations

import contextlib
import errno
import io
import os
import re
import secrets
import stat
from pathlib import Path
from typing import Final

from lrsync.adapters.longpath import FILE_FLAGS
from lrsync.core.keys import MARKER
from lrsync.errors import SourceError

MAX_MARKER_BYTES: Final = 4096
_UUID: Final = re.compile(r"^library: ([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})$", re.MULTILINE)
_TEXT: Final = """\
This file marks the folder that lrsync backs up: it proves that the right drive is mounted.
Please do not delete, copy or edit it.

library: {uuid}
"""
_MALFORMED_HINT: Final = "bring it back from a copy; or delete it, if you are certain that this is the right folder"


def check_source(source: Path) -> None:
    """Raises SourceError where the source is missing, is not a folder, or cannot be listed."""
    try:
        with os.scandir(source):
            return
    except FileNotFoundError:
        message, hint = "does not exist", "is the drive connected and mounted? else correct --source-path"
    except NotADirectoryError:
        message, hint = "is not a folder", "--source-path names the folder that holds the photos"
    except OSError as error:
        message = f"cannot be read: {error.strerror}"
        hint = "allow this user (on macOS: Full Disk Access for the terminal or cron) to read the folder"
    raise SourceError(f"the source {source} {message}", hint=hint, path=str(source))


def read_marker(source: Path) -> str | None:
    """The library's UUID from the source's marker; None where there is no marker.

    Raises SourceError where there is something that is not a readable marker.
    """
    path = source / MARKER
    try:
        found = os.lstat(path)
        # Never through a link: the proof must lie on the drive itself.
        if not stat.S_ISREG(found.st_mode):
            raise SourceError(f"the marker {path} is not a file", hint=_MALFORMED_HINT, path=str(path))
        data = _read(path)
    except FileNotFoundError:
        return None
    except OSError as error:
        hint = "allow this user to read it"
        raise SourceError(f"the marker {path} cannot be read: {error.strerror}", hint=hint, path=str(path)) from error
    uuids = _UUID.findall(data.decode("utf-8", "replace").replace("\r\n", "\n"))
    if len(uuids) != 1 or len(data) > MAX_MARKER_BYTES:
        raise SourceError(f"the marker {path} is damaged: it names no library", hint=_MALFORMED_HINT, path=str(path))
    return str(uuids[0])


def write_marker(source: Path, uuid: str) -> None:
    """Write the marker, whole or not at all, on the disk before this returns.

    Raises FileExistsError where there is one already; any other OSError where the source cannot be written (a
    read-only mount): the caller says so, the backup can go on without.
    """
    path, text = source / MARKER, _TEXT.format(uuid=uuid)
    if not _UUID.search(text):
        raise ValueError(f"{uuid!r} is not a UUID in its canonical form")
    from lrsync.adapters.leftovers import TEMPORARY  # here: it is written once

    # Not a name that a restore into this folder would clear away.
    temporary = source / f"{TEMPORARY}marker-{secrets.token_hex(8)}"
    try:
        _write(temporary, text.encode())
        _put_in_place(temporary, path)
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
    _sync_folder(source)


def _read(path: Path) -> bytes:
    handle = os.open(path, FILE_FLAGS)
    with io.FileIO(handle, "rb") as file:
        return file.read(MAX_MARKER_BYTES + 1)


def _write(path: Path, data: bytes) -> None:
    with path.open("xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _put_in_place(temporary: Path, path: Path) -> None:
    """Give the file its name, unless that is taken: another library's marker must never be replaced."""
    try:
        os.link(temporary, path)
    except FileExistsError:
        raise
    except OSError:
        # FAT, exFAT and some network drives have no hard links.
        if os.path.lexists(path):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path)) from None
        os.replace(temporary, path)


def _sync_folder(folder: Path) -> None:
    """Make the new name last through a power cut, where folders can be synced: not on every network drive."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(handle)

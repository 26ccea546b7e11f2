"""List one folder of the source: names and stats. Never opens a file, never follows a link, never descends.

What cannot be read makes the listing incomplete, and says why.
"""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Final, NamedTuple

from lrsync.adapters import longpath
from lrsync.adapters.ignore import IgnoreRules
from lrsync.adapters.oddity import Oddity, OddityTest
from lrsync.core.keys import MARKER, join_path
from lrsync.core.model import ScannedFile, ScanProblem

GONE: Final = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP)
"""What was there a moment ago is not, or is something else (a link gives ELOOP or ENOTDIR)."""

_HINTS: Final = {
    errno.EACCES: "allow this user to read it, or exclude it",
    errno.EPERM: "allow this user to read it (on macOS: Full Disk Access), or exclude it",
    errno.EIO: "the drive or the network failed: check the drive's health first",
    errno.ESTALE: "the network drive was lost: mount it again",
}


class Identity(NamedTuple):
    """Which folder on which file system; inode 0 where the system tells none."""

    device: int
    inode: int


NOWHERE: Final = Identity(0, 0)


@dataclass(slots=True)
class Listing:
    """One folder as it was listed: files and folders ascending by name, without what the rules leave out."""

    identity: Identity = NOWHERE
    files: list[ScannedFile] = field(default_factory=list)
    folders: list[str] = field(default_factory=list)
    excluded: int = 0
    special: int = 0
    complete: bool = True
    problems: list[ScanProblem] = field(default_factory=list)

    def give_up(self, path: str, error: OSError) -> None:
        """Something in here could not be read."""
        self.complete = False
        self.problems.append(problem_of(path, error))


def problem_of(path: str, error: OSError) -> ScanProblem:
    """An error of the system as something to tell the user."""
    return ScanProblem(path, error.strerror or str(error), _HINTS.get(error.errno or 0, ""))


class Lister:
    """Lists folders under one set of rules. `odd` is None where files have no oddities (Linux)."""

    def __init__(self, rules: IgnoreRules, odd: OddityTest | None) -> None:
        self._rules = rules
        self._odd = odd

    def list_folder(self, base: int | str, path: str) -> Listing:
        """List the folder `path` below the root, which is given open or by path. Raises OSError if it cannot begin."""
        if isinstance(base, str):
            return self._list(os.path.join(base, path) if path else base, path)
        # The root may be a link to the library; below it a link leads out of the library.
        handle = longpath.open_below(base, path, longpath.FOLDER_FLAGS | (longpath.NO_FOLLOW if path else 0))
        try:
            return self._list(handle, path)
        finally:
            os.close(handle)

    def _list(self, folder: int | str, path: str) -> Listing:
        found = os.stat(folder)
        listing = Listing(identity=Identity(found.st_dev, found.st_ino))
        try:
            self._add_entries(listing, folder, path)
        except OSError as error:
            # The listing broke off in the middle: what it has not named is unknown.
            listing.give_up(path, error)
        listing.files.sort(key=itemgetter(0))
        listing.folders.sort()
        if len({file[0] for file in listing.files}) != len(listing.files):
            # A rename during the listing, or a careless network drive, names a file twice.
            listing.files = list({file.name: file for file in listing.files}.values())
        if not path:
            listing.files = [file for file in listing.files if file.name != MARKER]
        return listing

    def _add_entries(self, listing: Listing, folder: int | str, path: str) -> None:
        """The hot path: this loop runs for each file of the library."""
        is_excluded, odd = self._rules.matcher(path), self._odd
        add, new = listing.files.append, tuple.__new__
        with os.scandir(folder) as entries:
            for entry in entries:
                try:
                    if not entry.is_file(follow_symlinks=False):
                        self._add_other(listing, entry, path)
                        continue
                    name = entry.name
                    if is_excluded(name):
                        listing.excluded += 1
                        continue
                    found = entry.stat(follow_symlinks=False)
                    if odd is not None:
                        _add_odd(listing, name, found, odd(found))
                        continue
                    # ScannedFile(...) would be a Python call for each file.
                    add(new(ScannedFile, (name, found.st_size, found.st_mtime_ns, found.st_ctime_ns)))
                except OSError as error:
                    if error.errno not in GONE:
                        listing.give_up(join_path(path, entry.name), error)

    def _add_other(self, listing: Listing, entry: os.DirEntry[str], path: str) -> None:
        """A folder, a link, a socket, a FIFO, a device."""
        name = entry.name
        if not entry.is_dir(follow_symlinks=False):
            if self._rules.matcher(path)(name):
                listing.excluded += 1
            else:
                listing.special += 1
        elif self._rules.closes(join_path(path, name)):
            listing.excluded += 1
        elif self._odd is not None and (oddity := self._odd(entry.stat(follow_symlinks=False))) is not None:
            _count_odd(listing, oddity)
        else:
            listing.folders.append(name)


def _add_odd(listing: Listing, name: str, found: os.stat_result, oddity: Oddity | None) -> None:
    if oddity is not None:
        _count_odd(listing, oddity)
        return
    # On Windows st_ctime is the time of creation, which no write moves.
    ctime_ns = 0 if os.name == "nt" else found.st_ctime_ns
    listing.files.append(ScannedFile(name, found.st_size, found.st_mtime_ns, ctime_ns))


def _count_odd(listing: Listing, oddity: Oddity) -> None:
    listing.special += 1
    if oddity is Oddity.PLACEHOLDER:
        listing.complete = False

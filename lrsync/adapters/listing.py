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
from lrsync.core.scan import NO_FILES, FileColumns, FileFacts, ScanProblem

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
    columns: FileColumns = NO_FILES
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
        files: list[FileFacts] = []
        odd: list[_Odd] = []
        try:
            self._add_entries(listing, files, odd, folder, path)
        except OSError as error:
            # The listing broke off in the middle: what it has not named is unknown.
            listing.give_up(path, error)
        if not path:
            files = [file for file in files if file[0] != MARKER]
        self._settle(listing, files, odd, path)
        listing.folders.sort()
        return listing

    def _settle(self, listing: Listing, files: list[FileFacts], odd: list[_Odd], path: str) -> None:
        """Sort the files, and drop those that the rules leave out."""
        files.sort(key=itemgetter(0))
        listing.columns = FileColumns.of(files)
        names = listing.columns.names
        left_out = self._rules.left_out(path, [*names, *(one.name for one in odd)] if odd else names)
        if left_out or len(set(names)) != len(names):
            # A rename during the listing, or a careless network drive, names a file twice.
            kept = {file[0]: file for file in files if file[0] not in left_out}
            listing.columns = FileColumns.of(kept.values())
        listing.excluded += len(left_out)
        for one in odd:
            if one.name not in left_out:
                one.add_to(listing, path)

    def _add_entries(
        self, listing: Listing, files: list[FileFacts], odd: list[_Odd], folder: int | str, path: str
    ) -> None:
        """The hot path: this loop runs for each file of the library. The rules are asked later, of all at once."""
        oddity_of, no_ctime = self._odd, os.name == "nt"
        add = files.append
        with os.scandir(folder) as entries:
            for entry in entries:
                try:
                    if not entry.is_file(follow_symlinks=False):
                        self._add_other(listing, entry, path)
                        continue
                    found = entry.stat(follow_symlinks=False)
                    if oddity_of is not None and (oddity := oddity_of(found)) is not None:
                        odd.append(_Odd(entry.name, oddity))
                        continue
                    # On Windows st_ctime is the time of creation, which no write moves.
                    changed_ns = 0 if no_ctime else found.st_ctime_ns
                    add((entry.name, found.st_size, found.st_mtime_ns, changed_ns))
                except OSError as error:
                    if error.errno not in GONE:
                        odd.append(_Odd(entry.name, error))

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
            _Odd(name, oddity).add_to(listing, path)
        else:
            listing.folders.append(name)


class _Odd(NamedTuple):
    """A file that is none to back up: what it is instead, or the error that its stat met."""

    name: str
    why: Oddity | OSError

    def add_to(self, listing: Listing, path: str) -> None:
        if isinstance(self.why, OSError):
            listing.give_up(join_path(path, self.name), self.why)
            return
        listing.special += 1
        if self.why is Oddity.PLACEHOLDER:
            listing.complete = False

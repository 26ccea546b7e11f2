"""The photographer's folder on a local or mounted disk. Lists, stats and reads; never writes, never follows a link.

What the walk cannot read is unknown: the folder is then incomplete, and says why.

Online-only placeholders count as `special` and make their folder incomplete without a problem: their bytes are not
here to be backed up, and their rows must not be called missing. The price is that a library with placeholders never
has a whole scan, so nothing is deleted from its bucket.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from lrsync.adapters import longpath
from lrsync.adapters.collisions import child_twins, colliding_files
from lrsync.adapters.listing import GONE, Identity, Lister, Listing, problem_of
from lrsync.adapters.lookahead import Lookahead
from lrsync.adapters.oddity import Oddity, OddityTest, oddity_test
from lrsync.core.keys import join_path, split_path
from lrsync.core.scan import ScannedDir, ScanProblem, Stat

if TYPE_CHECKING:  # named, never made
    from lrsync.adapters.ignore import IgnoreRules
    from lrsync.core.checksums import ChecksumKind
    from lrsync.core.model import Content


class LocalTree:
    """One source folder under one set of ignore rules: a `core.ports.SourceTree`. Many threads may use it.

    `oddity` tells placeholders and junctions by their stat; by default it is the running system's test.
    """

    def __init__(self, root: Path, rules: IgnoreRules, *, oddity: OddityTest | None = None) -> None:
        # Absolute: a change of the working folder must not move the library.
        self._root = os.path.abspath(root)
        self._rules = rules
        self._oddity = oddity or oddity_test()
        self.fingerprint = rules.fingerprint

    def walk(self) -> Iterator[ScannedDir]:
        """Every folder once, the root first, parents before children, names ascending; see `SourceTree.walk`."""
        with _held_open(self._root) as base:
            yield from _Walk(self._root, base, Lister(self._rules, self._oddity)).folders()

    def is_excluded(self, path: str) -> bool:
        """Whether the rules leave this file out, by itself or by one of its folders."""
        return self._rules.is_excluded(path)

    def stat(self, path: str) -> Stat | None:
        """The regular file's stat, without following links; None where there is none. Raises OSError."""
        try:
            found = longpath.lstat_below(self._root, path)
        except OSError as error:
            if error.errno in GONE:
                return None
            raise
        return longpath.facts_of(found) if stat.S_ISREG(found.st_mode) else None

    def gone_since_ns(self, path: str) -> int | None:
        """Since when the file is gone; see `SourceTree.gone_since_ns`. Raises OSError."""
        try:
            found = longpath.lstat_below(self._root, path)
        except OSError as error:
            if error.errno not in GONE:
                raise
        else:
            if stat.S_ISREG(found.st_mode) or stat.S_ISLNK(found.st_mode):
                return None
        return self._folder_changed_ns(split_path(path)[0])

    def _folder_changed_ns(self, folder: str) -> int:
        while folder:
            try:
                return longpath.lstat_below(self._root, folder).st_mtime_ns
            except OSError as error:
                if error.errno not in GONE:
                    raise
            folder = split_path(folder)[0]
        return os.stat(self._root).st_mtime_ns

    def read(
        self,
        path: str,
        *,
        hold_below: int,
        part_size: int,
        want_md5: bool = False,
        etag_part_sizes: Sequence[int] = (),
        want_checksum: ChecksumKind | None = None,
    ) -> Content:
        """Read the file once; see `SourceTree.read`. Raises OSError (ENODATA) for an online-only placeholder."""
        from lrsync.adapters import reader  # here: a night without changes reads no file

        self._refuse_placeholder(path)
        return reader.read_content(
            self._root,
            path,
            hold_below=hold_below,
            part_size=part_size,
            want_md5=want_md5,
            etag_part_sizes=etag_part_sizes,
            want_checksum=want_checksum,
        )

    def read_part(self, path: str, offset: int, length: int) -> bytes:
        """Exactly these bytes; see `SourceTree.read_part`."""
        from lrsync.adapters import reader

        self._refuse_placeholder(path)
        return reader.read_range(self._root, path, offset, length)

    def _refuse_placeholder(self, path: str) -> None:
        if self._oddity is None:
            return
        if self._oddity(longpath.lstat_below(self._root, path)) is Oddity.PLACEHOLDER:
            raise OSError(errno.ENODATA, "the file is online-only: its bytes are not on this disk", path)


class _Chain(NamedTuple):
    """Which folders lead to one, the nearest first."""

    identity: Identity
    above: _Chain | None


class _Pending(NamedTuple):
    """A folder to visit. `twins`: other folders whose files' keys begin with the same letters."""

    path: str
    chain: _Chain | None
    twins: tuple[str, ...] = ()


@contextmanager
def _held_open(root: str) -> Iterator[int | str]:
    """What the walk starts each step from: the root, held open where the system can.

    A drive that is pulled out, with another (or nothing) in its place, then is an error and not a library with all
    its files missing.
    """
    if not longpath.CAN_STEP:
        yield root
        return
    try:
        handle = os.open(root, longpath.FOLDER_FLAGS)
    except OSError:
        # The walk's first step meets the same error, and reports it.
        yield root
        return
    try:
        yield handle
    finally:
        os.close(handle)


class _Walk:
    """One walk: what is still to visit, and whether the source is still there."""

    def __init__(self, root: str, base: int | str, lister: Lister) -> None:
        self._root = root
        self._base = base
        self._lister = lister
        self._lost = False

    def folders(self) -> Iterator[ScannedDir]:
        """All folders, in preorder. A stack instead of recursion: trees are deeper than Python's."""
        stack = [_Pending("", None)]

        def following(count: int) -> Iterator[str]:
            return (pending.path for pending in islice(reversed(stack), count))

        with Lookahead(partial(self._lister.list_folder, self._base)) as lookahead:
            yield from self._preorder(stack, lambda path: lookahead.get(path, following))

    def _preorder(self, stack: list[_Pending], list_folder: Callable[[str], Listing]) -> Iterator[ScannedDir]:
        while stack:
            at = stack.pop()
            listing = self._visit(at, list_folder)
            twins = {twin: other for twin in at.twins if (other := self._peek(twin)) is not None}
            yield _scanned(at.path, listing, twins)
            chain = _Chain(listing.identity, at.chain)
            folders = {at.path: listing.folders} | {twin: other.folders for twin, other in twins.items()}
            twins_of = child_twins(folders, at.path)
            stack.extend(
                _Pending(join_path(at.path, name), chain, twins_of.get(name, ())) for name in reversed(listing.folders)
            )

    def _visit(self, at: _Pending, list_folder: Callable[[str], Listing]) -> Listing:
        """List a folder, or say why not."""
        try:
            listing = list_folder(at.path)
        except OSError as error:
            return Listing(complete=False, problems=self._explain(at.path, error))
        if _contains(at.chain, listing.identity):
            message, hint = "the folder is mounted inside itself", "exclude it: its files are backed up from above"
            return Listing(listing.identity, complete=False, problems=[ScanProblem(at.path, message, hint)])
        return listing

    def _explain(self, path: str, error: OSError) -> list[ScanProblem]:
        if error.errno not in GONE:
            return [problem_of(path, error)]
        if not self._lost and self._source_is_there():
            # Just removed or renamed. Where to is not known yet, so what was in it is unknown, not missing.
            return []
        # Said once: each of the folders still to visit is gone with it.
        first, self._lost = not self._lost, True
        return [ScanProblem("", "the source folder is gone", "is the drive still connected?")] if first else []

    def _source_is_there(self) -> bool:
        try:
            now = os.stat(self._root)
        except OSError:
            return False
        return isinstance(self._base, str) or os.path.samestat(now, os.fstat(self._base))

    def _peek(self, path: str) -> Listing | None:
        try:
            return self._lister.list_folder(self._base, path)
        except OSError:
            # Its own visit reports it; and what cannot be read now is not backed up now, so nothing collides.
            return None


def _scanned(path: str, listing: Listing, twins: dict[str, Listing]) -> ScannedDir:
    in_twins = (name for twin in twins.values() for name in twin.columns.names)
    return ScannedDir(
        path=path,
        columns=listing.columns,
        complete=listing.complete,
        excluded=listing.excluded,
        special=listing.special,
        problems=tuple(listing.problems),
        colliding=colliding_files(listing.columns.names, in_twins),
    )


def _contains(chain: _Chain | None, identity: Identity) -> bool:
    while chain is not None and identity.inode:
        if chain.identity == identity:
            return True
        chain = chain.above
    return False

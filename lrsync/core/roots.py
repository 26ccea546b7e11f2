"""Where in a backup the folders of a catalog are: by what the user says, by the library's source, by the names in it.

Pure. A catalog has absolute paths, often of another computer: another mount point, a drive letter, a NAS.
"""

from __future__ import annotations

import posixpath
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Final, NamedTuple

from lrsync.core.filetypes import is_original
from lrsync.core.keys import folded, join_path, split_path
from lrsync.core.lightroom import RootMapping, is_absolute, mapped, with_slashes
from lrsync.errors import UsageError

MOST_SAMPLED: Final = 1000
MOST_NAMESAKES: Final = 8
"""`IMG_0001.JPG` may be in every folder; so many tell where a catalog's folder is as well as thousands."""


class Source(Enum):
    """What says where a folder of the catalog is in the backup."""

    USER = "map-root"
    LIBRARY = "source"
    NAMES = "names"


class RootUse(NamedTuple):
    """A folder as the catalog spells it (`old`), where it is in the backup (`new`; '' is its root), and who says so."""

    old: str
    new: str
    by: Source


class Witness(NamedTuple):
    """A file that a catalog names, and that may tell where its root is. `size`: its bytes at import, if known."""

    root: str
    folder: str
    name: str
    size: int | None


@dataclass(frozen=True, slots=True)
class RootMap:
    """Where the catalog's folders are in the backup: the user's word wins, then the source's, then the names'."""

    user: tuple[RootMapping, ...] = ()
    library: tuple[RootMapping, ...] = ()
    names: tuple[RootMapping, ...] = ()

    def find(self, folder: str) -> tuple[RootUse, str] | None:
        """What is used for this absolute folder, and its path in the backup ('' is the root); None: nothing is."""
        for source, mappings in ((Source.USER, self.user), (Source.LIBRARY, self.library), (Source.NAMES, self.names)):
            found = mapped(folder, mappings)
            if found is not None:
                mapping, rest = found
                return RootUse(mapping.old, mapping.new, source), join_path(mapping.new, rest).strip("/")
        return None


def root_map(mappings: Iterable[RootMapping], sources: Sequence[str]) -> RootMap:
    """What is known before anything is looked at. `sources`: how the library's source is, or was, spelled.

    A mapping leads to a folder of the backup (`2013`, `.`), or to one in the source. Raises UsageError.
    """
    library = tuple(RootMapping(with_slashes(source), "") for source in sources if source)
    return RootMap(tuple(RootMapping(one.old, _backup_folder(one.new, library)) for one in mappings), library)


def _backup_folder(new: str, library: tuple[RootMapping, ...]) -> str:
    if is_absolute(new):
        found = RootMap(library=library).find(with_slashes(new))
        if found is not None:
            return found[1]
    else:
        folder = posixpath.normpath(new.replace("\\", "/"))
        if not f"{folder}/".startswith("../"):
            return "" if folder == "." else folder
    raise UsageError(
        f"--map-root: {new} is not in the backup",
        hint="name the folder as it lies in the backup, as in D:/Photos=2013; '.' is the backup's root",
    )


# --- by the names -----------------------------------------------------------------------------------------


@dataclass(slots=True)
class NameVote:
    """Finds where roots are by the files that both the catalog and the backup name. Memory is bounded by `witnesses`.

    Each pair of one name votes for the two folders that are left when the folders that they have in common at their
    ends are taken away: `D:/Photos/2013/06/a.nef` and `2013/06/a.nef` for `D:/Photos` being the backup's root.
    """

    witnesses: Sequence[Witness]
    _named: dict[str, list[int]] = field(default_factory=dict)
    _votes: dict[tuple[str, RootMapping], set[int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for number, witness in enumerate(self.witnesses):
            namesakes = self._named.setdefault(folded(witness.name), [])
            if len(namesakes) < MOST_NAMESAKES:
                namesakes.append(number)

    def add(self, path: str, size: int) -> None:
        """A file of the backup."""
        folder, name = split_path(path)
        for number in self._named.get(folded(name), ()):
            pair = _pair(self.witnesses[number], folder, size)
            if pair is not None:
                self._votes.setdefault((self.witnesses[number].root, pair), set()).add(number)

    def mappings(self) -> tuple[RootMapping, ...]:
        """For each root the mapping that most of its files agree on; none for a root where there is no such."""
        sampled = Counter(self.witnesses[n].root for namesakes in self._named.values() for n in namesakes)
        best: dict[str, tuple[int, int, RootMapping]] = {}
        for (root, pair), voters in self._votes.items():
            # Of two copies in the backup the one nearer its root is the library's own.
            rank = (len(voters), -len(pair.new), pair)
            best[root] = max(best.get(root, rank), rank)
        return tuple(pair for root, (votes, _, pair) in best.items() if 2 * votes >= sampled[root])


def _pair(witness: Witness, folder: str, size: int) -> RootMapping | None:
    """What a file of the backup tells of a witness of its name; None where it is likely another file."""
    known = witness.size is not None
    if known and witness.size != size and is_original(witness.name):
        return None
    there, here = witness.folder.rstrip("/").split("/"), folder.split("/") if folder else []
    common = 0
    # The first part of an absolute path ('' or a drive) is no folder's name.
    while common < min(len(there) - 1, len(here)) and folded(there[-1 - common]) == folded(here[-1 - common]):
        common += 1
    pair = RootMapping("/".join(there[: len(there) - common]), "/".join(here[: len(here) - common]))
    if common or (known and witness.size == size):
        return pair
    # A name alone is no proof; but a catalog's root folder may well be the backup's.
    return pair if not folder and pair.old == witness.root.rstrip("/") else None

"""Which files a restore is about: by name, folder, time and type. Streams; memory is bounded by one photo's files.

Touches no disk. What a pattern means is told by predicates that are handed in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import groupby

from lrsync.core.filetypes import TypeFilter, is_companion, is_raw
from lrsync.core.keys import split_path
from lrsync.core.restoring import Backup, RestoreItem


@dataclass(frozen=True, slots=True)
class NameTest:
    """One name as the user gave it: the very paths (or folders) that may be meant, or else a pattern."""

    text: str
    paths: frozenset[str]
    matches: Callable[[str], bool] = field(compare=False)

    def takes(self, path: str) -> bool:
        """Whether this path is meant: itself, a folder above it, or by the pattern."""
        return "." in self.paths or path in self.paths or _is_below(path, self.paths) or self.matches(path)


@dataclass(frozen=True, slots=True)
class Selection:
    """What is wanted. Names, folders and the list add up; photos, times and types narrow that down. Nothing is
    everything.

    `listed`: every spelling of the paths of a list, with the line that it stands for. `photos`: the only paths that
    may be meant, as a catalog told. Times in nanoseconds since the epoch: from `since_ns` on, before `until_ns`.
    `companions`: a RAW that is wanted brings its sidecars and the JPEG of the pair.
    """

    names: tuple[NameTest, ...] = ()
    folders: frozenset[str] = frozenset()
    listed: Mapping[str, str] | None = None
    photos: frozenset[str] | None = None
    since_ns: int | None = None
    until_ns: int | None = None
    types: TypeFilter | None = None
    companions: bool = True

    @property
    def is_everything(self) -> bool:
        """Whether nothing is left out."""
        return not (self.places or self.by_time or self.types or self.photos is not None)

    @property
    def places(self) -> bool:
        """Whether only some names are wanted."""
        return bool(self.names or self.folders or self.listed is not None)

    @property
    def by_time(self) -> bool:
        """Whether a file's time decides: then every item must know its own."""
        return self.since_ns is not None or self.until_ns is not None

    def names_file(self, path: str) -> bool:
        """Whether the user named this very file, rather than a folder or a pattern."""
        return any(path in name.paths for name in self.names)


@dataclass(slots=True)
class Selector:
    """One pass over a backup. `unmatched` holds, at its end, the names that stood for nothing."""

    selection: Selection
    unmatched: dict[str, None] = field(init=False)

    def __post_init__(self) -> None:
        chosen = self.selection
        texts = [*(name.text for name in chosen.names), *sorted(chosen.folders), *(chosen.listed or {}).values()]
        self.unmatched = dict.fromkeys(texts)

    def select(self, items: Iterable[RestoreItem]) -> Iterator[RestoreItem]:
        """The wanted items, in their order, which must be by path."""
        if not self.selection.companions or self.selection.is_everything:
            yield from (item for item in items if self._takes(item))
            return
        for _, group in groupby(items, key=_photo_of):
            yield from self._with_companions(list(group))

    def _with_companions(self, group: list[RestoreItem]) -> Iterator[RestoreItem]:
        taken = [self._takes(item) for item in group]
        raws = [_name(item) for item, is_taken in zip(group, taken, strict=True) if is_taken and is_raw(item.path)]
        for item, is_taken in zip(group, taken, strict=True):
            if is_taken or any(is_companion(_name(item), raw) for raw in raws):
                yield item

    def _takes(self, item: RestoreItem) -> bool:
        chosen = self.selection
        if chosen.photos is not None and item.path not in chosen.photos:
            # A name or folder stands for something all the same: another of its files may be none of the photos.
            if chosen.places:
                self._is_placed(item.path)
            return False
        if chosen.places and not self._is_placed(item.path):
            return False
        if chosen.types is not None and not chosen.types.takes(_name(item)):
            return False
        if not chosen.by_time or item.mtime_ns is None:
            # An item that does not know its time is asked about before it comes here; if it still does not, it is
            # rather restored than lost.
            return True
        return (chosen.since_ns is None or item.mtime_ns >= chosen.since_ns) and (
            chosen.until_ns is None or item.mtime_ns < chosen.until_ns
        )

    def _is_placed(self, path: str) -> bool:
        chosen, taken = self.selection, False
        if chosen.listed is not None and path in chosen.listed:
            self.unmatched.pop(chosen.listed[path], None)
            taken = True
        for folder in chosen.folders:
            if _is_below(path, (folder,)):
                self.unmatched.pop(folder, None)
                taken = True
        for name in chosen.names:
            # Once it stood for something, a name is only asked where no other has spoken yet.
            if (not taken or name.text in self.unmatched) and name.takes(path):
                self.unmatched.pop(name.text, None)
                taken = True
        return taken


def search(backup: Backup, selector: Selector) -> Iterator[RestoreItem]:
    """What the selection wants of a backup. Where it is about single files, only their folders are looked at."""
    folders = _folders_wanted(backup, selector.selection)
    if folders is None:
        yield from selector.select(backup.items())
        return
    for folder in folders:
        yield from selector.select(backup.folder(folder))


def _folders_wanted(backup: Backup, selection: Selection) -> list[str] | None:
    """The folders of the single files that are wanted; None where the whole backup must be looked through."""
    if not backup.has_folders or selection.folders or selection.listed is not None:
        return None
    if not selection.names:
        return None if selection.photos is None else sorted({split_path(path)[0] for path in selection.photos})
    folders = set[str]()
    for name in selection.names:
        found = [path for path in sorted(name.paths) if backup.has(path)]
        if not found:
            return None
        folders.update(split_path(path)[0] for path in found)
    return sorted(folders)


def _is_below(path: str, folders: Iterable[str]) -> bool:
    return any(path.startswith(f"{folder}/") for folder in folders)


def _photo_of(item: RestoreItem) -> tuple[str, str]:
    """What the files of one photo have in common: folder, and name up to the first dot. They follow one another."""
    folder, name = split_path(item.path)
    return folder, name.partition(".")[0]


def _name(item: RestoreItem) -> str:
    return split_path(item.path)[1]

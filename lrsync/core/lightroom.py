"""What the values in a Lightroom catalog mean: paths, versions, times, import hashes. Pure; opens nothing.

Learnt from a real Lightroom 5 catalog and from what others have published about later ones: docs/lightroom.md says
what was tried with which.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

from lrsync.core.keys import composed

KNOWN_MAJORS: Final = range(3, 16)
"""Lightroom's major versions whose core tables are known to be as they are read here."""

COCOA_EPOCH_S: Final = 978_307_200
"""2001-01-01 UTC: what times in a catalog are counted from, in seconds since 1970."""

_VERSION: Final = re.compile(r"(\d{1,3})(\d{5})", re.ASCII)
_DRIVE: Final = re.compile(r"[A-Za-z]:/")


@dataclass(frozen=True, slots=True)
class CatalogFacts:
    """What a catalog says of itself. `db_version` as it is stored ('' where it does not say).

    `files` are photos and videos on the disk; `images` counts virtual copies too. `unwritten`: images whose edits are
    not in their XMP yet. `writes_xmp` is None where the catalog does not say whether XMP is written by itself.
    """

    db_version: str = ""
    files: int = 0
    images: int = 0
    unwritten: int = 0
    writes_xmp: bool | None = None

    @property
    def major(self) -> int | None:
        """Lightroom's major version; None where the stored version does not tell."""
        found = _VERSION.fullmatch(self.db_version)
        return int(found[1]) if found else None

    @property
    def is_known(self) -> bool:
        """Whether a catalog of this version is known to be read right."""
        return self.major in KNOWN_MAJORS


NamedPhoto = tuple[str, str | None, str | None]
"""A photo as the catalog has it: name, `sidecarExtensions`, `importHash`. A plain tuple: there may be 200,000."""


class CatalogFolder(NamedTuple):
    """One folder of a catalog: `path` is absolute, with `/` and without one at its end, as the catalog spells it."""

    id: int
    root: str
    path: str


def folder_path(root: str, path_from_root: str) -> str:
    """A folder's absolute path from a root's (`/Users/anna/2013/`) and the part below it (`''` or `06/`).

    >>> folder_path("C:/Photos/", "2013/06/"), folder_path("/", "")
    ('C:/Photos/2013/06', '/')
    """
    return (root + path_from_root).rstrip("/") or "/"


def path_here(folder: CatalogFolder, root_here: str) -> str:
    """Where a folder is on this machine, whose root is `root_here`."""
    below_root = folder.path[len(folder.root.rstrip("/")) :].strip("/")
    return f"{root_here.rstrip('/')}/{below_root}".rstrip("/") or "/"


def below(path: str, sources: Iterable[str]) -> str | None:
    """An absolute path as one below the first of these folders that it is in; None where it is in none of them.

    >>> below("/a/b/c", ["/x", "/a/"]), below("/ab", ["/a"])
    ('b/c', None)
    """
    parts = path.split("/")
    for source in sources:
        head = composed(source.rstrip("/")).split("/")
        if [composed(part) for part in parts[: len(head)]] == head:
            return "/".join(parts[len(head) :])
    return None


def sidecar_names(name: str, extensions: str | None) -> Iterator[str]:
    """The names of a photo's companions: `sidecarExtensions` is a list such as `JPG,xmp`.

    >>> list(sidecar_names("IMG_1.CR2", "JPG,xmp"))
    ['IMG_1.JPG', 'IMG_1.xmp']
    """
    stem, dot, extension = name.rpartition(".")
    for word in (extensions or "").split(","):
        other = word.strip()
        if other and dot and other != extension:
            yield f"{stem}.{other}"


def import_size(import_hash: str | None) -> int | None:
    """The file's size in bytes when it was imported: what `importHash` ends with.

    >>> import_size("407630349:_MAX7667.NEF:14114354"), import_size(None)
    (14114354, None)
    """
    last = str(import_hash or "").rpartition(":")[2]
    return int(last) if last.isascii() and last.isdigit() and len(last) < 19 else None


# --- roots that lie elsewhere on this machine -------------------------------------------------------------


class RootMapping(NamedTuple):
    """A folder as the catalog spells it, and where it is on this machine; both absolute, without a slash at the end."""

    old: str
    new: str


def parse_mapping(text: str) -> RootMapping:
    """`OLD=NEW` from a command line. Windows' backslashes in OLD are taken too. Raises ValueError.

    >>> parse_mapping("D:\\\\Photos\\\\=/mnt/photos")
    RootMapping(old='D:/Photos', new='/mnt/photos')
    """
    old, equals, new = text.partition("=")
    old = old.replace("\\", "/")
    if not equals or not old or not new:
        raise ValueError("write it as OLD=NEW: the folder in the catalog, then the folder on this machine")
    return RootMapping(old.rstrip("/"), new.rstrip("/") or "/")


def mapped(path: str, mappings: Iterable[RootMapping]) -> tuple[RootMapping, str] | None:
    """The longest mapping that fits a path, and what of the path is below it ('' for the very folder); or None.

    >>> mapped("d:/photos/2013", [RootMapping("D:/Photos", "/mnt/photos")])
    (RootMapping(old='D:/Photos', new='/mnt/photos'), '2013')
    """
    parts = _parts(path)
    for mapping in sorted(mappings, key=lambda mapping: len(_parts(mapping.old)), reverse=True):
        old = _parts(mapping.old)
        if _compared(path, parts[: len(old)]) == _compared(path, old):
            return mapping, "/".join(parts[len(old) :])
    return None


def map_path(path: str, mappings: Iterable[RootMapping]) -> str:
    """A catalog's path on this machine: the longest mapping that fits it wins; without one it stays as it is."""
    found = mapped(path, mappings)
    if found is None:
        return path
    mapping, rest = found
    return f"{mapping.new.rstrip('/')}/{rest}" if rest else mapping.new


def _parts(path: str) -> list[str]:
    return composed(path).rstrip("/").split("/")


def _compared(path: str, parts: Iterable[str]) -> list[str]:
    """The parts as they are compared: Windows' names are the same in any case."""
    on_windows = _DRIVE.match(f"{path}/") is not None or path.startswith("//")
    return [part.casefold() for part in parts] if on_windows else list(parts)


def is_absolute(path: str) -> bool:
    """Whether a path is absolute on some system: a drive's or a NAS's on Windows, or one that starts at the root."""
    return path.startswith(("/", "\\\\")) or _DRIVE.match(path.replace("\\", "/")) is not None


def with_slashes(path: str) -> str:
    """A path as a catalog spells it, without a slash at its end. Only Windows' backslash is no part of a name."""
    if path.startswith("\\\\") or _DRIVE.match(path.replace("\\", "/")):
        path = path.replace("\\", "/")
    return path.rstrip("/") or "/"


def volume_of(path: str, home_of_volumes: Iterable[str] = ("/Volumes", "/media", "/run/media", "/mnt")) -> str:
    """The drive that a path lies on, as far as its spelling tells: what must be there for the path to be there.

    >>> volume_of("/Volumes/Photos/2013"), volume_of("D:/a/b"), volume_of("//nas/photos/2013"), volume_of("/Users/a/b")
    ('/Volumes/Photos', 'D:/', '//nas/photos', '/Users')
    """
    parts = [part for part in path.split("/") if part]
    if path.startswith("//"):
        return "//" + "/".join(parts[:2])
    if _DRIVE.match(f"{path}/"):
        return f"{path[:2]}/"
    for home in home_of_volumes:
        if path.startswith(f"{home}/"):
            # Linux mounts what a person plugs in below that person's name.
            depth = len(home.split("/")) - 1 + (2 if home.endswith("media") else 1)
            return "/" + "/".join(parts[:depth])
    return "/" + "/".join(parts[:1])

"""What a file is, told by its name alone. One table; touches no disk."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Final


class FileType(Enum):
    """What a file is to a photographer; decides how carefully a change to it is treated."""

    ORIGINAL = "original"
    REWRITABLE = "rewritable"
    SIDECAR = "sidecar"
    CATALOG = "catalog"
    PREVIEW = "preview"
    OTHER = "other"


_RAW: Final = "cr2 cr3 crw nef nrw arw sr2 srf raf orf rw2 pef srw 3fr fff iiq x3f mrw erf rwl mef mos kdc dcr gpr"
_VIDEO: Final = "mov mp4 m4v avi mpg mpeg mts m2ts 3gp mkv wmv braw r3d crm insv 360"
_TABLE: Final[dict[FileType, str]] = {
    # Proprietary RAW and videos: Lightroom never rewrites them, so their bytes should never change.
    FileType.ORIGINAL: f"{_RAW} {_VIDEO}",
    # Lightroom writes metadata into these.
    FileType.REWRITABLE: "dng jpg jpeg jpe tif tiff psd psb heic heif hif avif jxl png gif webp fpx bmp",
    FileType.SIDECAR: "xmp acr thm wav",
    FileType.CATALOG: "lrcat lrcat-data lrcat-wal lrcat-journal",
    FileType.PREVIEW: "lrdata lrprev lrfprev",
}
_BY_EXTENSION: Final[dict[str, FileType]] = {
    extension: kind for kind, extensions in _TABLE.items() for extension in extensions.split()
}
_ALIASES: Final[dict[str, str]] = {
    # A RAW in the sense of whoever asks for "all RAWs": DNG too.
    "raw": f"{_RAW} dng",
    "video": _VIDEO,
    "jpeg": "jpg jpeg jpe",
    "jpg": "jpg jpeg jpe",
    "tiff": "tif tiff",
    "tif": "tif tiff",
    "heic": "heic heif hif",
}
_RAWS: Final = frozenset(_ALIASES["raw"].split())
_JPEGS: Final = frozenset(_ALIASES["jpeg"].split())


def extension_of(name: str) -> str:
    """The lower-case extension of a file name, without its dot; '' where it has none (`.hidden` has none)."""
    stem, dot, extension = name.rpartition(".")
    return extension.lower() if dot and stem else ""


def type_of(name: str) -> FileType:
    """What the file called `name` is.

    >>> type_of("IMG_0001.CR3"), type_of("a.xmp"), type_of("notes.txt")
    (<FileType.ORIGINAL: 'original'>, <FileType.SIDECAR: 'sidecar'>, <FileType.OTHER: 'other'>)
    """
    return _BY_EXTENSION.get(extension_of(name), FileType.OTHER)


CATALOG_SUFFIX: Final = ".lrcat"
_CATALOGS: Final = (CATALOG_SUFFIX, CATALOG_SUFFIX.upper())
DATA_SUFFIX: Final = "-data"
LOG_SUFFIXES: Final = ("-wal", "-journal")
"""What SQLite keeps beside a catalog that is open, or that was when the machine went down."""
_COMPANIONS: Final = (*LOG_SUFFIXES, "-shm", ".lock", DATA_SUFFIX)


def is_catalog(name: str) -> bool:
    """Whether this is a Lightroom catalog itself: a database that another program may be writing to at any moment."""
    return name.endswith(_CATALOGS)


def catalog_of(name: str) -> str | None:
    """The catalog that a file or folder beside it belongs to; None for a name that is no catalog's companion.

    >>> catalog_of("My.lrcat-wal"), catalog_of("My.lrcat-data"), catalog_of("My.lrcat"), catalog_of("a-wal")
    ('My.lrcat', 'My.lrcat', None, None)
    """
    for suffix in _COMPANIONS:
        if name.endswith(suffix) and is_catalog(name[: -len(suffix)]):
            return name[: -len(suffix)]
    return None


def is_photo(name: str) -> bool:
    """Whether a photographer would call it a photo or a video."""
    return type_of(name) in (FileType.ORIGINAL, FileType.REWRITABLE)


def is_original(name: str) -> bool:
    """Whether a change of this file's bytes is damage until a person says otherwise."""
    return type_of(name) is FileType.ORIGINAL


@dataclass(frozen=True, slots=True)
class TypeFilter:
    """Which types of files are wanted: whole kinds of `FileType`, and extensions."""

    kinds: frozenset[FileType] = frozenset()
    extensions: frozenset[str] = frozenset()

    def takes(self, name: str) -> bool:
        """Whether the file called `name` is of a wanted type."""
        return extension_of(name) in self.extensions or type_of(name) in self.kinds


def parse_types(words: Iterable[str]) -> TypeFilter:
    """The filter of words as `raw`, `video`, `original`, `xmp` or `.NEF`. Raises ValueError for one that is none."""
    kinds, extensions = set[FileType](), set[str]()
    for word in (word.strip().lower().removeprefix(".") for word in words):
        if word in _ALIASES:
            extensions.update(_ALIASES[word].split())
        elif word in (kind.value for kind in FileType):
            kinds.add(FileType(word))
        elif word and word.replace("-", "").isalnum():
            extensions.add(word)
        else:
            raise ValueError(f"'{word}' is no type of file")
    return TypeFilter(frozenset(kinds), frozenset(extensions))


def stem_of(name: str) -> str:
    """The name without its extension, in lower case: `IMG_1.CR3` and `img_1.xmp` belong together."""
    stem, dot, _ = name.rpartition(".")
    return (stem if dot and stem else name).lower()


def is_raw(name: str) -> bool:
    """Whether this is a RAW, proprietary or DNG."""
    return extension_of(name) in _RAWS


def is_companion(name: str, raw: str) -> bool:
    """Whether a file goes with a RAW of the same folder: its sidecars, and the JPEG of the pair.

    >>> is_companion("IMG_1.xmp", "IMG_1.CR3"), is_companion("IMG_1.CR3.xmp", "IMG_1.CR3")
    (True, True)
    >>> is_companion("IMG_10.xmp", "IMG_1.CR3"), is_companion("IMG_1.mov", "IMG_1.CR3")
    (False, False)
    """
    if type_of(name) is not FileType.SIDECAR and extension_of(name) not in _JPEGS:
        return False
    return stem_of(name) in (stem_of(raw), raw.lower())

"""What a file is, told by its name alone. One table; touches no disk."""

from __future__ import annotations

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


_TABLE: Final[dict[FileType, str]] = {
    # Proprietary RAW and videos: Lightroom never rewrites them, so their bytes should never change.
    FileType.ORIGINAL: (
        "cr2 cr3 crw nef nrw arw sr2 srf raf orf rw2 pef srw 3fr fff iiq x3f mrw erf rwl mef mos kdc dcr gpr "
        "mov mp4 m4v avi mpg mpeg mts m2ts 3gp mkv wmv braw r3d crm insv 360"
    ),
    # Lightroom writes metadata into these.
    FileType.REWRITABLE: "dng jpg jpeg jpe tif tiff psd psb heic heif hif avif jxl png gif webp fpx bmp",
    FileType.SIDECAR: "xmp acr thm wav",
    FileType.CATALOG: "lrcat lrcat-data lrcat-wal lrcat-journal",
    FileType.PREVIEW: "lrdata lrprev lrfprev",
}
_BY_EXTENSION: Final[dict[str, FileType]] = {
    extension: kind for kind, extensions in _TABLE.items() for extension in extensions.split()
}


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


def is_original(name: str) -> bool:
    """Whether a change of this file's bytes is damage until a person says otherwise."""
    return type_of(name) is FileType.ORIGINAL

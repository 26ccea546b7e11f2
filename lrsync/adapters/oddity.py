"""What Windows and macOS say of a file beyond its mode: online-only placeholders and junctions. Pure."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Callable
from enum import Enum, auto
from typing import Final


class Oddity(Enum):
    """Why an entry that looks like a file or folder must not be opened."""

    PLACEHOLDER = auto()
    """Its bytes are in a cloud: opening it would download it, perhaps the whole library."""
    LINK = auto()
    """A junction or another name surrogate: it leads elsewhere, as a symbolic link does."""


OddityTest = Callable[[os.stat_result], Oddity | None]

# Win32 "File Attribute Constants"; macOS <sys/stat.h>. Only the first is in the `stat` module on every system.
_RECALL_ON_OPEN: Final = 0x0004_0000
_RECALL_ON_DATA_ACCESS: Final = 0x0040_0000
_ONLINE_ONLY: Final = stat.FILE_ATTRIBUTE_OFFLINE | _RECALL_ON_OPEN | _RECALL_ON_DATA_ACCESS
_NAME_SURROGATE: Final = 0x2000_0000
"""The bit of a reparse tag that says "another name of something else" (IsReparseTagNameSurrogate)."""
_SF_DATALESS: Final = 0x4000_0000


def windows_oddity(found: os.stat_result) -> Oddity | None:
    """By file attributes and reparse tag. OneDrive's folders have a reparse tag, too, and are no links."""
    attributes = getattr(found, "st_file_attributes", 0)
    if attributes & stat.FILE_ATTRIBUTE_REPARSE_POINT and getattr(found, "st_reparse_tag", 0) & _NAME_SURROGATE:
        return Oddity.LINK
    return Oddity.PLACEHOLDER if attributes & _ONLINE_ONLY else None


def macos_oddity(found: os.stat_result) -> Oddity | None:
    """By the dataless flag of the File Provider (iCloud Drive, and every cloud drive since macOS 12)."""
    return Oddity.PLACEHOLDER if getattr(found, "st_flags", 0) & _SF_DATALESS else None


def oddity_test() -> OddityTest | None:
    """This system's test; None where there is nothing to test for."""
    return {"win32": windows_oddity, "darwin": macos_oddity}.get(sys.platform)

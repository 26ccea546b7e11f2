"""What `[libraries.NAME.storage]` of the config file may hold: a storage class for each kind of file. Reads no file."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from typing import Final

from lrsync.config import parse_storage_class
from lrsync.core.filetypes import FileType
from lrsync.core.storage import ARCHIVES, KINDS, MIN_SIZE, StorageRules
from lrsync.errors import UsageError

_MIN_SIZE: Final = "min_size"
_NAMES: Final = (*(kind.value for kind in KINDS), _MIN_SIZE)
_SIZE: Final = re.compile(r"(\d{1,12})([KM]?)(?:I?B)?", re.ASCII)
_UNITS: Final = {"": 1, "K": 1 << 10, "M": 1 << 20}


def parse_storage(table: object, place: str) -> StorageRules:
    """The rules of a `storage` table; `place` says where it stands. Raises UsageError."""
    if not isinstance(table, dict):
        raise UsageError(f"'storage' must be a table {place}", hint="write [libraries.NAME.storage] above its settings")
    by_kind: dict[FileType, str] = {}
    min_size = MIN_SIZE
    for name, value in table.items():
        if name == _MIN_SIZE:
            min_size = _parse_size(value, place)
        elif name in _NAMES:
            by_kind[FileType(name)] = _parse_class(name, value, place)
        else:
            close = difflib.get_close_matches(str(name), _NAMES, n=1)
            hint = f"did you mean '{close[0]}'?" if close else f"there are: {', '.join(_NAMES)}"
            raise UsageError(f"unknown setting '{name}' {place}", hint=hint)
    return StorageRules(by_kind=by_kind, min_size=min_size)


def parse_kind(name: str) -> FileType:
    """A kind of file that a class can be chosen for. Raises UsageError."""
    kinds = [kind.value for kind in KINDS]
    if name not in kinds:
        close = difflib.get_close_matches(name, kinds, n=1)
        hint = f"did you mean '{close[0]}'?" if close else f"one of {', '.join(kinds)}"
        raise UsageError(f"'{name}' is no kind of file", hint=hint)
    return FileType(name)


def parse_changes(texts: Iterable[str]) -> dict[FileType, str]:
    """Kinds and their classes, of words as `original=DEEP_ARCHIVE`. Raises UsageError."""
    found: dict[FileType, str] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals:
            raise UsageError(f"'{text}' names no class", hint="write it as original=DEEP_ARCHIVE")
        found[parse_kind(name.strip().lower())] = _checked(name, parse_storage_class(value))
    return found


def _parse_class(name: str, value: object, place: str) -> str:
    if not isinstance(value, str):
        raise UsageError(f"'{name}' must be text in quotes {place}", hint='for example original = "DEEP_ARCHIVE"')
    try:
        return _checked(name, parse_storage_class(value))
    except UsageError as problem:
        raise UsageError(f"{name} {place}: {problem.message}", hint=problem.hint) from problem


def _checked(name: str, storage_class: str) -> str:
    if name == FileType.CATALOG.value and storage_class in ARCHIVES:
        hint = "a catalog is needed at once on the worst day: choose STANDARD, STANDARD_IA or INTELLIGENT_TIERING"
        raise UsageError(f"catalogs go into no archive class, and {storage_class} is one", hint=hint)
    return storage_class


def _parse_size(value: object, place: str) -> int:
    match = _SIZE.fullmatch(str(value).strip().upper()) if isinstance(value, str | int) else None
    if match is None or isinstance(value, bool):
        raise UsageError(f"'{value}' is not a size {place}", hint='write min_size = "128K", or 0 for none')
    return int(match[1]) * _UNITS[match[2]]

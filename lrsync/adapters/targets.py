"""The folder that a restore goes to: made, measured, and asked what it does with names. Writes no photo."""

from __future__ import annotations

import os
import secrets
import shutil
import unicodedata
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from lrsync.adapters.leftovers import TEMPORARY
from lrsync.core.localnames import POSIX, WINDOWS, NameRules
from lrsync.errors import UsageError


def make_target(folder: Path) -> None:
    """Make the folder, and see that files can be made in it. Raises UsageError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / f"{TEMPORARY}probe-{secrets.token_hex(8)}"
        probe.touch(exist_ok=False)
        probe.unlink()
    except OSError as error:
        hint = "choose another folder with --to, or see to its permissions"
        raise UsageError(f"{folder} cannot be written to: {error.strerror}", hint=hint) from None


def refuse_source(folder: Path, source: Path) -> None:
    """Raises UsageError where the folder is the source, lies in it, or holds it."""
    ours, theirs = Path(os.path.realpath(folder)), Path(os.path.realpath(source))
    if _is_same(ours, theirs):
        raise UsageError(f"{folder} is the source", hint="restore it with --in-place, or choose another folder")
    for inner, outer, words in ((ours, theirs, "lies in the source"), (theirs, ours, "holds the source")):
        if outer in inner.parents or any(_is_same(parent, outer) for parent in inner.parents):
            raise UsageError(f"{folder} {words}", hint="choose a folder beside it, or restore with --in-place")


def _is_same(one: Path, other: Path) -> bool:
    if one == other:
        return True
    try:
        # A case-insensitive drive has many names for one folder.
        return os.path.samefile(one, other)
    except OSError:
        return False


def free_bytes(folder: Path) -> int | None:
    """Free bytes for this user where the folder is or will be; None where the system does not say."""
    for place in (folder, *folder.absolute().parents):
        with suppress(FileNotFoundError, NotADirectoryError):
            try:
                found = shutil.disk_usage(place)
            except PermissionError:
                return None
            # Some network drives tell nothing, which reads as a full drive of no size.
            return found.free if found.total else None
    return None


def name_rules(folder: Path) -> NameRules:
    """What the disk of this folder does with names, found out by making and removing a few empty files."""
    rules = WINDOWS if os.name == "nt" else POSIX
    token = secrets.token_hex(8)
    composed = unicodedata.normalize("NFC", f"{TEMPORARY}{token}-É")
    probe = folder / composed
    try:
        probe.touch(exist_ok=False)
        folds_case = os.path.lexists(folder / composed.lower())
        folds_forms = os.path.lexists(folder / unicodedata.normalize("NFD", composed))
    finally:
        probe.unlink(missing_ok=True)
    rules = replace(rules, folds_case=folds_case, folds_forms=folds_forms, max_name_bytes=_name_bytes(folder))
    return rules if rules.windows or _takes_colons(folder, token) else replace(rules, windows=True)


def _takes_colons(folder: Path, token: str) -> bool:
    """FAT, exFAT and most NTFS drivers refuse what Windows refuses, also on other systems."""
    probe = folder / f"{TEMPORARY}{token}:?"
    try:
        probe.touch(exist_ok=False)
    except OSError:
        return False
    probe.unlink()
    return True


def _name_bytes(folder: Path) -> int:
    if not hasattr(os, "pathconf"):
        return POSIX.max_name_bytes
    try:
        return min(POSIX.max_name_bytes, os.pathconf(folder, "PC_NAME_MAX"))
    except (OSError, ValueError):
        return POSIX.max_name_bytes

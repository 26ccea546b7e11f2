"""Paths, prefixes and S3 keys. Pure: knows names, never a disk or a bucket."""

from __future__ import annotations

import base64
import hashlib
import re
import unicodedata
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

MAX_KEY_BYTES: Final = 1024
"""The longest key S3 takes, in bytes of UTF-8 (S3 user guide, "Naming Amazon S3 objects")."""

RESERVED: Final = ".lrsync/"
"""Below the prefix, lrsync's own: manifest snapshots, trash, catalogs."""

_LEADS_ELSEWHERE: Final = frozenset({"", ".", ".."})
MARKER: Final = ".lrsync-library"
"""The file at the source's root that proves that the right drive is mounted."""


TRASH_NOTE: Final = "lrsync-path"
"""The metadata that holds the path of a trashed object whose own name in the trash cannot."""

_SNAPSHOT: Final = re.compile(r"([0-9a-zA-Z-]{1,64})(?:\.sqlite\.zst|/[0-9TZ]{16}\.sqlite\.zst)")
_STAMP: Final = re.compile(r"[0-9]{8}T[0-9]{6}(?:\.[0-9]{6})?Z")
_DIGEST_NAME: Final = re.compile(r"[0-9a-f]{64}-")


class KeyProblem(ValueError):
    """This path cannot be an S3 key, or this key cannot be a path; the message says why."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


def normalise_prefix(prefix: str) -> str:
    """The prefix as it is used everywhere: NFC, no slash at its end; '' for the bucket's root.

    Raises KeyProblem for a leading slash, an empty, `.` or `..` part, a control character, bytes that are not
    UTF-8, or lrsync's own folder.
    """
    prefix = unicodedata.normalize("NFC", prefix)
    if prefix.startswith("/"):
        raise KeyProblem("the prefix starts with a slash", "S3 keys are relative: write it without the slash")
    prefix = prefix.removesuffix("/")
    parts = prefix.split("/") if prefix else []
    if any(part in ("", ".", "..") for part in parts):
        raise KeyProblem("the prefix has an empty, '.' or '..' part", "use plain folder names, as in backup/photos")
    if any(ord(c) < 32 or ord(c) == 127 for c in prefix):
        raise KeyProblem("the prefix has a control character", "use printable characters")
    if ".lrsync" in parts:
        raise KeyProblem("the prefix has a part '.lrsync'", "that name is lrsync's own; choose another")
    if any("\ud800" <= c <= "\udfff" for c in prefix):
        # Let through, it would make every single file fail, for its name.
        raise KeyProblem("the prefix is not valid UTF-8", "use printable characters; S3 keys are UTF-8")
    if len(prefix.encode()) > MAX_KEY_BYTES // 2:
        raise KeyProblem("the prefix is too long", f"keep it under {MAX_KEY_BYTES // 2} bytes")
    return prefix


def listing_prefix(prefix: str) -> str:
    """What a listing asks for: with the slash, so that `Photos2/` never meets `Photos/`."""
    return f"{prefix}/" if prefix else ""


def key_for(prefix: str, path: str) -> str:
    """The S3 key of a relative path (`/` separators), NFC.

    Raises KeyProblem where the name is not UTF-8, or the key is over 1,024 bytes.
    """
    if is_reserved(path):
        raise KeyProblem("the name is lrsync's own", "rename it: '.lrsync' in the bucket holds the manifest and trash")
    key = listing_prefix(prefix) + unicodedata.normalize("NFC", path)
    try:
        encoded = key.encode()
    except UnicodeEncodeError:
        raise KeyProblem("the name is not valid UTF-8", "rename the file or folder; S3 keys are UTF-8") from None
    if len(encoded) > MAX_KEY_BYTES:
        raise KeyProblem(
            f"the key would be {len(encoded):,} bytes; S3 takes at most {MAX_KEY_BYTES:,}",
            "shorten the folder or file names, or use a shorter prefix",
        )
    return key


def path_for(prefix: str, key: str) -> str:
    """The relative path that a key stands for. The key comes from a bucket and is not trusted.

    Raises KeyProblem where the key is outside the prefix, lrsync's own, or could leave a target folder.
    """
    head = listing_prefix(prefix)
    if not key.startswith(head):
        raise KeyProblem("the key is outside the prefix")
    path = key[len(head) :]
    if not path:
        raise KeyProblem("the key is the prefix itself")
    if is_reserved(path):
        raise KeyProblem("the key is lrsync's own")
    if "\0" in path:
        raise KeyProblem("the key holds a NUL")
    if not _LEADS_ELSEWHERE.isdisjoint(path.split("/")):
        raise KeyProblem("the key has an empty, '.' or '..' part")
    return path


def is_reserved(path: str) -> bool:
    """Whether a relative path (or key without its prefix) is lrsync's own."""
    return path.startswith(RESERVED) or path == MARKER


def composed(text: str) -> str:
    """The text in the Unicode form of keys, NFC: the same name may be spelled in two."""
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def folded(text: str) -> str:
    """How names are compared that may be spelled in another case or Unicode form."""
    return text.lower() if text.isascii() else unicodedata.normalize("NFC", text).casefold()


def split_path(path: str) -> tuple[str, str]:
    """(folder, name) of a relative path; the root folder is ''."""
    folder, _, name = path.rpartition("/")
    return folder, name


def join_path(folder: str, name: str) -> str:
    """The relative path of `name` in `folder` ('' is the root)."""
    return f"{folder}/{name}" if folder else name


def trash_key(prefix: str, stamp: str, path_key: str) -> str:
    """Where an object goes that a delete removes or an overwrite replaces.

    `path_key` is the object's full key; `stamp` the run's time, as `trash_stamp` writes it.
    """
    folder = f"{listing_prefix(prefix)}{RESERVED}trash/{stamp}/"
    relative = path_key[len(listing_prefix(prefix)) :]
    if len((folder + relative).encode()) > MAX_KEY_BYTES:
        # The way to the trash made the key too long: a digest stands for the folders, the name's end stays readable.
        relative = f"{hashlib.sha256(relative.encode()).hexdigest()}-{relative[-40:].rpartition('/')[2]}"
    return folder + relative


def snapshot_key(prefix: str, library_uuid: str) -> str:
    """Where the manifest's snapshot lies."""
    return f"{listing_prefix(prefix)}{RESERVED}manifest/{library_uuid}.sqlite.zst"


def stamp_of(time_ns: int) -> str:
    """A time (nanoseconds since the epoch) as it stands in keys, in UTC and to the second: 20260301T023000Z."""
    return datetime.fromtimestamp(time_ns // 1_000_000_000, UTC).strftime("%Y%m%dT%H%M%SZ")


def trash_stamp(time_ns: int) -> str:
    """A run's time as it names its folder in the trash, to the microsecond: 20260301T023000.123456Z.

    To the second, a run right after one that was killed would overwrite what that one kept.
    """
    return f"{stamp_of(time_ns).removesuffix('Z')}.{time_ns // 1000 % 1_000_000:06}Z"


def time_of_stamp(stamp: str) -> int:
    """The time that `stamp_of` or `trash_stamp` wrote, in nanoseconds since the epoch, as exact as it was written.

    Raises ValueError for anything else.
    """
    if not _STAMP.fullmatch(stamp):
        raise ValueError(f"not a time in a key: {stamp}")
    moment = datetime.strptime(stamp[:15], "%Y%m%dT%H%M%S").replace(tzinfo=UTC)
    micros = int(stamp[16:22]) if len(stamp) > 16 else 0
    return (int(moment.timestamp()) * 1_000_000 + micros) * 1_000


def snapshot_folder(prefix: str) -> str:
    """Below which the snapshots of every library that was ever backed up to this prefix lie."""
    return f"{listing_prefix(prefix)}{RESERVED}manifest/"


def snapshot_copies(prefix: str, library_uuid: str) -> str:
    """Below which the library's snapshots are kept by their time, where the bucket keeps no versions."""
    return f"{snapshot_folder(prefix)}{library_uuid}/"


def snapshot_owner(prefix: str, key: str) -> str | None:
    """The UUID of the library whose snapshot lies under this key; None where it is not a snapshot's key."""
    folder = snapshot_folder(prefix)
    found = _SNAPSHOT.fullmatch(key[len(folder) :]) if key.startswith(folder) else None
    return found[1] if found is not None else None


def inner_library(prefix: str, key: str) -> str | None:
    """The prefix of another library that this key, the snapshot of that library's manifest, shows to lie below ours.

    None for every other key, also for our own snapshots and whatever lies in our trash.
    """
    head = listing_prefix(prefix)
    inner, found, rest = key[len(head) :].partition(f"/{RESERVED}manifest/")
    if not (key.startswith(head) and found and _SNAPSHOT.fullmatch(rest)) or is_reserved(inner):
        return None
    return head + inner


def trash_folder(prefix: str) -> str:
    """Below which lies what a delete removed or an overwrite replaced."""
    return f"{listing_prefix(prefix)}{RESERVED}trash/"


def trash_note(key: str, trash_key: str) -> dict[str, str]:
    """Metadata that a trashed object needs so that its key is not lost: of one whose name in the trash is a digest.

    Base64, since S3 takes 2,048 bytes of metadata, and a percent-encoded key may have 3,072.
    """
    head, found, _ = trash_key.partition(f"{RESERVED}trash/")
    relative = key[len(head) :]
    if not found or trash_key.endswith(f"/{relative}"):
        return {}
    return {TRASH_NOTE: base64.urlsafe_b64encode(relative.encode()).decode("ascii")}


def split_trash_key(prefix: str, key: str) -> tuple[str, str] | None:
    """(stamp, relative path) of a key in the trash; None where it is not one. The path may be a digest's name."""
    folder = trash_folder(prefix)
    stamp, _, relative = key[len(folder) :].partition("/") if key.startswith(folder) else ("", "", "")
    return (stamp, relative) if _STAMP.fullmatch(stamp) and relative else None


def may_be_digest(relative: str) -> bool:
    """Whether a path in the trash may stand for a longer one: then its metadata has the path."""
    return _DIGEST_NAME.match(relative) is not None and "/" not in relative


def noted_path(metadata: Mapping[str, str]) -> str | None:
    """The path that `trash_note` wrote; None where there is none. It comes from a bucket and is not trusted."""
    try:
        return base64.urlsafe_b64decode(metadata.get(TRASH_NOTE, "").encode("ascii")).decode() or None
    except ValueError:
        return None

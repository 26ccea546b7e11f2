"""Read a page of a listing (S3 API reference, ListObjectsV2). Asks nobody.

The objects of a page look all alike: the same elements in the same order. Where that holds for every byte of them, one
regular expression takes them apart at less than half of what a tree of them costs; what is around them, and every page
that is not so regular, is ElementTree's.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from typing import Final
from urllib.parse import unquote_plus
from xml.etree import ElementTree

from lrsync.adapters.s3_proofs import unquote
from lrsync.core.objects import ListedObject

_MOST_BYTES: Final = 2**63 - 1
_FIRST, _LAST = "<Contents>", "</Contents>"
_FIELDS: Final = ("Key", "Size", "ETag", "StorageClass", "LastModified")
_TEXT: Final = r"([^<>&\x00-\x1f\x7f-\x9f\ufffe\uffff]+)"
"""What stands for itself in XML 1.0, and is not changed by a parser as the end of a line is."""
_QUOTES: Final = ("&quot;", "&#34;")
_QUOTED: Final = r"([0-9A-Za-z_.=-]+)"
"""What an ETag is made of, mostly; without the `W/` of a weak one, which goes before its quotes."""
_MARKUP: Final = re.compile(r"(<[^<>]*>)")
_OTHER_ENCODING: Final = re.compile(r"""<\?xml[^>]*encoding=["'](?!utf-8["'])""", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a listing. `token` asks for the next one; None on the last."""

    objects: Sequence[ListedObject]
    folders: Sequence[str]
    token: str | None


def page_in(body: bytes) -> Page | None:
    """The page that an answer is; None for whatever is none, a part of one included."""
    try:
        return _regular_page(body) or _any_page(body)
    except (ValueError, ElementTree.ParseError):
        return None


# --- any page ---------------------------------------------------------------------------------------------


def _any_page(body: bytes) -> Page:
    """Raises ValueError and ElementTree.ParseError where it is none."""
    root, space = _root_of(body)
    return _page(root, space, list(_objects(root, space, _decoder(root, space))))


def _root_of(body: bytes | str) -> tuple[ElementTree.Element, str]:
    """A listing's root, and its namespace as it stands before each name."""
    root = ElementTree.fromstring(body)
    space, _, name = root.tag.rpartition("}")
    if name != "ListBucketResult":
        raise ValueError(f"not a listing: {name}")
    return root, f"{space}}}" if space else ""


def _page(root: ElementTree.Element, space: str, objects: Sequence[ListedObject]) -> Page:
    decode = _decoder(root, space)
    truncated = root.findtext(f"{space}IsTruncated")
    if truncated not in ("true", "false"):
        raise ValueError("the listing does not say whether it goes on")
    token = root.findtext(f"{space}NextContinuationToken") or ""
    return Page(
        objects,
        [decode(item.findtext(f"{space}Prefix") or "") for item in root.iterfind(f"{space}CommonPrefixes")],
        token if truncated == "true" else None,
    )


def _decoder(root: ElementTree.Element, space: str) -> Callable[[str], str]:
    return unquote_plus if root.findtext(f"{space}EncodingType") == "url" else str


def _objects(root: ElementTree.Element, space: str, decode: Callable[[str], str]) -> Iterator[ListedObject]:
    """The objects of a page. Raises ValueError where one is none: half of one could look like drift."""
    names = [f"{space}{name}" for name in _FIELDS]
    for item in root.iterfind(f"{space}Contents"):
        facts = {field.tag: field.text for field in item}
        key, size, etag, storage_class, modified = map(facts.get, names)
        if not key:
            raise ValueError("an object without a name")
        yield ListedObject(
            decode(key), _as_size(size or ""), unquote(etag), storage_class or "STANDARD", _as_ns(modified)
        )


def _as_size(text: str) -> int:
    size = int(text)
    if not 0 <= size <= _MOST_BYTES:
        raise ValueError("an object of an impossible size")
    return size


def _as_ns(moment: str | None) -> int:
    """Nanoseconds since the epoch; S3 tells milliseconds at best, so a float's rounding must not show."""
    return 0 if not moment else round(datetime.fromisoformat(moment).timestamp() * 1000) * 1_000_000


# --- a regular page ---------------------------------------------------------------------------------------


def _regular_page(body: bytes) -> Page | None:
    """The page where all its objects look like the first, else None. Raises as `_any_page`."""
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return None
    start, end = text.find(_FIRST), text.rfind(_LAST) + len(_LAST)
    columns = _columns(text[start:end]) if 0 <= start < end else None
    if columns is None or _OTHER_ENCODING.match(text):
        return None
    # An empty object in their place: in a comment, or deeper in the page, they would be no objects of its listing.
    root, space = _root_of(f"{text[:start]}<Contents/>{text[end:]}".encode())
    if root.find(f"{space}Contents") is None:
        return None
    decode = _decoder(root, space)
    keys, sizes, etags, classes, times = columns
    names = [decode(key) if "%" in key or "+" in key else key for key in keys]
    objects = map(ListedObject, names, map(_as_size, sizes), map(unquote, etags), classes, map(_as_ns, times))
    return _page(root, space, list(objects))


def _columns(text: str) -> list[Sequence[str]] | None:
    """The fields of all objects, a sequence for each of _FIELDS; None unless they take up every byte of the text."""
    pieces = _MARKUP.split(text[: text.find(_LAST) + len(_LAST)])  # what is between two tags, a tag, and so on
    pattern, names, length, opened = "", list[str](), 0, ""
    for between, tag in zip(pieces[::2], pieces[1::2], strict=False):
        if between:
            quote = next((quote for quote in _QUOTES if between.startswith(quote)), "")
            pattern += f"{quote}{_QUOTED}{quote}" if quote else _TEXT
            length += 2 * len(quote)
            names.append(tag[2:-1] if tag == f"</{opened[1:]}" else "")
        pattern += re.escape(tag)
        length += len(tag)
        opened = tag
    if any(names.count(name) != 1 for name in _FIELDS):
        return None
    rows = re.findall(pattern, text)
    if len(rows) * length + sum(map(len, chain.from_iterable(rows))) != len(text):
        return None
    found = dict(zip(names, zip(*rows, strict=True), strict=True))
    return [found[name] for name in _FIELDS]

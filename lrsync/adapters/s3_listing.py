"""List objects: the pages of ListObjectsV2, parsed at a fraction of what botocore's parser takes.

botocore makes an object of every element by walking its model: measured here, five times the work of reading the
answer's tree directly. Its `before-parse` event hands out the answer; what is read from it goes along with the rest.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from urllib.parse import unquote_plus
from xml.etree import ElementTree

from lrsync.adapters.s3_client import Answer, S3Calls
from lrsync.adapters.s3_proofs import unquote
from lrsync.core.objects import ListedFolder, ListedObject
from lrsync.errors import BucketError, ObjectError

_MOST_BYTES: Final = 2**63 - 1
_PAGE: Final = "LrsyncPage"


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a listing. `token` asks for the next one; None on the last."""

    objects: Sequence[ListedObject]
    folders: Sequence[str]
    token: str | None


class Listing:
    """The listing half of an S3Store. Raises BucketError only: half a listing is none."""

    def __init__(self, calls: S3Calls) -> None:
        self._calls = calls
        self._target = calls.settings.target
        calls.hook("before-parse.s3.ListObjectsV2", _parse_instead)

    def list(self, prefix: str) -> Iterator[Sequence[ListedObject]]:
        """Every object below the prefix, a page at a time. Pages may be short: only IsTruncated ends it."""
        for page in self._pages(Prefix=prefix):
            yield page.objects

    def list_folder(self, prefix: str) -> Iterator[ListedFolder]:
        """The objects directly in a folder and its sub-folders' prefixes, a page at a time."""
        for page in self._pages(Prefix=prefix, Delimiter="/"):
            yield ListedFolder(page.objects, page.folders)

    def _pages(self, **what: str) -> Iterator[Page]:
        position: dict[str, str] = {}
        seen: set[str] = set()
        while True:
            page = self._page({**what, **position})
            # A store that repeats its pages may well give each of them a new token.
            marks = {f"token {token}" for token in position.values()}
            marks |= {f"key {listed.key}" for listed in page.objects[:1]}
            marks |= {f"folders {page.folders}"} if page.folders else set()
            if marks & seen:
                raise self._endless()
            seen |= marks
            yield page
            if page.token is None:
                return
            if not page.token:
                raise self._endless()
            position = {"ContinuationToken": page.token}

    def _page(self, params: Mapping[str, str]) -> Page:
        try:
            answer = self._calls.call("list_objects_v2", **params)
        except ObjectError as error:
            # No object fails here that others could go on without.
            message = f"the bucket {self._target.bucket} cannot be listed: {error.message}"
            raise BucketError(message, hint="nothing is decided without a whole listing; run again later") from error
        page = answer.get(_PAGE)
        if not isinstance(page, Page):
            # Taken for an empty listing, a login page would make every object missing.
            message = f"what answers at {self._target.endpoint} is not S3"
            raise BucketError(message, hint="check that the endpoint is an S3 store")
        return page

    def _endless(self) -> BucketError:
        return BucketError(
            f"the listing of {self._target.bucket} does not come to an end",
            hint="the store repeats a page; without a whole listing nothing is decided",
        )


def _parse_instead(response_dict: Answer, customized_response_dict: Answer, **_: Any) -> None:
    """botocore's hook before an answer is parsed: leave it only what it must see itself, such as an error."""
    if response_dict["status_code"] != 200:
        return
    try:
        customized_response_dict[_PAGE] = parse_page(response_dict["body"])
    except (ValueError, ElementTree.ParseError):
        return  # botocore says what it is: an error with status 200, half an answer; or nobody takes it for a page
    response_dict["body"] = b"<ListBucketResult/>"


def parse_page(body: bytes) -> Page:
    """A ListObjectsV2 answer (S3 API reference). Raises ValueError and ElementTree.ParseError where it is none."""
    root = ElementTree.fromstring(body)
    space, _, name = root.tag.rpartition("}")
    if name != "ListBucketResult":
        raise ValueError(f"not a listing: {name}")
    space = f"{space}}}" if space else ""
    decode = unquote_plus if root.findtext(f"{space}EncodingType") == "url" else _as_it_is
    truncated = root.findtext(f"{space}IsTruncated")
    if truncated not in ("true", "false"):
        raise ValueError("the listing does not say whether it goes on")
    token = root.findtext(f"{space}NextContinuationToken") or ""
    return Page(
        [_object(item, space, decode) for item in root.iterfind(f"{space}Contents")],
        [decode(item.findtext(f"{space}Prefix") or "") for item in root.iterfind(f"{space}CommonPrefixes")],
        token if truncated == "true" else None,
    )


def _as_it_is(text: str) -> str:
    return text


def _object(item: ElementTree.Element, space: str, decode: Any) -> ListedObject:
    """An object of a listing. Raises ValueError where it is none: half of one could look like drift."""
    skip = len(space)
    facts = {field.tag[skip:]: field.text or "" for field in item}
    key, size = facts.get("Key", ""), int(facts.get("Size", ""))
    if not key or not 0 <= size <= _MOST_BYTES:
        raise ValueError("an object without a name, or of an impossible size")
    return ListedObject(
        key=decode(key) if "%" in key or "+" in key else key,
        size=size,
        etag=unquote(facts.get("ETag")),
        storage_class=facts.get("StorageClass") or "STANDARD",
        last_modified_ns=_as_ns(facts.get("LastModified")),
    )


def _as_ns(moment: str | None) -> int:
    """Nanoseconds since the epoch; S3 tells milliseconds at best, so a float's rounding must not show."""
    return 0 if not moment else round(datetime.fromisoformat(moment).timestamp() * 1000) * 1_000_000

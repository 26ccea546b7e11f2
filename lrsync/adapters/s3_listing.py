"""List objects: the pages of ListObjectsV2, parsed at a fraction of what botocore's parser takes.

botocore takes a page apart three times and makes an object of every element by walking its model. Here a page comes
through libcurl and is read once. Where botocore must send the request, its `before-parse` event hands out the answer;
what is read from it goes along with the rest.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from lrsync.adapters.s3_client import Answer, S3Calls
from lrsync.adapters.s3_pages import Page, page_in
from lrsync.adapters.s3_proofs import is_refusal
from lrsync.adapters.s3_transport import Question
from lrsync.core.objects import ListedFolder, ListedObject
from lrsync.errors import BucketError, ObjectError

_PAGE: Final = "LrsyncPage"
_METHOD: Final = "list_objects_v2"
_AFTER: Final = "start-after"
_BOTO3: Final = {
    "prefix": "Prefix",
    "delimiter": "Delimiter",
    _AFTER: "StartAfter",
    "continuation-token": "ContinuationToken",
}
"""The query's names as boto3 calls them; `list-type` and `encoding-type` are its own business."""


class Listing:
    """The listing half of an S3Store. Raises BucketError only: half a listing is none."""

    def __init__(self, calls: S3Calls) -> None:
        self._calls = calls
        self._target = calls.settings.target
        calls.hook("before-parse.s3.ListObjectsV2", _parse_instead)

    def list(self, prefix: str, *, after: str = "") -> Iterator[Sequence[ListedObject]]:
        """Every object below the prefix, a page at a time. Pages may be short: only IsTruncated ends it.

        `after`: begin with what the store has after this key, in whatever order it lists.
        """
        for page in self._pages({"prefix": prefix} | ({_AFTER: after} if after else {})):
            yield page.objects

    def list_folder(self, prefix: str) -> Iterator[ListedFolder]:
        """The objects directly in a folder and its sub-folders' prefixes, a page at a time."""
        for page in self._pages({"prefix": prefix, "delimiter": "/"}):
            yield ListedFolder(page.objects, page.folders)

    def _pages(self, what: Mapping[str, str]) -> Iterator[Page]:
        query = what
        seen: set[str] = set()
        while True:
            page = self._page(query)
            # A store that repeats its pages may well give each of them a new token.
            marks = {f"token {query['continuation-token']}"} if "continuation-token" in query else set()
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
            query = {name: value for name, value in what.items() if name != _AFTER}
            query["continuation-token"] = page.token

    def _page(self, query: Mapping[str, str]) -> Page:
        try:
            page = self._ask(query)
        except ObjectError as error:
            if _AFTER in query and is_refusal(error):
                # From the start then, as stores do that just do not look at it.
                return self._page({name: value for name, value in query.items() if name != _AFTER})
            # No object fails here that others could go on without.
            message = f"the bucket {self._target.bucket} cannot be listed: {error.message}"
            raise BucketError(message, hint="nothing is decided without a whole listing; run again later") from error
        if page is None:
            # Taken for an empty listing, a login page would make every object missing.
            message = f"what answers at {self._target.endpoint} is not S3"
            raise BucketError(message, hint="check that the endpoint is an S3 store")
        return page

    def _ask(self, query: Mapping[str, str]) -> Page | None:
        whole = {"list-type": "2", "encoding-type": "url", **query}
        reply = self._calls.ask(Question(_METHOD, "GET", whole))
        if reply is not None:
            return page_in(reply.body)
        answer = self._calls.call(_METHOD, **{_BOTO3[name]: value for name, value in query.items()})
        page = answer.get(_PAGE)
        return page if isinstance(page, Page) else None

    def _endless(self) -> BucketError:
        return BucketError(
            f"the listing of {self._target.bucket} does not come to an end",
            hint="the store repeats a page; without a whole listing nothing is decided",
        )


def _parse_instead(response_dict: Answer, customized_response_dict: Answer, **_: Any) -> None:
    """botocore's hook before an answer is parsed: leave it only what it must see itself, such as an error."""
    if response_dict["status_code"] != 200:
        return
    page = page_in(response_dict["body"])
    if page is None:
        return  # botocore says what it is: an error with status 200, half an answer; or nobody takes it for a page
    customized_response_dict[_PAGE] = page
    response_dict["body"] = b"<ListBucketResult/>"

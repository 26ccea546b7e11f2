"""Listings of versions, page by page, and what a bucket's answers about its rules mean."""

from __future__ import annotations

from collections.abc import Callable
from xml.sax.saxutils import escape

import pytest

from lrsync.adapters.s3 import S3Store
from lrsync.errors import BucketError
from tests.stores.canned import CannedS3, Reply, error, xml


@pytest.fixture
def store(canned: CannedS3, open_store: Callable[..., S3Store]) -> S3Store:
    return open_store(canned.server, "bucket", max_attempts=1)


def version(key: str, name: str, second: int, *, latest: bool = False, marker: bool = False) -> str:
    tag = "DeleteMarker" if marker else "Version"
    facts = f"<Key>{escape(key)}</Key><VersionId>{name}</VersionId><IsLatest>{str(latest).lower()}</IsLatest>"
    size = "" if marker else '<Size>5</Size><ETag>"abc"</ETag>'
    return f"<{tag}>{facts}<LastModified>2026-01-01T00:00:{second:02}.000Z</LastModified>{size}</{tag}>"


def page(*versions: str, after: tuple[str, str] | None = None) -> Reply:
    more = f"<IsTruncated>{str(after is not None).lower()}</IsTruncated>"
    if after is not None:
        more += f"<NextKeyMarker>{after[0]}</NextKeyMarker><NextVersionIdMarker>{after[1]}</NextVersionIdMarker>"
    return xml("ListVersionsResult", more + "".join(versions))


def names(store: S3Store) -> list[list[str]]:
    return [[f"{v.key}{v.version_id}" for v in found] for found in store.list_versions("")]


def test_a_key_that_two_pages_share_comes_whole(canned: CannedS3, store: S3Store) -> None:
    canned.answer(
        page(version("a", "1", 1, latest=True), version("b", "3", 9), after=("b", "3")),
        page(version("b", "1", 1), version("b", "2", 5, marker=True), version("c", "1", 1), after=("c", "1")),
        page(version("b", "9", 9, latest=True)),
    )
    # The last page breaks S3's own order: what belongs together is still never lost.
    assert names(store) == [["a1"], ["b3", "b2", "b1"], ["b9", "c1"]]


def test_markers_and_versions_are_put_in_order(canned: CannedS3, store: S3Store) -> None:
    canned.answer(
        page(
            version("a", "1", 1),
            version("a", "3", 3),
            version("a", "4", 4, latest=True, marker=True),
            version("a", "2", 2, marker=True),
        )
    )
    (found,) = store.list_versions("")
    assert [(v.version_id, v.is_current, v.is_marker, v.size, v.etag) for v in found] == [
        ("4", True, True, 0, ""),
        ("3", False, False, 5, "abc"),
        ("2", False, True, 0, ""),
        ("1", False, False, 5, "abc"),
    ]


def test_of_one_second_the_current_one_is_the_newest(canned: CannedS3, store: S3Store) -> None:
    canned.answer(page(version("a", "old", 1), version("a", "now", 1, latest=True, marker=True)))
    assert names(store) == [["anow", "aold"]]


@pytest.mark.parametrize(
    "reply",
    [
        page(version("a", "1", 1), after=("a", "1")),
        xml("ListVersionsResult", "<IsTruncated>true</IsTruncated>"),
        xml("html", "<body>Welcome</body>"),
        error(400, "InvalidArgument"),
        error(403, "AccessDenied"),
    ],
    ids=["the same page again", "no marker", "a login page", "refused", "denied"],
)
def test_half_a_listing_is_none(canned: CannedS3, store: S3Store, reply: Reply) -> None:
    canned.answer(reply)
    with pytest.raises(BucketError):
        names(store)


@pytest.mark.parametrize(
    ("reply", "answer"),
    [
        (error(404, "NoSuchLifecycleConfiguration"), False),
        (xml("LifecycleConfiguration", "<Rule><ID>x</ID><Status>Enabled</Status></Rule>"), True),
        (error(403, "AccessDenied"), True),
        (error(501, "NotImplemented"), True),
    ],
)
def test_rules_are_there_unless_the_bucket_says_no(
    canned: CannedS3, store: S3Store, reply: Reply, answer: bool
) -> None:
    canned.answer(reply)
    assert store.has_lifecycle() is answer


def test_a_version_is_named_in_the_request(canned: CannedS3, store: S3Store) -> None:
    canned.answer(Reply(204))
    store.delete_version("a b", "v1")
    assert canned.asked[-1].method == "DELETE"
    assert canned.asked[-1].path.endswith("/a%20b?versionId=v1")

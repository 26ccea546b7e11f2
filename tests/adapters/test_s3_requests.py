"""How requests look and what S3Store makes of strange answers."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace

import pytest

from lrsync import __version__
from lrsync.adapters.s3 import S3Store
from lrsync.adapters.s3_client import StoreSettings, make_config, needs_path_style
from lrsync.core.checksums import Checksum, ChecksumKind
from lrsync.core.filetypes import FileType
from lrsync.core.objects import PartInfo, Stored
from lrsync.core.parts import object_metadata
from lrsync.core.proof import encode_checksum, encode_crc32
from lrsync.core.storage import StorageRules
from lrsync.core.thaw import Archive, Thaw, ThawState, Tier
from lrsync.errors import (
    BucketError,
    ChecksumMismatchError,
    ObjectArchivedError,
    ObjectChangedError,
    ObjectError,
    ObjectExistsError,
    ObjectMissingError,
    UsageError,
)
from tests.stores.canned import CannedS3, Reply, error, xml
from tests.stores.memory import content_of, entry_of

PHOTO = content_of(b"photo")
SHA256 = encode_checksum(PHOTO.sha256)
MD5 = hashlib.md5(b"photo").hexdigest()
GOOD = Reply(headers={"ETag": f'"{MD5}"', "x-amz-checksum-sha256": SHA256})
POOR = Reply(headers={"ETag": f'"{MD5}"'})


@pytest.fixture(params=["curl", "boto3"])
def store(request: pytest.FixtureRequest, canned: CannedS3) -> Iterator[S3Store]:
    with closing(canned.server.open_store("photos", max_attempts=3, transport=request.param)) as opened:
        yield opened


# --- settings ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("bucket", "endpoint", "expected"),
    [
        ("photos", None, False),
        ("my.photos", None, True),
        ("photos", "https://s3.eu-central-003.backblazeb2.com", False),
        ("my.photos", "https://s3.example.org", True),
        ("photos", "http://127.0.0.1:9000", True),
        ("photos", "http://[::1]:9000", True),
        ("photos", "http://localhost:9000", True),
        ("photos", "http://minio.localhost", True),
        ("photos", "http://192.168.1.20", True),
    ],
)
def test_path_style(bucket: str, endpoint: str | None, expected: bool) -> None:
    assert needs_path_style(bucket, endpoint) is expected
    config = make_config(StoreSettings(bucket=bucket, endpoint_url=endpoint))
    assert config.s3 == ({"addressing_style": "path"} if expected else None)


def test_the_bucket_goes_into_the_path_on_loopback(canned: CannedS3, store: S3Store) -> None:
    canned.answer(GOOD)
    store.put("a b", PHOTO)
    assert canned.asked[0].path == "/photos/a%20b"


def test_what_a_put_sends(canned: CannedS3, store: S3Store) -> None:
    canned.answer(GOOD)
    assert store.put("a", PHOTO).checksum == Checksum(ChecksumKind.SHA256, SHA256)
    [asked] = canned.asked
    assert asked.body == b"photo"
    assert asked.headers["x-amz-checksum-sha256"] == SHA256
    assert asked.headers["content-md5"] == encode_checksum(bytes.fromhex(MD5))
    assert asked.headers["x-amz-meta-lrsync-sha256"] == PHOTO.sha256.hex()
    assert asked.headers["x-amz-meta-mtime"] == object_metadata(PHOTO)["mtime"]
    assert f"lrsync/{__version__}" in asked.headers["user-agent"]
    assert not {"expect", "x-amz-trailer", "transfer-encoding"} & asked.headers.keys()
    store.put("a", PHOTO)
    assert "content-md5" not in canned.asked[1].headers, "MD5 costs CPU, and the store checks the sha256"


def test_a_large_body_of_boto3s_waits_for_consent(canned: CannedS3, open_store: Callable[..., S3Store]) -> None:
    content = content_of(b"x" * (1 << 20))
    canned.answer(Reply(headers={"ETag": '"e"', "x-amz-checksum-sha256": encode_checksum(content.sha256)}))
    open_store(canned.server, "photos", transport="boto3").put("a", content)
    assert canned.asked[0].headers["expect"] == "100-continue"


@pytest.mark.parametrize("transport", ["curl", "boto3"])
def test_storage_class_and_encryption_go_with_every_new_object(canned: CannedS3, transport: str) -> None:
    settings = {"storage_class": "STANDARD_IA", "sse": "aws:kms", "sse_kms_key_id": "key-1", "transport": transport}
    with closing(canned.server.open_store("photos", **settings)) as store:
        canned.answer(GOOD)
        store.put("a", PHOTO)
        canned.answer(xml("InitiateMultipartUploadResult", "<UploadId>u</UploadId>"))
        store.start_multipart("b", PHOTO)
        canned.answer(xml("CopyObjectResult", f"<ETag>e</ETag><ChecksumSHA256>{SHA256}</ChecksumSHA256>"))
        store.copy(entry_of("a", PHOTO, Stored("")), "c", PHOTO)
    for asked in canned.asked:
        assert asked.headers["x-amz-storage-class"] == "STANDARD_IA"
        assert asked.headers["x-amz-server-side-encryption"] == "aws:kms"
        assert asked.headers["x-amz-server-side-encryption-aws-kms-key-id"] == "key-1"


@pytest.mark.parametrize("transport", ["curl", "boto3"])
def test_the_storage_class_of_each_new_object_goes_by_what_it_is(canned: CannedS3, transport: str) -> None:
    rules = StorageRules("STANDARD_IA", {FileType.ORIGINAL: "DEEP_ARCHIVE", FileType.SIDECAR: "STANDARD"}, min_size=5)
    with closing(canned.server.open_store("photos", storage=rules, transport=transport)) as store:
        for key in ("P/a.nef", "P/a.xmp", "P/a.jpg", "P/.lrsync/manifest/u.sqlite.zst"):
            canned.answer(GOOD)
            store.put(key, PHOTO)
        tiny = content_of(b"tiny")
        canned.answer(Reply(headers={"ETag": '"e"', "x-amz-checksum-sha256": encode_checksum(tiny.sha256)}))
        store.put("P/b.nef", tiny)
        canned.answer(xml("InitiateMultipartUploadResult", "<UploadId>u</UploadId>"))
        store.start_multipart("P/b.cr3", PHOTO)
        canned.answer(xml("CopyObjectResult", f"<ETag>e</ETag><ChecksumSHA256>{SHA256}</ChecksumSHA256>"))
        store.copy(entry_of("P/a.jpg", PHOTO, Stored("")), "P/c.mov", PHOTO)
    assert [asked.headers["x-amz-storage-class"] for asked in canned.asked] == [
        "DEEP_ARCHIVE",
        "STANDARD",
        "STANDARD_IA",
        "STANDARD_IA",
        "STANDARD_IA",
        "DEEP_ARCHIVE",
        "DEEP_ARCHIVE",
    ]


# --- retries -----------------------------------------------------------------------------------------------


def test_a_busy_server_is_asked_again(canned: CannedS3, store: S3Store) -> None:
    canned.answer(error(503, "SlowDown"), error(503, "SlowDown"), GOOD)
    store.put("a", PHOTO)
    assert [asked.body for asked in canned.asked] == [b"photo"] * 3
    assert (store.requests.put, store.requests.total) == (3, 3)


@pytest.mark.parametrize("transport", ["curl", "boto3"])
def test_a_throttled_body_is_sent_whole_again(canned: CannedS3, transport: str) -> None:
    content = content_of(b"x" * 20_000)
    good = Reply(headers={"ETag": '"e"', "x-amz-checksum-sha256": encode_checksum(content.sha256)})
    canned.answer(error(500, "InternalError"), good)
    with closing(canned.server.open_store("photos", bwlimit=1_000_000, transport=transport)) as store:
        store.put("a", content)
    assert [asked.body for asked in canned.asked] == [content.data] * 2


def test_it_gives_up_in_the_end(canned: CannedS3, store: S3Store) -> None:
    canned.answer(error(503, "SlowDown"))
    with pytest.raises(ObjectError) as caught:
        store.put("a", PHOTO)
    assert caught.value.code == "SlowDown"
    assert store.requests.put == 3


# --- checksums ---------------------------------------------------------------------------------------------


def test_another_checksum_than_was_sent(canned: CannedS3, store: S3Store) -> None:
    other = encode_checksum(hashlib.sha256(b"other").digest())
    canned.answer(Reply(headers={"ETag": f'"{MD5}"', "x-amz-checksum-sha256": other}))
    with pytest.raises(ChecksumMismatchError):
        store.put("a", PHOTO)


def test_a_store_without_checksums_is_held_to_its_etag(canned: CannedS3, store: S3Store) -> None:
    canned.answer(POOR)
    md5 = Checksum(ChecksumKind.MD5, encode_checksum(bytes.fromhex(MD5)))
    assert store.put("a", PHOTO).checksum == md5
    assert store.put("a", PHOTO).checksum == md5
    assert "x-amz-checksum-sha256" not in canned.asked[1].headers
    assert "content-md5" in canned.asked[1].headers
    canned.answer(Reply(headers={"ETag": f'"{hashlib.md5(b"other").hexdigest()}"'}))
    with pytest.raises(ChecksumMismatchError):
        store.put("a", PHOTO)


def test_an_etag_of_an_encrypted_object_is_no_md5(canned: CannedS3, store: S3Store) -> None:
    canned.answer(Reply(headers={"ETag": f'"{"0" * 32}"', "x-amz-server-side-encryption": "aws:kms"}))
    assert store.put("a", PHOTO).etag == "0" * 32


def test_a_checksum_that_is_no_longer_reported_is_replaced_by_md5(canned: CannedS3, store: S3Store) -> None:
    canned.answer(GOOD, POOR)
    store.put("a", PHOTO)
    assert store.put("a", PHOTO).checksum == Checksum(ChecksumKind.MD5, encode_checksum(bytes.fromhex(MD5)))
    assert ["content-md5" in asked.headers for asked in canned.asked] == [True, False, True]


@pytest.mark.parametrize("status", [400, 501])
def test_a_refused_checksum_header_is_left_out_from_then_on(canned: CannedS3, store: S3Store, status: int) -> None:
    code = "NotImplemented" if status == 501 else "InvalidArgument"
    canned.answer(error(status, code), POOR)
    store.put("a", PHOTO)
    store.put("b", PHOTO)
    sent = [
        asked.headers
        for asked in canned.asked
        if asked.path.endswith("/b") or "x-amz-checksum-sha256" not in asked.headers
    ]
    assert len(canned.asked) == 3
    assert all("x-amz-checksum-sha256" not in headers and "content-md5" in headers for headers in sent)


def test_a_refused_condition_is_left_out(canned: CannedS3, store: S3Store) -> None:
    canned.answer(error(501, "NotImplemented"), GOOD)
    store.put("a", PHOTO, if_absent=True)
    store.put("b", PHOTO, if_absent=True)
    assert ["if-none-match" in asked.headers for asked in canned.asked] == [True, False, False]
    assert all("x-amz-checksum-sha256" in asked.headers for asked in canned.asked)


@pytest.mark.parametrize(("status", "code"), [(412, "PreconditionFailed"), (409, "ConditionalRequestConflict")])
def test_a_taken_key(canned: CannedS3, store: S3Store, status: int, code: str) -> None:
    canned.answer(error(status, code))
    with pytest.raises(ObjectExistsError):
        store.put("a", PHOTO, if_absent=True)
    assert store.requests.put == 1


def test_a_put_without_an_etag_is_looked_up(canned: CannedS3, store: S3Store) -> None:
    head = {"ETag": '"told-by-head"', "Content-Length": "5", "x-amz-meta-lrsync-sha256": PHOTO.sha256.hex()}
    canned.answer(Reply(headers={"x-amz-checksum-sha256": SHA256}), Reply(headers=head))
    assert store.put("a", PHOTO).etag == "told-by-head"


@pytest.mark.parametrize("page", [b"<html><p>Log in</p></html>", b"<html>Welcome! <br> Log in</html>", b"OK", b""])
def test_a_login_page_is_no_acknowledgement(canned: CannedS3, store: S3Store, page: bytes) -> None:
    canned.answer(Reply(200, page, {"Content-Type": "text/html"}))
    for request in (
        lambda: store.put("a", PHOTO),
        lambda: store.start_multipart("a", BIG),
        lambda: store.put_part("a", "u", 1, b"photo"),
        lambda: complete(store),
        lambda: store.copy(entry_of("a", PHOTO, Stored(MD5)), "b", PHOTO),
        lambda: list(store.list("")),
    ):
        with pytest.raises((BucketError, ObjectError)):
            request()


@pytest.mark.parametrize("status", [301, 302, 307])
def test_a_proxy_that_redirects_everything(canned: CannedS3, store: S3Store, status: int) -> None:
    canned.answer(Reply(status, b"<html><h1>Moved</h1><hr></html>", {"Location": "https://elsewhere.invalid/"}))
    for request in (lambda: store.put("a", PHOTO), lambda: store.head("a"), lambda: list(store.list(""))):
        with pytest.raises(BucketError) as caught:
            request()
        assert "--endpoint-url" in caught.value.hint
    assert len(canned.asked) < 20


# --- multipart ---------------------------------------------------------------------------------------------

BIG = content_of(b"photo", part_size=5)
PART = PartInfo(1, 5, MD5, encode_crc32(BIG.crc32))
HEADERS = {"ETag": '"head-1"', "Content-Length": "5"}
META = {f"x-amz-meta-{name}": value for name, value in object_metadata(BIG).items()}


def complete(store: S3Store) -> object:
    return store.complete_multipart("a", "u", [PART], BIG)


def test_what_a_complete_sends(canned: CannedS3, store: S3Store) -> None:
    crc32 = encode_crc32(BIG.crc32)
    inner = f'<ETag>"x-1"</ETag><ChecksumCRC32>{crc32}</ChecksumCRC32><ChecksumType>FULL_OBJECT</ChecksumType>'
    canned.answer(xml("CompleteMultipartUploadResult", inner))
    stored = store.complete_multipart("a", "u", [PART], BIG)
    assert (stored.etag, stored.checksum) == ("x-1", Checksum(ChecksumKind.CRC32, crc32))
    [asked] = canned.asked
    assert asked.headers["x-amz-checksum-crc32"] == crc32
    assert asked.headers["x-amz-checksum-type"] == "FULL_OBJECT"
    assert f"<ChecksumCRC32>{crc32}</ChecksumCRC32>".encode() in asked.body


@pytest.mark.parametrize("inner", ["", "<ETag></ETag>", '<ETag>"x-1"</ETag>'])
def test_head_tells_what_complete_does_not(canned: CannedS3, store: S3Store, inner: str) -> None:
    canned.answer(xml("CompleteMultipartUploadResult", inner), Reply(headers=HEADERS | META))
    stored = store.complete_multipart("a", "u", [PART], BIG)
    assert (stored.etag, stored.checksum) == ("head-1", None)


@pytest.mark.parametrize(
    "wrong", [{"Content-Length": "4"}, {"x-amz-meta-lrsync-sha256": "00"}, {"x-amz-checksum-crc32": "AAAAAA=="}]
)
def test_a_completed_object_that_is_not_ours(canned: CannedS3, store: S3Store, wrong: dict[str, str]) -> None:
    canned.answer(xml("CompleteMultipartUploadResult"), Reply(headers=HEADERS | META | wrong))
    with pytest.raises(ChecksumMismatchError):
        complete(store)


def test_an_error_in_a_200_is_an_error(canned: CannedS3, store: S3Store) -> None:
    canned.answer(Reply(200, error(200, "InternalError").body))
    with pytest.raises(ObjectError) as caught:
        complete(store)
    assert caught.value.code == "InternalError"
    assert store.requests.put == 3, "botocore tries it again, as a 500"


def test_a_lost_answer_of_a_complete_that_landed(canned: CannedS3, store: S3Store) -> None:
    canned.answer(error(500, "InternalError"), error(404, "NoSuchUpload"), Reply(headers=HEADERS | META))
    assert store.complete_multipart("a", "u", [PART], BIG).etag == "head-1"


def test_an_upload_that_is_really_gone(canned: CannedS3, store: S3Store) -> None:
    other = {"x-amz-meta-lrsync-sha256": hashlib.sha256(b"other").hexdigest()}
    canned.answer(error(404, "NoSuchUpload"), Reply(headers=HEADERS | other))
    with pytest.raises(ObjectMissingError) as caught:
        complete(store)
    assert caught.value.code == "NoSuchUpload"


def test_a_refused_whole_checksum_is_left_out(canned: CannedS3, store: S3Store) -> None:
    canned.answer(error(501, "NotImplemented"), xml("InitiateMultipartUploadResult", "<UploadId>u</UploadId>"))
    assert store.start_multipart("a", BIG) == "u"
    canned.answer(POOR)
    store.put_part("a", "u", 1, b"photo")
    canned.answer(xml("CompleteMultipartUploadResult"), Reply(headers=HEADERS | META))
    complete(store)
    for asked in canned.asked[1:]:
        assert not [name for name in asked.headers if name.startswith("x-amz-checksum-crc32")]
        assert b"ChecksumCRC32" not in asked.body
    assert "content-md5" in canned.asked[2].headers


def test_a_part_that_arrived_damaged(canned: CannedS3, store: S3Store) -> None:
    canned.answer(Reply(headers={"ETag": '"e"', "x-amz-checksum-crc32": "AAAAAA=="}))
    with pytest.raises(ChecksumMismatchError):
        store.put_part("a", "u", 1, b"photo")
    canned.answer(Reply(headers={"ETag": f'"{"0" * 32}"'}))
    with pytest.raises(ChecksumMismatchError):
        store.put_part("a", "u", 1, b"photo")


def test_a_listing_of_parts_goes_on(canned: CannedS3, store: S3Store) -> None:
    part = "<Part><PartNumber>{n}</PartNumber><Size>5</Size><ETag>e{n}</ETag></Part>"
    more = "<IsTruncated>true</IsTruncated><NextPartNumberMarker>1</NextPartNumberMarker>"
    canned.answer(
        xml("ListPartsResult", more + part.format(n=1)),
        xml("ListPartsResult", "<IsTruncated>false</IsTruncated>" + part.format(n=2)),
    )
    assert [part.number for part in store.list_parts("a", "u")] == [1, 2]
    canned.answer(xml("ListPartsResult", more + part.format(n=1)))
    with pytest.raises(BucketError, match="come to an end"):
        store.list_parts("a", "u")


# --- copies ------------------------------------------------------------------------------------------------


def test_a_store_that_wants_its_etags_quoted(canned: CannedS3, store: S3Store) -> None:
    source = entry_of("a", PHOTO, Stored(MD5))
    head = Reply(headers={"ETag": f'"{MD5}"', "Content-Length": "5"})
    copied = xml("CopyObjectResult", f"<ETag>{MD5}</ETag><ChecksumSHA256>{SHA256}</ChecksumSHA256>")
    canned.answer(error(412, "PreconditionFailed"), head, copied)
    assert store.copy(source, "b", PHOTO).etag == MD5
    sent = [asked.headers.get("x-amz-copy-source-if-match") for asked in canned.asked]
    assert sent == [MD5, None, f'"{MD5}"']


def test_a_source_that_really_changed(canned: CannedS3, store: S3Store) -> None:
    head = Reply(headers={"ETag": '"another"', "Content-Length": "5"})
    canned.answer(error(412, "PreconditionFailed"), head)
    with pytest.raises(ObjectChangedError):
        store.copy(entry_of("a", PHOTO, Stored(MD5)), "b", PHOTO)
    assert (store.requests.copy, store.requests.head) == (1, 1)


@pytest.mark.parametrize(
    "wrong",
    [
        {"Content-Length": "4"},
        {"x-amz-meta-mtime": "1.000000000"},
        {"ETag": '"other"'},
        {"x-amz-checksum-crc32": "AAAAAA=="},
    ],
)
def test_an_unproven_copy_is_removed(canned: CannedS3, store: S3Store, wrong: dict[str, str]) -> None:
    headers = HEADERS | META | {"ETag": f'"{MD5}"'}
    canned.answer(xml("CopyObjectResult", f"<ETag>{MD5}</ETag>"), Reply(headers=headers | wrong), Reply(204))
    with pytest.raises(ObjectError) as caught:
        store.copy(entry_of("a", PHOTO, Stored(MD5)), "b", PHOTO)
    assert caught.value.code == "CopyUnverified"
    assert [(asked.method, asked.path) for asked in canned.asked][2] == ("DELETE", "/photos/b")


# --- head, list, get ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "archived"),
    [
        ({}, False),
        ({"x-amz-storage-class": "GLACIER_IR"}, False),
        ({"x-amz-storage-class": "GLACIER"}, True),
        ({"x-amz-storage-class": "DEEP_ARCHIVE", "x-amz-restore": 'ongoing-request="true"'}, True),
        ({"x-amz-storage-class": "GLACIER", "x-amz-restore": 'ongoing-request="false", expiry-date="x"'}, False),
        ({"x-amz-storage-class": "INTELLIGENT_TIERING", "x-amz-archive-status": "ARCHIVE_ACCESS"}, True),
    ],
)
def test_archived(canned: CannedS3, store: S3Store, headers: dict[str, str], archived: bool) -> None:
    canned.answer(Reply(headers=HEADERS | headers))
    info = store.head("a")
    assert (info.archived, info.storage_class) == (archived, headers.get("x-amz-storage-class", "STANDARD"))


@pytest.mark.parametrize(
    "headers",
    [{"x-amz-checksum-type": "COMPOSITE", "x-amz-checksum-crc32": "AAAAAA=="}, {"x-amz-checksum-sha256": "abc=-3"}],
)
def test_a_checksum_of_checksums_is_left_out(canned: CannedS3, store: S3Store, headers: dict[str, str]) -> None:
    canned.answer(Reply(headers=HEADERS | headers))
    assert store.head("a").checksum is None


def page(*keys: str, more: str = "", encoded: bool = False) -> Reply:
    items = "".join(f"<Contents><Key>{key}</Key><Size>1</Size><ETag>e</ETag></Contents>" for key in keys)
    truncated = f"<IsTruncated>true</IsTruncated>{more}" if more else "<IsTruncated>false</IsTruncated>"
    return xml("ListBucketResult", truncated + ("<EncodingType>url</EncodingType>" if encoded else "") + items)


def token(text: str) -> str:
    return f"<NextContinuationToken>{text}</NextContinuationToken>"


def test_short_and_empty_pages_do_not_end_a_listing(canned: CannedS3, store: S3Store) -> None:
    canned.answer(page("a", more=token("1")), page(more=token("2")), page("b"))
    assert [[item.key for item in items] for items in store.list("")] == [["a"], [], ["b"]]


@pytest.mark.parametrize("more", [token("1"), "<Marker></Marker>"])
def test_an_endless_listing_is_an_error(canned: CannedS3, store: S3Store, more: str) -> None:
    canned.answer(page("a", more=more))
    with pytest.raises(BucketError, match="come to an end"):
        list(store.list(""))
    assert store.requests.list <= 2


def test_what_a_listing_begins_after_is_asked_for_once(canned: CannedS3, store: S3Store) -> None:
    canned.answer(page("b", more=token("1")), page("c"))
    assert [item.key for items in store.list("", after="a") for item in items] == ["b", "c"]
    assert ["start-after=a" in asked.path for asked in canned.asked] == [True, False]


def test_a_store_that_refuses_to_begin_elsewhere_begins_at_the_first(canned: CannedS3, store: S3Store) -> None:
    canned.answer(error(501, "NotImplemented"), page("a"))
    assert [item.key for items in store.list("", after="a") for item in items] == ["a"]
    canned.answer(error(501, "NotImplemented"))
    with pytest.raises(BucketError, match="cannot be listed"):
        list(store.list("", after="a"))


def test_keys_are_decoded_only_where_they_are_encoded(canned: CannedS3, store: S3Store) -> None:
    canned.answer(page("a+b%2Bc%0A", encoded=True))
    assert [item.key for items in store.list("") for item in items] == ["a b+c\n"]
    canned.answer(page("a+b%2Bc"))
    assert [item.key for items in store.list("") for item in items] == ["a+b%2Bc"]


def test_a_broken_download_is_an_error(canned: CannedS3, store: S3Store) -> None:
    canned.answer(Reply(200, b"half a photo", {"ETag": '"e"'}, cut=True))
    with pytest.raises(ObjectError), store.get("a") as chunks:
        list(chunks)


@pytest.mark.parametrize(
    ("reply", "versioned"),
    [
        (xml("VersioningConfiguration", "<Status>Enabled</Status>"), True),
        (xml("VersioningConfiguration", "<Status>Suspended</Status>"), False),
        (xml("VersioningConfiguration"), False),
        (error(403, "AccessDenied"), False),
        (error(501, "NotImplemented"), False),
        (error(405, "MethodNotAllowed"), False),
    ],
)
def test_is_versioned(canned: CannedS3, store: S3Store, reply: Reply, versioned: bool) -> None:
    canned.answer(reply)
    assert store.is_versioned() is versioned


def test_a_bucket_that_is_not_there_is_not_unversioned(canned: CannedS3, store: S3Store) -> None:
    canned.answer(error(404, "NoSuchBucket"))
    with pytest.raises(BucketError):
        store.is_versioned()


def test_a_put_needs_the_bytes(store: S3Store) -> None:
    with pytest.raises(ValueError, match="in memory"):
        store.put("a", replace(PHOTO, data=None))


@pytest.mark.parametrize("endpoint", ["nonsense", "http://"])
def test_an_endpoint_that_is_no_url(canned: CannedS3, endpoint: str) -> None:
    with pytest.raises(UsageError) as caught:
        canned.server.open_store("photos", endpoint_url=endpoint)
    assert "--endpoint-url" in caught.value.hint


def test_opening_costs_no_request(canned: CannedS3, open_store: Callable[..., S3Store]) -> None:
    assert open_store(canned.server, "photos").requests.total == 0
    assert canned.asked == []


# --- thawing -----------------------------------------------------------------------------------------------


def test_what_a_thaw_sends(canned: CannedS3, store: S3Store) -> None:
    canned.answer(Reply(202))
    store.thaw("a b", Tier.BULK, days=7, version_id="v1")
    store.thaw("tiering", Tier.STANDARD, days=None)
    first, second = canned.asked
    assert (first.method, first.path) == ("POST", "/photos/a%20b?restore&versionId=v1")
    assert b"<Days>7</Days>" in first.body and b"<Tier>Bulk</Tier>" in first.body
    assert b"Days" not in second.body and b"<Tier>Standard</Tier>" in second.body


def test_a_thaw_that_goes_on_is_no_error(canned: CannedS3, store: S3Store) -> None:
    canned.answer(error(409, "RestoreAlreadyInProgress"))
    store.thaw("a", Tier.BULK, days=7)


def test_what_a_thaw_is_refused_for(canned: CannedS3, store: S3Store) -> None:
    canned.answer(error(503, "GlacierExpeditedRetrievalNotAvailable"))
    with pytest.raises(ObjectError) as caught:
        store.thaw("a", Tier.EXPEDITED, days=7)
    assert "--thaw standard" in caught.value.hint
    canned.answer(error(403, "InvalidObjectState"))
    with pytest.raises(ObjectError) as caught:
        store.thaw("a", Tier.BULK, days=7)
    assert not isinstance(caught.value, ObjectArchivedError)
    canned.answer(error(403, "AccessDenied"))
    with pytest.raises(BucketError) as denied:
        store.thaw("a", Tier.BULK, days=7)
    assert "s3:RestoreObject" in denied.value.hint


def test_the_tiers_of_intelligent_tiering_are_told_by_their_headers(canned: CannedS3, store: S3Store) -> None:
    headers = {"x-amz-storage-class": "INTELLIGENT_TIERING", "x-amz-archive-status": "DEEP_ARCHIVE_ACCESS"}
    canned.answer(Reply(headers=headers))
    info = store.head("a")
    assert (info.archived, info.thaw) == (True, Thaw(ThawState.ARCHIVED, Archive.DEEP_ARCHIVE_ACCESS))
    canned.answer(Reply(headers={**headers, "x-amz-restore": 'ongoing-request="true"'}))
    assert store.head("a").thaw.state is ThawState.ONGOING

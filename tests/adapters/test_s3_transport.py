"""What only the way through libcurl can get wrong: dead connections, proxies, moved buckets, what is boto3's.

Downloads too: what is not taken must wait, and a body that breaks off must say so.
"""

from __future__ import annotations

import gzip
import logging
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import replace
from unittest import mock
from urllib.parse import parse_qsl, urlsplit

import pycurl
import pytest
from botocore.credentials import RefreshableCredentials

from lrsync.adapters.s3 import S3Store
from lrsync.adapters.s3_proofs import Support
from lrsync.adapters.s3_route import UnknownRouteError, ca_bundle, proxy_for
from lrsync.adapters.s3_sign import EMPTY
from lrsync.core.checksums import Checksum, ChecksumKind
from lrsync.core.objects import ObjectInfo
from lrsync.core.ports import RacedError, Sendable, Span, Wanted, Whole
from lrsync.core.proof import encode_checksum
from lrsync.core.thaw import Archive, Thaw, ThawState
from lrsync.errors import (
    BucketError,
    ObjectArchivedError,
    ObjectChangedError,
    ObjectError,
    ObjectMissingError,
    UsageError,
)
from tests.stores.canned import CannedS3, Reply, error, xml
from tests.stores.memory import content_of

PHOTO = content_of(b"photo")
GOOD = Reply(headers={"ETag": '"e"', "x-amz-checksum-sha256": encode_checksum(PHOTO.sha256)})
PART = Reply(headers={"ETag": '"e"'})


@pytest.fixture
def store(canned: CannedS3) -> Iterator[S3Store]:
    with closing(canned.server.open_store("photos", max_attempts=3, transport="curl")) as opened:
        yield opened


def test_it_is_libcurl_that_sends(canned: CannedS3, store: S3Store) -> None:
    canned.answer(GOOD)
    store.put("a", PHOTO)
    (asked,) = canned.asked
    assert "amz-sdk-invocation-id" not in asked.headers, "botocore sends one with every request"
    assert not {"expect", "content-type", "accept"} & asked.headers.keys()
    assert asked.headers["x-amz-content-sha256"] == PHOTO.sha256.hex()


def test_without_pycurl_it_is_boto3(
    canned: CannedS3, open_store: Callable[..., S3Store], caplog: pytest.LogCaptureFixture
) -> None:
    canned.answer(GOOD)
    with mock.patch.dict(sys.modules, {"pycurl": None}), caplog.at_level(logging.INFO, "lrsync"):
        open_store(canned.server, "photos").put("a", PHOTO)
        assert "amz-sdk-invocation-id" in canned.asked[0].headers
        assert "pycurl is not installed" in caplog.text
        with pytest.raises(UsageError, match="pycurl"):
            open_store(canned.server, "photos", transport="curl")


def test_what_is_signed_in_a_way_of_its_own_is_boto3s(
    canned: CannedS3, open_store: Callable[..., S3Store], caplog: pytest.LogCaptureFixture
) -> None:
    canned.answer(GOOD)
    store = open_store(canned.server, "photos")
    others = mock.Mock()
    others.get_frozen_credentials.return_value = mock.Mock(access_key="OTHER", secret_key="other", token=None)
    uploads = store._calls._transport
    patched = mock.patch.object(uploads, "_ports", replace(uploads._ports, credentials=others))
    with caplog.at_level(logging.WARNING, "lrsync"), patched:
        store.put("a", PHOTO)
    assert "amz-sdk-invocation-id" in canned.asked[0].headers
    assert "signed in a way of their own" in caplog.text


def test_credentials_that_are_renewed_are_used_at_once(canned: CannedS3, store: S3Store) -> None:
    canned.answer(GOOD)
    store.put("a", PHOTO)
    renewed = mock.Mock(spec=RefreshableCredentials)
    renewed.get_frozen_credentials.return_value = mock.Mock(access_key="NEW", secret_key="new", token="a-token")
    with mock.patch.object(store._calls._transport, "_ports", mock.Mock(credentials=renewed)):
        store.put("b", PHOTO)
    assert "Credential=NEW/" in canned.asked[1].headers["authorization"]
    assert canned.asked[1].headers["x-amz-security-token"] == "a-token"


def test_a_bucket_that_moved_is_left_to_botocore(canned: CannedS3, store: S3Store) -> None:
    canned.answer(GOOD)
    store.put("a", PHOTO)
    moved = error(400, "AuthorizationHeaderMalformed")
    moved.headers["x-amz-bucket-region"] = "eu-west-3"
    canned.answer(moved, GOOD)
    first_way = store._calls._transport._courier
    store.put("b", PHOTO)
    store.put("c", PHOTO)
    assert ["amz-sdk-invocation-id" in asked.headers for asked in canned.asked] == [False, False, True, False]
    assert store._calls._transport._courier is not first_way, "the way is asked for anew"
    assert store.requests.put == 4


def test_a_late_error_is_tried_again(canned: CannedS3, store: S3Store) -> None:
    canned.answer(Reply(200, error(200, "InternalError").body), GOOD)
    store.put("a", PHOTO)
    assert store.requests.put == 2


def test_parts_are_hashed_only_where_a_store_insists(canned: CannedS3, store: S3Store) -> None:
    canned.answer(error(400, "InvalidRequest"), PART)
    store.put_part("a", "u", 1, b"photo")
    store.put_part("a", "u", 2, b"photo")
    sent = [asked.headers["x-amz-content-sha256"] for asked in canned.asked]
    assert sent == ["UNSIGNED-PAYLOAD", PHOTO.sha256.hex(), PHOTO.sha256.hex()]


@contextmanager
def fickle_server(connections: list[int]) -> Iterator[str]:
    """Answers one request on each connection, promises to keep it, and closes it all the same."""
    checksum = GOOD.headers["x-amz-checksum-sha256"]
    head = ("HTTP/1.1 200 OK", "Content-Length: 0", 'ETag: "e"', f"x-amz-checksum-sha256: {checksum}")
    answer = "\r\n".join([*head, "", ""])
    listening = socket.create_server(("127.0.0.1", 0))
    closing_too = threading.Event()

    def serve() -> None:
        while not closing_too.is_set():
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            connections.append(1)
            with connection:
                received = b""
                while not received.endswith(b"photo"):
                    data = connection.recv(65_536)
                    if not data:
                        break
                    received += data
                else:
                    connection.sendall(answer.encode())

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    closing_too.set()
    listening.shutdown(socket.SHUT_RDWR)
    listening.close()
    thread.join(10)


def test_a_connection_that_died_meanwhile_fails_no_photo(canned: CannedS3) -> None:
    connections: list[int] = []
    with (
        fickle_server(connections) as endpoint,
        closing(canned.server.open_store("photos", endpoint_url=endpoint, transport="curl", max_attempts=2)) as store,
    ):
        for number in range(5):
            store.put(f"k{number}", PHOTO)
    assert len(connections) == 5


def test_a_refused_connection_ends_the_run(canned: CannedS3) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
    with (
        closing(
            canned.server.open_store(
                "photos", endpoint_url=f"http://127.0.0.1:{port}", transport="curl", max_attempts=1
            )
        ) as store,
        pytest.raises(BucketError, match="cannot be reached"),
    ):
        store.put("a", PHOTO)


def test_a_cut_answer_is_no_answer(canned: CannedS3, store: S3Store) -> None:
    canned.answer(Reply(200, b"<half", GOOD.headers, cut=True))
    with pytest.raises(ObjectError, match="the connection failed"):
        store.put("a", PHOTO)
    assert store.requests.put == 3


@contextmanager
def closing_server(head: bytes) -> Iterator[str]:
    """Answers each request with just this, and closes the connection in an orderly way."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            while True:
                try:
                    connection, _ = listening.accept()
                except OSError:
                    return
                with connection:
                    connection.recv(65_536)
                    connection.sendall(head)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            listening.shutdown(socket.SHUT_RDWR)
    thread.join(10)


HEAD_LINES = [b"HTTP/1.1 200 OK\r\n", b'ETag: "e"\r\n', b"x-amz-meta-mt"]


@pytest.mark.parametrize("lines", [1, 2, 3])
def test_an_answer_whose_head_is_cut_is_none(canned: CannedS3, lines: int) -> None:
    """libcurl calls it a success without a body: an empty file, or an object without its time and hash."""
    with (
        closing_server(b"".join(HEAD_LINES[:lines])) as url,
        closing(canned.server.open_store("photos", endpoint_url=url, transport="curl", max_attempts=1)) as store,
    ):
        for ask in (lambda: store.head("a"), lambda: store.get("a").__enter__(), lambda: store.put("a", PHOTO)):
            with pytest.raises(ObjectError, match="the connection failed"):
                ask()
        wanted = [Wanted("a", None, 9), Wanted("b", None, 9)]
        for _, came in store.get_many(wanted, more=lambda: True):
            assert isinstance(came, ObjectError)


def test_threads_share_connections_and_each_gets_its_own_answer(canned: CannedS3, store: S3Store) -> None:
    canned.answer(GOOD)
    contents = {f"k{number}": PHOTO for number in range(40)}
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda key: store.put(key, contents[key]), contents))
    assert sorted(asked.path for asked in canned.asked) == sorted(f"/photos/{key}" for key in contents)
    assert store.requests.put == 40


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, ""),
        ({"http_proxy": "http://p:1"}, "http://p:1"),
        ({"http_proxy": "p:1"}, "http://p:1"),
        ({"https_proxy": "http://p:1"}, ""),
        ({"http_proxy": "http://p:1", "no_proxy": "127.0.0.1"}, ""),
        ({"all_proxy": "http://p:1"}, ""),
    ],
)
def test_the_proxy_is_the_one_that_botocore_takes(variables: dict[str, str], expected: str) -> None:
    with mock.patch.dict("os.environ", variables, clear=True):
        assert proxy_for("http://127.0.0.1:9/") == expected


def test_another_kind_of_proxy_is_left_to_boto3() -> None:
    with mock.patch.dict("os.environ", {"http_proxy": "socks5://p:1"}, clear=True), pytest.raises(UnknownRouteError):
        proxy_for("http://127.0.0.1:9/")


@pytest.mark.parametrize("transport", ["curl", "boto3"])
def test_what_goes_past_the_proxy_is_botocores_to_say(canned: CannedS3, transport: str) -> None:
    """libcurl reads networks out of NO_PROXY, Python only names."""
    canned.answer(GOOD)
    variables = {"http_proxy": canned.server.endpoint, "no_proxy": "127.0.0.0/8"}
    named = canned.server.settings("photos", endpoint_url="http://127.0.0.2:1", transport=transport, max_attempts=1)
    with canned.server.signed_in(), mock.patch.dict("os.environ", variables), closing(S3Store(named)) as store:
        store.put("a", PHOTO)
    assert canned.asked[0].path == "http://127.0.0.2:1/photos/a"


def test_requests_go_through_the_proxy(canned: CannedS3) -> None:
    canned.answer(GOOD)
    named = canned.server.settings("photos", endpoint_url="http://s3.example.invalid", transport="curl")
    with canned.server.signed_in(), mock.patch.dict("os.environ", {"http_proxy": canned.server.endpoint}):
        store = S3Store(named)
        with closing(store):
            store.put("a", PHOTO)
    assert canned.asked[0].path == "http://s3.example.invalid/photos/a"


def test_the_certificates_are_those_that_botocore_trusts() -> None:
    assert ca_bundle("/own.pem", {"REQUESTS_CA_BUNDLE": "/requests.pem"}) == "/own.pem"
    assert ca_bundle(None, {"REQUESTS_CA_BUNDLE": "/requests.pem"}) == "/requests.pem"
    assert ca_bundle(None, {}).endswith("cacert.pem")


# --- downloads ---------------------------------------------------------------------------------------------

BODY = bytes(range(256)) * 40
HERE = Reply(200, BODY, {"ETag": '"e"', "Last-Modified": "Tue, 14 Nov 2023 22:13:20 GMT"})


def test_it_is_libcurl_that_fetches(canned: CannedS3, store: S3Store) -> None:
    canned.answer(Reply(206, BODY[5:9], {**HERE.headers, "Content-Range": f"bytes 5-8/{len(BODY)}"}))
    with store.get("a b", version_id="v+1", span=Span(5, 4), if_match="e") as body:
        assert b"".join(body) == BODY[5:9]
        assert body.info.size == len(BODY)
    (asked,) = canned.asked
    assert (asked.method, asked.path) == ("GET", "/photos/a%20b?versionId=v%2B1")
    assert (asked.headers["range"], asked.headers["if-match"]) == ("bytes=5-8", '"e"')
    assert "amz-sdk-invocation-id" not in asked.headers
    assert not {"accept", "accept-encoding", "content-length", "content-type", "expect"} & asked.headers.keys()
    assert asked.headers["x-amz-content-sha256"] == EMPTY
    assert "range" in asked.headers["authorization"]
    assert store.requests.other == 1


def test_a_head_goes_the_same_way(canned: CannedS3, store: S3Store) -> None:
    canned.answer(Reply(200, b"", {**HERE.headers, "Content-Length": str(5 << 30), "x-amz-meta-mtime": "1.5"}))
    info = store.head("a", version_id="v")
    assert (info.size, dict(info.metadata), info.last_modified_ns) == (5 << 30, {"mtime": "1.5"}, 1_700_000_000 * 10**9)
    assert (canned.asked[0].method, canned.asked[0].path) == ("HEAD", "/photos/a?versionId=v")
    assert canned.asked[0].headers["x-amz-checksum-mode"] == "ENABLED"
    assert (store.requests.head, "amz-sdk-invocation-id" in canned.asked[0].headers) == (1, False)


def test_what_was_stored_packed_comes_as_it_was_stored(canned: CannedS3, store: S3Store) -> None:
    packed = gzip.compress(BODY)
    canned.answer(Reply(200, packed, {**HERE.headers, "Content-Encoding": "gzip"}))
    with store.get("a") as body:
        assert b"".join(body) == packed
    ((_, whole),) = store.get_many([Wanted("a", None, 1 << 20)], more=lambda: True)
    assert isinstance(whole, Whole)
    assert whole.data == packed


def test_a_file_that_looks_like_an_error_is_a_file(canned: CannedS3, store: S3Store) -> None:
    file = error(200, "InternalError").body
    canned.answer(Reply(200, file, HERE.headers))
    with store.get("a.xml") as body:
        assert b"".join(body) == file
    ((_, whole),) = store.get_many([Wanted("a", None, 1000)], more=lambda: True)
    assert isinstance(whole, Whole)
    assert whole.data == file


def test_a_busy_server_is_asked_again_before_a_body_begins(canned: CannedS3, store: S3Store) -> None:
    canned.answer(error(503, "SlowDown"), HERE)
    with store.get("a") as body:
        assert b"".join(body) == BODY
    canned.answer(error(503, "SlowDown"), HERE)
    ((_, whole),) = store.get_many([Wanted("a", None, len(BODY))], more=lambda: True)
    assert isinstance(whole, Whole)
    assert store.requests.other == 4


def test_a_body_that_breaks_off_is_an_error_at_its_place(canned: CannedS3, store: S3Store) -> None:
    canned.answer(Reply(200, BODY, HERE.headers, cut=True))
    came = bytearray()
    with pytest.raises(ObjectError, match="the connection failed"), store.get("a") as body:
        for chunk in body:
            came += chunk
    assert came == BODY, "what came before is good, and the rest can be asked for"
    assert store.requests.other == 1
    ((_, failed),) = store.get_many([Wanted("a", None, len(BODY))], more=lambda: True)
    assert isinstance(failed, ObjectError)
    assert store.requests.other == 4, "a whole one is tried again"


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (404, "NoSuchKey", ObjectMissingError),
        (404, "NoSuchVersion", ObjectMissingError),
        (403, "InvalidObjectState", ObjectArchivedError),
        (412, "PreconditionFailed", ObjectChangedError),
        (403, "AccessDenied", BucketError),
        (404, "NoSuchBucket", BucketError),
    ],
)
def test_what_a_read_is_refused_for(
    canned: CannedS3, store: S3Store, status: int, code: str, kind: type[Exception]
) -> None:
    canned.answer(error(status, code))
    with pytest.raises(kind), store.get("a"):
        pytest.fail("a refused object was opened")
    ((_, failed),) = store.get_many([Wanted("a", None, 1)], more=lambda: True)
    assert type(failed) is kind
    canned.answer(HERE)
    with store.get("a") as body:
        assert b"".join(body) == BODY, "the connection is good for another request"


def test_reads_of_a_bucket_that_moved_are_left_to_botocore(canned: CannedS3, store: S3Store) -> None:
    moved = error(400, "AuthorizationHeaderMalformed")
    moved.headers["x-amz-bucket-region"] = "eu-west-3"
    canned.answer(moved, HERE)
    with store.get("a") as body:
        assert b"".join(body) == BODY
    canned.answer(moved, HERE)
    ((_, whole),) = store.get_many([Wanted("a", None, len(BODY))], more=lambda: True)
    assert isinstance(whole, Whole)
    assert ["amz-sdk-invocation-id" in asked.headers for asked in canned.asked] == [False, True] * 2


def test_a_body_that_nobody_takes_stays_at_the_senders(canned: CannedS3, store: S3Store) -> None:
    size = 64 << 20
    canned.answer(Reply(200, bytes(size), HERE.headers))
    taken = 0
    with store.get("a") as body:
        inflow = body._chunks.gi_frame.f_locals["body"]._inflow  # type: ignore[attr-defined]
        for chunk in body:
            taken += len(chunk)
            assert len(chunk) <= 1 << 20
            assert inflow._lane.curl.getinfo(pycurl.SIZE_DOWNLOAD_T) - taken <= 1 << 20
    assert taken == size


def test_a_body_that_is_left_leaves_no_bytes_to_the_next(canned: CannedS3, store: S3Store) -> None:
    canned.answer(Reply(200, bytes(8 << 20), HERE.headers), HERE)
    with store.get("a") as body:
        next(body)
    with store.get("b") as body:
        assert b"".join(body) == BODY


def test_a_limit_holds_for_what_comes_too(canned: CannedS3) -> None:
    canned.answer(HERE)
    with closing(canned.server.open_store("photos", transport="curl", bwlimit=1_000_000)) as store:
        taken: list[int] = []
        with mock.patch.object(store._calls._bucket, "take", taken.append):
            with store.get("a") as body:
                list(body)
            list(store.get_many([Wanted("a", None, len(BODY))] * 2, more=lambda: True))
        assert sum(taken) == 3 * len(BODY)


@pytest.mark.parametrize("transport", ["curl", "boto3"])
def test_an_answer_that_makes_no_sense(canned: CannedS3, transport: str) -> None:
    canned.answer(Reply(206, b"x", {**HERE.headers, "Content-Range": "bytes */x"}))
    with closing(canned.server.open_store("photos", transport=transport, max_attempts=1)) as store:
        with pytest.raises(ObjectError) as caught, store.get("a", span=Span(0, 1)):
            pytest.fail("it is no span")
        assert caught.value.code == "RangeIgnored"
        canned.answer(Reply(200, b"", {**HERE.headers, "Last-Modified": "yesterday"}))
        with pytest.raises(ObjectError, match="makes no sense"):
            store.head("a")


def test_handles_are_used_for_one_kind_after_the_other(canned: CannedS3, store: S3Store) -> None:
    big = content_of(b"photo" * 400_000)
    good = Reply(headers={"ETag": '"e"', "x-amz-checksum-sha256": encode_checksum(big.sha256)})
    source = Sendable(big.stat.size, big.crc32, lambda offset, count: (big.data or b"")[offset : offset + count])
    for _ in range(2):
        canned.answer(good)
        store.put("big", replace(big, data=None), source=source)
        assert canned.asked[-1].body == big.data
        canned.answer(GOOD)
        store.put("small", PHOTO)
        assert canned.asked[-1].body == PHOTO.data
        canned.answer(HERE)
        with store.get("a") as body:
            assert b"".join(body) == BODY
        assert store.head("a").size == len(BODY)
        assert [asked.headers.get("content-length") for asked in canned.asked[-2:]] == [None, None]


def test_a_body_that_is_read_is_sent_again_from_its_start(canned: CannedS3, store: S3Store) -> None:
    big = content_of(b"photo" * 400_000)
    canned.answer(
        error(503, "SlowDown"), Reply(headers={"ETag": '"e"', "x-amz-checksum-sha256": encode_checksum(big.sha256)})
    )
    source = Sendable(big.stat.size, big.crc32, lambda offset, count: (big.data or b"")[offset : offset + count])
    store.put("big", replace(big, data=None), source=source)
    assert [asked.body for asked in canned.asked] == [big.data] * 2


@pytest.mark.parametrize("bwlimit", [None, 1 << 30])
def test_a_bucket_that_moved_gets_the_body_from_its_start(canned: CannedS3, bwlimit: int | None) -> None:
    """libcurl had sent all of it before it was told that the bucket is elsewhere."""
    big = content_of(b"photo" * 400_000)
    moved = error(400, "AuthorizationHeaderMalformed")
    moved.headers["x-amz-bucket-region"] = "eu-west-3"
    good = Reply(headers={"ETag": '"e"', "x-amz-checksum-sha256": encode_checksum(big.sha256)})
    source = Sendable(big.stat.size, big.crc32, lambda offset, count: (big.data or b"")[offset : offset + count])
    with closing(canned.server.open_store("photos", transport="curl", bwlimit=bwlimit)) as store:
        store._puts._abilities.checksums = Support.HONOURED
        canned.answer(moved, good)
        store.put("read", replace(big, data=None), source=source)
        canned.answer(moved, good)
        store.put("held", big)
    assert [asked.body == big.data for asked in canned.asked] == [True] * 4


def test_a_body_that_turns_out_wrong_is_never_whole_on_the_wire(canned: CannedS3, store: S3Store) -> None:
    big = content_of(b"photo" * 400_000)
    canned.answer(Reply(headers={"ETag": '"e"', "x-amz-checksum-sha256": encode_checksum(big.sha256)}))
    store._puts._abilities.checksums = Support.HONOURED
    wrong = Sendable(big.stat.size, big.crc32 ^ 1, lambda offset, count: (big.data or b"")[offset : offset + count])
    with pytest.raises(RacedError):
        store.put("big", replace(big, data=None), source=wrong)
    assert all(len(asked.body) < big.stat.size for asked in canned.asked)
    canned.answer(GOOD)
    store.put("small", PHOTO)


# --- requests without a body -------------------------------------------------------------------------------

LISTED = xml("ListBucketResult", "<IsTruncated>false</IsTruncated><Contents><Key>p/a</Key><Size>5</Size></Contents>")


def keys(store: S3Store, prefix: str = "p/") -> list[str]:
    return [item.key for page in store.list(prefix) for item in page]


@pytest.mark.parametrize("transport", ["curl", "boto3"])
def test_both_ways_ask_for_the_same_page(canned: CannedS3, transport: str) -> None:
    canned.answer(LISTED)
    with closing(canned.server.open_store("photos", transport=transport)) as store:
        for asked in (lambda: store.list("p ü/", after="p ü/a+b&c"), lambda: store.list_folder("p ü/")):
            assert list(asked())
    queries = [dict(parse_qsl(urlsplit(asked.path).query)) for asked in canned.asked]
    common = {"list-type": "2", "encoding-type": "url", "prefix": "p ü/"}
    assert queries == [{**common, "start-after": "p ü/a+b&c"}, {**common, "delimiter": "/"}]
    assert {urlsplit(asked.path).path for asked in canned.asked} == {"/photos"}
    assert ["amz-sdk-invocation-id" in asked.headers for asked in canned.asked] == [transport == "boto3"] * 2


@pytest.mark.parametrize("transport", ["curl", "boto3"])
def test_both_ways_tell_the_same_of_an_object(canned: CannedS3, transport: str) -> None:
    headers = {
        "Content-Length": "7",
        "ETag": '"e"',
        "Last-Modified": "Wed, 01 May 2024 10:00:00 GMT",
        "x-amz-meta-Mtime": "1.5",
        "x-amz-checksum-crc64nvme": "AAAAAAAAAAA=",
        "x-amz-checksum-type": "FULL_OBJECT",
        "x-amz-storage-class": "GLACIER",
        "x-amz-restore": 'ongoing-request="true"',
        "x-amz-version-id": "v2",
    }
    canned.answer(Reply(headers=headers))
    with closing(canned.server.open_store("photos", transport=transport)) as store:
        info = store.head("p/a b+ü.jpg", version_id="v 2")
    (asked,) = canned.asked
    assert (asked.method, asked.path) == ("HEAD", "/photos/p/a%20b%2B%C3%BC.jpg?versionId=v%202")
    assert asked.headers["x-amz-checksum-mode"] == "ENABLED"
    assert info == ObjectInfo(
        key="p/a b+ü.jpg",
        size=7,
        etag="e",
        metadata={"mtime": "1.5"},
        checksum=Checksum(ChecksumKind.CRC64NVME, "AAAAAAAAAAA="),
        storage_class="GLACIER",
        version_id="v2",
        last_modified_ns=1_714_557_600_000_000_000,
        archived=True,
        thaw=Thaw(ThawState.ONGOING, Archive.GLACIER),
    )


@pytest.mark.parametrize("headers", [{"Last-Modified": "yesterday"}, {"Content-Length": "many"}])
def test_headers_that_make_no_sense_fail_one_object(canned: CannedS3, store: S3Store, headers: dict[str, str]) -> None:
    canned.answer(Reply(headers={"ETag": '"e"', **headers}))
    with pytest.raises(ObjectError):
        store.head("a")


def test_a_listing_of_a_bucket_that_moved_is_left_to_botocore(canned: CannedS3, store: S3Store) -> None:
    moved = error(400, "AuthorizationHeaderMalformed")
    moved.headers["x-amz-bucket-region"] = "eu-west-3"
    canned.answer(LISTED, moved, LISTED)
    for _ in range(3):
        assert keys(store) == ["p/a"]
    assert ["amz-sdk-invocation-id" in asked.headers for asked in canned.asked] == [False, False, True, False]
    assert store.requests.list == 4


def test_pages_are_tried_again_and_counted(canned: CannedS3, store: S3Store) -> None:
    late, cut = Reply(200, error(200, "InternalError").body), Reply(200, LISTED.body[:-9], cut=True)
    with mock.patch("lrsync.adapters.s3_courier.random.random", return_value=0.0):
        canned.answer(late, cut, LISTED)
        assert keys(store) == ["p/a"]
        assert store.requests.list == 3
        canned.answer(error(503, "SlowDown"))
        with pytest.raises(BucketError, match="cannot be listed"):
            keys(store)
    assert store.requests.list == 6


@pytest.mark.parametrize("body", [LISTED.body[:-9], b"<html>log in</html>", b"log in"])
def test_what_is_no_page_is_not_tried_again(canned: CannedS3, store: S3Store, body: bytes) -> None:
    canned.answer(Reply(200, body))
    with pytest.raises(BucketError, match="is not S3"):
        keys(store)
    assert store.requests.list == 1


def test_questions_have_the_credentials_of_the_moment(canned: CannedS3, store: S3Store) -> None:
    canned.answer(LISTED)
    keys(store)
    renewed = mock.Mock(spec=RefreshableCredentials)
    renewed.get_frozen_credentials.return_value = mock.Mock(access_key="NEW", secret_key="new", token="a-token")
    with mock.patch.object(store._calls._transport, "_ports", mock.Mock(credentials=renewed)):
        keys(store)
    assert "Credential=NEW/" in canned.asked[1].headers["authorization"]
    assert canned.asked[1].headers["x-amz-security-token"] == "a-token"


def test_threads_that_ask_get_their_own_answers(canned: CannedS3, store: S3Store) -> None:
    canned.answer(LISTED)
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda number: keys(store, f"{number}/"), range(40))) == [["p/a"]] * 40
    asked = sorted(dict(parse_qsl(urlsplit(asked.path).query))["prefix"] for asked in canned.asked)
    assert asked == sorted(f"{number}/" for number in range(40))

"""What every object store must do: one suite, in memory, against moto, SeaweedFS (http and https) and rclone."""

from __future__ import annotations

import errno
import gc
import hashlib
import threading
import unicodedata
import weakref
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import cast

import pytest
from isal import isal_zlib

from lrsync.core.checksums import Checksum, ChecksumKind
from lrsync.core.keys import noted_path, trash_key
from lrsync.core.model import Content
from lrsync.core.objects import ListedVersion, PartInfo, Stored
from lrsync.core.parts import object_metadata
from lrsync.core.ports import ObjectStore, RacedError, Sendable, Span, Wanted, Whole
from lrsync.core.proof import encode_checksum, encode_crc32, proves_content
from lrsync.core.thaw import AWAKE, Archive, Thaw, ThawState, Tier
from lrsync.engine import listing
from lrsync.engine.listing import Known, ParallelListing
from lrsync.engine.pool import DaemonPool
from lrsync.errors import (
    ChecksumMismatchError,
    ObjectArchivedError,
    ObjectChangedError,
    ObjectError,
    ObjectExistsError,
    ObjectMissingError,
    UsageError,
)
from tests.stores.memory import MemoryStore, content_of, entry_of
from tests.stores.server import Abilities, S3Server

PART = 5 << 20  # the least that S3 takes for any part but the last
SERVERS = {"moto": "moto_s3", "seaweed": "seaweed", "seaweed_tls": "seaweed_tls", "rclone": "rclone_s3"}
STORES = ["memory", *SERVERS]
EITHER_WAY = pytest.mark.parametrize("make_bucket", [*STORES, *(f"{name}-boto3" for name in SERVERS)], indirect=True)
"""For tests of what goes through libcurl, as all of them do: through boto3 too."""


@dataclass(frozen=True)
class Bucket:
    """A fresh bucket and what its store can do; `reopen` is a store that has not learnt anything yet."""

    store: ObjectStore
    can: Abilities
    reopen: Callable[..., ObjectStore]
    strip: Callable[[str, bytes], None]
    """Puts an object there as another program does, without metadata."""


@pytest.fixture(params=STORES)
def make_bucket(request: pytest.FixtureRequest, bucket: Callable[..., str]) -> Iterator[Callable[..., Bucket]]:
    """Makes a bucket on the store that this run of the test is about."""
    if request.param == "memory":

        def in_memory(*, versioned: bool = False) -> Bucket:
            store = MemoryStore(versioned=versioned)
            can = Abilities(archive=True, tells_part_sizes=False)
            return Bucket(store, can, lambda **_: store, partial(store.corrupt, keep_metadata=False))

        yield in_memory
        return
    place, _, transport = request.param.partition("-")
    server = cast(S3Server, request.getfixturevalue(SERVERS[place]))
    with ExitStack() as stack:

        def on_server(*, versioned: bool = False) -> Bucket:
            name = bucket(server, versioned=versioned)

            def reopen(**more: object) -> ObjectStore:
                settings = {"transport": transport or "curl", **more}
                return stack.enter_context(closing(server.open_store(name, **settings)))  # type: ignore[arg-type]

            def strip(key: str, data: bytes) -> None:
                with closing(server.client()) as client:
                    client.put_object(Bucket=name, Key=key, Body=data)

            return Bucket(reopen(), server.abilities, reopen, strip)

        yield on_server


@pytest.fixture
def at(make_bucket: Callable[..., Bucket]) -> Bucket:
    """A fresh bucket without versioning."""
    return make_bucket()


def read(store: ObjectStore, key: str) -> bytes:
    with store.get(key) as chunks:
        return b"".join(chunks)


def listed_keys(store: ObjectStore, prefix: str = "") -> list[str]:
    return [item.key for page in store.list(prefix) for item in page]


def parts_content(*sizes: int) -> tuple[bytes, Content]:
    """Bytes that differ from part to part, and their Content cut into parts of PART bytes."""
    data = b"".join(
        hashlib.sha256(str(number).encode()).digest() * (-(-size // 32)) for number, size in enumerate(sizes)
    )
    data = data[: sum(sizes)]
    return data, content_of(data, part_size=PART)


def send_parts(store: ObjectStore, key: str, upload_id: str, data: bytes, *numbers: int) -> list[PartInfo]:
    wanted = numbers or range(1, -(-len(data) // PART) + 1)
    return [store.put_part(key, upload_id, n, data[(n - 1) * PART : n * PART]) for n in wanted]


# --- put, head, get ----------------------------------------------------------------------------------------


@EITHER_WAY
@pytest.mark.parametrize("data", [b"", b"x", b"photo" * 50_000], ids=["empty", "one", "chunks"])
def test_what_is_put_comes_back(at: Bucket, data: bytes) -> None:
    content = content_of(data, mtime_ns=1_700_000_000_123_456_789)
    stored = at.store.put("2024/a.jpg", content)
    info = at.store.head("2024/a.jpg")
    assert read(at.store, "2024/a.jpg") == data
    assert (info.key, info.size, info.etag, info.archived) == ("2024/a.jpg", len(data), stored.etag, False)
    assert dict(info.metadata) == object_metadata(content)
    assert stored.etag and '"' not in stored.etag
    assert proves_content(info, content)


@EITHER_WAY
def test_the_checksum_is_reported_where_it_is_kept(at: Bucket) -> None:
    content = content_of(b"photo")
    sha256 = Checksum(ChecksumKind.SHA256, encode_checksum(content.sha256))
    md5 = Checksum(ChecksumKind.MD5, encode_checksum(hashlib.md5(b"photo").digest()))
    # Twice: what the first answer teaches must not change what the second proves.
    for key in ("a", "b"):
        assert at.store.put(key, content).checksum == (sha256 if at.can.keeps_checksums else md5)
        # A store that does not report it on PUT may still give back on HEAD what it was sent.
        assert at.store.head(key).checksum in ((sha256,) if at.can.keeps_checksums else (sha256, None))


ODD_KEYS = [
    "with space/ two  three",
    "plus+percent%hash#and&question?",
    "%41%2F%00",
    "quotes'\"`",
    "angle<b>&amp;",
    "semi;colon:at@eq=dollar$",
    "emoji-\U0001f4f7/\U0001f1e9\U0001f1ea",
    unicodedata.normalize("NFC", "Übersee/é.jpg"),
    "日本語/写真.jpg",
    ".hidden/.dot",
    "tilde~-_.!*()",
    "a/b/c/d/e/f/g.jpg",
    "/".join(["k" * 200] * 5) + "/" + "x" * 19,
]


@EITHER_WAY
def test_odd_keys(at: Bucket) -> None:
    keys = [*ODD_KEYS]
    keys += ["line\nbreak"] if at.can.newlines_in_keys else []
    keys += ["back\\slash"] if at.can.backslashes_in_keys else []
    assert max(len(key.encode()) for key in keys) == 1024
    stored = {key: at.store.put(key, content_of(key.encode())) for key in keys}
    assert sorted(listed_keys(at.store)) == sorted(keys)
    for key in keys:
        assert read(at.store, key) == key.encode()
        assert at.store.head(key).etag == stored[key].etag
        target = f"copied/{key[-900:].lstrip('/')}"
        at.store.copy(entry_of(key, content_of(key.encode()), stored[key]), target, content_of(key.encode()))
        assert read(at.store, target) == key.encode()
        at.store.delete(key)
    assert not [key for key in listed_keys(at.store) if not key.startswith("copied/")]


def test_keys_that_differ_in_normalisation_are_two(at: Bucket) -> None:
    nfc, nfd = (unicodedata.normalize(form, "é.jpg") for form in ("NFC", "NFD"))
    at.store.put(nfc, content_of(b"composed"))
    at.store.put(nfd, content_of(b"decomposed"))
    assert sorted(listed_keys(at.store)) == sorted([nfc, nfd])
    assert (read(at.store, nfc), read(at.store, nfd)) == (b"composed", b"decomposed")


@EITHER_WAY
def test_an_overwrite_replaces_bytes_and_metadata(at: Bucket) -> None:
    at.store.put("a", content_of(b"old"))
    newer = content_of(b"newer", mtime_ns=1)
    at.store.put("a", newer)
    assert read(at.store, "a") == b"newer"
    assert dict(at.store.head("a").metadata) == object_metadata(newer)


@EITHER_WAY
def test_what_is_not_there(at: Bucket) -> None:
    with pytest.raises(ObjectMissingError):
        at.store.head("nothing")
    with pytest.raises(ObjectMissingError), at.store.get("nothing"):
        pytest.fail("an object that is not there was opened")


class _Photo:
    """Bytes that somebody is at."""


@EITHER_WAY
@pytest.mark.parametrize("operation", ["head", "get", "put", "copy"])
def test_a_failure_keeps_nothing_of_whoever_met_it(at: Bucket, operation: str) -> None:
    """Its traceback has the callers' frames, with the photo that they were at: in a cycle that would stay for long."""
    content = content_of(b"there")
    there = entry_of("there", content, at.store.put("there", content))
    gone = replace(there, path="gone", key="gone")
    work: dict[str, Callable[[], object]] = {
        "head": lambda: at.store.head("nothing"),
        "get": lambda: at.store.get("nothing").__enter__(),
        "put": lambda: at.store.put("there", content, if_absent=True),
        "copy": lambda: at.store.copy(gone, "other", content),
    }

    def meet() -> weakref.ref[_Photo]:
        photo = _Photo()
        with suppress(ObjectError):
            work[operation]()
        return weakref.ref(photo)

    gc.collect()
    gc.disable()
    try:
        assert meet()() is None
    finally:
        gc.enable()


@EITHER_WAY
def test_a_span_of_an_object(at: Bucket) -> None:
    data = bytes(range(256)) * 1000
    content = content_of(data, mtime_ns=1_700_000_000_123_456_789)
    stored = at.store.put("a b+.nef", content)
    for offset, length in ((0, 1), (0, len(data)), (255_999, 1), (70_000, 100_000)):
        with at.store.get("a b+.nef", span=Span(offset, length), if_match=stored.etag) as body:
            info = body.info
            assert b"".join(body) == data[offset : offset + length]
        assert (info.size, info.etag, dict(info.metadata)) == (len(data), stored.etag, object_metadata(content))


@EITHER_WAY
def test_a_whole_object_tells_what_it_is(at: Bucket) -> None:
    stored = at.store.put("a", content_of(b"photo"))
    with at.store.get("a", if_match=stored.etag) as body:
        assert (body.info.size, body.info.etag, body.info.archived) == (5, stored.etag, False)
        assert body.info.last_modified_ns > 0
        assert b"".join(body) == b"photo"


@EITHER_WAY
def test_an_object_that_was_replaced_meanwhile_is_not_read_on(at: Bucket) -> None:
    old = at.store.put("a", content_of(b"old bytes"))
    at.store.put("a", content_of(b"new bytes"))
    with pytest.raises(ObjectChangedError), at.store.get("a", span=Span(4, 5), if_match=old.etag):
        pytest.fail("half of another object was read")


@EITHER_WAY
def test_many_come_at_once_as_one_by_one(at: Bucket) -> None:
    contents = {f"m/{number} +ü.xmp": content_of(b"x" * number, mtime_ns=number) for number in range(20)}
    for key, content in contents.items():
        at.store.put(key, content)
    wanted = [
        *(Wanted(key, None, 100) for key in contents),
        Wanted("m/none", None, 100),
        Wanted("m/19 +ü.xmp", None, 18),
    ]
    came = dict(at.store.get_many(wanted, more=lambda: True))
    assert sorted(came) == list(range(22))
    for index, (key, content) in enumerate(contents.items()):
        whole = came[index]
        assert isinstance(whole, Whole)
        assert (whole.data, whole.info.key, whole.info.size) == (content.data, key, len(content.data or b""))
        assert dict(whole.info.metadata) == object_metadata(content)
        assert whole.info.etag == at.store.head(key).etag
    assert isinstance(came[20], ObjectMissingError)
    long = came[21]
    assert isinstance(long, ObjectError)
    assert long.code == "TooLong"
    assert list(at.store.get_many([], more=lambda: True)) == []


@EITHER_WAY
def test_many_stop_coming_when_they_are_told_to(at: Bucket) -> None:
    for number in range(30):
        at.store.put(f"m/{number}", content_of(b"x"))
    came: list[int] = []
    wanted = [Wanted(f"m/{number}", None, 1) for number in range(30)]
    for index, _ in at.store.get_many(wanted, more=lambda: len(came) < 5):
        came.append(index)
    assert 5 <= len(came) < 25, "what was under way comes: two for each thread"


# --- what must not get in ----------------------------------------------------------------------------------


def damaged() -> Content:
    """The Content of one file with the bytes of another, of the same length."""
    return replace(content_of(b"right"), data=b"wrong")


@EITHER_WAY
def test_wrong_bytes_never_pass(at: Bucket) -> None:
    with pytest.raises(ChecksumMismatchError):
        at.store.put("first", damaged())
    at.store.put("good", content_of(b"right"))
    with pytest.raises(ChecksumMismatchError):
        at.store.put("second", damaged())
    assert listed_keys(at.store) == ["good"]


def read_from(data: bytes, crc32: int) -> Sendable:
    """Bytes that are read as they are sent."""
    return Sendable(len(data), crc32, lambda offset, count: data[offset : offset + count])


@EITHER_WAY
@pytest.mark.parametrize("if_absent", [False, True])
def test_what_is_read_as_it_is_sent(at: Bucket, if_absent: bool) -> None:
    data = b"photo" * 300_000
    content = replace(content_of(data), data=None)
    for key in ("a", "b"):  # what the first answer teaches must not change what the second proves
        stored = at.store.put(key, content, if_absent=if_absent, source=read_from(data, content.crc32))
        info = at.store.head(key)
        assert read(at.store, key) == data
        assert (info.etag, dict(info.metadata)) == (stored.etag, object_metadata(content))
        assert proves_content(info, content)


@EITHER_WAY
def test_a_file_that_changes_as_it_is_sent_is_not_stored(at: Bucket) -> None:
    data = b"photo" * 300_000
    content = replace(content_of(data), data=None)
    at.store.put("first", content, source=read_from(data, content.crc32))
    changed = read_from(data[:-1] + b"?", content.crc32)
    with pytest.raises(RacedError):
        at.store.put("second", content, source=changed)
    upload_id = at.store.start_multipart("parts", content)
    with pytest.raises(RacedError):
        at.store.put_part("parts", upload_id, 1, changed)
    assert [part.number for part in at.store.list_parts("parts", upload_id)] == []
    at.store.abort_multipart("parts", upload_id)
    assert listed_keys(at.store) == ["first"]


@EITHER_WAY
def test_what_reading_runs_into_is_raised(at: Bucket) -> None:
    def unreadable(offset: int, count: int) -> bytes:
        raise OSError(errno.EIO, "the drive does not answer")

    content = content_of(b"photo" * 300_000)
    at.store.put("good", content)
    source = Sendable(content.stat.size, content.crc32, unreadable)
    with pytest.raises(OSError, match="does not answer"):
        at.store.put("bad", replace(content, data=None), source=source)
    assert listed_keys(at.store) == ["good"]


@EITHER_WAY
def test_parts_that_are_read_as_they_are_sent(at: Bucket) -> None:
    data, content = parts_content(PART, 1000)
    upload_id = at.store.start_multipart("big", content)
    cut = [data[:PART], data[PART:]]
    sources = [read_from(one, isal_zlib.crc32(one)) for one in cut]
    parts = [at.store.put_part("big", upload_id, number, source) for number, source in enumerate(sources, start=1)]
    assert [(part.number, part.size) for part in parts] == [(1, PART), (2, 1000)]
    at.store.complete_multipart("big", upload_id, parts, content)
    assert read(at.store, "big") == data


@EITHER_WAY
def test_many_at_once_are_as_one_by_one(at: Bucket) -> None:
    taken = content_of(b"was there first")
    at.store.put("m/taken é", taken)
    contents = {f"m/{number} +ü.xmp": content_of(b"x" * number, mtime_ns=number) for number in range(20)}
    wrong = replace(content_of(b"right"), data=b"wrong")
    uploads = [*contents.items(), ("m/taken é", content_of(b"other"))]
    came = dict(at.store.put_many(uploads, if_absent=True, more=lambda: True))
    *stored, refused = [came[index] for index in range(len(uploads))]
    for (key, content), answer in zip(contents.items(), stored, strict=True):
        info = at.store.head(key)
        assert isinstance(answer, Stored)
        assert (answer.etag, answer.checksum is None) == (info.etag, False)
        assert read(at.store, key) == content.data
        assert dict(info.metadata) == object_metadata(content)
    assert isinstance(refused, ObjectExistsError if at.can.conditional_writes else Stored)
    assert read(at.store, "m/taken é") == (taken.data if at.can.conditional_writes else b"other")
    mixed = [("m/good", content_of(b"good")), ("m/bad", wrong)]
    came = dict(at.store.put_many(mixed, if_absent=False, more=lambda: True))
    assert isinstance(came[0], Stored)
    assert isinstance(came[1], ChecksumMismatchError)
    assert "m/bad" not in listed_keys(at.store, "m/")
    assert list(at.store.put_many([], if_absent=False, more=lambda: True)) == []


def test_many_at_once_end_when_they_are_told_to(at: Bucket) -> None:
    uploads = [(f"m/{number}", content_of(b"x" * number)) for number in range(100)]
    came: list[int] = []
    for index, _ in at.store.put_many(uploads, if_absent=False, more=lambda: len(came) < 10):
        came.append(index)
    assert 10 <= len(came) < 50
    assert listed_keys(at.store, "m/") == sorted(uploads[index][0] for index in came)


@EITHER_WAY
def test_if_absent(at: Bucket) -> None:
    at.store.put("a", content_of(b"first"), if_absent=True)
    if at.can.conditional_writes:
        with pytest.raises(ObjectExistsError):
            at.store.put("a", content_of(b"second"), if_absent=True)
        assert read(at.store, "a") == b"first"
    else:
        at.store.put("a", content_of(b"second"), if_absent=True)
        assert read(at.store, "a") == b"second"
    at.store.put("b", content_of(b"other"), if_absent=True)
    assert read(at.store, "b") == b"other"


# --- multipart ---------------------------------------------------------------------------------------------


@EITHER_WAY
def test_multipart(at: Bucket) -> None:
    data, content = parts_content(PART, PART, 1000)
    upload_id = at.store.start_multipart("big +1.nef", content)
    parts = send_parts(at.store, "big +1.nef", upload_id, data)
    assert [(part.number, part.size) for part in parts] == [(1, PART), (2, PART), (3, 1000)]
    stored = at.store.complete_multipart("big +1.nef", upload_id, parts, content)
    info = at.store.head("big +1.nef")
    assert read(at.store, "big +1.nef") == data
    assert stored.etag == info.etag != ""
    assert dict(info.metadata) == object_metadata(content)
    crc32 = Checksum(ChecksumKind.CRC32, encode_crc32(content.crc32)) if at.can.keeps_checksums else None
    assert (stored.checksum, info.checksum) == (crc32, crc32)
    assert proves_content(info, content)


def test_multipart_goes_on_in_another_process(at: Bucket) -> None:
    data, content = parts_content(PART, PART, 7)
    upload_id = at.store.start_multipart("big", content)
    send_parts(at.store, "big", upload_id, data, 1, 3)
    later = at.reopen()
    listed = {part.number: part for part in later.list_parts("big", upload_id)}
    assert {number: part.size for number, part in listed.items()} == {1: PART, 3: 7}
    for number, part in listed.items():
        bytes_sent = data[(number - 1) * PART : number * PART]
        assert part.crc32 in (None, encode_crc32(isal_zlib.crc32(bytes_sent)))
        assert part.etag == hashlib.md5(bytes_sent).hexdigest()
    assert ("big", upload_id) in list(later.list_multiparts("b"))
    [second] = send_parts(later, "big", upload_id, data, 2)
    later.complete_multipart("big", upload_id, [listed[1], second, listed[3]], content)
    assert read(later, "big") == data
    assert list(later.list_multiparts("")) == []


@EITHER_WAY
def test_parts_of_another_file_never_become_an_object(at: Bucket) -> None:
    data, content = parts_content(PART, 100)
    changed = data[:-1] + b"?"
    upload_id = at.store.start_multipart("big", content)
    parts = send_parts(at.store, "big", upload_id, changed)
    with pytest.raises(ChecksumMismatchError):
        at.store.complete_multipart("big", upload_id, parts, content)
    assert listed_keys(at.store) == []


def test_multipart_if_absent(at: Bucket) -> None:
    data, content = parts_content(PART, 1)
    at.store.put("big", content_of(b"was here"))
    upload_id = at.store.start_multipart("big", content)
    parts = send_parts(at.store, "big", upload_id, data)
    if at.can.conditional_writes:
        with pytest.raises(ObjectExistsError):
            at.store.complete_multipart("big", upload_id, parts, content, if_absent=True)
        assert read(at.store, "big") == b"was here"
    else:
        at.store.complete_multipart("big", upload_id, parts, content, if_absent=True)
        assert read(at.store, "big") == data


def test_an_aborted_upload_is_gone(at: Bucket) -> None:
    data, content = parts_content(PART, 1)
    upload_id = at.store.start_multipart("big", content)
    send_parts(at.store, "big", upload_id, data, 1)
    at.store.abort_multipart("big", upload_id)
    at.store.abort_multipart("big", upload_id)
    with pytest.raises(ObjectMissingError):
        at.store.list_parts("big", upload_id)
    assert list(at.store.list_multiparts("")) == []
    assert listed_keys(at.store) == []


def test_uploads_in_progress_are_found_by_prefix(at: Bucket) -> None:
    _, content = parts_content(PART, 1)
    keys = ["in/plus+ space%41é.nef", "in/b", "out/c"]
    ids = {key: at.store.start_multipart(key, content) for key in keys}
    assert sorted(at.store.list_multiparts("in/")) == sorted((key, ids[key]) for key in keys[:2])
    for key in keys:
        at.store.abort_multipart(key, ids[key])


# --- copies ------------------------------------------------------------------------------------------------


def test_copy_replaces_the_metadata(at: Bucket) -> None:
    content = content_of(b"photo")
    stored = at.store.put("old name?.jpg", content)
    moved = content_of(b"photo", mtime_ns=42)
    copied = at.store.copy(entry_of("old name?.jpg", content, stored), "new/name #1.jpg", moved)
    info = at.store.head("new/name #1.jpg")
    assert read(at.store, "new/name #1.jpg") == b"photo"
    assert dict(info.metadata) == object_metadata(moved)
    assert (copied.etag, copied.checksum) == (info.etag, info.checksum)
    assert proves_content(info, moved)


def test_a_copy_of_a_multipart_object_is_proven(at: Bucket) -> None:
    data, content = parts_content(PART, 9)
    upload_id = at.store.start_multipart("big", content)
    stored = at.store.complete_multipart("big", upload_id, send_parts(at.store, "big", upload_id, data), content)
    copied = at.store.copy(entry_of("big", content, stored), "moved", content)
    assert read(at.store, "moved") == data
    assert copied.etag == at.store.head("moved").etag


def test_a_changed_source_is_not_copied(at: Bucket) -> None:
    content = content_of(b"recorded")
    stored = at.store.put("a", content)
    at.store.put("a", content_of(b"replaced"))
    with pytest.raises(ObjectChangedError if at.can.conditional_copies else ObjectError):
        at.store.copy(entry_of("a", content, stored), "b", content)
    assert listed_keys(at.store) == ["a"]


def test_a_missing_source_is_not_copied(at: Bucket) -> None:
    content = content_of(b"gone")
    stored = at.store.put("a", content)
    at.store.delete("a")
    with pytest.raises(ObjectMissingError):
        at.store.copy(entry_of("a", content, stored), "b", content)
    with pytest.raises(ObjectMissingError):
        at.store.keep("a", "trash/a")
    assert listed_keys(at.store) == []


def test_keep_copies_as_it_is(at: Bucket) -> None:
    content = content_of(b"photo", mtime_ns=7)
    stored = at.store.put("a b+.jpg", content)
    kept = at.store.keep("a b+.jpg", ".lrsync/trash/x/a b+.jpg")
    info = at.store.head(".lrsync/trash/x/a b+.jpg")
    assert read(at.store, ".lrsync/trash/x/a b+.jpg") == b"photo"
    assert dict(info.metadata) == object_metadata(content)
    assert (kept.etag, info.checksum) == (info.etag, at.store.head("a b+.jpg").checksum)
    assert info.etag == stored.etag


def test_keep_tells_what_only_the_row_knows(at: Bucket) -> None:
    """Where the object's own metadata has no sha256, and only as long as it is the row's object."""
    content = content_of(b"photo", mtime_ns=7)
    stored = at.store.put("a.jpg", content)
    row = entry_of("a.jpg", content, stored)
    at.store.keep("a.jpg", ".lrsync/trash/told/a.jpg", row=replace(row, sha256=b"o" * 32, mtime_ns=9))
    told = at.store.head(".lrsync/trash/told/a.jpg")
    assert dict(told.metadata) == object_metadata(content), "its own word counts"
    at.strip("a.jpg", b"photo")
    bare = replace(row, etag=at.store.head("a.jpg").etag)
    at.store.keep("a.jpg", ".lrsync/trash/known/a.jpg", row=bare)
    assert object_metadata(content).items() <= at.store.head(".lrsync/trash/known/a.jpg").metadata.items()
    at.store.keep("a.jpg", ".lrsync/trash/other/a.jpg", row=replace(bare, etag="0" * 32))
    assert "lrsync-sha256" not in at.store.head(".lrsync/trash/other/a.jpg").metadata
    assert read(at.store, ".lrsync/trash/known/a.jpg") == read(at.store, ".lrsync/trash/other/a.jpg") == b"photo"


def test_large_objects_are_copied_in_parts(at: Bucket) -> None:
    data, content = parts_content(PART, PART, 3)
    upload_id = at.store.start_multipart("big", content)
    stored = at.store.complete_multipart("big", upload_id, send_parts(at.store, "big", upload_id, data), content)
    store = at.reopen(copy_limit=PART)
    entry, moved = entry_of("big", content, stored), replace(content, stat=content.stat._replace(mtime_ns=99))
    if not at.can.copies_parts:
        for copying in (lambda: store.copy(entry, "moved", moved), lambda: store.keep("big", "kept")):
            with pytest.raises(ObjectError) as caught:
                copying()
            assert caught.value.code == "CopyUnverified"
        assert listed_keys(store) == ["big"]
        assert list(store.list_multiparts("")) == []
        return
    copied = store.copy(entry, "moved", moved)
    assert read(store, "moved") == data
    assert dict(store.head("moved").metadata) == object_metadata(moved)
    assert copied.etag == store.head("moved").etag
    store.keep("big", "kept")
    assert read(store, "kept") == data
    assert dict(store.head("kept").metadata) == object_metadata(content)


def test_an_object_gets_metadata_and_stays_what_it_was(at: Bucket) -> None:
    content = content_of(b"photo", mtime_ns=7)
    stored = at.store.put("a b+.jpg", content)
    entry, touched = entry_of("a b+.jpg", content, stored), replace(content, stat=content.stat._replace(mtime_ns=99))
    rewritten = at.store.rewrite(entry, touched)
    info = at.store.head("a b+.jpg")
    assert read(at.store, "a b+.jpg") == b"photo"
    assert object_metadata(touched).items() <= info.metadata.items()
    assert (rewritten.etag, info.storage_class) == (info.etag, "STANDARD")


def test_an_object_in_parts_gets_metadata(at: Bucket) -> None:
    data, content = parts_content(PART, PART, 3)
    upload_id = at.store.start_multipart("big", content)
    stored = at.store.complete_multipart("big", upload_id, send_parts(at.store, "big", upload_id, data), content)
    entry, touched = entry_of("big", content, stored), replace(content, stat=content.stat._replace(mtime_ns=99))
    again = at.store.rewrite(entry, replace(touched, was_read=False))
    assert (read(at.store, "big"), again.etag) == (data, at.store.head("big").etag)
    if at.can.copies_parts:
        store = at.reopen(copy_limit=PART)
        once_more = store.rewrite(replace(entry, etag=again.etag, checksum=again.checksum), touched)
        assert (read(store, "big"), once_more.etag) == (data, store.head("big").etag)
    assert object_metadata(touched).items() <= at.store.head("big").metadata.items()


def test_a_changed_object_gets_no_metadata(at: Bucket) -> None:
    content = content_of(b"recorded")
    stored = at.store.put("a", content)
    with pytest.raises(ObjectMissingError):
        at.store.rewrite(entry_of("b", content, stored), content)
    at.store.put("a", content_of(b"replaced", mtime_ns=5))
    with pytest.raises(ObjectChangedError):
        at.store.rewrite(entry_of("a", content, stored), content)
    assert proves_content(at.store.head("a"), content_of(b"replaced"))


def test_the_length_of_parts_is_told_or_not_known(at: Bucket) -> None:
    data, content = parts_content(PART, 9)
    upload_id = at.store.start_multipart("big", content)
    at.store.complete_multipart("big", upload_id, send_parts(at.store, "big", upload_id, data), content)
    assert at.store.part_size("big") == (PART if at.can.tells_part_sizes else None)
    with pytest.raises(ObjectMissingError):
        at.store.part_size("gone")


# --- delete, list, versions --------------------------------------------------------------------------------


def test_delete_is_idempotent(at: Bucket) -> None:
    at.store.put("a", content_of(b"photo"))
    at.store.delete("a")
    at.store.delete("a")
    with pytest.raises(ObjectMissingError):
        at.store.head("a")
    assert listed_keys(at.store) == []


def test_a_listing_of_more_than_one_page(at: Bucket) -> None:
    keys = [f"Photos/{number % 7}/{number:04}.jpg" for number in range(1003)]
    contents = {key: content_of(key.encode()) for key in keys}
    with ThreadPoolExecutor(8) as pool:
        stored = dict(zip(keys, pool.map(lambda key: at.store.put(key, contents[key]), keys), strict=True))
    at.store.put("Photos2/other.jpg", content_of(b"x"))
    at.store.put("Photos.jpg", content_of(b"x"))
    pages = list(at.store.list("Photos/"))
    items = {item.key: item for page in pages for item in page}
    assert len(pages) == 2
    assert sum(len(page) for page in pages) == len(items) == len(keys)
    assert all(items[key].etag == stored[key].etag and items[key].size == len(key) for key in keys)
    assert all(item.last_modified_ns > 0 for item in items.values())
    if at.can.byte_ordered_listing:
        assert [item.key for page in pages for item in page] == sorted(keys)


def test_a_folder_at_a_time(at: Bucket) -> None:
    keys = ["P/a.jpg", "P/b+b %.jpg", "P/2023/x.jpg", "P/2024/y.jpg", "P/2024/deep/z.jpg", "P/ü/u.jpg", "P2/other.jpg"]
    for key in keys:
        at.store.put(key, content_of(key.encode()))
    pages = list(at.store.list_folder("P/"))
    objects = {listed.key: listed.size for page in pages for listed in page.objects}
    assert objects == {"P/a.jpg": 7, "P/b+b %.jpg": 11}
    assert {folder for page in pages for folder in page.folders} == {"P/2023/", "P/2024/", "P/ü/"}
    assert [page for page in at.store.list_folder("none/") if page.objects or page.folders] == []


def test_a_prefix_that_ends_within_a_name(at: Bucket) -> None:
    """A full pass asks for groups of folders by what their names begin with."""
    keys = ["P/2023-05/a.jpg", "P/2023-06/b.jpg", "P/2023.jpg", "P/2024-01/c.jpg", "P/2024-01/deep/d.jpg"]
    for key in keys:
        at.store.put(key, content_of(b"x"))
    assert sorted(listed_keys(at.store, "P/2023")) == sorted(keys[:3])
    assert sorted(listed_keys(at.store, "P/2024-0")) == sorted(keys[3:])


TRICKY = [
    "P/.lrsync/manifest/u.sqlite.zst",
    "P/.lrsync/trash/20260301T023000Z/a.jpg",
    "P/0 first.jpg",
    "P/2024-05 Trip/a.jpg",
    "P/2024/05/a b.jpg",
    "P/2024/05/b+c %.jpg",
    "P/2024/05-raw/a.nef",
    "P/2024/é.jpg",
    "P/2024.jpg",
    "P/20240/a.jpg",
    "P/zürich/ü.jpg",
    "P/z.jpg",
    "P2/other.jpg",
]


def test_a_listing_that_begins_after_a_key_is_the_end_of_the_whole(at: Bucket) -> None:
    """Of what comes then, a full pass can tell whether anything is left out between two of its ranges."""
    for key in TRICKY:
        at.store.put(key, content_of(key.encode()))
    whole = listed_keys(at.store, "P/")
    assert sorted(whole) == sorted(key for key in TRICKY if key.startswith("P/"))
    for after in [*TRICKY, "P/", "P/.lrsync/~", "P/2024/", "P/2024/05/", "P/2024/05", "P/2024/05-raw/b", "P/zz"]:
        found = [item.key for page in at.store.list("P/", after=after) for item in page]
        assert found == whole[len(whole) - len(found) :], after
        if at.can.byte_ordered_listing:
            assert found == sorted(key for key in whole if key > after), after


def known_of(keys: Sequence[str]) -> Known:
    """What a manifest that knows these keys would tell, with all of them as borders."""
    return Known(len(keys), lambda every: keys[every - 1 :: every], dict)


@EITHER_WAY
def test_several_ranges_leave_nothing_out(at: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "PAGE_OBJECTS", 3)
    monkeypatch.setattr(listing, "SMALL_OBJECTS", 3)
    for key in TRICKY:
        at.store.put(key, content_of(key.encode()))
    photos = sorted(key for key in TRICKY if key.startswith("P/") and not key.startswith("P/.lrsync/"))
    for known in (photos, photos[3:], [*photos, "P/1/gone.jpg", "P/2024-05/gone.jpg", "P/2024/04/gone.jpg"]):
        work = ParallelListing(at.store, "P/", known_of(sorted(known)), 4, DaemonPool, lambda: False)
        found = [item.key for page in work.pages() for item in page]
        assert set(found) == set(photos)
        if at.can.byte_ordered_listing:
            assert len(found) == len(photos), "each came once, so the ranges were believed"


def test_a_listing_of_nothing(at: Bucket) -> None:
    assert listed_keys(at.store) == []
    assert listed_keys(at.store, "no/such/prefix/") == []


def test_versioning(make_bucket: Callable[..., Bucket]) -> None:
    assert make_bucket().store.is_versioned() is False


def test_a_versioned_bucket(make_bucket: Callable[..., Bucket]) -> None:
    plain = make_bucket()
    if not plain.can.versioning:
        with pytest.raises(Exception, match="NotImplemented"):
            make_bucket(versioned=True)
        return
    store = make_bucket(versioned=True).store
    assert store.is_versioned() is True
    first, second = store.put("a", content_of(b"1")), store.put("a", content_of(b"2"))
    assert first.version_id and second.version_id and first.version_id != second.version_id
    assert store.head("a").version_id == second.version_id
    store.delete("a")
    with pytest.raises(ObjectMissingError):
        store.head("a")


def versions_of(store: ObjectStore, prefix: str) -> list[ListedVersion]:
    return [version for page in store.list_versions(prefix) for version in page]


def test_versions_are_listed_together_and_the_newest_first(make_bucket: Callable[..., Bucket]) -> None:
    if not make_bucket().can.versioning:
        return  # the test above says that there are none
    store = make_bucket(versioned=True).store
    for data in (b"1", b"22", b"333"):
        store.put("P/a b+.jpg", content_of(data))
    store.put("P/b", content_of(b"b"))
    store.put("Q", content_of(b"q"))
    store.delete("P/a b+.jpg")
    found = versions_of(store, "P/")
    assert [(v.key, v.size, v.is_current, v.is_marker) for v in found] == [
        ("P/a b+.jpg", 0, True, True),
        ("P/a b+.jpg", 3, False, False),
        ("P/a b+.jpg", 2, False, False),
        ("P/a b+.jpg", 1, False, False),
        ("P/b", 1, True, False),
    ]
    assert len({v.version_id for v in found}) == 5
    assert versions_of(store, "none/") == []


def test_an_old_version_can_be_read_copied_back_and_destroyed(make_bucket: Callable[..., Bucket]) -> None:
    if not make_bucket().can.versioning:
        return
    store = make_bucket(versioned=True).store
    old = store.put("a b+.jpg", content_of(b"old", mtime_ns=1_600_000_000_000_000_000))
    store.put("a b+.jpg", content_of(b"newer"))
    store.delete("a b+.jpg")
    assert store.head("a b+.jpg", version_id=old.version_id).size == 3
    with store.get("a b+.jpg", version_id=old.version_id) as chunks:
        assert b"".join(chunks) == b"old"
    store.keep("a b+.jpg", "a b+.jpg", version_id=old.version_id)
    assert read(store, "a b+.jpg") == b"old"
    assert proves_content(store.head("a b+.jpg"), content_of(b"old"))
    assert store.head("a b+.jpg").metadata["mtime"] == "1600000000.000000000"
    for version in versions_of(store, "a b+.jpg"):
        store.delete_version(version.key, version.version_id)
        store.delete_version(version.key, version.version_id)  # gone already is no error
    assert versions_of(store, "") == []
    with pytest.raises(ObjectMissingError):
        store.head("a b+.jpg", version_id=old.version_id)


def test_a_key_that_the_trashs_name_does_not_tell_is_noted(at: Bucket) -> None:
    key = "P/" + "/".join(["d" * 100] * 9) + f"/{'é' * 40}.nef"
    in_trash = trash_key("P", "20260301T023000Z", key)
    content = content_of(b"photo")
    at.store.put(key, content)
    at.store.keep(key, in_trash)
    info = at.store.head(in_trash)
    # Kept it is in any case; a store that takes too little metadata forgets what it was called.
    assert noted_path(info.metadata) == (key.removeprefix("P/") if at.can.long_metadata else None)
    assert object_metadata(content).items() <= info.metadata.items()
    assert read(at.store, in_trash) == b"photo"


def test_a_new_bucket_has_no_lifecycle_or_nobody_may_ask(at: Bucket) -> None:
    assert at.store.has_lifecycle() is not at.can.lifecycle


# --- archives ------------------------------------------------------------------------------------------------


def test_what_lies_in_no_archive_is_awake_and_not_thawed(at: Bucket) -> None:
    at.store.put("a", content_of(b"photo"))
    assert at.store.head("a").thaw == AWAKE
    with pytest.raises(ObjectError) as caught:
        at.store.thaw("a", Tier.BULK, days=3)
    assert not isinstance(caught.value, ObjectArchivedError)


def test_an_archived_object_is_thawed(at: Bucket) -> None:
    if not at.can.archive:
        return  # the next test says what becomes of it there
    store = at.reopen(storage_class="GLACIER")
    store.put("a b+.nef", content_of(b"photo"))
    if isinstance(store, MemoryStore):
        store.archived.add("a b+.nef")
    asleep = store.head("a b+.nef")
    assert (asleep.archived, asleep.thaw) == (True, Thaw(ThawState.ARCHIVED, Archive.GLACIER))
    with pytest.raises(ObjectArchivedError):
        read(store, "a b+.nef")
    store.thaw("a b+.nef", Tier.BULK, days=3)
    store.thaw("a b+.nef", Tier.BULK, days=3)  # asked for already: no error
    if isinstance(store, MemoryStore):
        assert store.head("a b+.nef").thaw.state is ThawState.ONGOING
        store.finish_thaws(until_ns=1)
    ready = store.head("a b+.nef")
    assert (ready.archived, ready.thaw.state) == (False, ThawState.READY)
    assert ready.thaw.until_ns is not None
    assert read(store, "a b+.nef") == b"photo"
    with pytest.raises(ObjectMissingError):
        store.thaw("nothing", Tier.BULK, days=3)


def test_a_store_without_archives_never_hides_a_photo(at: Bucket) -> None:
    if at.can.archive:
        return
    store = at.reopen(storage_class="GLACIER")
    try:
        store.put("a.nef", content_of(b"photo"))
    except UsageError:
        return  # refused: nothing can be hidden
    assert read(store, "a.nef") == b"photo"  # there the class is only a label


# --- counting and threads ----------------------------------------------------------------------------------


@EITHER_WAY
def test_every_request_is_counted(at: Bucket) -> None:
    before = at.store.requests
    assert before.total == 0
    at.store.put("a", content_of(b"1"))
    listed_keys(at.store)
    at.store.head("a")
    at.store.delete("a")
    at.store.is_versioned()
    _, content = parts_content(PART, 1)
    upload_id = at.store.start_multipart("b", content)
    at.store.list_parts("b", upload_id)
    at.store.abort_multipart("b", upload_id)
    now = at.store.requests
    assert (now.put, now.list, now.head, now.copy, now.delete, now.other) == (2, 2, 1, 0, 2, 1)
    assert now.total == 8
    assert before.total == 0, "a snapshot must not change"


def test_one_store_serves_many_threads(at: Bucket) -> None:
    barrier = threading.Barrier(8)

    def work(number: int) -> bool:
        barrier.wait(30)
        content = content_of(str(number).encode() * 1000)
        at.store.put(f"t/{number}", content)
        return proves_content(at.store.head(f"t/{number}"), content)

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(work, range(8)))
    assert (at.store.requests.put, at.store.requests.head) == (8, 8)

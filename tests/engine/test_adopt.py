"""`adopt`: what is proven gets a row, what differs stays as it is, and nothing is uploaded unasked."""

from __future__ import annotations

import hashlib
import os
import unicodedata
from dataclasses import replace
from pathlib import Path

import pytest
from isal import isal_zlib

from lrsync.adapters.ignore import IgnoreRules
from lrsync.adapters.status_query import read_status
from lrsync.core.adoption import AdoptCounts, Offset, Proof, composite_crc32
from lrsync.core.checksums import Checksum, ChecksumKind
from lrsync.core.events import WorkFinished
from lrsync.core.findings import FindingKind
from lrsync.core.parts import MIB
from lrsync.core.ports import RacedError
from lrsync.core.proof import encode_checksum
from lrsync.core.requests import RestoreRequest, Unproven
from lrsync.core.runs import RunSummary
from lrsync.core.thaw import ThawState
from lrsync.errors import ExitCode, InterruptedRun
from tests.engine.restoring import restored
from tests.engine.test_adoption import put_elsewhere
from tests.engine.world import World
from tests.stores.memory import MemoryStore, content_of

BIG = bytes(range(256)) * (20 * MIB // 256) + b"rest"


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A bucket that another tool filled: it tells ETags and what a test gives an object."""
    return World(tmp_path, store=MemoryStore(checksums=False))


def counts_of(done: RunSummary) -> AdoptCounts:
    assert done.adopted is not None
    return done.adopted


def proven(done: RunSummary) -> dict[str, int]:
    return {name: pile.files for name, pile in counts_of(done).proven.items() if pile.files}


def give_checksum(world: World, key: str, kind: ChecksumKind, value: str) -> None:
    """The object has this checksum, and no ETag that tells anything."""
    world.store.checksums = True
    world.store.opaque.add(key)
    (stored,) = world.store.versions[key]
    world.store.versions[key] = [replace(stored, checksum=Checksum(kind, value), etag="0" * 32)]


def forget_checksums(world: World) -> None:
    for key, versions in world.store.versions.items():
        world.store.versions[key] = [replace(one, checksum=None) for one in versions]


# --- what proves ------------------------------------------------------------------------------------------


def test_md5_and_parts_prove_it_and_the_next_sync_has_nothing_to_do(world: World) -> None:
    world.make({"2024": {"a.nef": b"raw", "clip.mov": BIG}, "b.jpg": b"jpg"})
    put_elsewhere(world, "Photos/2024/a.nef", b"raw")
    put_elsewhere(world, "Photos/2024/clip.mov", BIG, part_size=8 * MIB)
    put_elsewhere(world, "Photos/b.jpg", b"jpg", mtime="1600000000.5")
    before = dict(world.store.versions)
    done = world.adopt()
    assert proven(done) == {"md5": 2, "multipart-etag": 1}
    assert (done.exit_code, done.actions.adopted, done.bytes.uploaded) == (ExitCode.OK, 3, 0)
    assert counts_of(done).without_times.files == 2
    assert world.store.versions == before
    row = world.row("2024/clip.mov")
    assert row is not None
    assert (row.sha256, row.settled) == (hashlib.sha256(BIG).digest(), True)
    after = world.sync()
    assert (after.actions.uploaded, after.actions.adopted, after.bytes.hashed, after.changes.unchanged) == (0, 0, 0, 3)
    assert world.store.versions == before
    asked = world.store.requests.head
    again = world.adopt()
    assert (counts_of(again).known.files, again.bytes.hashed, again.requests.head) == (3, 0, asked)


def test_a_part_size_that_nobody_guesses_is_asked_for(world: World) -> None:
    odd = 7 * MIB + 13
    world.make({"clip.mov": BIG})
    put_elsewhere(world, "Photos/clip.mov", BIG, part_size=odd)
    told = counts_of(world.adopt(dry_run=True))
    trial = told.tried["multipart-etag"]
    assert (told.unproven.files, trial.files, trial.proven) == (1, 1, 0)
    world.store.part_sizes["Photos/clip.mov"] = odd
    assert proven(world.adopt()) == {"multipart-etag": 1}


def put_in_parts(world: World, key: str, data: bytes, *lengths: int) -> None:
    """As a tool that cuts its parts as it likes; the store tells how long the first one was."""
    content = content_of(data)
    upload_id, at, sent = world.store.start_multipart(key, content), 0, []
    for number, length in enumerate(lengths, start=1):
        sent.append(world.store.put_part(key, upload_id, number, data[at : at + length]))
        at += length
    world.store.complete_multipart(key, upload_id, sent, content)
    world.store.versions[key][-1].metadata.clear()
    world.store.part_sizes[key] = lengths[0]


@pytest.mark.parametrize("told", [True, False])
def test_parts_of_unlike_lengths_are_not_called_other_bytes(world: World, told: bool) -> None:
    """Their MD5s cannot be made again: that says nothing of the bytes, also where other ETags are their files' MD5s."""
    world.make({"a.jpg": b"jpg", "clip.mov": BIG})
    put_elsewhere(world, "Photos/a.jpg", b"jpg")
    put_in_parts(world, "Photos/clip.mov", BIG, 6 * MIB, 9 * MIB, 5 * MIB + 4)
    if not told:
        world.store.part_sizes.clear()
    done = world.adopt(Unproven.TRUST)
    assert (proven(done), counts_of(done).differing.files, counts_of(done).unproven.files) == ({"md5": 1}, 0, 1)
    assert (done.actions.quarantined, counts_of(done).trusted.files) == (0, 0), "nor are they taken on trust"
    assert proven(world.adopt(Unproven.DOWNLOAD)) == {"bytes": 1}


def test_nor_by_the_checksum_of_such_parts(world: World) -> None:
    world.make({"clip.mov": BIG})
    put_in_parts(world, "Photos/clip.mov", BIG, 6 * MIB, 9 * MIB, 5 * MIB + 4)
    world.store.checksums = True
    forget_checksums(world)
    world.store.parts_checksums["Photos/clip.mov"] = Checksum(ChecksumKind.CRC32, "AAAAAA==-3")
    counts = counts_of(world.adopt())
    assert (counts.differing.files, counts.unproven.files) == (0, 1)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (ChecksumKind.CRC64NVME, encode_checksum(0xAE8B14860A799888.to_bytes(8, "big"))),
        (ChecksumKind.CRC32C, encode_checksum(0xE3069283.to_bytes(4, "big"))),
        (ChecksumKind.CRC32, encode_checksum(0xCBF43926.to_bytes(4, "big"))),
        (ChecksumKind.SHA256, encode_checksum(hashlib.sha256(b"123456789").digest())),
    ],
    ids=lambda value: value.value if isinstance(value, ChecksumKind) else "",
)
def test_a_checksum_proves_what_kms_hides(world: World, kind: ChecksumKind, value: str) -> None:
    """The check values of the CRC catalogue (reveng), of "123456789"."""
    world.make({"a.nef": b"123456789", "b.nef": b"123456780"})
    for name in ("a", "b"):
        put_elsewhere(world, f"Photos/{name}.nef", b"123456789")
        give_checksum(world, f"Photos/{name}.nef", kind, value)
    done = world.adopt()
    by = Proof.SHA256 if kind is ChecksumKind.SHA256 else Proof.CHECKSUM
    assert proven(done) == {by.value: 1}
    assert (counts_of(done).differing.files, done.exit_code) == (1, ExitCode.NEEDS_PERSON)
    assert [(one.kind, one.path) for one in done.findings] == [(FindingKind.ORIGINAL_CHANGED, "b.nef")]


def test_the_checksum_of_parts_proves_it_where_their_length_is_known(world: World) -> None:
    world.make({"clip.mov": BIG})
    put_elsewhere(world, "Photos/clip.mov", BIG, part_size=8 * MIB)
    world.store.opaque.add("Photos/clip.mov")
    value = composite_crc32(content_of(BIG, part_size=8 * MIB))
    assert value is not None
    world.store.parts_checksums["Photos/clip.mov"] = Checksum(ChecksumKind.CRC32, value)
    assert counts_of(world.adopt(dry_run=True)).unproven.files == 1
    world.store.part_sizes["Photos/clip.mov"] = 8 * MIB
    assert proven(world.adopt()) == {"checksum": 1}


def test_what_rclone_noted_proves_it(world: World) -> None:
    world.make({"clip.mov": BIG, "other.mov": BIG[1:]})
    for name, data in (("clip", BIG), ("other", BIG[1:])):
        put_elsewhere(world, f"Photos/{name}.mov", data, part_size=7 * MIB + 13)
        (stored,) = world.store.versions[f"Photos/{name}.mov"]
        stored.metadata["md5chksum"] = encode_checksum(hashlib.md5(BIG, usedforsecurity=False).digest())
    done = world.adopt()
    assert proven(done) == {"md5": 1}
    assert done.actions.quarantined == 1


def test_a_checksum_of_nobody_knows_what_is_asked_twice(world: World) -> None:
    """moto's checksum of an object in parts is of neither the whole nor the parts."""
    world.make({"clip.mov": BIG})
    put_elsewhere(world, "Photos/clip.mov", BIG, part_size=8 * MIB)
    (stored,) = world.store.versions["Photos/clip.mov"]
    world.store.checksums = True
    wrong = Checksum(ChecksumKind.CRC32, encode_checksum((isal_zlib.crc32(BIG) ^ 1).to_bytes(4, "big")))
    world.store.versions["Photos/clip.mov"] = [replace(stored, checksum=wrong)]
    assert proven(world.adopt()) == {"multipart-etag": 1}


# --- what differs, and what is not there ------------------------------------------------------------------


def test_what_differs_is_left_to_sync_and_an_original_to_a_person(world: World) -> None:
    world.make({"a.nef": b"new raw", "b.jpg": b"new jpg", "c.jpg": b"same", "d.nef": b"longer now"})
    for name, data in (("a.nef", b"old raw"), ("b.jpg", b"old jpg"), ("c.jpg", b"same"), ("d.nef", b"short")):
        put_elsewhere(world, f"Photos/{name}", data)
    before = dict(world.store.versions)
    done = world.adopt()
    assert (proven(done), counts_of(done).differing.files) == ({"md5": 1}, 3)
    assert sorted(one.path for one in done.findings) == ["a.nef", "d.nef"]
    assert done.exit_code is ExitCode.NEEDS_PERSON
    assert world.store.versions == before
    after = world.sync()
    assert (after.actions.uploaded, after.actions.quarantined) == (1, 2)
    objects = world.objects()
    assert (objects["Photos/a.nef"], objects["Photos/d.nef"]) == (b"old raw", b"short")
    assert (objects["Photos/b.jpg"], world.trash()) == (b"new jpg", {"b.jpg": b"old jpg"})
    again = world.adopt()
    assert (counts_of(again).differing.files, again.bytes.hashed, again.actions.quarantined) == (2, 0, 0)
    assert (again.exit_code, counts_of(again).originals.files) == (ExitCode.NEEDS_PERSON, 2), "nobody has decided yet"
    assert sorted((one.path, one.message) for one in again.findings) == sorted(
        (one.path, one.message) for one in done.findings
    )


def test_which_bytes_are_the_good_ones_is_not_claimed_to_be_known(world: World) -> None:
    world.make({"a.nef": b"new raw"})
    put_elsewhere(world, "Photos/a.nef", b"cut")
    (found,) = world.adopt().findings
    (again,) = world.sync().findings
    assert "good" not in found.message and "other bytes than this original" in found.message
    assert again.message == found.message


def test_what_changed_since_it_was_adopted_is_not_proven(world: World) -> None:
    world.make({"a.jpg": b"first", "b.jpg": b"same"})
    for name, data in (("a.jpg", b"first"), ("b.jpg", b"same")):
        put_elsewhere(world, f"Photos/{name}", data)
    world.adopt()
    (world.photos / "a.jpg").write_bytes(b"edited, and longer")
    counts = counts_of(world.adopt())
    assert (counts.known.files, counts.changed.files) == (1, 1)


def test_the_prefix_itself_is_no_hint_where_lrsync_alone_wrote_below_it(world: World) -> None:
    world.make({"a.jpg": b"1"})
    put_elsewhere(world, "Photos/.lrsync/manifest/x", b"1")
    put_elsewhere(world, "Pictures/a.jpg", b"1")
    assert counts_of(world.adopt(dry_run=True)).folders == ["Pictures/"]


def test_a_store_whose_etags_are_no_md5_calls_nothing_different(world: World) -> None:
    world.make({"a.nef": b"a", "b.nef": b"b"})
    for name in ("a", "b"):
        put_elsewhere(world, f"Photos/{name}.nef", name.encode())
        (stored,) = world.store.versions[f"Photos/{name}.nef"]
        world.store.versions[f"Photos/{name}.nef"] = [replace(stored, etag="5" * 32)]
    done = world.adopt(Unproven.TRUST)
    assert (counts_of(done).differing.files, counts_of(done).unproven.files) == (0, 2)
    assert counts_of(done).trusted.files == 0  # of so few it may be that their bytes are others
    assert [one.kind for one in done.findings] == [FindingKind.UNPROVEN]


def note_of(data: bytes) -> str:
    return encode_checksum(hashlib.md5(data, usedforsecurity=False).digest())


def test_no_note_makes_good_what_the_stores_checksum_calls_different(world: World) -> None:
    """What an uploader wrote beside the bytes speaks of those that it meant to send."""
    world.make({"a.mov": BIG, "b.mov": BIG[1:]})
    for name in ("a", "b"):
        put_elsewhere(
            world, f"Photos/{name}.mov", BIG[2:] + b"xx" if name == "a" else BIG[3:] + b"xx", part_size=8 * MIB
        )
    world.store.checksums = True
    for name, data, note in (("a", BIG, "md5chksum"), ("b", BIG[1:], "lrsync-sha256")):
        (stored,) = world.store.versions[f"Photos/{name}.mov"]
        value = encode_checksum(isal_zlib.crc32(stored.data).to_bytes(4, "big"))
        stored.metadata[note] = note_of(data) if note == "md5chksum" else hashlib.sha256(data).hexdigest()
        world.store.versions[f"Photos/{name}.mov"] = [replace(stored, checksum=Checksum(ChecksumKind.CRC32, value))]
    done = world.adopt()
    assert (proven(done), counts_of(done).differing.files, done.actions.quarantined) == ({}, 2, 2)


def test_a_note_that_lies_does_not_make_a_quarantined_original_safe(world: World) -> None:
    world.make({"a.nef": b"new raw"})
    put_elsewhere(world, "Photos/a.nef", b"old raw")
    (stored,) = world.store.versions["Photos/a.nef"]
    stored.metadata["lrsync-sha256"] = hashlib.sha256(b"new raw").hexdigest()
    world.store.checksums = True
    crc = Checksum(ChecksumKind.CRC32, encode_checksum(isal_zlib.crc32(b"old raw").to_bytes(4, "big")))
    world.store.versions["Photos/a.nef"] = [replace(stored, checksum=crc)]
    assert world.adopt().actions.quarantined == 1
    os.utime(world.photos / "a.nef", ns=(1_600_000_000_000_000_000, 1_600_000_000_000_000_000))
    after = world.sync()
    assert (after.exit_code, [one.path for one in after.findings]) == (ExitCode.NEEDS_PERSON, ["a.nef"])
    assert world.objects()["Photos/a.nef"] == b"old raw"
    status = read_status(world.path)
    assert status is not None and (status.safe, status.quarantined) == (0, 1)


def test_what_an_etag_proved_before_tells_of_the_others_too(world: World) -> None:
    """The second adoption looks at none of those that are proven: it must not forget what these ETags are."""
    world.make({"a.nef": b"good", "b.jpg": b"new"})
    for name, data in (("a.nef", b"good"), ("b.jpg", b"old")):
        put_elsewhere(world, f"Photos/{name}", data)
    first = counts_of(world.adopt())
    assert (first.proven_files.files, first.differing.files, first.unproven.files) == (1, 1, 0)
    world.make({"c.nef": b"new raw"})
    put_elsewhere(world, "Photos/c.nef", b"old raw")
    again = world.adopt(Unproven.TRUST)
    assert (counts_of(again).differing.files, counts_of(again).unproven.files) == (2, 0)
    assert [(one.kind, one.path) for one in again.findings] == [(FindingKind.ORIGINAL_CHANGED, "c.nef")]


def test_what_rclone_noted_says_nothing_of_the_stores_etags(world: World) -> None:
    world.make({"a.mov": b"one", "b.nef": b"two"})
    for name, data in (("a.mov", b"one"), ("b.nef", b"two")):
        put_elsewhere(world, f"Photos/{name}", data)
        (stored,) = world.store.versions[f"Photos/{name}"]
        world.store.versions[f"Photos/{name}"] = [replace(stored, etag="5" * 32)]
    (noted,) = world.store.versions["Photos/a.mov"]
    noted.metadata["md5chksum"] = encode_checksum(hashlib.md5(b"one", usedforsecurity=False).digest())
    counts = counts_of(world.adopt())
    assert (counts.proven_files.files, counts.differing.files, counts.unproven.files) == (1, 0, 1)


def test_what_is_absent_and_what_has_no_file_is_counted(world: World) -> None:
    world.rules = IgnoreRules(("*.tmp",))
    world.make({"a.jpg": b"a", "new.jpg": b"new", "x.tmp": b"t"})
    for name, data in (("a.jpg", b"a"), ("gone.jpg", b"gone!"), ("x.tmp", b"t"), ("folder/", b"")):
        put_elsewhere(world, f"Photos/{name}", data)
    done = world.adopt()
    counts = counts_of(done)
    assert (counts.absent.files, counts.absent.bytes) == (1, 3)
    assert (counts.strangers.files, counts.strangers.bytes) == (1, 5)
    assert counts.left_out.files == 1
    assert [(one.kind, one.path) for one in done.findings] == [(FindingKind.UNKNOWN_OBJECT, "Photos/gone.jpg")]
    assert done.exit_code is ExitCode.OK


def test_a_catalog_is_left_to_sync(world: World) -> None:
    world.make({"My.lrcat": b"SQLite format 3"})
    put_elsewhere(world, "Photos/My.lrcat", b"SQLite format 3")
    done = world.adopt()
    assert (counts_of(done).catalogs.files, world.row("My.lrcat")) == (1, None)


# --- other spellings, other layouts -----------------------------------------------------------------------


def test_a_key_in_another_unicode_form_is_taken_as_it_is(world: World) -> None:
    name = "Århus.nef"
    world.make({unicodedata.normalize("NFC", name): b"raw"})
    key = f"Photos/{unicodedata.normalize('NFD', name)}"
    put_elsewhere(world, key, b"raw")
    assert proven(world.adopt()) == {"md5": 1}
    after = world.sync()
    assert (after.actions.uploaded, after.actions.copied, after.drift.unknown) == (0, 0, 0)
    assert list(world.objects()) == [key]


@pytest.mark.parametrize("disk", ["NFC", "NFD"])
def test_a_file_that_the_disk_spells_otherwise_has_its_object(world: World, disk: str) -> None:
    name = unicodedata.normalize("NFC", "Århus.nef")
    world.make({unicodedata.normalize(disk, name): b"raw"})  # type: ignore[arg-type]
    put_elsewhere(world, f"Photos/{name}", b"raw")
    done = world.adopt()
    assert (proven(done), counts_of(done).strangers.files) == ({"md5": 1}, 0)


@pytest.mark.parametrize(
    ("key", "offset"),
    [
        ("Pictures/2024/a.nef", Offset(in_bucket="Pictures")),
        ("a.nef", Offset(on_disk="2024")),
        ("2024\\a.nef", None),
        ("2024/A.NEF", None),
        ("2024-05-01/DSC1.nef", None),
    ],
    ids=["folder more", "folder less", "backslash", "case", "script's own"],
)
def test_bytes_under_another_key_are_copied_by_the_next_sync(world: World, key: str, offset: Offset | None) -> None:
    world.make({"2024": {"a.nef": b"raw bytes"}})
    put_elsewhere(world, f"Photos/{key}", b"raw bytes")
    before = dict(world.store.versions)
    told = world.adopt(dry_run=True)
    foretold = 0 if key.endswith("DSC1.nef") else 1
    assert (counts_of(told).elsewhere.files, counts_of(told).strangers.files) == (foretold, 1 - foretold)
    assert (told.actions.adopted, world.store.versions, world.row(key)) == (0, before, None)
    done = world.adopt()
    assert (counts_of(done).elsewhere.files, counts_of(done).strangers.files) == (1, 0)
    assert counts_of(done).offset == offset
    assert world.store.versions == before
    after = world.sync()
    assert (after.actions.uploaded, after.actions.copied, after.bytes.uploaded) == (0, 1, 0)
    assert world.objects() == {"Photos/2024/a.nef": b"raw bytes", f"Photos/{key}": b"raw bytes"}


def test_another_librarys_objects_are_never_taken(world: World) -> None:
    """With a row here, the next --delete would empty that library."""
    world.make({"a.nef": b"raw bytes"})
    put_elsewhere(world, "Photos/inner/a.nef", b"raw bytes")
    owner = "24ddb36c-cbb1-4181-97fe-9a9e6d33fa88"
    put_elsewhere(world, f"Photos/inner/.lrsync/manifest/{owner}.sqlite.zst", b"snapshot")
    done = world.adopt()
    assert (counts_of(done).elsewhere.files, counts_of(done).absent.files) == (0, 1)
    assert world.row("inner/a.nef") is None


def test_the_object_of_another_file_is_not_taken(world: World) -> None:
    world.make({"a.nef": b"same bytes", "b.nef": b"same bytes"})
    put_elsewhere(world, "Photos/a.nef", b"same bytes")
    done = world.adopt()
    assert (proven(done), counts_of(done).elsewhere.files, counts_of(done).absent.files) == ({"md5": 1}, 0, 1)
    assert world.sync().actions.copied == 1


def test_where_nothing_lies_below_the_prefix_it_says_what_there_is(world: World) -> None:
    world.make({"a.nef": b"raw"})
    put_elsewhere(world, "backup/2023/a.nef", b"raw")
    put_elsewhere(world, "Pictures/a.nef", b"raw")
    assert counts_of(world.adopt(dry_run=True)).folders == ["Pictures/", "backup/"]


# --- what nothing proves ----------------------------------------------------------------------------------


@pytest.fixture
def hidden(world: World) -> World:
    """Three objects of which KMS hides everything; the bytes of one are others."""
    world.make({"a.nef": b"raw a", "b.jpg": b"jpg b", "c.jpg": b"jpg c"})
    for name, data in (("a.nef", b"raw a"), ("b.jpg", b"jpg b"), ("c.jpg", b"OTHER")):
        put_elsewhere(world, f"Photos/{name}", data)
        world.store.opaque.add(f"Photos/{name}")
    return world


def test_left_alone_it_is_said_and_sync_sends_it_again(hidden: World) -> None:
    done = hidden.adopt()
    assert (done.exit_code, done.actions.adopted, done.bytes.hashed) == (ExitCode.NEEDS_PERSON, 0, 0)
    assert [one.kind for one in done.findings] == [FindingKind.UNPROVEN]
    after = hidden.sync()
    assert after.actions.uploaded + after.actions.adopted == 3
    assert hidden.objects() == hidden.files()


def test_on_trust_nothing_is_read_sent_deleted_or_safe(hidden: World) -> None:
    before = dict(hidden.store.versions)
    done = hidden.adopt(Unproven.TRUST)
    assert (counts_of(done).trusted.files, counts_of(done).unproven.files, done.exit_code) == (3, 0, ExitCode.OK)
    assert hidden.store.versions == before
    after = hidden.sync()
    assert (after.actions.uploaded, after.bytes.hashed) == (0, 0)
    assert hidden.sync().requests.total == 0
    (hidden.photos / "b.jpg").unlink()
    assert hidden.sync(delete=True).actions.trashed == 0
    assert hidden.store.versions == before
    row = hidden.row("a.nef")
    assert row is not None
    assert row.sha256 is None


def test_what_was_trusted_can_be_proven_later(hidden: World) -> None:
    hidden.adopt(Unproven.TRUST)
    left = hidden.adopt()
    assert (counts_of(left).trusted.files, left.exit_code) == (3, ExitCode.OK)
    done = hidden.adopt(Unproven.DOWNLOAD)
    assert (proven(done), counts_of(done).trusted.files, counts_of(done).differing.files) == ({"bytes": 2}, 0, 1)


def test_a_trusted_file_that_changes_is_a_changed_file(hidden: World) -> None:
    hidden.adopt(Unproven.TRUST)
    (hidden.photos / "b.jpg").write_bytes(b"edited, and longer")
    assert hidden.sync().actions.uploaded == 1
    assert hidden.objects()["Photos/b.jpg"] == b"edited, and longer"


def test_read_back_the_bytes_decide(hidden: World) -> None:
    before = dict(hidden.store.versions)
    done = hidden.adopt(Unproven.DOWNLOAD)
    assert (proven(done), counts_of(done).differing.files, done.exit_code) == ({"bytes": 2}, 1, ExitCode.OK)
    assert counts_of(done).downloaded.files == 3
    assert hidden.store.versions == before
    after = hidden.sync()
    assert (after.actions.uploaded, hidden.trash()) == (1, {"c.jpg": b"OTHER"})
    assert hidden.objects() == hidden.files()


def test_read_back_an_original_with_other_bytes_stays(hidden: World) -> None:
    (hidden.photos / "a.nef").write_bytes(b"ROT a")
    done = hidden.adopt(Unproven.DOWNLOAD)
    assert [(one.kind, one.path) for one in done.findings] == [(FindingKind.ORIGINAL_CHANGED, "a.nef")]
    assert hidden.sync().actions.quarantined == 1
    assert hidden.objects()["Photos/a.nef"] == b"raw a"


def test_what_is_archived_is_not_read_back(hidden: World) -> None:
    hidden.store.archived = {"Photos/a.nef"}
    done = hidden.adopt(Unproven.DOWNLOAD)
    assert (counts_of(done).archived.files, counts_of(done).unproven.files) == (1, 1)
    assert done.exit_code is ExitCode.NEEDS_PERSON
    assert hidden.store.asked == []
    assert hidden.store.head("Photos/a.nef").thaw.state is ThawState.ARCHIVED


def test_sent_again_the_old_objects_are_kept(hidden: World) -> None:
    done = hidden.adopt(Unproven.UPLOAD)
    assert counts_of(done).sent.files == done.actions.uploaded + done.actions.adopted == 3
    assert counts_of(done).unproven.files == 0
    assert hidden.objects() == hidden.files()
    assert hidden.trash()["c.jpg"] == b"OTHER"
    assert hidden.sync().actions.uploaded == 0


# --- interrupted, dry, and with metadata ------------------------------------------------------------------


def test_interrupted_it_goes_on_where_it_was(world: World) -> None:
    names = [f"{number:03}.jpg" for number in range(40)]
    world.make({name: name for name in names})
    for name in names:
        put_elsewhere(world, f"Photos/{name}", name.encode())

    def finished() -> int:
        return sum(isinstance(event, WorkFinished) for event in world.events)

    world.stopping = lambda: finished() >= 10
    with pytest.raises(InterruptedRun):
        world.adopt()
    adopted = finished()
    assert 10 <= adopted < 40
    world.stopping = lambda: False
    done = world.adopt()
    assert (counts_of(done).known.files, done.actions.adopted) == (adopted, 40 - adopted)


def test_a_dry_run_changes_nothing_and_foretells(world: World) -> None:
    world.make({"a.nef": b"a", "b.nef": b"bb", "c.nef": b"ccc", "clip.mov": BIG})
    put_elsewhere(world, "Photos/a.nef", b"a")
    put_elsewhere(world, "Photos/c.nef", b"CCC")
    put_elsewhere(world, "Photos/clip.mov", BIG, part_size=8 * MIB)
    before = dict(world.store.versions)
    told = world.adopt(dry_run=True)
    assert world.store.versions == before
    assert world.row("a.nef") is None
    done = world.adopt()
    for name in ("proven", "differing", "absent", "elsewhere", "unproven", "strangers"):
        assert getattr(counts_of(told), name) == getattr(counts_of(done), name), name
    assert told.run_id is None


def test_a_dry_run_reads_only_some(world: World) -> None:
    names = [f"{number:03}.jpg" for number in range(40)]
    world.make({name: name for name in names})
    for name in names:
        put_elsewhere(world, f"Photos/{name}", name.encode())
    told = world.adopt(dry_run=True)
    assert (proven(told), told.bytes.hashed) == ({"md5": 40}, 8 * len("000.jpg"))
    trial = counts_of(told).tried["md5"]
    assert (trial.files, trial.proven) == (8, 8)


@pytest.mark.parametrize("versioned", [False, True])
def test_metadata_is_written_onto_what_is_proven(tmp_path: Path, versioned: bool) -> None:
    world = World(tmp_path, store=MemoryStore(checksums=False, versioned=versioned))
    world.make({"a.nef": b"raw", "b.jpg": b"jpg", "c.nef": b"cold"})
    for name, data in (("a.nef", b"raw"), ("b.jpg", b"OLD"), ("c.nef", b"cold")):
        put_elsewhere(world, f"Photos/{name}", data, mtime="1.5")
    for key, kind in (("Photos/c.nef", "DEEP_ARCHIVE"), ("Photos/a.nef", "STANDARD_IA")):
        (stored,) = world.store.versions[key]
        world.store.versions[key] = [replace(stored, storage_class=kind)]
    done = world.adopt(rewrite_metadata=True)
    assert (counts_of(done).rewritten.files, done.actions.copied) == (1, 1)
    stored = world.store.versions["Photos/a.nef"][-1]
    assert stored.metadata["lrsync-sha256"] == hashlib.sha256(b"raw").hexdigest()
    assert (stored.storage_class, stored.data) == ("STANDARD_IA", b"raw")
    assert "lrsync-sha256" not in world.store.versions["Photos/c.nef"][-1].metadata
    assert counts_of(world.adopt(rewrite_metadata=True)).rewritten.files == 0
    assert world.sync().drift.altered == 0


def test_metadata_needs_a_yes(world: World) -> None:
    world.make({"a.nef": b"raw"})
    put_elsewhere(world, "Photos/a.nef", b"raw")
    before = dict(world.store.versions)
    assert counts_of(world.adopt(rewrite_metadata=True, agree=False)).rewritten.files == 0
    assert counts_of(world.adopt(rewrite_metadata=True, dry_run=True)).rewritten.files == 0
    assert world.store.versions == before


def test_the_snapshot_goes_to_the_bucket(tmp_path: Path) -> None:
    """It alone knows the files' times: a bare restore has them from there."""
    world = World(tmp_path, store=MemoryStore(checksums=False), snapshots=True)
    world.make({"a.nef": b"raw"})
    put_elsewhere(world, "Photos/a.nef", b"raw")
    done = world.adopt()
    assert done.snapshot is not None
    assert world.store.data(done.snapshot.key)
    again = world.adopt()
    assert (again.snapshot, counts_of(again).listed) == (None, 1)


def test_a_file_that_is_written_all_the_time_fails_alone(world: World) -> None:
    world.make({"a.nef": b"raw", "b.nef": b"raw b"})
    put_elsewhere(world, "Photos/a.nef", b"raw")
    put_elsewhere(world, "Photos/b.nef", b"raw b")

    class Restless:
        def __init__(self, tree: object) -> None:
            self._tree = tree

        def __getattr__(self, name: str) -> object:
            return getattr(self._tree, name)

        def read(self, path: str, **wanted: object) -> object:
            if path == "a.nef":
                raise RacedError(path)
            return self._tree.read(path, **wanted)  # type: ignore[attr-defined]

    world.wrap_tree = Restless  # type: ignore[assignment]
    done = world.adopt()
    assert (proven(done), done.actions.failed, done.exit_code) == ({"md5": 1}, 1, ExitCode.INCOMPLETE)


def test_a_restore_takes_nothing_on_trust(hidden: World) -> None:
    """What has the size and the time of an unproven object is there already: that is no reason to look no more."""
    hidden.adopt()
    done = restored(hidden, RestoreRequest(paths=("*.jpg",)))
    assert done.restored is not None
    assert done.restored.intact == 2
    row = hidden.row("c.jpg")
    assert row is not None
    assert (row.sha256, row.settled) == (None, False)
    hidden.sync()
    assert hidden.objects() == hidden.files()


def test_what_was_proven_in_the_end_is_no_finding_any_more(hidden: World) -> None:
    def findings() -> list[FindingKind]:
        report = read_status(hidden.path)
        assert report is not None
        return [one.kind for one in report.findings]

    hidden.adopt()
    assert findings() == [FindingKind.UNPROVEN]
    hidden.adopt(Unproven.DOWNLOAD, dry_run=True)
    assert findings() == [FindingKind.UNPROVEN]
    hidden.adopt(Unproven.DOWNLOAD)
    assert findings() == []

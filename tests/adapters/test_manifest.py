"""The manifest's rows, on real SQLite files."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
import unicodedata
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import create_engine, event
from sqlalchemy.exc import IntegrityError
from sqlalchemy.pool import NullPool

from lrsync.adapters.database import BEGIN, make_engine, prepare
from lrsync.adapters.manifest import Manifest
from lrsync.adapters.seals import Seals
from lrsync.adapters.sqlite import connect, immediate
from lrsync.core.checksums import Checksum, ChecksumKind
from lrsync.core.findings import Finding, FindingKind, QuarantinedContent
from lrsync.core.keys import KeyProblem, key_for
from lrsync.core.model import Done, Drift, Failed, ManifestEntry, MultipartRecord, Raced
from lrsync.core.objects import ListedObject
from lrsync.core.runs import RunKind, RunResult, RunSummary
from lrsync.core.scan import Stat
from lrsync.errors import ManifestError
from tests.adapters.rows import (
    LIBRARY,
    PREFIX,
    change,
    entry,
    gone,
    opened,
    quarantined,
    trashed,
    uploaded,
)

NFD = unicodedata.normalize("NFD", "Zürich")
AWKWARD = [
    "a b/c+d%20#?&=.NEF",
    "line\nbreak/quo'te\"s.jpg",
    "emoji 🦊/😀.heic",
    f"{NFD}/{NFD}.nef",
    "Zürich/Zürich.nef",
    ".hidden/..dots..",
    "root.jpg",
    "tab\there/back\\slash",
    "%/_%_",
]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "manifest.sqlite"


@pytest.fixture
def both(path: Path) -> Iterator[tuple[Manifest, Seals]]:
    with opened(path) as pair:
        yield pair


@pytest.fixture
def manifest(both: tuple[Manifest, Seals]) -> Manifest:
    return both[0]


@pytest.fixture
def seals(both: tuple[Manifest, Seals]) -> Seals:
    return both[1]


# --- round trips ------------------------------------------------------------------------------------------

_names = st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=12).filter(
    lambda name: name not in (".", "..")
)
_paths = st.one_of(st.sampled_from(AWKWARD), st.lists(_names, min_size=1, max_size=3).map("/".join))
_times = st.one_of(st.integers(-(10**18), 2 * 10**18), st.integers(2**63, 2**65), st.integers(-(2**65), -(2**63)))
_digests = st.one_of(st.none(), st.binary(min_size=32, max_size=32))
_etags = st.one_of(
    st.sampled_from(["", "D41D8CD98F00B204E9800998ECF8427E", "d41d8cd98f00b204e9800998ecf8427e-12", " " * 32]),
    st.binary(min_size=16, max_size=16).map(bytes.hex),
)


@st.composite
def _entries(draw: st.DrawFn) -> ManifestEntry:
    path = draw(_paths)
    try:
        key = key_for(PREFIX, path)
    except KeyProblem:
        path, key = "plain.jpg", "photos/plain.jpg"
    plain = entry(path, sha256=draw(_digests), etag=draw(_etags), key=key)
    kind = draw(st.sampled_from([None, *ChecksumKind]))
    stamp = draw(st.one_of(st.none(), st.integers(0, 10**18)))
    checksum = None if kind is None else Checksum(kind, draw(st.sampled_from(["AAAAAA==", "1B2M2Y8AsgTpgAmY7PhCfg=="])))
    return replace(
        plain,
        size=draw(st.integers(0, 5 << 40)),
        mtime_ns=draw(_times),
        ctime_ns=draw(_times),
        checksum=draw(st.sampled_from([plain.checksum, checksum])),
        version_id=draw(st.sampled_from([None, "3sL4kqtJlcpXroDTDmJ+rmSpXd3dIbrHY+MTRCxf3vjVBH40Nr8X8gdRQBpUMLUo"])),
        storage_class=draw(st.sampled_from(["STANDARD", "GLACIER_IR", "local-class"])),
        verified_at=stamp,
        missing_since=stamp,
        drift=draw(st.sampled_from([None, *Drift])),
        settled=draw(st.booleans()),
        image=draw(st.one_of(st.none(), st.binary(min_size=24, max_size=40))),
    )


@settings(max_examples=60, deadline=None)
@given(st.lists(_entries(), min_size=1, max_size=12))
def test_what_is_recorded_comes_back_as_it_was(entries: list[ManifestEntry]) -> None:
    expected = {row.path: row for row in entries}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "m.sqlite"
        with opened(path) as (manifest, _):
            manifest.record([uploaded(row) for row in entries])
        with opened(path) as (manifest, _):
            folders = {name.rpartition("/")[0] for name in expected}
            found = [manifest.rows(folder) for folder in sorted(folders)]
            assert {row.path: row for rows in found for row in rows} == expected
            assert manifest.row(entries[0].path) == expected[entries[0].path]
            assert manifest.count() == len(expected)
            for rows in found:
                assert [row.path for row in rows] == sorted(row.path for row in rows)


@pytest.mark.parametrize("path_", AWKWARD)
def test_awkward_names_are_found_by_every_way(manifest: Manifest, path_: str) -> None:
    row = entry(path_, key=key_for(PREFIX, path_), missing_since=5)
    manifest.record([uploaded(entry("other.jpg")), uploaded(row)])
    manifest.begin_listing()
    manifest.add_listed([ListedObject(row.key, row.size, row.etag)])
    assert manifest.row(path_) == row
    assert list(manifest.missing()) == [row]
    assert manifest.listed(row.key) == ListedObject(row.key, row.size, row.etag)
    assert [found.path for found, _ in manifest.compare_listing()] == ["other.jpg"]
    assert list(manifest.unknown_listed()) == []


# --- record -----------------------------------------------------------------------------------------------


def test_recording_makes_updates_and_removes_rows(manifest: Manifest) -> None:
    first, second = entry("d/a.nef"), entry("d/b.nef")
    manifest.record([uploaded(first), uploaded(second)])
    lost = replace(second, missing_since=7)
    manifest.record([uploaded(replace(first, size=9)), gone(lost)])
    assert manifest.rows("d") == [replace(first, size=9), lost]
    manifest.record([trashed(lost)])
    assert manifest.rows("d") == [replace(first, size=9)]


def test_the_last_outcome_of_a_file_wins(manifest: Manifest) -> None:
    row = entry("a.nef")
    manifest.record([trashed(row), uploaded(row)])
    assert manifest.row("a.nef") == row
    manifest.record([uploaded(row), trashed(row)])
    assert manifest.row("a.nef") is None


@pytest.mark.parametrize("what", ["upload", "missing", "trash", "quarantine", "failed", "raced", "drift", "object"])
def test_every_write_clears_the_seal_of_its_directory_alone(manifest: Manifest, seals: Seals, what: str) -> None:
    row = entry("d/a.nef")
    manifest.record([uploaded(row), uploaded(entry("e/b.nef"))])
    manifest.seal({"": b"0", "d": b"1", "e": b"2"})
    match what:
        case "drift":
            manifest.set_drift([("d/a.nef", Drift.MISSING)])
        case "object":
            manifest.update_object("d/a.nef", etag="x", version_id=None)
        case _:
            outcomes = {
                "upload": uploaded(row),
                "missing": gone(replace(row, missing_since=1)),
                "trash": trashed(row),
                "quarantine": quarantined(row),
                "failed": Failed("d/a.nef", "no", change=change(row)),
                "raced": Raced("d/a.nef", change(row)),
            }
            manifest.record([outcomes[what]])
    assert seals.seals() == {"": b"0", "d": None, "e": b"2"}


@pytest.mark.parametrize("kind", ["failed", "raced", "quarantine"])
def test_what_was_not_acknowledged_changes_no_row(manifest: Manifest, kind: str) -> None:
    row = entry("d/a.nef")
    manifest.record([uploaded(row)])
    other = replace(row, size=1)
    outcomes = {"failed": Failed(row.path, "no", change=change(other)), "raced": Raced(row.path, change(other))}
    manifest.record([outcomes.get(kind, quarantined(row)), Failed("new/b.nef", "no")])
    assert manifest.rows("d") == [row]
    assert manifest.count() == 1


def test_a_batch_is_recorded_whole_or_not_at_all(manifest: Manifest, seals: Seals) -> None:
    row = entry("d/a.nef")
    manifest.record([uploaded(row)])
    manifest.seal({"d": b"1"})
    broken = entry("new/z.nef", uploaded_at=None)
    with pytest.raises(IntegrityError, match="uploaded_at"):
        manifest.record([uploaded(replace(row, size=1)), uploaded(entry("new/b.nef")), uploaded(broken)])
    assert manifest.rows("d") == [row]
    assert seals.seals() == {"d": b"1"}
    manifest.record([uploaded(entry("new/b.nef"))])  # no id of the directory that was not made is remembered
    assert manifest.rows("new") == [entry("new/b.nef")]


def test_a_row_cannot_vanish_but_by_trash(manifest: Manifest) -> None:
    row = entry("a.nef")
    with pytest.raises(ValueError, match="Upload"):
        manifest.record([Done(uploaded(row).action, None)])  # type: ignore[union-attr]


def test_findings_of_a_file_that_was_dealt_with_are_gone(manifest: Manifest, seals: Seals) -> None:
    kinds = (FindingKind.FAILED, FindingKind.RACED, FindingKind.ORIGINAL_CHANGED, FindingKind.UNREADABLE)
    findings = [Finding(kind, name, "x") for kind in kinds for name in ("a.nef", "b.nef")]
    run = seals.begin_run(RunKind.SYNC, 1)
    seals.finish_run(run, RunResult.INCOMPLETE, RunSummary(), findings, complete=True)
    manifest.record([uploaded(entry("a.nef")), Failed("b.nef", "again")])
    with closing(sqlite3.connect(seals.path)) as connection:
        left = set(connection.execute("SELECT kind, path FROM findings"))
    assert left == {(kind.value, "b.nef") for kind in kinds} | {("unreadable", "a.nef")}


def test_quarantined_bytes_are_remembered(manifest: Manifest, seals: Seals) -> None:
    content = QuarantinedContent("d/é.nef", Stat(5, 2**64, 7), b"s" * 32)
    finding = Finding(FindingKind.ORIGINAL_CHANGED, "d/é.nef", "changed", quarantined=content)
    run = seals.begin_run(RunKind.SYNC, 1)
    seals.finish_run(run, RunResult.ATTENTION, RunSummary(), [finding], complete=True)
    assert manifest.quarantined() == {"d/é.nef": content}


# --- seals and directories --------------------------------------------------------------------------------


def test_a_directory_without_rows_can_be_sealed_and_is_kept(manifest: Manifest, seals: Seals) -> None:
    row = entry("gone/a.nef")
    manifest.record([uploaded(row), uploaded(entry("kept/a.nef"))])
    manifest.record([trashed(row)])
    manifest.seal({"empty": b"e", "no-utf8-\udcff": b"u"})
    manifest.forget_empty_directories()
    assert seals.seals() == {"empty": b"e", "kept": None, "no-utf8-\udcff": b"u"}
    manifest.record([uploaded(row)])  # with a new id
    assert manifest.rows("gone") == [row]
    assert manifest.rows("kept") == [entry("kept/a.nef")]


# --- twins ------------------------------------------------------------------------------------------------


def test_a_twin_is_rather_one_that_is_there_and_never_one_with_drift(manifest: Manifest) -> None:
    sha256 = b"t" * 32
    lost = entry("lost.nef", sha256=sha256, missing_since=3)
    drifted = entry("drifted.nef", sha256=sha256, drift=Drift.ALTERED)
    near = entry("near.nef", sha256=sha256[:8] + b"u" * 24)
    manifest.record([uploaded(drifted), uploaded(near)])
    assert manifest.find_twin(sha256) is None
    manifest.record([gone(lost)])
    assert manifest.find_twin(sha256) == lost
    assert not manifest.has_live_twin(lost)
    there = entry("there.nef", sha256=sha256)
    manifest.record([uploaded(there)])
    assert manifest.find_twin(sha256) == there
    assert manifest.has_live_twin(lost)
    assert not manifest.has_live_twin(there)
    assert not manifest.has_live_twin(entry("unproven.nef", sha256=None))


def test_ten_thousand_equal_files_cost_no_more_than_one_each(manifest: Manifest) -> None:
    sha256 = b"e" * 32
    rows = [entry(f"d{i % 10}/{i:05}.xmp", sha256=sha256, size=0, missing_since=1) for i in range(10_000)]
    manifest.record([gone(row) for row in rows])
    last = entry("z/last.xmp", sha256=sha256, size=0)
    manifest.record([uploaded(last)])
    started = time.process_time()
    for row in rows[:600]:
        assert manifest.find_twin(sha256) == last
        assert manifest.has_live_twin(row)
    # By a scan of all of them it would be 12 million rows, many seconds.
    assert time.process_time() - started < 2.5


@pytest.mark.parametrize(
    ("call", "index"),
    [
        ("find_twin", "files_twin"),
        ("has_live_twin", "files_twin"),
        ("missing", "files_missing"),
        ("drifted", "files_drift"),
    ],
)
def test_searches_use_their_index(path: Path, call: str, index: str) -> None:
    prepare(path)
    engine = make_engine(path)
    seen: list[tuple[str, object]] = []
    event.listen(engine, "before_cursor_execute", lambda _c, _cur, sql, parameters, *_: seen.append((sql, parameters)))
    with Manifest(engine, PREFIX) as manifest:
        seen.clear()
        argument = {"find_twin": (b"x" * 32,), "has_live_twin": (entry("a"),)}.get(call, ())
        result = getattr(manifest, call)(*argument)
        if call in ("missing", "drifted"):
            list(result)
    sql, parameters = next((sql, given) for sql, given in seen if "files" in sql)
    with closing(sqlite3.connect(path)) as connection:
        plan = connection.execute("EXPLAIN QUERY PLAN " + sql, parameters).fetchall()
    assert any(index in step[3] for step in plan), plan


def test_sizes_are_those_of_good_objects(manifest: Manifest) -> None:
    rows = [
        entry("a", size=1),
        entry("b", size=1),
        entry("c", size=2, drift=Drift.MISSING),
        entry("d", size=3, sha256=None),
    ]
    manifest.record([uploaded(row) for row in rows])
    assert manifest.sizes() == {1}


def test_a_folders_files_have_places(manifest: Manifest) -> None:
    manifest.record([uploaded(entry(path)) for path in ("d/é", "d/b", "d/a", "c", "d/x/y")])
    assert [manifest.name_at("d", number) for number in (1, 2, 3)] == ["a", "b", "é"]
    assert manifest.name_at("", 1) == "c"
    for folder, number in (("d", 4), ("nowhere", 1)):
        with pytest.raises(KeyError):
            manifest.name_at(folder, number)


def test_what_is_put_aside_goes_to_the_disk(manifest: Manifest) -> None:
    """A million listed objects must not be in memory, however SQLite was built."""
    with manifest._session.reading() as connection:
        assert connection.exec_driver_sql("PRAGMA temp_store").scalar() == 1


# --- the listing ------------------------------------------------------------------------------------------


def listed(row: ManifestEntry, **other: Any) -> ListedObject:
    return ListedObject(row.key, row.size, row.etag)._replace(**other)


def test_without_a_listing_nothing_is_called_missing(manifest: Manifest) -> None:
    manifest.record([uploaded(entry("a"))])
    assert manifest.listed("photos/a") is None
    with pytest.raises(RuntimeError):
        list(manifest.compare_listing())
    with pytest.raises(RuntimeError):
        list(manifest.unknown_listed())


def test_the_listing_is_compared_row_by_row(manifest: Manifest) -> None:
    same, size, etag = entry("d/same"), entry("d/size"), entry("a-b/etag")
    absent, no_etag = entry("a/absent", missing_since=4), entry("no-etag", etag="")
    marked = entry("marked", drift=Drift.MISSING)
    manifest.record([uploaded(row) for row in (same, size, etag, absent, no_etag, marked)])
    manifest.begin_listing()
    other_size, other_etag = listed(size, size=1), listed(etag, etag="x" * 32)
    manifest.add_listed([listed(same), other_size, other_etag, listed(no_etag, etag="y"), listed(marked)])
    assert list(manifest.compare_listing()) == [
        (etag, other_etag),
        (absent, None),
        (size, other_size),
        (marked, listed(marked)),
    ]


def test_unknown_objects_are_those_that_no_row_explains(manifest: Manifest) -> None:
    nfd = entry(f"{NFD}.nef", key=key_for(PREFIX, f"{NFD}.nef"))
    manifest.record([uploaded(entry("a")), uploaded(entry("d/a")), uploaded(nfd)])
    manifest.begin_listing()
    own = ["photos/.lrsync/trash/20260101T000000Z/a", "photos/.lrsync/manifest/u.sqlite.zst", "photos/.lrsync-library"]
    known = ["photos/a", "photos/d/a", nfd.key]
    # The row is of the NFD path, whose key is the NFC one: an object under the NFD name is another.
    strange = [
        "photos//a",
        f"photos/{NFD}.nef",
        "photos/d",
        "photos/d/",
        "photos/d//a",
        "photos/d/b",
        "photos/.lrsyncx",
    ]
    outside = ["photos2/a", "else"]
    manifest.add_listed(ListedObject(key, 1, "e") for key in own + known + strange + outside)
    assert [found.key for found in manifest.unknown_listed()] == sorted(strange)


@settings(max_examples=40, deadline=None)
@given(st.sets(_paths, max_size=12), st.sets(_paths, max_size=12))
def test_a_listing_is_compared_as_sets_of_keys_would_be(on_disk: set[str], in_bucket: set[str]) -> None:
    rows = {}
    for name in on_disk:
        try:
            rows[key_for(PREFIX, name)] = entry(name, key=key_for(PREFIX, name))
        except KeyProblem:
            continue
    keys = {f"{PREFIX}/{name}" for name in in_bucket}
    with tempfile.TemporaryDirectory() as folder, opened(Path(folder) / "m.sqlite") as (manifest, _):
        manifest.record([uploaded(row) for row in rows.values()])
        manifest.begin_listing()
        size = {key: row.size for key, row in rows.items()}
        manifest.add_listed(ListedObject(key, size.get(key, 0), "") for key in keys)
        missing = {row.key for row, found in manifest.compare_listing() if found is None}
        unknown = {found.key for found in manifest.unknown_listed()}
    assert missing == rows.keys() - keys
    own = (f"{PREFIX}/.lrsync/", f"{PREFIX}/.lrsync-library")
    assert unknown == {key for key in keys - rows.keys() if not key.startswith(own[0]) and key != own[1]}


def test_a_new_listing_forgets_the_older_and_a_key_counts_once(manifest: Manifest) -> None:
    manifest.begin_listing()
    manifest.add_listed([ListedObject("photos/old", 1, "e")])
    manifest.begin_listing()
    manifest.add_listed([ListedObject("photos/new", 1, "e")])
    manifest.add_listed([ListedObject("photos/new", 2, "f")])
    assert list(manifest.unknown_listed()) == [ListedObject("photos/new", 2, "f")]


def test_a_listing_leaves_nothing_in_the_file(path: Path) -> None:
    with opened(path) as (manifest, _):
        manifest.begin_listing()
        manifest.add_listed([ListedObject("photos/a", 1, "e")])
        list(manifest.unknown_listed())
    with closing(sqlite3.connect(path)) as connection:
        names = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    assert names == {
        "library",
        "directories",
        "files",
        "runs",
        "findings",
        "multiparts",
        "disk_proofs",
        "alembic_version",
        "folder_counts",
        "uncounted",
    }


def test_rows_may_be_written_while_they_are_read(manifest: Manifest) -> None:
    rows = [entry(f"d/{i:04}", missing_since=1) for i in range(2500)]
    manifest.record([gone(row) for row in rows])
    seen = []
    for row in manifest.missing():
        manifest.record([trashed(row)])
        seen.append(row)
    assert seen == rows
    assert manifest.count() == 0


def test_verdicts_may_come_from_the_comparison_itself(manifest: Manifest) -> None:
    rows = [entry(f"d/{i:04}") for i in range(2100)]
    manifest.record([uploaded(row) for row in rows])
    manifest.begin_listing()
    manifest.set_drift((row.path, Drift.MISSING) for row, _ in manifest.compare_listing())
    assert [row.path for row in manifest.drifted()] == [row.path for row in rows]
    manifest.set_drift((row.path, None) for row in manifest.drifted())
    assert list(manifest.drifted()) == []


def test_a_read_that_is_left_halfway_does_no_harm(manifest: Manifest) -> None:
    manifest.record([gone(entry(f"{i:04}", missing_since=1)) for i in range(3)])
    for _ in range(3):
        assert next(manifest.missing()).path == "0000"
    assert len(list(manifest.missing())) == 3
    with manifest._session.reading() as connection:
        scratch = connection.exec_driver_sql("SELECT name FROM temp.sqlite_master WHERE type = 'table'").scalars().all()
    assert len(scratch) == 1  # of the last read: those before it are gone


# --- objects, multiparts, library -------------------------------------------------------------------------


def test_another_etag_leaves_the_checksum_as_it_was(manifest: Manifest) -> None:
    md5 = Checksum(ChecksumKind.MD5, "1B2M2Y8AsgTpgAmY7PhCfg==")  # implied by the ETag, so not stored beside it
    row = entry("d/a", etag="d41d8cd98f00b204e9800998ecf8427e", checksum=md5)
    manifest.record([uploaded(row)])
    manifest.update_object("d/a", etag="0" * 32, version_id="v2")
    assert manifest.row("d/a") == replace(row, etag="0" * 32, version_id="v2")
    manifest.update_object("d/none", etag="0" * 32, version_id=None)
    assert manifest.count() == 1


def test_a_multipart_upload_is_remembered_until_it_is_forgotten(manifest: Manifest) -> None:
    record = MultipartRecord("photos/v.mov", "v.mov", "id", 16, Stat(1, 2**63, 3), b"s" * 32, 4)
    manifest.remember_multipart(replace(record, upload_id="older"))
    manifest.remember_multipart(record)
    assert manifest.multipart_for("photos/v.mov") == record
    assert manifest.multipart_for("photos/w.mov") is None
    assert manifest.multiparts() == [record]
    manifest.forget_multipart("photos/v.mov")
    assert manifest.multiparts() == []


def test_the_library_is_kept_and_its_prefix_cannot_change(path: Path) -> None:
    with opened(path) as (manifest, seals):
        moved = replace(LIBRARY, source="/mnt/no-utf8-\udcff", last_full_pass=7, has_marker=False, identity="{}")
        manifest.update_library(moved)
        assert seals.library() == moved
        with pytest.raises(ManifestError, match="prefix"):
            manifest.update_library(replace(LIBRARY, prefix="other"))
    with pytest.raises(ManifestError, match="prefix") as caught:
        Manifest(path, "other")
    assert caught.value.hint


# --- bad luck ---------------------------------------------------------------------------------------------


def test_a_full_disk_ends_the_run_and_harms_nothing(path: Path) -> None:
    prepare(path)

    def limited() -> sqlite3.Connection:
        connection = connect(path)
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {pages + 2}")
        return connection

    engine = create_engine("sqlite://", creator=limited, poolclass=NullPool)
    event.listen(engine, "begin", lambda c: c.exec_driver_sql("BEGIN IMMEDIATE"))
    with Manifest(engine, PREFIX, path=path) as manifest:
        manifest.record([uploaded(entry("a"))])
        with pytest.raises(ManifestError, match="full") as caught:
            manifest.record([uploaded(entry(f"d/{i}")) for i in range(1000)])
        assert caught.value.hint
        assert [manifest.count(), manifest.rows("d"), manifest.row("a")] == [1, [], entry("a")]


def test_after_waiting_in_vain_the_manifest_is_as_good_as_before(path: Path) -> None:
    prepare(path)
    engine = create_engine("sqlite://", creator=lambda: connect(path, timeout_s=0.05), poolclass=NullPool)
    event.listen(engine, "begin", lambda c: c.exec_driver_sql(c.info.get(BEGIN, "BEGIN IMMEDIATE")))
    with Manifest(engine, PREFIX, path=path) as manifest, closing(connect(path)) as other:
        with immediate(other), pytest.raises(ManifestError, match="too long"):
            manifest.record([uploaded(entry("a"))])
        manifest.record([uploaded(entry("a"))])
        with immediate(other):  # whoever only reads need not wait
            assert manifest.row("a") == entry("a")


def test_two_connections_may_write_at_once(path: Path) -> None:
    def write(manifest: Manifest, name: str) -> None:
        for i in range(25):
            manifest.record([uploaded(entry(f"{name}/{i}-{j}")) for j in range(4)])

    with opened(path) as (one, seals), Manifest(path, PREFIX) as two, ThreadPoolExecutor() as pool:
        jobs = [pool.submit(write, *job) for job in ((one, "a"), (one, "b"), (two, "c"), (two, "d"))]
        for i in range(25):
            seals.begin_run(RunKind.SYNC, i)
        for job in jobs:
            job.result()
        assert two.count() == 400


_CRASHER = """
import sys
from pathlib import Path
from tests.adapters.rows import entry, opened, uploaded
with opened(Path(sys.argv[1])) as (manifest, _):
    print("ready", flush=True)
    for batch in range(100_000):
        manifest.record([uploaded(entry(f"{batch:06}/{i}.nef")) for i in range(50)])
        manifest.seal({f"{batch:06}": b"sealed"})
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")
@pytest.mark.parametrize("after_s", [0.05, 0.4])
def test_a_kill_leaves_whole_batches_only(path: Path, after_s: float) -> None:
    with subprocess.Popen([sys.executable, "-c", _CRASHER, str(path)], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        time.sleep(after_s)
        os.kill(process.pid, signal.SIGKILL)
    prepare(path)
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        query = "SELECT count(f.name), digest FROM directories LEFT JOIN files f ON dir_id = id GROUP BY id ORDER BY id"
        folders = connection.execute(query).fetchall()
    assert folders or after_s < 0.1, "killed at once, it may not have come to any"
    assert {files for files, _ in folders} <= {50}
    assert all(digest == b"sealed" for _, digest in folders[:-1])

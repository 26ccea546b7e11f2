"""What lies in the bucket by kind and class, as the manifest tells it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from lrsync.adapters.cost_query import has_class, read_costs
from lrsync.adapters.manifest import Manifest
from lrsync.adapters.seals import Seals
from lrsync.core.costs import StoredGroup
from lrsync.core.filetypes import FileType
from lrsync.core.model import Drift
from lrsync.core.runs import RequestCounts, RunKind, RunResult, RunSummary
from lrsync.errors import ManifestError
from tests.adapters.rows import LIBRARY, PREFIX, entry, opened, uploaded

MIN = 100_000
LEAST = 128 << 10


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "m.sqlite"


def fill(path: Path) -> None:
    rows = {
        "2024/a.NEF": (LEAST, "DEEP_ARCHIVE"),
        "2024/b.nef": (MIN, "DEEP_ARCHIVE"),
        "2024/c.nef": (MIN - 1, "STANDARD"),
        "2024/d.jpg": (LEAST + 5, "STANDARD"),
        "2024/e.JPG": (LEAST + 7, "STANDARD"),
        "2024/f.xmp": (9, "STANDARD"),
        "x.lrprev": (9, "STANDARD"),
        "noext": (9, "STANDARD"),
    }
    with opened(path) as (manifest, _):
        made = [
            uploaded(replace(entry(name, key=f"{PREFIX}/{name}"), size=size, storage_class=kind, uploaded_at=number))
            for number, (name, (size, kind)) in enumerate(rows.items())
        ]
        manifest.record(made)
        manifest.set_drift([("2024/e.JPG", Drift.MISSING)])


def test_objects_by_kind_class_and_size(path: Path) -> None:
    fill(path)
    facts = read_costs(path, MIN)
    assert facts is not None and facts.last_run is None
    assert sorted(facts.groups, key=str) == sorted(
        [
            StoredGroup(FileType.ORIGINAL, "DEEP_ARCHIVE", False, 1, LEAST),
            StoredGroup(FileType.ORIGINAL, "DEEP_ARCHIVE", False, 1, MIN),  # it is billed as longer than it is
            StoredGroup(FileType.ORIGINAL, "STANDARD", True, 1, MIN - 1),
            StoredGroup(FileType.REWRITABLE, "STANDARD", False, 1, LEAST + 5),  # what the bucket lost costs nothing
            StoredGroup(FileType.SIDECAR, "STANDARD", True, 1, 9),
            StoredGroup(FileType.OTHER, "STANDARD", True, 2, 18),
        ],
        key=str,
    )


def test_the_last_sync_and_what_it_stored(path: Path) -> None:
    fill(path)
    with Seals(path, clock=lambda: 3) as seals:
        run_id = seals.begin_run(RunKind.SYNC, 1)
        seals.finish_run(run_id, RunResult.OK, RunSummary(requests=RequestCounts(put=4)), [], complete=True)
        seals.begin_run(RunKind.SYNC, 5)  # one that never ended
    facts = read_costs(path, MIN)
    assert facts is not None and facts.last_run is not None
    assert (facts.last_run.id, facts.stored) == (run_id, {"DEEP_ARCHIVE": 1, "STANDARD": 2})
    assert facts.last_run.counts["s3_requests"]["put"] == 4  # type: ignore[index]


def test_whether_a_class_is_in_use(path: Path, tmp_path: Path) -> None:
    fill(path)
    assert [has_class(path, name) for name in ("DEEP_ARCHIVE", "GLACIER")] == [True, False]
    assert not has_class(tmp_path / "none.sqlite", "GLACIER")


def test_nothing_there_and_something_else(path: Path) -> None:
    assert read_costs(path, MIN) is None
    path.write_bytes(b"no database" * 100)
    with pytest.raises(ManifestError):
        read_costs(path, MIN)


def test_it_reads_beside_a_writer(path: Path) -> None:
    fill(path)
    with Manifest(path, LIBRARY.prefix) as manifest:
        manifest.record([uploaded(entry("new.nef"))])
        facts = read_costs(path, MIN)
        assert facts is not None and sum(group.objects for group in facts.groups) == 8

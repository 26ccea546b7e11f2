"""The counts that are kept beside the rows are those that counting the rows gives, whatever wrote to them."""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from lrsync.adapters.folder_counts import Total, totals
from lrsync.adapters.manifest import Manifest
from lrsync.adapters.seals import Seals
from lrsync.core.model import Drift
from lrsync.core.runs import RunKind, RunResult, RunSummary
from tests.adapters.rows import entry, gone, opened, trashed, uploaded

DAY_NS = 86_400 * 1_000_000_000

Step = Callable[[Manifest, Seals], object]

paths = st.sampled_from(
    ["a.nef", "2023/a.JPG", "2023/b.nef", "2023/x/c", "2024/\udcff/d.xmp", "2024/ö.mov", "\udcff/e"]
)


def ended(manifest: Manifest, seals: Seals) -> None:
    seals.finish_run(seals.begin_run(RunKind.SYNC, 1), RunResult.OK, RunSummary(), [], complete=True)


steps: st.SearchStrategy[Step] = st.one_of(
    st.just(ended),
    paths.map(lambda path: lambda m, s: m.record([uploaded(entry(path))])),
    paths.map(lambda path: lambda m, s: m.record([uploaded(entry(path, sha256=None, size=7))])),
    paths.map(lambda path: lambda m, s: m.record([gone(entry(path, missing_since=5))])),
    paths.map(lambda path: lambda m, s: m.record([trashed(entry(path))])),
    st.just(lambda m, s: m.forget_empty_directories()),
    st.tuples(paths, st.sampled_from([None, *Drift])).map(lambda drift: lambda m, s: m.set_drift([drift])),
    st.tuples(paths, st.integers(1, 3)).map(lambda at: lambda m, s: m.mark_verified([at[0]], at[1] * DAY_NS + 5)),
    paths.map(lambda path: lambda m, s: m.update_object(path, etag="e", version_id=None)),
)


def counted(path: Path) -> list[Total]:
    with closing(sqlite3.connect(path)) as connection:
        return sorted(totals(connection))


def counted_anew(path: Path) -> list[Total]:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("DELETE FROM uncounted")
        connection.execute("INSERT INTO uncounted SELECT id FROM directories")
        return sorted(totals(connection))  # nothing is committed


@settings(max_examples=60, deadline=None)
@given(st.lists(steps, max_size=25))
def test_they_are_what_counting_gives(story: list[Step]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "m.sqlite"
        with opened(path) as (manifest, seals):
            for step in story:
                step(manifest, seals)
                assert counted(path) == counted_anew(path)


def test_a_run_that_ends_leaves_nothing_to_count(tmp_path: Path) -> None:
    path = tmp_path / "m.sqlite"
    with opened(path) as (manifest, seals):
        manifest.record([uploaded(entry("2023/a.nef")), uploaded(entry("2023/b.nef"))])
        with closing(sqlite3.connect(path)) as connection:
            assert connection.execute("SELECT count(*) FROM uncounted").fetchone() == (1,)
            ended(manifest, seals)
            assert connection.execute("SELECT count(*) FROM uncounted").fetchone() == (0,)
            assert connection.execute("SELECT sum(files) FROM folder_counts").fetchone() == (2,)
    (total,) = counted(path)
    assert (total.top, total.extension, total.files) == ("2023", "nef", 2)

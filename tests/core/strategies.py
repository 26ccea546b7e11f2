"""Hypothesis strategies for the core's values."""

from __future__ import annotations

from hypothesis import strategies as st

from lrsync.core.model import Candidate, Change, ChangeKind, Content, Drift, ManifestEntry
from lrsync.core.objects import ObjectInfo
from lrsync.core.scan import FileColumns, ScannedDir, ScannedFile, Stat
from tests import trees

FOLDER = "2024"

# Few values, so that equal and unequal ones both come up all the time.
_number = st.sampled_from([0, 1, 2_000_000_000])
digests = st.sampled_from([b"a" * 32, b"b" * 32])
file_names = st.sampled_from(["a.nef", "b.nef", "c.jpg", "d.dng", "e.mov", "f.txt", "é.cr3", "\U0001f4f7.arw", "x.xmp"])


def scanned_files(names: st.SearchStrategy[str] = file_names) -> st.SearchStrategy[ScannedFile]:
    """One file of a scan."""
    return st.builds(ScannedFile, names, _number, _number, _number)


def _by_name(files: list[ScannedFile]) -> tuple[ScannedFile, ...]:
    return tuple(sorted(files, key=lambda file: file.name))


file_tuples = st.lists(scanned_files(st.one_of(file_names, trees.names)), unique_by=lambda f: f.name, max_size=6).map(
    _by_name
)
scanned_dirs = st.builds(
    ScannedDir,
    st.just(FOLDER),
    st.lists(scanned_files(), unique_by=lambda file: file.name, max_size=8).map(_by_name).map(FileColumns.of),
    complete=st.booleans(),
)


def entries(names: st.SearchStrategy[str] = file_names) -> st.SearchStrategy[ManifestEntry]:
    """One row of a file in `FOLDER`, in any state."""
    return st.builds(
        lambda name, **rest: ManifestEntry(path=f"{FOLDER}/{name}", key=f"p/{FOLDER}/{name}", **rest),
        names,
        size=_number,
        mtime_ns=_number,
        ctime_ns=_number,
        sha256=st.one_of(st.none(), digests),
        checksum=st.none(),
        etag=st.sampled_from(["", "e1", "e2"]),
        version_id=st.none(),
        storage_class=st.just("STANDARD"),
        uploaded_at=st.just(1),
        missing_since=st.sampled_from([None, 5]),
        drift=st.sampled_from([None, *Drift]),
        settled=st.booleans(),
    )


rows = st.lists(entries(), unique_by=lambda row: row.path, max_size=8).map(
    lambda found: sorted(found, key=lambda row: row.path)
)
contents = st.builds(Content, st.builds(Stat, _number, _number, _number), digests, st.just(0))
_objects = st.builds(ObjectInfo, st.just("p/k"), _number, st.just("e"), st.just({}))


@st.composite
def candidates(draw: st.DrawFn) -> Candidate:
    """A change of a file that is there, with any findings about it."""
    new = draw(scanned_files())
    kind = draw(st.sampled_from([ChangeKind.ADDED, ChangeKind.UNSURE, ChangeKind.RETURNED]))
    old = None if kind is ChangeKind.ADDED else draw(entries(st.just(new.name)))
    existing = draw(st.one_of(st.none(), _objects))
    return Candidate(
        change=Change(kind, FOLDER, new, old),
        content=draw(contents),
        twin=draw(st.one_of(st.none(), entries())),
        existing=existing,
        existing_is_same=existing is not None and draw(st.booleans()),
    )

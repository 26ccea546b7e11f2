"""The recorder's order: what was not recorded is never sealed over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

import pytest

from lrsync.core.model import (
    Adopt,
    Change,
    ChangeKind,
    Done,
    ManifestEntry,
    Outcome,
    Quarantine,
    Restat,
    Return,
    ServerCopy,
    Upload,
)
from lrsync.core.scan import ScannedDir, ScannedFile
from lrsync.engine.recorder import Recorder
from lrsync.engine.sync import SyncOptions
from lrsync.errors import ManifestError
from tests.stores.memory import content_of


class Failing:
    """A manifest whose first batch is lost."""

    def __init__(self) -> None:
        self.sealed: dict[str, bytes] = {}
        self.batches = 0

    def record(self, outcomes: Sequence[Outcome]) -> None:
        self.batches += 1
        if self.batches == 1:
            raise ManifestError("the disk is full")

    def seal(self, digests: Mapping[str, bytes]) -> None:
        self.sealed.update(digests)


class Taking:
    """A manifest that keeps what it is given."""

    def __init__(self) -> None:
        self.outcomes: list[Outcome] = []

    def record(self, outcomes: Sequence[Outcome]) -> None:
        self.outcomes += outcomes


def done(name: str) -> Done:
    entry = ManifestEntry(
        path=f"a/{name}",
        size=1,
        mtime_ns=1,
        ctime_ns=1,
        key=f"P/a/{name}",
        sha256=b"s" * 32,
        checksum=None,
        etag="e",
        version_id=None,
        storage_class="STANDARD",
        uploaded_at=1,
    )
    return Done(Return(Change(ChangeKind.RETURNED, "a", ScannedFile(name, 1, 1, 1), entry)), entry)


def test_a_directory_with_a_lost_batch_is_not_sealed_by_the_next() -> None:
    manifest: Any = Failing()
    recorder = Recorder(lambda: manifest, batch_size=1, clock=lambda: 0)
    recorder.begin(ScannedDir("a"), b"digest", waiting=2, sealable=True)
    with pytest.raises(ManifestError):
        recorder.add("a", done("x.jpg"))
    recorder.add("a", done("y.jpg"))
    recorder.flush()
    assert (manifest.batches, manifest.sealed) == (2, {})


def test_what_was_acknowledged_does_not_wait_long_for_its_batch_to_fill() -> None:
    """Batches are large for the sake of a fast store; on a slow line one would take hours."""
    manifest: Any = Failing()
    manifest.batches = 1
    now_ns = 5_000_000_000
    recorder = Recorder(lambda: manifest, SyncOptions("P").batch_size, lambda: now_ns)
    recorder.add("a", done("x.jpg"))
    now_ns += 2_000_000_000
    recorder.flush_if_due()
    assert manifest.batches == 1
    now_ns += 1
    recorder.flush_if_due()
    assert manifest.batches == 2


@pytest.mark.parametrize("kind", [Upload, ServerCopy, Restat, Adopt, Quarantine])
def test_the_bytes_of_a_photo_do_not_wait_for_its_batch(kind: type[Any]) -> None:
    """They are held to be sent: two thousand photos of 4 MB that wait for their rows would be 8 GB."""
    manifest = Taking()
    recorder = Recorder(lambda: cast(Any, manifest), batch_size=2, clock=lambda: 0)
    change = Change(ChangeKind.ADDED, "a", ScannedFile("x.jpg", 5, 1, 1), None)
    content, row = content_of(b"photo"), done("x.jpg").entry
    more = {ServerCopy: {"source": row}, Adopt: {"existing": None}}.get(kind, {})
    action = kind(change=change, content=content, **more)
    recorder.add("a", Done(action, row))
    recorder.flush()
    expected = Done(replace(action, content=replace(content, data=None)), row)
    assert manifest.outcomes == [expected]

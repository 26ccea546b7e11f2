"""A catalog of 200,000 photos: the audit's own work, with a disk and a manifest that answer at once."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import cast

import pytest

from lrsync.adapters.catalog_audit import AuditHistory, DiskProbe
from lrsync.adapters.catalog_read import CatalogReader, settle_copy
from lrsync.core.audit import FileState, Recorded
from lrsync.core.events import ignore
from lrsync.core.ports import SourceTree
from lrsync.core.scan import ScannedDir, ScannedFile
from lrsync.engine.audit import AuditOptions, AuditPorts, run_audit
from tests.lightroom.generator import LR13, Photo, write_catalog

FOLDERS, PHOTOS = 400, 500
CPU_SECONDS = 30
"""It takes about 1 on an idle machine; a dictionary lookup that became a scan would take hours."""


class _Disk:
    def walk(self) -> Iterator[ScannedDir]:
        files = tuple(ScannedFile(f"IMG_{i:04}.NEF", 25_000_000 + i, i, i) for i in range(PHOTOS))
        for folder in range(FOLDERS):
            yield ScannedDir(f"{folder:03}").with_files(files if folder else files[:-1])


def _rows(folder: str) -> Mapping[str, Recorded]:
    return {name: Recorded(name, 25_000_000 + i, i, i, True, 1) for i in range(PHOTOS) for name in [f"IMG_{i:04}.NEF"]}


@pytest.mark.slow
def test_200_000_photos_are_accounted_for_quickly(tmp_path: Path) -> None:
    photos = [Photo(f"IMG_{i:04}.NEF", "xmp" if i % 5 == 0 else "", 25_000_000 + i) for i in range(PHOTOS)]
    root = {f"{folder:03}/": photos for folder in range(FOLDERS)}
    catalog = write_catalog(tmp_path / "Big.lrcat", {"/photos/": root}, LR13)
    began = time.process_time()
    settle_copy(catalog)
    history = AuditHistory(tmp_path / "m.sqlite", "Big.lrcat", catalog)
    with closing(CatalogReader(catalog)) as reader, history:
        reader.index_folders()
        ports = AuditPorts(
            reader,
            _rows,
            cast(SourceTree, _Disk()),
            ["/photos"],
            DiskProbe(),
            history,
            time.time_ns,
            ignore,
            lambda: False,
        )
        report = run_audit(ports, AuditOptions("Big.lrcat", listed={FileState.RESTORABLE}))
    spent = time.process_time() - began
    print(f"{report.photos:,} photos and {report.sidecars:,} sidecars in {spent:.1f} s of CPU")
    assert report.photos == FOLDERS * PHOTOS
    assert report.states[FileState.SAFE] == FOLDERS * PHOTOS - 1
    assert [f.path for f in report.listed if not f.is_sidecar] == ["/photos/000/IMG_0499.NEF"]
    assert report.states[FileState.RESTORABLE] + report.states.get(FileState.MISSING, 0) == 1 + report.sidecars
    assert spent < CPU_SECONDS

"""What the manifest's writes cost: recording files in batches, as a first upload does, and the bytes of a row."""

from __future__ import annotations

import argparse
import tempfile
import time
from itertools import islice
from pathlib import Path

from benchmarks.listing_server import Objects
from benchmarks.manifests import OWN_PREFIX, rows_of
from lrsync.adapters.database import prepare
from lrsync.adapters.manifest import Manifest
from lrsync.core.library import LibraryRow
from lrsync.engine.sync import SyncOptions
from lrsync.ui.garbage import rarely_collected
from tests.adapters.rows import uploaded

FILES, BATCH, ROUNDS = 200_000, SyncOptions("").batch_size, 5


def measure(path: Path, count: int) -> tuple[float, float]:
    """Microseconds of CPU and bytes of the database, a file."""
    prepare(path)
    with Manifest(path, OWN_PREFIX) as manifest:
        manifest.update_library(LibraryRow("benchmark", "default", "/nowhere", "", "b", OWN_PREFIX, created_at=1))
        outcomes = map(uploaded, rows_of(Objects(count)))
        spent = 0.0
        while batch := list(islice(outcomes, BATCH)):
            began = time.process_time()
            manifest.record(batch)
            spent += time.process_time() - began
    return spent / count * 1e6, path.stat().st_size / count


def main(args: list[str]) -> int:
    """Measure, and print it."""
    parser = argparse.ArgumentParser(prog="benchmarks record", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one round of a tenth")
    quick = parser.parse_args(args).quick
    count, rounds = (FILES // 10, 1) if quick else (FILES, ROUNDS)
    # The collector of cycles as the program itself sets it: its looks at what the benchmark holds are not the writes'.
    with tempfile.TemporaryDirectory(prefix="lrsync-bench-") as folder, rarely_collected():
        found = sorted(measure(Path(folder) / f"{number}.sqlite", count) for number in range(rounds))
    micros, size = found[len(found) // 2]
    print(f"{count:,} files, {BATCH} at a time: {micros:.1f} µs of CPU and {size:.0f} bytes a file, median of {rounds}")
    return 0

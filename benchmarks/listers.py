"""Programs that list and say how many keys there were: lrsync's own listing and full pass, and boto3's paginator.

`python -m benchmarks.listers boto3|listing|pass|blind ENDPOINT BUCKET MANIFEST`. The manifest is what lrsync knows the
keys from. `pass` lists into a copy of it, compares and marks; `blind` lists into an empty one and reads what is there,
as a rebuild does.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from contextlib import closing
from pathlib import Path

PREFIX = "p"
THREADS = 8


def boto3_pages(endpoint: str, bucket: str) -> int:
    """boto3's paginator."""
    import boto3
    from botocore.config import Config

    client = boto3.client("s3", endpoint_url=endpoint, config=Config(s3={"addressing_style": "path"}))
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=f"{PREFIX}/")
    return sum(len(page.get("Contents", ())) for page in pages)


def lrsync_keys(what: str, endpoint: str, bucket: str, path: Path) -> int:
    """lrsync's listing of everything, and what is made of it. `path`: a manifest that may be written."""
    from lrsync.adapters.manifest import Manifest
    from lrsync.adapters.s3 import S3Store, StoreSettings
    from lrsync.core.events import ignore
    from lrsync.engine.listing import ParallelListing
    from lrsync.engine.pool import DaemonPool
    from lrsync.engine.reconcile import ListingPorts, known_keys, mark_drift, take_listing, unknown_objects

    settings = StoreSettings(bucket=bucket, endpoint_url=endpoint, threads=THREADS)
    with closing(S3Store(settings)) as store, Manifest(path, PREFIX) as manifest:
        if what == "listing":
            known = known_keys(manifest, PREFIX)
            work = ParallelListing(store, f"{PREFIX}/", known, THREADS, DaemonPool, lambda: False)
            return sum(map(len, work.pages()))
        ports = ListingPorts(store, manifest, DaemonPool, ignore, lambda: False)
        count = take_listing(ports, PREFIX, threads=THREADS)
        if what == "blind":
            return sum(1 for _ in manifest.unknown_listed())
        drift = mark_drift(store, manifest)
        if any((drift.missing, drift.altered, *unknown_objects(manifest, drift))):
            raise RuntimeError(f"what agrees does not: {drift}")
        return count


def main(what: str, endpoint: str, bucket: str, manifest: str) -> None:
    """Run one, and print how many keys it met."""
    if what == "boto3":
        print(boto3_pages(endpoint, bucket))
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "m.sqlite")
        if what == "blind":
            from lrsync.adapters.database import prepare

            prepare(path)
        else:
            shutil.copy(manifest, path)
        print(lrsync_keys(what, endpoint, bucket, path))


if __name__ == "__main__":
    main(*sys.argv[1:])

"""Wire the copying of changed catalogs into a sync. Imported only on a night with such a one."""

from __future__ import annotations

import hashlib
import os
import threading
import time
from functools import partial
from pathlib import Path

from isal import isal_zlib

from lrsync.adapters.catalog_audit import DiskProbe
from lrsync.adapters.catalog_copy import Patience
from lrsync.adapters.catalog_scratch import scratch_folder
from lrsync.adapters.catalog_source import ScratchCatalogs
from lrsync.app.session import Session
from lrsync.core.filetypes import CATALOG_SUFFIX
from lrsync.core.model import Content
from lrsync.core.scan import Stat
from lrsync.engine.catalogs import CatalogPorts, SourceHere


def catalog_ports(session: Session, manifest: Path, stop: threading.Event) -> CatalogPorts:
    """The world of catalogs, for a library whose manifest is at this path."""
    config = session.config
    return CatalogPorts(
        source=ScratchCatalogs(
            session.source,
            partial(scratch_folder, manifest),
            lambda: Patience(config.catalog_wait_s, stop.wait, time.monotonic, stop.is_set),
        ),
        open_store=session.open_store,
        make_content=content_of_bytes,
        where=source_here(session.source),
        storage_class=config.storage_rules.recorded_class(CATALOG_SUFFIX, 0),
    )


def source_here(source: Path) -> SourceHere:
    """The source as a catalog may spell it: with its links followed, or not."""
    probe, plain = DiskProbe(), str(source).replace(os.sep, "/")

    def resolve(folder: str) -> str:
        return probe.resolve(folder) if probe.is_folder(folder) else folder

    return SourceHere(list(dict.fromkeys((probe.resolve(plain), plain))), resolve)


def content_of_bytes(data: bytes, time_ns: int) -> Content:
    """The digests of a few bytes that are held in memory."""
    return Content(
        stat=Stat(len(data), time_ns, time_ns),
        sha256=hashlib.sha256(data).digest(),
        crc32=isal_zlib.crc32(data),
        md5=hashlib.md5(data, usedforsecurity=False).digest(),
        data=data,
    )

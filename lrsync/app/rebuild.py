"""Wire a rebuild of the manifest, and swap the new one in."""

from __future__ import annotations

import os
import threading
import time
from contextlib import ExitStack
from dataclasses import replace

from lrsync.adapters.database import replace_manifest
from lrsync.adapters.lock import library_lock
from lrsync.adapters.power import awake_while_working
from lrsync.app.session import Session, manifest_opener, open_library, open_session, tree
from lrsync.app.snapshot import begin_with_snapshot
from lrsync.config import Config
from lrsync.core.events import EventSink, Notice
from lrsync.core.model import MultipartRecord
from lrsync.core.runs import RunSummary
from lrsync.engine import rebuild, uploads
from lrsync.engine.rebuild import RebuildOptions, RebuildPorts
from lrsync.errors import ManifestError


def run_rebuild(config: Config, sink: EventSink, stop: threading.Event) -> RunSummary:
    """Make the manifest anew from the bucket and put it in the old one's place. Raises LrsyncError.

    The old manifest is kept beside the new one; until the end it is not touched.
    """
    with ExitStack() as resources:
        sink = resources.enter_context(awake_while_working(sink))
        session = open_session(config, resources)
        resources.enter_context(library_lock(session.manifest_path, command="lrsync rebuild-manifest"))
        path = session.manifest_path.with_name(session.manifest_path.name + ".rebuilding")
        with ExitStack() as inner:
            store = session.open_store()
            snapshot = begin_with_snapshot(session, path, sink)
            seals = open_library(replace(session, resources=inner), path, sink, adopt_source=True)
            manifest = manifest_opener(replace(session, resources=inner), path)()
            ports = RebuildPorts(
                tree=tree(session),
                seals=seals,
                manifest=manifest,
                store=store,
                stopping=stop.is_set,
                clock=time.time_ns,
                sink=sink,
            )
            uploads.carry_over(_uploads_of(session, sink), manifest)
            summary = rebuild.run_rebuild(
                ports, RebuildOptions(config.prefix, config.threads, config.batch_size, snapshot)
            )
        replace_manifest(path, session.manifest_path)
        return summary


def _uploads_of(session: Session, sink: EventSink) -> list[MultipartRecord]:
    """The multipart uploads that the old manifest has noted, as far as it can be read."""
    from lrsync.adapters.manifest import Manifest

    if not os.path.lexists(session.manifest_path):
        return []
    try:
        with Manifest(session.manifest_path, session.config.prefix) as old:
            return old.multiparts()
    except ManifestError as error:
        sink(Notice(f"the old manifest's unfinished uploads are not known ({error.message}): their parts stay"))
        return []

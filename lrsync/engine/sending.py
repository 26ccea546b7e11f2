"""Send single files outside of a sync, by the sync's own way: what `accept` and `adopt` have in common."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from typing import Protocol

from lrsync.core.events import EventSink
from lrsync.core.findings import QuarantinedContent
from lrsync.core.ports import Clock, ManifestStore, ObjectStore, SourceTree
from lrsync.engine.multipart import InflightBytes, MultipartUploader
from lrsync.engine.transfer import TransferPolicy, Transferrer


class SendingPorts(Protocol):
    """What of a command's world sending needs."""

    @property
    def tree(self) -> SourceTree: ...
    @property
    def manifest(self) -> ManifestStore: ...
    @property
    def stopping(self) -> Callable[[], bool]: ...
    @property
    def clock(self) -> Clock: ...
    @property
    def sink(self) -> EventSink: ...


def make_transferrer(
    ports: SendingPorts,
    store: Callable[[], ObjectStore],
    policy: TransferPolicy,
    parts: Executor,
    accepted: Mapping[str, QuarantinedContent],
) -> Transferrer:
    """What sends files; `parts` runs the parts of large ones. `accepted`: new bytes of originals that are meant."""
    multipart = MultipartUploader(
        tree=ports.tree,
        store=store(),
        manifest=ports.manifest,
        pool=parts,
        clock=ports.clock,
        sink=ports.sink,
        stopping=ports.stopping,
        inflight=InflightBytes(),
    )
    return Transferrer(
        tree=ports.tree,
        open_store=store,
        manifest=ports.manifest,
        multipart=lambda: multipart,
        policy=policy,
        quarantined={},
        known_sizes=None,
        clock=ports.clock,
        sink=ports.sink,
        accepted=accepted,
    )

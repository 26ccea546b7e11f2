"""What a restore is about, as far as it takes the backup itself (or a catalog in the bucket) to know that."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from lrsync.adapters.selecting import selection_of
from lrsync.config import Config
from lrsync.core.counts import CatalogUse
from lrsync.core.events import EventSink
from lrsync.core.model import Failed
from lrsync.core.ports import ObjectStore
from lrsync.core.requests import RestoreRequest
from lrsync.core.restoring import Backup
from lrsync.core.selection import Selection


class Narrower(Protocol):
    """What works out the files that are wanted, once it is known what there is."""

    def look(self, open_store: Callable[[], ObjectStore]) -> None:
        """Ask the bucket what it takes to know what is meant. Raises LrsyncError."""

    def narrow(self, backup: Backup, source: str) -> Selection:
        """What is wanted of this backup, of a library with this source. Raises LrsyncError."""

    def failures(self, selection: Selection) -> list[Failed]:
        """What is meant, and not in the backup."""

    @property
    def use(self) -> CatalogUse | None:
        """The catalog that was asked, if one was."""


@dataclass(frozen=True, slots=True)
class AsSaid:
    """What is wanted by names, times and types alone."""

    selection: Selection
    use: None = None

    def look(self, open_store: Callable[[], ObjectStore]) -> None:
        """Nothing is to be asked."""

    def narrow(self, backup: Backup, source: str) -> Selection:
        """As it was said."""
        return self.selection

    def failures(self, selection: Selection) -> list[Failed]:
        """None: the restore itself tells which names stand for nothing."""
        return []


def narrower_of(
    config: Config, resources: ExitStack, sink: EventSink, stop: threading.Event, request: RestoreRequest
) -> Narrower:
    """What works out the files of a request. Raises UsageError."""
    selection = selection_of(request, config.source or Path.cwd(), Path.cwd())
    if request.photos is None:
        return AsSaid(selection)
    from lrsync.app.photo_choice import PhotoChoice

    sources = () if config.source is None else (str(config.source), str(config.source.resolve()))
    return PhotoChoice(config, request.photos, selection, request.at_ns, resources, sink, stop, sources)

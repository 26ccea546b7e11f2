"""All that this machine knows of a library, for a report: what is safe, all runs, prices, catalogs. Values only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lrsync.core.audit import NAMED_STATES, FileState

if TYPE_CHECKING:
    from lrsync.core.prices import StorageQuote
    from lrsync.core.runs import RunInfo
    from lrsync.core.status import StatusReport


@dataclass(frozen=True, slots=True)
class CatalogAudit:
    """What the last audit of one catalog found. Nanoseconds since the epoch."""

    catalog: str
    audited_ns: int
    states: Mapping[FileState, int]

    @property
    def files(self) -> int:
        """Files that the catalog names."""
        return sum(self.states.get(state, 0) for state in NAMED_STATES)

    @property
    def safe(self) -> int:
        """Those of them that were safe."""
        return self.states.get(FileState.SAFE, 0)


@dataclass(frozen=True, slots=True)
class StoredCatalog:
    """A catalog that is backed up: its path below the source, or an absolute one of a catalog outside of it.

    `stored_ns`: when it was last stored, as far as that is noted; `size` in bytes.
    """

    path: str
    size: int
    stored_ns: int | None = None


@dataclass(frozen=True, slots=True)
class LibraryReport:
    """One library. `runs` are all of them, the oldest first; `classes`: objects and bytes by storage class.

    `quote` is None where no price is known.
    """

    status: StatusReport
    runs: tuple[RunInfo, ...]
    classes: Mapping[str, tuple[int, int]]
    quote: StorageQuote | None
    audits: tuple[CatalogAudit, ...]
    catalogs: tuple[StoredCatalog, ...]

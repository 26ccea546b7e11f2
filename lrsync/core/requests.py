"""What a command was asked to do, beyond the library's settings. Values only; parsing them is the command line's."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from lrsync.core.amounts import Sample
from lrsync.core.filetypes import TypeFilter
from lrsync.core.restoring import Overwrite
from lrsync.core.thaw import CHEAPEST_TODAY, ThawWish

if TYPE_CHECKING:  # named, never made: most commands have nothing to do with catalogs
    from lrsync.core.audit import FileState
    from lrsync.core.lightroom import RootMapping
    from lrsync.core.photos import PhotoWish


@dataclass(frozen=True, slots=True)
class VerifyRequest:
    """Which proofs to make, and of what. `max_age_ns`: only what was last proven longer ago than that."""

    local: bool = False
    remote: bool = False
    download: bool = False
    sample: Sample | None = None
    max_age_ns: int | None = None


@dataclass(frozen=True, slots=True)
class AcceptRequest:
    """Files as the user named them, or all changed originals."""

    paths: tuple[str, ...] = ()
    everything: bool = False


class Unproven(Enum):
    """What to do about objects of a file's size that nothing proves."""

    LEAVE = "leave"
    """A later sync sends these files again, and keeps the old objects."""
    TRUST = "trust"
    DOWNLOAD = "download"
    UPLOAD = "upload"


@dataclass(frozen=True, slots=True)
class AdoptRequest:
    """What is to be done beyond writing down what is proven. `unproven`: None to ask, where somebody is there."""

    unproven: Unproven | None = None
    rewrite_metadata: bool = False


class Knowledge(Enum):
    """From what a restore knows which files there are."""

    AUTO = "auto"
    """The manifest; where this machine has none, the newest snapshot; where there is none, the listing."""
    MANIFEST = "manifest"
    SNAPSHOT = "snapshot"
    LISTING = "listing"


@dataclass(frozen=True, slots=True)
class RestoreRequest:
    """Which files to bring back, as the user named them, and where to: `to` is a folder, None is in place.

    `listed`: the lines of a list of paths; None for no list. Times in nanoseconds since the epoch: from `since_ns`
    on, before `until_ns`. `photos`: only those, by what a catalog knows. `at_ns`: as the library was at that time.
    `thaw`: how archived objects are asked for; None for not at all.
    """

    paths: tuple[str, ...] = ()
    to: str | None = None
    folders: tuple[str, ...] = ()
    listed: tuple[str, ...] | None = None
    since_ns: int | None = None
    until_ns: int | None = None
    types: TypeFilter | None = None
    photos: PhotoWish | None = None
    companions: bool = True
    overwrite: Overwrite = Overwrite.NEVER
    knowledge: Knowledge = Knowledge.AUTO
    at_ns: int | None = None
    thaw: ThawWish | None = CHEAPEST_TODAY


@dataclass(frozen=True, slots=True)
class AuditRequest:
    """Which catalog (None: the one in the source), where its roots lie here, and the files of which states to list.

    `wait_s`: how long to wait for a moment in which nobody writes to the catalog.
    """

    catalog: str | None = None
    mappings: tuple[RootMapping, ...] = ()
    listed: frozenset[FileState] = frozenset()
    wait_s: float = 60.0


@dataclass(frozen=True, slots=True)
class Named:
    """One file as the user named it, and the relative paths that may be meant, the likeliest first."""

    text: str
    candidates: tuple[str, ...]

"""A year of a library in a real manifest: files, nights with good and bad ends, drills, and what needs a person."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from lrsync.adapters.database import prepare
from lrsync.adapters.manifest import Manifest
from lrsync.adapters.seals import Seals
from lrsync.core.counts import CatalogCounts, DrillCounts, VerifyCounts
from lrsync.core.findings import Finding, FindingKind, QuarantinedContent
from lrsync.core.library import LibraryRow
from lrsync.core.runs import RunKind, RunResult, RunSummary, result_for
from lrsync.core.scan import Stat
from lrsync.errors import ExitCode
from tests.adapters.rows import PREFIX, entry, uploaded

DAY_NS = 86_400 * 1_000_000_000
TYPES = ("nef", "nef", "nef", "xmp", "xmp", "xmp", "jpg", "mov", "tif")
SIZES = {"nef": 24_000_000, "xmp": 9_000, "jpg": 8_000_000, "mov": 310_000_000, "tif": 90_000_000}
CLASSES = ("STANDARD", "STANDARD_IA", "GLACIER_IR", "DEEP_ARCHIVE")


@dataclass
class Clock:
    now_ns: int

    def __call__(self) -> int:
        return self.now_ns


@dataclass(frozen=True)
class Year:
    """What is made. The last night is `age_ns` before `now_ns`; `findings` are of that night."""

    now_ns: int
    nights: int = 365
    folders: int = 12
    files: int = 600
    findings: tuple[Finding, ...] = ()
    age_ns: int = 3 * 3600 * 1_000_000_000
    seed: str = "a year"
    source: str = "/Volumes/Fotos/Pictures"


def make_year(path: Path, year: Year) -> None:
    """Write the manifest: rows through `Manifest`, nights through `Seals`, as runs do."""
    rng, clock = random.Random(year.seed), Clock(year.now_ns)
    prepare(path)
    with Manifest(path, PREFIX) as manifest, Seals(path, clock=clock) as seals:
        started = year.now_ns - year.nights * DAY_NS - year.age_ns
        full = year.now_ns - 2 * DAY_NS
        library = LibraryRow("0b7f", "default", year.source, "", "anna-photos", PREFIX, started, True, full)
        manifest.update_library(library)
        files = list(_files(year, rng))
        manifest.record([uploaded(entry(name, **facts)) for name, facts in files])
        total = sum(int(str(facts["size"])) for _, facts in files)
        for night in range(year.nights):
            clock.now_ns = started + (night + 1) * DAY_NS
            _night(seals, clock, rng, year, night, (len(files), total))


def _files(year: Year, rng: random.Random) -> Iterable[tuple[str, dict[str, object]]]:
    for number in range(year.files):
        folder, kind = number * year.folders // year.files, TYPES[number % len(TYPES)]
        age = rng.choice((1, 1, 1, 2, 3, 5, 20, 25, 60, 80, 200, 300))
        facts: dict[str, object] = {
            "size": int(SIZES[kind] * rng.uniform(0.7, 1.4)),
            "storage_class": "STANDARD" if kind == "xmp" else CLASSES[min(3, folder * 4 // year.folders)],
            "verified_at": None if rng.random() < 0.04 else year.now_ns - age * DAY_NS,
        }
        yield f"{2025 - folder}/{'Iceland' if folder % 2 else 'Family'}/IMG_{number:05}.{kind}", facts


def _night(seals: Seals, clock: Clock, rng: random.Random, year: Year, night: int, whole: tuple[int, int]) -> None:
    is_last = night == year.nights - 1
    if not is_last and rng.random() < 0.05:
        return  # the computer was off
    grown = 0.55 + 0.45 * (night + 1) / year.nights
    summary = _summary(rng, grown, whole)
    code = ExitCode.OK if is_last else rng.choices((0, 3, 4, 5, 130), (88, 4, 3, 4, 1))[0]
    summary.exit_code = ExitCode(code)
    findings: tuple[Finding, ...] = ()
    if is_last and year.findings:
        findings, summary.exit_code = year.findings, ExitCode.NEEDS_PERSON
        summary.findings = list(findings)
    _end(seals, clock, RunKind.SYNC, summary, findings)
    if night % 30 == 20:
        drilled = RunSummary(drilled=DrillCounts(sample=20, good=20 - (night == 50), bytes=480_000_000, compared=20))
        drilled.exit_code = ExitCode.INCOMPLETE if night == 50 else ExitCode.OK
        _end(seals, clock, RunKind.DRILL, drilled, None)
    if night % 7 == 3:
        verified = RunSummary(verified=VerifyCounts(checked=whole[0] // 50, proven=whole[0] // 50))
        _end(seals, clock, RunKind.VERIFY, verified, None)


def _summary(rng: random.Random, grown: float, whole: tuple[int, int]) -> RunSummary:
    summary = RunSummary()
    summary.scan.files, summary.scan.bytes = (int(number * grown) for number in whole)
    if rng.random() < 0.35:
        summary.changes.added = summary.actions.uploaded = rng.randrange(1, 400)
        summary.bytes.uploaded = summary.actions.uploaded * rng.randrange(1, 30) * 1_000_000
        summary.catalogs = CatalogCounts(changed=1, snapshots=1)
    summary.seconds_total = rng.uniform(2, 60)
    return summary


def _end(seals: Seals, clock: Clock, kind: RunKind, summary: RunSummary, findings: Iterable[Finding] | None) -> None:
    run = seals.begin_run(kind, clock.now_ns)
    clock.now_ns += int(summary.seconds_total * 1_000_000_000) + 1_000_000_000
    result = result_for(summary.exit_code)
    seals.finish_run(run, RunResult(result), summary, tuple(findings or ()), complete=findings is not None)


def changed_original(path: str) -> Finding:
    """A RAW whose bytes changed."""
    return Finding(
        FindingKind.ORIGINAL_CHANGED,
        path,
        "this original's bytes changed; the good object in the bucket was kept",
        "look at the file: if it is damaged, restore it; if the change is meant, accept it",
        quarantined=QuarantinedContent(path, Stat(24_000_000, 1, 1), b"q" * 32),
    )


def failed(path: str) -> Finding:
    """A file that could not be backed up."""
    return Finding(
        FindingKind.FAILED,
        path,
        "it cannot be read: Permission denied",
        "check who owns it",
        stat=Stat(9_000_000, 1, 1),
    )

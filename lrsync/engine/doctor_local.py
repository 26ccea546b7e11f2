"""Examine this computer's side of a library, from facts that were read: source, file system, manifest, schedule.

Pure judgement: reads nothing, writes nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from lrsync.core.doctor import Check, Verdict
from lrsync.core.library import Seen, is_proof, source_problem
from lrsync.core.runs import RunResult
from lrsync.core.schedule import Installed
from lrsync.core.status import StatusReport
from lrsync.errors import LrsyncError

_S: Final = 1_000_000_000
LEAST_TIMES: Final = 8
"""Of fewer files nobody can tell whether their even times are chance."""
LEAST_FREE_BYTES: Final = 500_000_000
LONG_RUN_S: Final = 3 * 86_400
NOTHING_SEEN: Final = Seen(None)


@dataclass(frozen=True, slots=True)
class SourceFacts:
    """The source as it lies there. `problem` says why it cannot be read; `mtimes_ns` is a sample of its files."""

    path: str
    problem: LrsyncError | None = None
    seen: Seen = NOTHING_SEEN
    mtimes_ns: Sequence[int] = ()
    ignores_case: bool | None = None


@dataclass(frozen=True, slots=True)
class ManifestFacts:
    """The manifest. `report` is None where there is none yet, or where `problem` says what is wrong with it."""

    path: str
    size: int = 0
    report: StatusReport | None = None
    problem: LrsyncError | None = None


@dataclass(frozen=True, slots=True)
class LockFacts:
    """Who holds the library, and for how long (in seconds); an empty `holder` is nobody."""

    holder: str = ""
    held_s: float = 0.0


def check_source(source: SourceFacts) -> Check:
    """Whether the folder is there and can be read."""
    if source.problem is not None:
        return Check("source", Verdict.FAIL, source.problem.message, source.problem.hint)
    return Check("source", Verdict.PASS, source.path)


def check_catalogs(there: Mapping[str, bool]) -> Check:
    """Whether the catalogs are there that are named beside the source, by path."""
    gone = [path for path, is_there in there.items() if not is_there]
    if gone:
        mend = "mount its drive, or correct --catalog ('catalogs' in the config file)"
        return Check("catalogs", Verdict.FAIL, f"not there: {', '.join(gone)}", mend)
    return Check("catalogs", Verdict.PASS, ", ".join(there))


def check_storage(classes: Collection[str], warnings: Sequence[str]) -> Check:
    """The storage classes that are configured, and what has to be known of them."""
    seen = ", ".join(sorted(classes))
    if warnings:
        mend = "docs/storage.md says when that is worth while; 'lrsync cost --what-if' says what it saves"
        return Check("storage", Verdict.WARN, f"{seen}: {'; '.join(warnings)}", mend)
    return Check("storage", Verdict.PASS, seen)


def check_marker(source: SourceFacts, manifest: ManifestFacts) -> Check:
    """Whether the source proves to be this library's."""
    if source.problem is not None:
        return Check("marker", Verdict.SKIPPED, "the source cannot be read")
    if manifest.problem is not None:
        return Check("marker", Verdict.SKIPPED, "the manifest cannot be read, which says whose the source is")
    if manifest.report is None:
        return Check("marker", Verdict.SKIPPED, "nothing is backed up yet: the first sync writes it")
    library = manifest.report.library
    wrong = source_problem(library, source.path, source.seen)
    if wrong is not None:
        return Check("marker", Verdict.FAIL, wrong.message, wrong.hint)
    if not is_proof(library, source.seen):
        mend = "make the source writable once, or sync with --no-marker: unproven, --delete stays off"
        return Check("marker", Verdict.WARN, "the source has none, and nothing else proves it", mend)
    how = "by its file system" if source.seen.marker is None else "by its marker"
    return Check("marker", Verdict.PASS, f"the source is this library's, {how}")


def check_file_system(source: SourceFacts) -> Check:
    """What the source's file system tells of a file, as far as its files show."""
    if source.problem is not None:
        return Check("file system", Verdict.SKIPPED, "the source cannot be read")
    case = {True: "takes A and a for one name", False: "takes A and a for two names", None: "case rule unknown"}[
        source.ignores_case
    ]
    resolution = resolution_of(source.mtimes_ns)
    if resolution is None:
        return Check("file system", Verdict.PASS, f"too few files to tell its times' resolution; {case}")
    return Check("file system", Verdict.PASS, f"times to {resolution}; {case}")


def resolution_of(mtimes_ns: Sequence[int]) -> str | None:
    """How fine the times are that a file system keeps, by a sample of them; None where it is too small."""
    if len(mtimes_ns) < LEAST_TIMES:
        return None
    steps = ((2 * _S, "2 s (as FAT does)"), (_S, "1 s"), (1_000_000, "1 ms"), (100, "100 ns"))
    return next((name for step, name in steps if all(time % step == 0 for time in mtimes_ns)), "1 ns")


def check_manifest(manifest: ManifestFacts) -> Check:
    """Whether the manifest is sound, and the last run ended."""
    if manifest.problem is not None:
        return Check("manifest", Verdict.FAIL, manifest.problem.message, manifest.problem.hint)
    report = manifest.report
    if report is None:
        return Check("manifest", Verdict.WARN, "nothing is backed up yet", "run 'lrsync sync'")
    seen = f"sound, {report.files:,} {'file' if report.files == 1 else 'files'}, {manifest.size / 1e6:.1f} MB"
    if report.last_run is not None and report.last_run.result is RunResult.FAILED:
        mend = f"'lrsync status' and the log say why (exit code {report.last_run.exit_code})"
        return Check("manifest", Verdict.WARN, f"{seen}; the last run failed", mend)
    return Check("manifest", Verdict.PASS, seen)


def check_free_space(free: int | None, manifest: ManifestFacts) -> Check:
    """Whether the manifest's disk has room for it to grow, and for a copy. `free` in bytes."""
    if free is None:
        return Check("free space", Verdict.SKIPPED, "the disk does not tell")
    seen = f"{free / 1e9:.1f} GB free where the manifest lies"
    if free < max(LEAST_FREE_BYTES, 3 * manifest.size):
        return Check("free space", Verdict.WARN, seen, "make room: a manifest that cannot be written ends every run")
    return Check("free space", Verdict.PASS, seen)


def check_lock(lock: LockFacts) -> Check:
    """Whether a run goes on, and since when."""
    if not lock.holder:
        return Check("lock", Verdict.PASS, "free")
    if lock.held_s > LONG_RUN_S:
        mend = "if it hangs, end that process: its lock goes with it"
        return Check("lock", Verdict.WARN, f"held by {lock.holder}", mend)
    return Check("lock", Verdict.PASS, f"held by {lock.holder}")


def check_schedule(found: Installed | None, problem: str = "") -> Check:
    """Whether anything runs it at night."""
    if problem:
        return Check("schedule", Verdict.SKIPPED, problem)
    if found is None:
        return Check("schedule", Verdict.WARN, "nothing runs it at night", "run 'lrsync schedule install --at 02:30'")
    seen = f"{found.scheduler}, every night at {found.at}" if found.at else f"{found.scheduler}, at a time of its own"
    if found.problem:
        return Check("schedule", Verdict.WARN, f"{seen}; {found.problem}", found.mend)
    if found.exit_code:
        mend = "'lrsync status' and the log say why"
        return Check("schedule", Verdict.WARN, f"{seen}; it ended with {found.exit_code} last", mend)
    return Check("schedule", Verdict.PASS, seen)


def check_versions(versions: dict[str, str]) -> Check:
    """Which lrsync this is, and on what it stands."""
    seen = ", ".join(f"{name} {version}" for name, version in versions.items())
    if "awscrt" in versions:
        return Check("versions", Verdict.WARN, seen, "uninstall awscrt: it changes how requests are signed")
    return Check("versions", Verdict.PASS, seen)

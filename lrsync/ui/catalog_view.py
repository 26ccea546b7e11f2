"""What the commands about catalogs say at their end: for people, as JSON, and as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from typing import Final

from lrsync.core.audit import NAMED_STATES, AuditedFile, AuditReport, FileState, ZipState
from lrsync.core.catalogs import CatalogRestored, Origin, SnapshotId, SnapshotNote, StoredSnapshot
from lrsync.core.lightroom import CatalogFacts
from lrsync.core.runs import result_for
from lrsync.errors import ExitCode
from lrsync.ui import output
from lrsync.ui.jsons import Json, to_text
from lrsync.ui.report import Grid, Report, Tone, at_most
from lrsync.ui.text import ago, clip, count, iso, local, printable, sentence, size

ROOT_CELLS: Final = 40
MAX_LISTED: Final = 200
_WORDS: Final = {
    FileState.SAFE: "safe and proven",
    FileState.PENDING: "not backed up yet",
    FileState.CHANGED: "changed since the backup",
    FileState.MISSING: "missing, and not in the bucket either",
    FileState.RESTORABLE: "missing on the disk, safe in the bucket: restore it",
    FileState.OUTSIDE: "outside of the source, so never backed up",
    FileState.UNMOUNTED: "on a drive that is not there",
    FileState.PLACEHOLDER: "online-only, so not read",
    FileState.NOT_IN_CATALOG: "on the disk, not in the catalog",
    FileState.VANISHED: "gone from the catalog since the last audit",
}


def show_audit(library: str, report: AuditReport, *, as_json: bool, listed: bool) -> int:
    """Print an audit; returns its exit code."""
    if as_json:
        output.result(to_text(audit_object(library, report, listed=listed)))
    else:
        from lrsync.ui.render import show

        show(audit_report(report))
    return int(report.exit_code)


def show_csv(report: AuditReport) -> int:
    """Print the listed files as CSV; returns the audit's exit code."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("state", "kind", "path", "size", "proven_at", "note"))
    writer.writerows(_cells(file) for file in report.listed)
    output.result(text.getvalue().removesuffix("\n"))
    return int(report.exit_code)


def _cells(file: AuditedFile) -> tuple[object, ...]:
    size = "" if file.size is None else file.size
    return file.state.value, _kind(file), printable(file.path), size, iso(file.proven_ns) or "", file.note


def _kind(file: AuditedFile) -> str:
    return "sidecar" if file.is_sidecar else "photo"


# --- for people -------------------------------------------------------------------------------------------


def audit_report(report: AuditReport) -> Report:
    """The answer as a report."""
    return Report(
        sentence=audit_sentence(report),
        tone={ExitCode.OK: Tone.GOOD, ExitCode.NEEDS_PERSON: Tone.WARN}.get(report.exit_code, Tone.BAD),
        grids=(_states(report), _roots(report), Grid(tuple(_facts(report)))),
        problems=(*_vanished(report), *_problems(report), *_listed(report)),
    )


def audit_sentence(report: AuditReport) -> str:
    """Whether every file is safe, in one sentence."""
    unsafe = sum(report.states.get(state, 0) for state in NAMED_STATES if state is not FileState.SAFE)
    what = f"{count(report.photos, 'photo')} and {count(report.sidecars, 'sidecar')} in this catalog"
    vanished = report.states.get(FileState.VANISHED, 0)
    lost = f" {count(vanished, 'photo')} vanished from it since the last audit." if vanished else ""
    if unsafe and unsafe == report.files:
        return f"None of the {what} is safe.{lost}"
    if unsafe:
        return f"{unsafe:,} of the {what} {'is' if unsafe == 1 else 'are'} not safe.{lost}"
    if not report.files:
        return f"The catalog names no photos.{lost}"
    return f"All {what} are safe.{lost}"


def _states(report: AuditReport) -> Grid:
    rows = [(f"{report.states[s]:,}", _WORDS[s], s.value) for s in FileState if report.states.get(s)]
    return Grid(tuple(rows), ("Files", "", "State"), frozenset({0}))


def _roots(report: AuditReport) -> Grid:
    rows = []
    for root, tally in sorted(report.roots.items()):
        safe = tally.states.get(FileState.SAFE, 0)
        rows.append((clip(printable(root), ROOT_CELLS), f"{tally.files:,}", f"{safe:,}", _rest(tally.states)))
    return Grid(tuple(rows), ("Root folder", "Files", "Safe", ""), frozenset({1, 2}))


def _rest(states: dict[FileState, int]) -> str:
    return ", ".join(f"{number:,} {state.value}" for state, number in states.items() if state is not FileState.SAFE)


def _facts(report: AuditReport) -> list[tuple[str, str]]:
    facts, now = report.facts, report.audited_ns
    rows = [
        ("Catalog", clip(printable(report.catalog), 64)),
        ("Version", f"{facts.db_version or 'not told'}{'' if facts.is_known else ' (not known to lrsync)'}"),
        ("Photos", _photos(facts)),
    ]
    if report.oldest_proof_ns is not None:
        rows.append(("Oldest proof", f"{local(report.oldest_proof_ns)}, {ago(report.oldest_proof_ns, now)}"))
    if report.previous_ns is not None:
        rows.append(("Last audit", f"{local(report.previous_ns)}: {count(report.previous_photos, 'photo')}"))
    rows.append(("Edits", _edits(report)))
    rows.append(("Own backup", _zip(report.zip_backup, now)))
    return rows


def _photos(facts: CatalogFacts) -> str:
    copies = " (virtual copies among them)" if facts.images > facts.files else ""
    return f"{count(facts.files, 'file')}, {count(facts.images, 'image')}{copies}"


def _edits(report: AuditReport) -> str:
    facts = report.facts
    words = {True: "XMP is written by itself", False: "XMP is not written by itself", None: "XMP: not told"}
    dirty = f"; {count(facts.unwritten, 'photo')} with edits that only the catalog has" if facts.unwritten else ""
    return words[facts.writes_xmp] + dirty


def _zip(backup: ZipState | None, now_ns: int) -> str:
    if backup is None:
        return "none beside the catalog"
    return f"{ago(backup.made_ns, now_ns)}, " + (f"damaged: {printable(backup.problem)}" if backup.problem else "sound")


def _vanished(report: AuditReport) -> tuple[str, ...]:
    if any(file.state is FileState.VANISHED for file in report.listed):
        return ()
    lines = [sentence(f"{path}: was in the catalog at the last audit, and is not any more") for path in report.vanished]
    return at_most(lines, " (--list vanished names them all)")


def _problems(report: AuditReport) -> tuple[str, ...]:
    lines = [
        sentence(
            f"{w.path}: has {w.found_bytes:,} bytes, and had {w.imported_bytes:,} when it was imported; "
            "look at it, and copy it from the card again while the card has it"
        )
        for w in report.witnesses
    ]
    if report.source_missing:
        lines.insert(0, sentence(f"the source could not be looked at: {report.source_missing}"))
    for old in report.unused_mappings:
        lines.append(f"--map-root {printable(old)}: no root folder of this catalog is that one or lies in it.")
    if report.states.get(FileState.UNMOUNTED) and not report.source_missing:
        lines.append("Where a root folder lies elsewhere on this machine, say so with --map-root OLD=NEW.")
    return at_most(lines, " (--json has them all)")


def _listed(report: AuditReport) -> tuple[str, ...]:
    lines = [f"{file.state.value}: {printable(file.path)}{_note(file)}" for file in report.listed]
    return at_most(lines, " (--csv and --json have them all)", MAX_LISTED)


def _note(file: AuditedFile) -> str:
    return f" ({file.note})" if file.note else ""


# --- for scripts ------------------------------------------------------------------------------------------


def audit_object(library: str, report: AuditReport, *, listed: bool) -> Json:
    """The object of `catalog audit --json`; with `--list`, the files of those states are in it."""
    facts = report.facts
    return {
        "command": "catalog audit",
        "library": library,
        "result": result_for(report.exit_code).value,
        "exit_code": int(report.exit_code),
        "catalog": printable(report.catalog),
        "db_version": facts.db_version,
        "db_version_known": facts.is_known,
        "files": report.files,
        "photos": report.photos,
        "sidecars": report.sidecars,
        "images": facts.images,
        "states": {state.value: report.states.get(state, 0) for state in FileState},
        "roots": [
            {
                "root": root,
                "mapped_to": tally.mapped_to,
                "files": tally.files,
                "states": {state.value: number for state, number in tally.states.items()},
            }
            for root, tally in sorted(report.roots.items())
        ],
        "oldest_proof": iso(report.oldest_proof_ns),
        "previous": None
        if report.previous_ns is None
        else {"audited_at": iso(report.previous_ns), "photos": report.previous_photos},
        "size_differs": [
            {"path": w.path, "imported_bytes": w.imported_bytes, "found_bytes": w.found_bytes} for w in report.witnesses
        ],
        "edits": {"writes_xmp": facts.writes_xmp, "not_in_xmp": facts.unwritten, "own_backup": _zip_object(report)},
        "source_missing": report.source_missing or None,
        **({"list": list(_list_objects(report.listed))} if listed else {}),
    }


def _zip_object(report: AuditReport) -> Json | None:
    backup = report.zip_backup
    if backup is None:
        return None
    return {"path": backup.path, "made_at": iso(backup.made_ns), "sound": not backup.problem, "problem": backup.problem}


def _list_objects(files: Iterable[AuditedFile]) -> Iterable[Json]:
    for file in files:
        yield {
            "state": file.state.value,
            "kind": _kind(file),
            "path": file.path,
            "size": file.size,
            "proven_at": iso(file.proven_ns),
            "note": file.note,
        }


# --- snapshots --------------------------------------------------------------------------------------------


def show_snapshots(library: str, found: list[StoredSnapshot], *, as_json: bool) -> int:
    """Print a list of snapshots; returns 0."""
    if as_json:
        head = {"command": "catalog list", "library": library, "result": "ok", "exit_code": 0}
        output.result(to_text({**head, "snapshots": [_snapshot(each.id, each.note, each.size) for each in found]}))
        return int(ExitCode.OK)
    from lrsync.ui.render import show

    rows = tuple(
        (
            clip(printable(each.note.catalog), ROOT_CELLS),
            local(each.note.taken_ns),
            size(each.size),
            each.note.db_version,
            f"{each.note.photos:,}",
            each.id.stamp,
            "" if each.note.origin is Origin.COPY else "Lightroom's own backup",
        )
        for each in found
    )
    text = f"{count(len(rows), 'snapshot')} in the bucket." if rows else "There is no snapshot of a catalog."
    headers = ("Catalog", "Taken", "Size", "Version", "Photos", "Snapshot", "")
    show(Report(text, Tone.GOOD, (Grid(rows, headers, frozenset({2, 4})),), sentence_last=True))
    return int(ExitCode.OK)


def show_restored(library: str, done: CatalogRestored, *, as_json: bool) -> int:
    """Print what was restored; returns 0."""
    if as_json:
        head = {"command": "catalog restore", "library": library, "result": "ok", "exit_code": 0}
        snapshot = _snapshot(done.id, done.note, done.note.packed_size)
        output.result(to_text({**head, "snapshot": snapshot, "written": list(done.written)}))
        return int(ExitCode.OK)
    from lrsync.ui.render import show

    where = " and ".join(printable(path) for path in done.written)
    photos = count(done.note.photos, "photo")
    show(Report(f"Restored as of {local(done.note.taken_ns)}, {photos}, and found sound: {where}", Tone.GOOD))
    return int(ExitCode.OK)


def _snapshot(found: SnapshotId, note: SnapshotNote, size_: int) -> Json:
    return {
        "name": found.name,
        "snapshot": found.stamp,
        "catalog": note.catalog,
        "taken_at": iso(note.taken_ns),
        "origin": note.origin.value,
        "size": size_,
        "db_version": note.db_version,
        "photos": note.photos,
        "parts": [{"name": part.name, "size": part.size} for part in note.parts],
    }

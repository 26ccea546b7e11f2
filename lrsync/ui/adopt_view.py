"""What `adopt` has to say at its end, for people and as JSON."""

from __future__ import annotations

from typing import Any, Final

from lrsync.core.adoption import AdoptCounts, Pile, Proof
from lrsync.core.first_look import ASSUMED_RATE
from lrsync.core.runs import RunSummary
from lrsync.ui import cost_view
from lrsync.ui.report import Grid, Report, Tone
from lrsync.ui.text import count, duration, printable, size

_BY: Final = {
    Proof.SHA256: "their sha256",
    Proof.CHECKSUM: "a checksum that S3 keeps",
    Proof.MD5: "their MD5",
    Proof.PARTS: "the MD5s of their parts",
    Proof.BYTES: "their bytes, read back",
}
_PILES: Final = "known changed unproven differing originals absent elsewhere catalogs"


def build(summary: RunSummary, tone: Tone, problems: tuple[str, ...]) -> Report:
    """The report of an adoption."""
    counts = summary.adopted or AdoptCounts()
    hints = tuple(_hints(summary, counts))
    grid = Grid(tuple(_rows(summary, counts)))
    return Report(sentence_of(summary), tone, (grid,), (*problems, *hints), sentence_last=True)


def sentence_of(summary: RunSummary) -> str:
    """How much of the library is in the bucket, in one sentence that is true."""
    counts, files = summary.adopted or AdoptCounts(), summary.scan.files
    proven, failed = counts.proven_files, len(summary.errors)
    if summary.dry_run:
        can = f"{proven.files:,} of {count(files, 'file')} can be proven to be in the bucket"
        known = f", {_are(counts.known.files)} recorded already" if counts.known.files else ""
        return f"{can}{known}; {_left(counts, failed)}. This was a dry run: nothing was changed."
    safe = proven.files + counts.known.files + counts.sent.files
    return f"{safe:,} of {count(files, 'file')} {'is' if safe == 1 else 'are'} proven; {_left(counts, failed)}."


def _left(counts: AdoptCounts, failed: int) -> str:
    replaced = counts.differing.files - counts.originals.files
    for_sync = counts.absent.files + counts.elsewhere.files + replaced + counts.changed.files + counts.catalogs.files
    parts = [f"{_are(counts.unproven.files)} not"] if counts.unproven.files else []
    parts += [f"{_are(counts.trusted.files)} taken on trust"] if counts.trusted.files else []
    wait = "waits" if counts.originals.files == 1 else "wait"
    originals = f"{count(counts.originals.files, 'original')} of other bytes {wait} for your decision"
    parts += [originals] if counts.originals.files else []
    parts += [f"{_are(for_sync)} left to the next sync"] if for_sync else []
    parts += [f"{count(failed, 'file')} could not be looked at"] if failed else []
    return "; ".join(parts) or "none is missing"


def _are(files: int) -> str:
    return f"{files:,} {'is' if files == 1 else 'are'}"


def _rows(summary: RunSummary, counts: AdoptCounts) -> list[tuple[str, str]]:
    scan = summary.scan
    rows = [
        ("Source", f"{count(scan.files, 'file')}, {size(scan.bytes)}, in {count(scan.directories, 'folder')}"),
        ("Bucket", f"{count(counts.listed, 'object')} listed"),
    ]
    if counts.known.files:
        rows.append(("Recorded already", count(counts.known.files, "file")))
    verb = "Can be proven by" if summary.dry_run else "Proven by"
    for proof, how in _BY.items():
        pile = counts.proven[proof.value]
        if pile.files:
            rows.append((verb, f"{how}: {_files(pile)}{_tried(counts, proof)}"))
    named = {
        "Not proven": (counts.unproven, "of the same size, and nothing that tells more"),
        "Other bytes": (
            counts.differing,
            "originals stay as they are; the next sync replaces others, and keeps the old",
        ),
        "Changed since": (counts.changed, "looked at by the next sync"),
        "Under another key": (counts.elsewhere, "S3 copies them in the next sync"),
        "Not there": (counts.absent, "uploaded by the next sync"),
        "Catalogs": (counts.catalogs, "the next sync copies them in a quiet moment"),
        "Taken on trust": (counts.trusted, "never counts as safe"),
        "Sent again": (counts.sent, "uploaded; the old objects are kept"),
        "Read back": (counts.downloaded, "downloaded and compared"),
        "Archived": (counts.archived, "not read back: thaw them first"),
    }
    rows += [(name, f"{_files(pile)} ({note})") for name, (pile, note) in named.items() if pile.files]
    objects = {
        "Without a file": (counts.strangers, "left alone"),
        "Left out": (counts.left_out, "their files are excluded; left alone"),
        "Got metadata": (counts.rewritten, "copied onto themselves"),
    }
    for name, (pile, note) in objects.items():
        if pile.files:
            rows.append((name, f"{count(pile.files, 'object')}, {size(pile.bytes)} ({note})"))
    return rows + _work(summary, counts)


def _files(pile: Pile) -> str:
    return f"{count(pile.files, 'file')}, {size(pile.bytes)}"


def _tried(counts: AdoptCounts, proof: Proof) -> str:
    trial = counts.tried.get(proof.value)
    return "" if trial is None else f" (tried with {trial.files:,}: {trial.proven:,} proven)"


def _work(summary: RunSummary, counts: AdoptCounts) -> list[tuple[str, str]]:
    if not summary.dry_run:
        done = size(summary.bytes.hashed) + " read here"
        done += f", {size(summary.bytes.uploaded)} uploaded" if summary.bytes.uploaded else ", nothing uploaded"
        rows = [("Bytes", done)]
    else:
        rows = [("To read here", _reading(counts)), ("To upload", _uploading(counts))]
        if counts.to_rewrite:
            objects, bytes_ = (sum(each[place] for each in counts.to_rewrite.values()) for place in (0, 1))
            rows.append(("To get metadata", f"{count(objects, 'object')}, {size(bytes_)}, copied onto themselves"))
        rows += [("Cost", cost_view.sentence_of(summary.quote))] if counts.listed else []
    return [*rows, ("S3 requests", f"{summary.requests.total:,}"), ("Time", duration(summary.seconds_total))]


def to_read(counts: AdoptCounts) -> int:
    """The bytes that an adoption reads from the disk."""
    return counts.proven_files.bytes + counts.elsewhere.bytes


def to_upload(counts: AdoptCounts) -> int:
    """The bytes that the next sync sends, if nothing is done about what is not proven."""
    replaced = counts.differing.bytes - counts.originals.bytes  # an original waits for a person
    return counts.absent.bytes + replaced + counts.unproven.bytes


def _reading(counts: AdoptCounts) -> str:
    total = to_read(counts)
    if not counts.read_rate or not total:
        return size(total)
    took = duration(total / counts.read_rate)
    return f"{size(total)}, about {took} at {size(counts.read_rate)} a second, as with the files that were tried"


def _uploading(counts: AdoptCounts) -> str:
    total, unproven = to_upload(counts), counts.unproven.bytes
    took = duration(total / ASSUMED_RATE)
    text = f"{size(total)}, about {took} at {size(ASSUMED_RATE)} a second" if total else size(0)
    return f"{text} ({size(unproven)} of it is there, but not proven)" if unproven else text


def _hints(summary: RunSummary, counts: AdoptCounts) -> list[str]:
    hints = []
    if counts.offset is not None and counts.offset.in_bucket:
        where = printable(counts.offset.in_bucket)
        hints.append(f"Most files lie deeper in the bucket: with {where} added to --s3-prefix nothing is copied.")
    elif counts.offset is not None:
        where = printable(counts.offset.on_disk)
        hints.append(f"The bucket has what lies in {where}: with that folder as --source-path nothing is copied.")
    if counts.folders:
        names = ", ".join(map(printable, counts.folders))
        hints.append(f"Nothing lies below the prefix. The bucket has: {names}. Is one of them the --s3-prefix?")
    if any(trial.files and not trial.proven for trial in counts.tried.values()):
        hints.append("Of some kind of proof not one file that was tried agreed: it may prove nothing in this store.")
    if counts.without_times.files and not counts.rewritten.files:
        hints.append(
            "The objects do not carry their files' times: a restore takes those from the manifest's snapshot in the "
            "bucket. --rewrite-metadata writes them on the objects, too."
        )
    return hints


def adopt_json(summary: RunSummary) -> dict[str, Any]:
    """What `adopt --json` has beyond what all runs have."""
    counts = summary.adopted or AdoptCounts()
    tried = {name: {"files": trial.files, "proven": trial.proven} for name, trial in counts.tried.items()}
    offset = counts.offset
    return {
        "dry_run": summary.dry_run,
        "scan": {name: getattr(summary.scan, name) for name in ("files", "directories", "bytes", "unreadable")},
        "listed": counts.listed,
        "proven": {**_json(counts.proven_files), "by": {name: _json(pile) for name, pile in counts.proven.items()}},
        **{name: _json(getattr(counts, name)) for name in _PILES.split()},
        "objects_without_file": _json(counts.strangers),
        "objects_left_out": _json(counts.left_out),
        "without_times": _json(counts.without_times),
        "without_metadata": _json(counts.without_metadata),
        "trusted": _json(counts.trusted),
        "sent_again": _json(counts.sent),
        "downloaded": _json(counts.downloaded),
        "archived": _json(counts.archived),
        "rewritten": _json(counts.rewritten),
        "actions": {name: getattr(summary.actions, name) for name in ("adopted", "uploaded", "quarantined", "failed")},
        "bytes": {"hashed": summary.bytes.hashed, "uploaded": summary.bytes.uploaded},
        "tried": tried,
        "to_read_bytes": to_read(counts) if summary.dry_run else 0,
        "to_upload_bytes": to_upload(counts),
        "read_rate": counts.read_rate,
        "price": cost_view.restore_json(summary.quote),
        "other_prefix": None if offset is None else {"in_bucket": offset.in_bucket, "on_disk": offset.on_disk},
        "folders": list(counts.folders),
    }


def _json(pile: Pile) -> dict[str, int]:
    return {"files": pile.files, "bytes": pile.bytes}

"""What becomes of objects that nothing proves: taken on trust, read back and compared, or sent again.

Works on the rows that an adoption left unproven. Imported only where there are any.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Final, assert_never

from lrsync.core.adoption import Proof
from lrsync.core.diff import same_facts
from lrsync.core.digest import is_settled
from lrsync.core.events import BytesSent, EventSink, Phase, PhaseStarted, WorkFinished, WorkFound
from lrsync.core.filetypes import is_original
from lrsync.core.keys import split_path, trash_stamp
from lrsync.core.model import Adopt, Change, ChangeKind, Content, Done, Failed, Held, ManifestEntry, Outcome
from lrsync.core.objects import ObjectInfo
from lrsync.core.parts import SINGLE_PUT_LIMIT
from lrsync.core.ports import Clock, ObjectStore, RacedError, SourceTree
from lrsync.core.requests import Unproven
from lrsync.core.scan import ScannedFile
from lrsync.engine.sending import make_transferrer
from lrsync.engine.stop import StoppedError
from lrsync.engine.tally import Tallier
from lrsync.engine.transfer import TransferPolicy, Transferrer
from lrsync.errors import ObjectArchivedError, ObjectError, ObjectMissingError

if TYPE_CHECKING:
    from lrsync.engine.adopt import Adoption

ATTEMPTS: Final = 2
"""How often bytes must be read wrong: what was damaged on the way is not damage of what is stored."""


def settle_unproven(run: Adoption, choice: Unproven) -> None:
    """Do what was chosen about every row that is not proven. Raises BucketError and StoppedError."""
    rows = run.ports.manifest.unproven(trusted=choice is not Unproven.TRUST)
    free = (row for row in rows if row.path not in run.quarantined)
    changes = filter(None, map(partial(_change_of, run.ports.tree), free))
    match choice:
        case Unproven.TRUST:
            _trust(run, changes)
        case Unproven.DOWNLOAD:
            _download(run, changes)
        case Unproven.UPLOAD:
            _upload(run, changes)
        case Unproven.LEAVE:
            pass
        case _:
            assert_never(choice)
    run.recorder.flush()


def _change_of(tree: SourceTree, row: ManifestEntry) -> Change | None:
    """The file of this row as it is now; None where it went, or is another one than was compared."""
    try:
        stat = tree.stat(row.path)
    except OSError:
        return None
    if stat is None or not same_facts(stat, row):
        return None
    folder, name = split_path(row.path)
    return Change(ChangeKind.UNSURE, folder, ScannedFile(name, *stat), row)


def _leave_pile(run: Adoption, row: ManifestEntry) -> None:
    """What was counted as unproven, or as taken on trust, is something else now."""
    pile = run.counts.trusted if row.settled else run.counts.unproven
    pile.take(row.size)


# --- on trust ---------------------------------------------------------------------------------------------


def _trust(run: Adoption, changes: Iterator[Change]) -> None:
    """Settle the rows as they are: without a sha256, so that they never count as safe, nor are ever deleted."""
    for change in changes:
        row = change.old
        assert row is not None
        run.check_stop()
        if change.path in run.doubtful:
            continue
        info = ObjectInfo(row.key, row.size, row.etag, {})
        done = Done(Adopt(change, Content(row.stat, b"", crc32=0, was_read=False), info), replace(row, settled=True))
        run.recorder.add(change.folder, done)
        run.summary.actions.adopted += 1
        run.counts.trusted.add(row.size)
        run.counts.unproven.take(row.size)


# --- read back --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Compared:
    """One object that was read back. `object_sha256`: of its bytes; None where they could not be read."""

    change: Change
    content: Content | None = None
    info: ObjectInfo | None = None
    object_sha256: bytes | None = None
    archived: bool = False
    failed: Failed | None = None
    read_at: int = 0


@dataclass(frozen=True, slots=True)
class _Reader:
    tree: SourceTree
    store: Callable[[], ObjectStore]
    stopping: Callable[[], bool]
    clock: Clock
    sink: EventSink

    def compare(self, change: Change) -> _Compared:
        """Read the file and its object. Raises BucketError and StoppedError."""
        hint = "run the same command again"
        try:
            return self._compare(change)
        except ObjectArchivedError:
            return _Compared(change, archived=True)
        except RacedError:
            return _Compared(change, failed=Failed(change.path, "was being written while it was read", hint, change))
        except ObjectMissingError:
            return _Compared(change, failed=Failed(change.path, "its object is gone", hint, change))
        except ObjectError as error:
            return _Compared(change, failed=Failed(change.path, error.message, error.hint, change, transfer=True))
        except OSError as error:
            message = f"cannot be read: {error.strerror or error}"
            return _Compared(change, failed=Failed(change.path, message, "check the file and the drive", change))

    def _compare(self, change: Change) -> _Compared:
        row, read_at = change.old, self.clock()
        assert row is not None
        for attempt in range(ATTEMPTS):
            info, found = self._hash_object(row)
            if attempt == 0:
                content = self.tree.read(change.path, hold_below=0, part_size=SINGLE_PUT_LIMIT)
            if found == content.sha256:
                break
        return _Compared(change, content, info, found, read_at=read_at)

    def _hash_object(self, row: ManifestEntry) -> tuple[ObjectInfo, bytes]:
        digest = hashlib.sha256()
        with self.store().get(row.key, if_match=row.etag or None) as body:
            for chunk in body:
                if self.stopping():
                    raise StoppedError("comparing")
                digest.update(chunk)
                self.sink(BytesSent(row.path, len(chunk)))
            return body.info, digest.digest()


def _download(run: Adoption, changes: Iterator[Change]) -> None:
    ports = run.ports
    ports.sink(PhaseStarted(Phase.COMPARING))
    reader = _Reader(ports.tree, run.store, ports.stopping, ports.clock, ports.sink)
    for compared in run.in_parallel(reader.compare, _announced(run, changes)):
        _take(run, compared)
        run.recorder.flush_if_due()


def _announced(run: Adoption, changes: Iterator[Change]) -> Iterator[Change]:
    for change in changes:
        assert change.new is not None
        run.ports.sink(WorkFound(change.path, change.new.size))
        yield change


def _take(run: Adoption, compared: _Compared) -> None:
    change, row = compared.change, compared.change.old
    assert row is not None
    if compared.failed is not None:
        run.summary.actions.failed += 1
        run.summary.errors.append(compared.failed)
        run.ports.sink(WorkFinished(change.path, row.size, compared.failed))
        return
    if compared.archived:
        run.counts.archived.add(row.size)
        return
    assert compared.content is not None
    assert compared.info is not None
    run.counts.downloaded.add(row.size)
    _leave_pile(run, row)
    if compared.object_sha256 == compared.content.sha256:
        _adopt(run, compared, row, compared.content, compared.info)
    else:
        _keep_apart(run, compared, row, compared.content, compared.info)


def _adopt(run: Adoption, compared: _Compared, row: ManifestEntry, content: Content, info: ObjectInfo) -> None:
    stat, now = content.stat, run.ports.clock()
    entry = replace(
        row,
        sha256=content.sha256,
        mtime_ns=stat.mtime_ns,
        ctime_ns=stat.ctime_ns,
        verified_at=now,
        settled=is_settled(stat.mtime_ns, stat.ctime_ns, compared.read_at),
    )
    done = Done(Adopt(compared.change, content, info), entry)
    run.counts.proven[Proof.BYTES.value].add(row.size)
    run.note_metadata(info)
    run.summary.actions.adopted += 1
    run.recorder.add(compared.change.folder, done)
    run.ports.sink(WorkFinished(compared.change.path, row.size, done))


def _keep_apart(run: Adoption, compared: _Compared, row: ManifestEntry, content: Content, info: ObjectInfo) -> None:
    """It has other bytes: the row learns which. An original's object stays; any other the next sync replaces."""
    run.counts.differ(row.path, row.size)
    known = replace(row, sha256=compared.object_sha256, mtime_ns=0, ctime_ns=0, verified_at=run.ports.clock())
    if is_original(row.path):
        run.quarantine(compared.change, content, info, known)
        return
    run.recorder.add(compared.change.folder, Done(Adopt(compared.change, content, info), known))


# --- sent again -------------------------------------------------------------------------------------------


def _upload(run: Adoption, changes: Iterator[Change]) -> None:
    ports, options = run.ports, run.options
    ports.sink(PhaseStarted(Phase.UPLOADING))
    parts = ports.make_pool(options.threads)
    policy = TransferPolicy(options.prefix, trash_stamp(run.started_ns), options.storage)
    transferrer = make_transferrer(ports, run.store, policy, parts, {})
    tally = Tallier(run.summary)
    try:
        for outcome in run.in_parallel(partial(_send, transferrer), _announced(run, changes)):
            finding = tally.outcome(outcome)
            if finding is not None:
                run.report(finding)
            change = outcome.action.change if isinstance(outcome, Done) else outcome.change  # type: ignore[union-attr]
            assert change is not None
            assert change.new is not None
            if isinstance(outcome, Done):
                run.counts.sent.add(change.new.size)
                assert change.old is not None
                _leave_pile(run, change.old)
            run.recorder.add(change.folder, outcome)
            run.recorder.flush_if_due()
            ports.sink(WorkFinished(change.path, change.new.size, outcome))
    finally:
        parts.shutdown(wait=False, cancel_futures=True)


def _send(transferrer: Transferrer, change: Change) -> Outcome:
    result = transferrer.handle(change)
    assert not isinstance(result, Held), "nobody asked to hold it"
    return result

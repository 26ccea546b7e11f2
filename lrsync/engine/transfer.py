"""Handle one changed file from its bytes to S3's acknowledgement: read, resolve, decide, transfer.

Runs in worker threads. Owns no state of a run; the failure of one file comes back as a value, what ends the
run is raised.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass, field, replace
from typing import assert_never

from lrsync.core.digest import is_settled
from lrsync.core.etags import part_sizes_for
from lrsync.core.events import BytesSent, EventSink, WorkStarted
from lrsync.core.filetypes import is_original
from lrsync.core.findings import QuarantinedContent
from lrsync.core.keys import KeyProblem, key_for, trash_key
from lrsync.core.model import (
    Action,
    Adopt,
    Candidate,
    Change,
    ChangeKind,
    Content,
    Done,
    Drift,
    Failed,
    Held,
    ManifestEntry,
    MarkMissing,
    Outcome,
    Quarantine,
    Raced,
    Restat,
    Return,
    ServerCopy,
    Trash,
    Upload,
    WorkResult,
)
from lrsync.core.objects import ListedObject, Stored
from lrsync.core.parts import HELD_BYTES, MAX_OBJECT_BYTES, SINGLE_PUT_LIMIT, part_size_for
from lrsync.core.plan import decide, outlived_its_object, overwrites
from lrsync.core.ports import Clock, ManifestStore, ObjectStore, RacedError, SourceTree
from lrsync.core.proof import disproves_content, entry_of, proves_content
from lrsync.core.scan import Stat
from lrsync.core.soundness import suspicion
from lrsync.core.storage import StorageRules
from lrsync.engine.multipart import AlreadyThere, MultipartUploader
from lrsync.errors import (
    ChecksumMismatchError,
    LrsyncError,
    ObjectArchivedError,
    ObjectChangedError,
    ObjectError,
    ObjectExistsError,
    ObjectMissingError,
    ObjectUnacceptableError,
)

ATTEMPTS_WHEN_RACED = 3


@dataclass(frozen=True, slots=True)
class TransferPolicy:
    """What every transfer of a run has in common. `stamp` names the run's folder in the trash."""

    prefix: str
    stamp: str
    storage: StorageRules = field(default_factory=StorageRules)
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class Transferrer:
    """Turns changes into outcomes. One for all workers of a run."""

    tree: SourceTree
    open_store: Callable[[], ObjectStore]
    manifest: ManifestStore
    multipart: Callable[[], MultipartUploader]
    policy: TransferPolicy
    quarantined: Mapping[str, QuarantinedContent]
    known_sizes: Container[int] | None
    clock: Clock
    sink: EventSink
    rotten: Mapping[str, QuarantinedContent] = field(default_factory=dict)
    accepted: Mapping[str, QuarantinedContent] = field(default_factory=dict)
    """Changed originals whose new bytes a person means: they replace the object, these bytes and no others."""

    def handle(self, change: Change, hold_overwrites: bool = False) -> WorkResult:
        """Do what this change asks for. Raises BucketError and StoppedError, which end the run.

        `hold_overwrites`: of a file that would overwrite its object, only say so (Held).
        """
        self.sink(WorkStarted(change.path, change.new.size if change.new is not None else 0))
        return self.guarded(change, lambda: self._handle(change, hold_overwrites))

    def guarded(self, change: Change, work: Callable[[], WorkResult]) -> WorkResult:
        """What the work returns; the failure of this one file as an outcome. Raises what ends the run."""
        try:
            for _ in range(ATTEMPTS_WHEN_RACED):
                try:
                    return work()
                except RacedError:
                    continue
            return Raced(change.path, change)
        except (FileNotFoundError, NotADirectoryError):
            return Raced(change.path, change, gone=True)
        except KeyProblem as problem:
            return Failed(change.path, str(problem), problem.hint, change)
        except OSError as error:
            hint = "check the file's permissions and the drive's health"
            return Failed(change.path, f"cannot be read: {error.strerror or error}", hint, change)
        except ObjectError as error:
            by_store = not isinstance(error, ObjectUnacceptableError)
            return Failed(change.path, error.message, error.hint, change, transfer=True, by_store=by_store)

    def acknowledged(self, action: Upload, path: str, key: str, read_at: int, stored: Stored) -> Done:
        """The result of an upload that S3 acknowledged; `path` is the change's, not put together once more."""
        self.sink(BytesSent(path, action.content.stat.size))
        return Done(action, self._entry(path, action.content, key, stored, read_at))

    def concluded(
        self, action: Upload, key: str, read_at: int, stored: Stored | ObjectError | LrsyncError
    ) -> WorkResult:
        """The result of an upload that somebody else sent. Raises BucketError and StoppedError."""

        def conclude() -> WorkResult:
            if isinstance(stored, ObjectExistsError):
                return self._upload_over_unknown(action, key, read_at)
            if isinstance(stored, Exception):
                raise stored
            return self.acknowledged(action, action.change.path, key, read_at, stored)

        return self.guarded(action.change, conclude)

    def _handle(self, change: Change, hold_overwrites: bool) -> WorkResult:
        key = change.old.key if change.old is not None else key_for(self.policy.prefix, change.path)
        meant = self.accepted.get(change.path)
        if meant is not None:
            return self._accept(change, key, meant)
        known = self._known_quarantine(change)
        if known is not None:
            return Done(Quarantine(change, known, told=self.quarantined[change.path].told), _there(change.old))
        if self._surely_new(change):
            return self._foretell(Upload(change, _unread(change)), key, self.clock())
        read_at = self.clock()
        candidate = self._resolve(change, key)
        if candidate.content.stat.size > MAX_OBJECT_BYTES:
            return Failed(change.path, "is larger than S3 takes (5 TiB)", "exclude it, or split it", change)
        action = self._spare_good_bytes(decide(candidate))
        if hold_overwrites and overwrites(action, candidate):
            return Held(change)
        if isinstance(action, Upload):
            action = replace(action, suspicion=self._suspicion(action))
        if self.policy.dry_run and isinstance(action, Upload | ServerCopy):
            return self._foretell(action, key, read_at)
        return self._perform(action, key, read_at)

    def _spare_good_bytes(self, action: Action) -> Action:
        """Bytes that went bad on the disk never go up by themselves, whatever touched the file since."""
        known = self.rotten.get(action.change.path) if isinstance(action, Upload) else None
        if known is None or not isinstance(action, Upload) or action.content.sha256 != known.sha256:
            return action
        if action.change.old is None:
            return action  # without a row there are no good bytes to spare
        return Quarantine(action.change, action.content)

    def _accept(self, change: Change, key: str, meant: QuarantinedContent) -> Outcome:
        """Send the bytes that a person has looked at, in the place of the recorded ones."""
        assert change.new is not None
        assert change.old is not None
        read_at = self.clock()
        hold_below = 0 if self.policy.dry_run else HELD_BYTES
        content = self.tree.read(change.path, hold_below=hold_below, part_size=part_size_for(change.new.size))
        if content.sha256 == change.old.sha256 and change.old.drift is None:
            return self._perform(Restat(change, content), key, read_at)
        if content.sha256 != meant.sha256:
            hint = "run sync and look at the file again: it then says what there is to accept"
            return Failed(change.path, "has other bytes than those that were found", hint, change)
        action = Upload(change, content, replaces=True)
        return self._foretell(action, key, read_at) if self.policy.dry_run else self._perform(action, key, read_at)

    def _suspicion(self, action: Upload) -> str | None:
        """Why an original that goes up looks damaged: there is no good copy that it could be compared with."""
        path, content = action.change.path, action.content
        if outlived_its_object(action.change.old, content):
            return "has other bytes than were backed up, and the bucket has lost those"
        if action.change.kind is not ChangeKind.ADDED or not is_original(path):
            return None
        if content.data is not None:
            held = content.data
            return suspicion(path, len(held), lambda offset, length: held[offset : offset + length])
        size = content.stat.size

        def read_at(offset: int, length: int) -> bytes:
            return self.tree.read_part(path, offset, max(0, min(length, size - offset)))

        return suspicion(path, size, read_at)

    def _foretell(self, action: Upload | ServerCopy, key: str, read_at: int) -> Outcome:
        """What the action would come to; the row goes into the dry run's scratch manifest."""
        return Done(action, self._entry(action.change.path, action.content, key, Stored(etag=""), read_at))

    def _known_quarantine(self, change: Change) -> Content | None:
        """The content of an original that was quarantined earlier and has not been touched since."""
        known = self.quarantined.get(change.path)
        if known is None or change.new is None or change.old is None:
            return None
        if change.old.drift is Drift.MISSING:
            return None  # nothing good is left to protect: decided anew, and what the disk has goes up
        stat = (change.new.size, change.new.mtime_ns, change.new.ctime_ns)
        return Content(known.stat, known.sha256, crc32=0, was_read=False) if known.stat == stat else None

    def _surely_new(self, change: Change) -> bool:
        """In a dry run: whether no recorded file has this size, so that reading terabytes tells nothing more."""
        if self.known_sizes is None or change.kind is not ChangeKind.ADDED or change.new is None:
            return False
        key = key_for(self.policy.prefix, change.path)
        return change.new.size not in self.known_sizes and self.manifest.listed(key) is None

    def _resolve(self, change: Change, key: str) -> Candidate:
        assert change.new is not None
        unproven = change.old is not None and change.old.sha256 is None
        listed = self.manifest.listed(key) if change.kind is ChangeKind.ADDED else None
        ask = unproven or listed is not None
        content = self.tree.read(
            change.path,
            hold_below=0 if self.policy.dry_run else HELD_BYTES,
            part_size=part_size_for(change.new.size),
            want_md5=ask,
            etag_part_sizes=self._part_sizes_to_try(change, listed) if ask else (),
        )
        if ask:
            return self._with_existing(Candidate(change, content), key)
        twin = self.manifest.find_twin(content.sha256) if change.kind is ChangeKind.ADDED else None
        return Candidate(change, content, twin=twin)

    @staticmethod
    def _part_sizes_to_try(change: Change, listed: ListedObject | None) -> tuple[int, ...]:
        """How another tool may have cut the object that is there already, so that its ETag can be compared."""
        there = listed or change.old
        if there is None or change.new is None or there.size != change.new.size:
            return ()
        return part_sizes_for(there.etag, there.size)

    def _with_existing(self, candidate: Candidate, key: str) -> Candidate:
        """The candidate with the object that lies under its key already, if there is one."""
        try:
            info = self.open_store().head(key)
        except ObjectMissingError:
            return candidate
        return replace(
            candidate,
            existing=info,
            existing_is_same=proves_content(info, candidate.content),
            existing_is_other=disproves_content(info, candidate.content),
        )

    # --- perform ----------------------------------------------------------------------------------------

    def _perform(self, action: Action, key: str, read_at: int) -> Outcome:
        match action:
            case Upload():
                return self._upload(action, key, read_at)
            case ServerCopy():
                return self._copy(action, key, read_at)
            case Restat(change, content):
                assert change.old is not None
                return Done(action, self._seen(replace(change.old, missing_since=None), content, read_at))
            case Adopt(change, content, existing):
                stored = Stored(existing.etag, existing.checksum, existing.version_id)
                entry = self._entry(change.path, content, key, stored, read_at)
                return Done(action, replace(entry, storage_class=existing.storage_class))
            case Quarantine(change, _, existing):
                return Done(
                    action, entry_of(change.path, existing) if change.old is None and existing else _there(change.old)
                )
            case MarkMissing() | Return() | Trash():
                raise ValueError(f"not a transfer: {action}")
            case _:
                assert_never(action)

    def _upload(self, action: Upload, key: str, read_at: int) -> Outcome:
        store = self.open_store()
        if action.replaces and not store.is_versioned():
            self._keep(store, key, action.change.old)
        try:
            stored = self._send(action, key, store)
        except ObjectExistsError:
            # No row explains this object, and no listing of this run named it: look before anything is replaced.
            return self._upload_over_unknown(action, key, read_at)
        if isinstance(stored, AlreadyThere):
            return self._perform(Adopt(action.change, action.content, stored.info), key, read_at)
        return Done(action, self._entry(action.change.path, action.content, key, stored, read_at))

    def _upload_over_unknown(self, action: Upload, key: str, read_at: int) -> Outcome:
        candidate = self._with_existing(Candidate(action.change, action.content), key)
        if candidate.existing is None:
            # SeaweedFS, and others that are file systems below: an object where others lie below its name.
            hint = "some stores keep no file where they have a folder of that name: give the file another one"
            raise ObjectError(
                "the store says that the key is taken, and that it is not there", code="Conflict", hint=hint
            )
        return self._perform(decide(candidate), key, read_at)

    def _keep(self, store: ObjectStore, key: str, old: ManifestEntry | None) -> None:
        """Keep what an overwrite is about to replace, where the bucket does not keep versions."""
        try:
            store.keep(key, trash_key(self.policy.prefix, self.policy.stamp, key), row=old)
        except ObjectMissingError:
            return  # nothing there to lose

    def _send(self, action: Upload, key: str, store: ObjectStore) -> Stored | AlreadyThere:
        path, content = action.change.path, action.content
        if_absent = not action.replaces
        if content.data is not None:
            stored = store.put(key, content, if_absent=if_absent)
        elif content.stat.size < SINGLE_PUT_LIMIT:
            stored = self.multipart().upload_whole(path, key, content, if_absent=if_absent)
        else:
            return self.multipart().upload(path, key, content, if_absent=if_absent)
        self.sink(BytesSent(path, content.stat.size))
        return stored

    def _copy(self, action: ServerCopy, key: str, read_at: int) -> Outcome:
        # A copy cannot ask for an absent key as a PUT can: look, so that no unknown object is replaced unseen.
        candidate = self._with_existing(Candidate(action.change, action.content), key)
        if candidate.existing is not None:
            return self._perform(decide(candidate), key, read_at)
        try:
            stored = self.open_store().copy(action.source, key, action.content)
        except (ObjectMissingError, ObjectChangedError, ObjectArchivedError, ChecksumMismatchError):
            # The twin is not what its row says, or cannot be read: the disk has the bytes.
            return self._upload(Upload(action.change, action.content), key, read_at)
        except ObjectError as error:
            if error.code != "CopyUnverified":
                raise
            return self._upload(Upload(action.change, action.content), key, read_at)
        return Done(action, self._entry(action.change.path, action.content, key, stored, read_at))

    # --- rows -------------------------------------------------------------------------------------------

    def _entry(self, path: str, content: Content, key: str, stored: Stored, read_at: int) -> ManifestEntry:
        now, stat = self.clock(), content.stat
        return ManifestEntry(
            path=path,
            size=stat.size,
            mtime_ns=stat.mtime_ns,
            ctime_ns=stat.ctime_ns,
            key=key,
            sha256=content.sha256 or None,
            checksum=stored.checksum,
            etag=stored.etag,
            version_id=stored.version_id,
            storage_class=self.policy.storage.recorded_class(path, stat.size),
            uploaded_at=now,
            verified_at=now,
            settled=is_settled(stat.mtime_ns, stat.ctime_ns, read_at),
            image=content.image.pack() if content.image is not None else None,
        )

    def _seen(self, entry: ManifestEntry, content: Content, read_at: int) -> ManifestEntry:
        stat = content.stat
        settled = is_settled(stat.mtime_ns, stat.ctime_ns, read_at)
        image = content.image.pack() if content.image is not None else entry.image
        seen = replace(entry, size=stat.size, mtime_ns=stat.mtime_ns, ctime_ns=stat.ctime_ns, settled=settled)
        return replace(seen, image=image)


def _there(row: ManifestEntry | None) -> ManifestEntry | None:
    """The row of a file that is on the disk, whatever its bytes are: it may have been missing."""
    return None if row is None else replace(row, missing_since=None)


def _unread(change: Change) -> Content:
    """The content of a file that nobody looked into."""
    assert change.new is not None
    stat = Stat(change.new.size, change.new.mtime_ns, change.new.ctime_ns)
    return Content(stat, sha256=b"", crc32=0, was_read=False)

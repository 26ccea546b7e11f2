"""Compare one file with the object that another tool put there for it. Writes nothing, uploads nothing.

Runs in worker threads. What is wrong with one file comes back as a value; what ends the run is raised.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Final

from lrsync.core.adoption import (
    Judgement,
    Means,
    Proof,
    Standing,
    etag_means,
    explains_parts,
    judge,
    means_of,
    needs_part_size,
    same_place,
    spellings,
)
from lrsync.core.checksums import Checksum, ChecksumKind
from lrsync.core.digest import is_settled
from lrsync.core.etags import part_sizes_for
from lrsync.core.filetypes import is_original
from lrsync.core.keys import KeyProblem, folded, path_for, split_path
from lrsync.core.model import Change, Content, Failed, ManifestEntry
from lrsync.core.objects import ListedObject, ObjectInfo
from lrsync.core.parts import SINGLE_PUT_LIMIT
from lrsync.core.ports import Clock, ManifestStore, ObjectStore, RacedError, SourceTree
from lrsync.core.proof import encode_checksum, entry_of
from lrsync.engine.stop import StoppedError
from lrsync.errors import ObjectError, ObjectMissingError

ATTEMPTS_WHEN_RACED: Final = 3
MAX_ALIKE: Final = 200
"""Of objects of one size so many are looked at: uncompressed RAWs of one camera are all of one size."""
MAX_NAMED: Final = 4
"""Of objects elsewhere with a file's name and size so many are asked about."""
TRIED_EACH: Final = 8
TRIED_BYTES: Final = 64 << 20
"""A dry run reads so many files for each kind of proof, none larger than this: to see whether the proof is one."""


class Fate(Enum):
    """What was found out about one file."""

    PROVEN = "proven"
    UNPROVEN = "unproven"
    DOUBTFUL = "doubtful"
    DIFFERS = "differs"
    ELSEWHERE = "elsewhere"
    ABSENT = "absent"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Examined:
    """One file and what was found. `proof`: by what it is proven; in a dry run, by what it can be.

    `path`: of the object that holds its bytes, where that is another one's. `read_s`: how long the reading took.
    `trial`: what a dry run's reading came to. `is_guess`: what is doubtful may only have come in other parts.
    """

    change: Change
    fate: Fate
    proof: Proof | None = None
    info: ObjectInfo | None = None
    content: Content | None = None
    entry: ManifestEntry | None = None
    elsewhere: str = ""
    failed: Failed | None = None
    trial: Standing | None = None
    read_s: float = 0.0
    is_guess: bool = False

    @property
    def size(self) -> int:
        """The file's, in bytes."""
        assert self.change.new is not None
        return self.change.new.size

    @property
    def is_by_etag(self) -> bool:
        """Whether the object's ETag was the bytes' MD5, or that of their parts; what rclone noted is no ETag."""
        if self.content is None or self.info is None or self.entry is None:
            return False
        md5 = self.content.md5
        return self.proof is Proof.PARTS or (md5 is not None and self.info.etag.lower() == md5.hex())


@dataclass(slots=True)
class Trials:
    """How many files a dry run may still read, by the kind of proof. Shared by all workers."""

    _left: dict[Proof, int] = field(default_factory=lambda: dict.fromkeys(Proof, TRIED_EACH))
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def takes(self, proof: Proof | None, size: int) -> bool:
        """Whether this one should be read, too."""
        with self._lock:
            if proof is None or size > TRIED_BYTES or not self._left[proof]:
                return False
            self._left[proof] -= 1
            return True


@dataclass(frozen=True, slots=True)
class Examiner:
    """Examines files one by one. One for all workers of a run.

    `inner`: the prefixes of other libraries below this one's, each with its slash. `trials`: set in a dry run, which
    reads only a few files.
    """

    tree: SourceTree
    store: Callable[[], ObjectStore]
    manifest: ManifestStore
    prefix: str
    started_ns: int
    clock: Clock
    stopping: Callable[[], bool]
    inner: Callable[[], Collection[str]]
    trials: Trials | None = None

    def examine(self, change: Change) -> Examined:
        """Find out what is known of this file's object. Raises BucketError and StoppedError."""
        if self.stopping():
            raise StoppedError("comparing")
        try:
            return self._try(change)
        except (FileNotFoundError, NotADirectoryError):
            return _failed(change, "went away while it was looked at", "run the same command again")
        except KeyProblem as problem:
            return _failed(change, str(problem), problem.hint)
        except OSError as error:
            hint = "check the file's permissions and the drive's health"
            return _failed(change, f"cannot be read: {error.strerror or error}", hint)
        except ObjectError as error:
            return _failed(change, error.message, error.hint)

    def _try(self, change: Change) -> Examined:
        for _ in range(ATTEMPTS_WHEN_RACED):
            try:
                return self._examine(change)
            except RacedError:
                continue
        return _failed(change, "was being written while it was read", "it will be tried again in the next run")

    def _examine(self, change: Change) -> Examined:
        assert change.new is not None
        listed = next(filter(None, map(self.manifest.listed, spellings(self.prefix, change.path))), None)
        if listed is None:
            return self._look_elsewhere(change)
        if listed.size != change.new.size:
            return self._differs_in_size(change, listed.key)
        try:
            info = self.store().head(listed.key)
        except ObjectMissingError:
            return Examined(change, Fate.ABSENT)
        info, means = self._means(info)
        if self.trials is not None:
            return self._foretell(change, info, means)
        if means.best is None:
            return Examined(change, Fate.UNPROVEN, info=info, entry=self._unproven(change, info))
        return self._compare(change, info, means)

    def _foretell(self, change: Change, info: ObjectInfo, means: Means) -> Examined:
        assert self.trials is not None
        if means.best is None:
            return Examined(change, Fate.UNPROVEN, info=info)
        if not self.trials.takes(means.best, info.size):
            return Examined(change, Fate.PROVEN, means.best, info)
        found = self._compare(change, info, means)
        trial = {Fate.PROVEN: Standing.PROVEN, Fate.DIFFERS: Standing.DIFFERS}.get(found.fate, Standing.DOUBTFUL)
        return replace(found, proof=means.best, trial=trial)

    def _differs_in_size(self, change: Change, key: str) -> Examined:
        """Of an original the bytes are read, so that the finding can say which: they never go up by themselves."""
        if self.trials is not None or not is_original(change.path):
            return Examined(change, Fate.DIFFERS)
        try:
            info = self.store().head(key)
        except ObjectMissingError:
            return Examined(change, Fate.ABSENT)
        content, seconds = self._read(change.path, Means(()))
        return Examined(change, Fate.DIFFERS, None, info, content, read_s=seconds)

    def _compare(self, change: Change, info: ObjectInfo, means: Means) -> Examined:
        read_at = self.clock()
        content, seconds = self._read(change.path, means)
        judgement = judge(info, content)
        if judgement.standing is Standing.DIFFERS and means.best is Proof.CHECKSUM:
            # Some stores' checksums of objects in parts are of nothing known: an ETag that agrees is the better proof.
            # Not what the uploader noted: that speaks of the bytes that it meant to send.
            bare = replace(info, checksum=None, parts_checksum=None, metadata={})
            second = etag_means(bare, self._part_size(info))
            again, more = self._read(change.path, second) if second.proofs else (content, 0.0)
            content, seconds, means = again, seconds + more, second
            judgement = _better(judgement, judge(bare, content))
        fates = {
            Standing.PROVEN: Fate.PROVEN,
            Standing.DIFFERS: Fate.DIFFERS,
            Standing.DOUBTFUL: Fate.DOUBTFUL,
            Standing.UNPROVEN: Fate.UNPROVEN,
        }
        fate = fates[judgement.standing]
        entry = self._unproven(change, info)
        if fate is Fate.PROVEN:
            entry = proven_entry(change.path, info, content, judgement.proof, now=self.clock(), read_at=read_at)
        is_guess = fate is Fate.DOUBTFUL and means.is_guess
        return Examined(change, fate, judgement.proof, info, content, entry, read_s=seconds, is_guess=is_guess)

    def _means(self, info: ObjectInfo) -> tuple[ObjectInfo, Means]:
        """What it can be proven by; and what S3 says of it, without what nobody can compare."""
        part_size = self._part_size(info) if needs_part_size(info) else None
        known = info if part_size is not None else replace(info, parts_checksum=None)
        return known, means_of(known, part_size)

    def _part_size(self, info: ObjectInfo) -> int | None:
        try:
            told = self.store().part_size(info.key)
        except (ObjectMissingError, ObjectError):
            return None  # not every store knows the question: then the usual lengths are tried
        return told if told is not None and explains_parts(info, told) else None

    def _read(self, path: str, means: Means) -> tuple[Content, float]:
        began = time.monotonic()
        content = self.tree.read(
            path,
            hold_below=0,
            part_size=means.part_size or SINGLE_PUT_LIMIT,
            want_md5=means.md5,
            etag_part_sizes=means.part_sizes,
            want_checksum=means.checksum,
        )
        return content, time.monotonic() - began

    def _unproven(self, change: Change, info: ObjectInfo) -> ManifestEntry:
        """The row of an object of which nothing is known but its size: it is never settled."""
        assert change.new is not None
        return replace(entry_of(change.path, info), mtime_ns=change.new.mtime_ns, ctime_ns=change.new.ctime_ns)

    # --- under another key --------------------------------------------------------------------------------

    def _look_elsewhere(self, change: Change) -> Examined:
        """Whether the bytes lie under the key of no file: of a folder more or less, another case, another layout."""
        assert change.new is not None
        size = change.new.size
        alike = [one for one in self.manifest.listed_of_size(size, limit=MAX_ALIKE) if self._is_free(one, change)]
        named = [one for one in alike if folded(_name(one.key)) == folded(change.new.name)][:MAX_NAMED]
        if not size or not alike:
            return Examined(change, Fate.ABSENT)
        if self.trials is not None:
            return self._foretell_elsewhere(change, named[0]) if named else Examined(change, Fate.ABSENT)
        return self._search(change, alike, named)

    def _foretell_elsewhere(self, change: Change, listed: ListedObject) -> Examined:
        """By name and size. The row, for the scratch manifest: then the object counts as no stranger's besides."""
        path, info = path_for(self.prefix, listed.key), ObjectInfo(listed.key, listed.size, listed.etag, {})
        lost = replace(entry_of(path, info), missing_since=self.started_ns)
        return Examined(change, Fate.ELSEWHERE, info=info, entry=lost, elsewhere=path)

    def _search(self, change: Change, alike: Sequence[ListedObject], named: Sequence[ListedObject]) -> Examined:
        assert change.new is not None
        lengths = dict.fromkeys(length for one in alike for length in part_sizes_for(one.etag, one.size))
        content, seconds = self._read(change.path, Means((), md5=True, part_sizes=tuple(lengths)[:8]))
        etags = {*content.part_etags, content.md5.hex() if content.md5 is not None else ""}
        exact = self.manifest.listed_of_size(change.new.size, etags=etags, limit=MAX_NAMED)
        for listed in dict.fromkeys([*(one for one in exact if self._is_free(one, change)), *named]):
            found = self._judge_elsewhere(change, listed, content, seconds)
            if found is not None:
                return found
        return Examined(change, Fate.ABSENT, content=content, read_s=seconds)

    def _judge_elsewhere(
        self, change: Change, listed: ListedObject, content: Content, seconds: float
    ) -> Examined | None:
        try:
            info = self.store().head(listed.key)
        except ObjectMissingError:
            return None
        info, means = self._means(info)
        if means.checksum is not None or means.part_size is not None:
            content, more = self._read(change.path, means)
            seconds += more
        judgement = judge(info, content)
        if judgement.standing is not Standing.PROVEN:
            return None
        path = path_for(self.prefix, listed.key)
        entry = proven_entry(path, info, content, judgement.proof, now=self.clock(), read_at=self.clock())
        lost = replace(entry, missing_since=self.started_ns)
        return Examined(change, Fate.ELSEWHERE, judgement.proof, info, content, lost, path, read_s=seconds)

    def _is_free(self, listed: ListedObject, change: Change) -> bool:
        """Whether no file of the source, no row and no other library may have this object for its own."""
        try:
            path = path_for(self.prefix, listed.key)
        except KeyProblem:
            return False
        if listed.key.startswith(tuple(self.inner())) or self.manifest.row(path) is not None:
            return False
        try:
            # On a disk that does not tell cases apart the file answers to the object's name, too.
            return self.tree.stat(path) is None or same_place(path, change.path)
        except OSError:
            return False


def proven_entry(
    path: str, info: ObjectInfo, content: Content, proof: Proof | None, *, now: int, read_at: int
) -> ManifestEntry:
    """The row of an object that is proven to hold these bytes. Times in nanoseconds since the epoch."""
    stat, checksum = content.stat, info.checksum
    if checksum is None and proof is Proof.MD5 and content.md5 is not None and info.etag == content.md5.hex():
        checksum = Checksum(ChecksumKind.MD5, encode_checksum(content.md5))
    return replace(
        entry_of(path, info),
        mtime_ns=stat.mtime_ns,
        ctime_ns=stat.ctime_ns,
        sha256=content.sha256,
        checksum=checksum,
        verified_at=now,
        settled=is_settled(stat.mtime_ns, stat.ctime_ns, read_at),
    )


def _better(first: Judgement, second: Judgement) -> Judgement:
    return second if second.standing is Standing.PROVEN else first


def _name(key: str) -> str:
    return split_path(key.replace("\\", "/"))[1]


def _failed(change: Change, message: str, hint: str) -> Examined:
    return Examined(change, Fate.FAILED, failed=Failed(change.path, message, hint, change))

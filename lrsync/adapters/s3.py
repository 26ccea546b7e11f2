"""One S3 bucket, on boto3: fulfils `core.ports.ObjectStore` on AWS and on compatible stores.

Owns how requests look and what their answers prove. Never reads a file, never decides what to upload.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Final

from botocore.exceptions import ClientError

from lrsync.adapters.s3_client import S3Calls, StoreSettings
from lrsync.adapters.s3_copy import COPY_LIMIT_BYTES, COPY_PART_BYTES, Copier
from lrsync.adapters.s3_errors import BOTO_ERRORS, code_of, status_of, translate
from lrsync.adapters.s3_get import Gets
from lrsync.adapters.s3_listing import Listing
from lrsync.adapters.s3_multipart import Multipart
from lrsync.adapters.s3_proofs import Abilities
from lrsync.adapters.s3_put import Puts
from lrsync.adapters.s3_thaw import request_thaw
from lrsync.adapters.s3_versions import Versions
from lrsync.core.model import Content, ManifestEntry
from lrsync.core.objects import ListedFolder, ListedObject, ListedVersion, ObjectInfo, PartInfo, Stored
from lrsync.core.parts import object_metadata
from lrsync.core.ports import Body, Sendable, Span, Wanted, Whole
from lrsync.core.runs import RequestCounts
from lrsync.core.thaw import Tier
from lrsync.errors import LrsyncError, ObjectError

__all__ = ["S3Store", "StoreSettings"]

_MAY_NOT_ASK: Final = frozenset({"AccessDenied", "NotImplemented", "MethodNotAllowed", "NoSuchBucketVersioning"})


class S3Store:
    """One bucket, for any number of threads. Raises ObjectError, BucketError and UsageError only."""

    def __init__(
        self, settings: StoreSettings, *, copy_limit: int = COPY_LIMIT_BYTES, copy_part_size: int = COPY_PART_BYTES
    ) -> None:
        self._calls = S3Calls(settings)
        self._target = settings.target
        self._versioned: bool | None = None
        self._abilities = Abilities()
        self._listing = Listing(self._calls)
        self._versions = Versions(self._calls)
        self._gets = Gets(self._calls)
        self._puts = Puts(self._calls, self._abilities, self.head)
        self._multipart = Multipart(self._calls, self._abilities, self.head)
        self._copier = Copier(
            self._calls, self._abilities, self._multipart, self.head, limit_bytes=copy_limit, part_bytes=copy_part_size
        )

    @property
    def requests(self) -> RequestCounts:
        """HTTP requests so far, retries included."""
        return self._calls.requests

    @property
    def latency_s(self) -> float | None:
        """How long the store takes to answer at least, as seen last; None where that is not known."""
        return self._calls.latency_s

    def create_bucket(self) -> None:
        """Make the bucket. Raises BucketError."""
        region = self._calls.settings.region
        # S3 API reference, CreateBucket: us-east-1 is the one region that must not be named.
        place = {} if region in (None, "us-east-1") else {"CreateBucketConfiguration": {"LocationConstraint": region}}
        self._calls.call("create_bucket", **place)

    def close(self) -> None:
        """Close the connections; the store is of no use afterwards."""
        self._calls.close()

    # --- one request --------------------------------------------------------------------------------------

    def put(self, key: str, content: Content, *, if_absent: bool = False, source: Sendable | None = None) -> Stored:
        """Store `content.data`, or what `source` gives, in one request; returns only what the store's answer proves."""
        return self._puts.put(key, content, if_absent=if_absent, source=source)

    def put_many(
        self, uploads: Sequence[tuple[str, Content]], *, if_absent: bool, more: Callable[[], bool]
    ) -> Iterator[tuple[int, Stored | ObjectError | LrsyncError]]:
        """`put` for many small contents at once: for each its place and what `put` returns or raises, as it comes."""
        return self._puts.put_many(uploads, if_absent=if_absent, more=more)

    def delete(self, key: str) -> None:
        """Delete the object; on a versioned bucket that puts a delete marker."""
        self._calls.call("delete_object", Key=key)

    def head(self, key: str, *, version_id: str | None = None) -> ObjectInfo:
        """What S3 knows of the object (or of a version of it), its checksum included where it keeps one."""
        return self._gets.head(key, version_id)

    def part_size(self, key: str) -> int | None:
        """How long the first part was that the object was sent in; None where the store does not tell."""
        answer = self._calls.call("head_object", Key=key, PartNumber=1)
        # A store that does not know the parameter answers for the whole object, and names no number of parts.
        return int(answer["ContentLength"]) if answer.get("PartsCount") and "ContentLength" in answer else None

    def get(
        self, key: str, *, version_id: str | None = None, span: Span | None = None, if_match: str | None = None
    ) -> AbstractContextManager[Body]:
        """The object's bytes, in chunks of at most 1 MiB; a broken connection raises ObjectError."""
        return self._gets.get(key, version_id=version_id, span=span, if_match=if_match)

    def get_many(
        self, wanted: Sequence[Wanted], *, more: Callable[[], bool]
    ) -> Iterator[tuple[int, Whole | ObjectError | LrsyncError]]:
        """`get` of many small objects at once, whole: for each its place and what came or what `get` raises."""
        return self._gets.get_many(wanted, more=more)

    def is_versioned(self) -> bool:
        """Whether the bucket keeps old versions; False where the credentials may not ask, or the store has none.

        Asked once: every overwrite and every delete wants to know it.
        """
        if self._versioned is None:
            self._versioned = self._ask_versioned()
        return self._versioned

    def _ask_versioned(self) -> bool:
        try:
            return self._calls.send("get_bucket_versioning").get("Status") == "Enabled"
        except ClientError as error:
            if code_of(error) in _MAY_NOT_ASK or status_of(error) in (405, 501):
                return False
            raise translate(error, "get_bucket_versioning", self._target) from error
        except BOTO_ERRORS as error:
            raise translate(error, "get_bucket_versioning", self._target) from error

    # --- listing ------------------------------------------------------------------------------------------

    def list(self, prefix: str, *, after: str = "") -> Iterator[Sequence[ListedObject]]:
        """Every object below the prefix, a page at a time. Pages may be short: only IsTruncated ends it."""
        return self._listing.list(prefix, after=after)

    def list_folder(self, prefix: str) -> Iterator[ListedFolder]:
        """The objects directly in a folder and its sub-folders' prefixes, a page at a time."""
        return self._listing.list_folder(prefix)

    # --- multipart and copies -----------------------------------------------------------------------------

    def start_multipart(self, key: str, content: Content) -> str:
        """Begin a multipart upload and return its id."""
        return self._multipart.start(key, object_metadata(content), content.stat.size)

    def put_part(self, key: str, upload_id: str, number: int, data: bytes | Sendable) -> PartInfo:
        """Store one part with its checksum."""
        return self._multipart.put_part(key, upload_id, number, data)

    def list_parts(self, key: str, upload_id: str) -> Sequence[PartInfo]:
        """The parts S3 has."""
        return self._multipart.list_parts(key, upload_id)

    def complete_multipart(
        self, key: str, upload_id: str, parts: Sequence[PartInfo], content: Content, *, if_absent: bool = False
    ) -> Stored:
        """Make the object of its parts, and compare it with `content`."""
        return self._multipart.complete(key, upload_id, parts, content, if_absent=if_absent)

    def abort_multipart(self, key: str, upload_id: str) -> None:
        """Throw the parts away."""
        self._multipart.abort(key, upload_id)

    def list_multiparts(self, prefix: str) -> Iterator[tuple[str, str]]:
        """(key, upload id) of every multipart upload in progress below the prefix."""
        return self._multipart.list_uploads(prefix)

    def copy(self, source: ManifestEntry, key: str, content: Content) -> Stored:
        """Copy inside the bucket. Raises ObjectError with code "CopyUnverified" where the store proves nothing."""
        return self._copier.copy(source, key, content)

    def keep(
        self, key: str, trash_key: str, *, version_id: str | None = None, row: ManifestEntry | None = None
    ) -> Stored:
        """Copy an object (or a version of it) as it is, mostly to the trash, and compare the two."""
        return self._copier.keep(key, trash_key, version_id, row)

    def rewrite(self, entry: ManifestEntry, content: Content) -> Stored:
        """Copy an object onto itself with the metadata of `content` added, and compare it with what it was."""
        return self._copier.rewrite(entry, content)

    # --- versions -----------------------------------------------------------------------------------------

    def list_versions(self, prefix: str) -> Iterator[Sequence[ListedVersion]]:
        """Every version and delete marker below the prefix; those of one key together, the newest first."""
        return self._versions.list(prefix)

    def delete_version(self, key: str, version_id: str) -> None:
        """Destroy one version or delete marker."""
        self._calls.call("delete_object", Key=key, VersionId=version_id)

    def thaw(self, key: str, tier: Tier, *, days: int | None, version_id: str | None = None) -> None:
        """Ask for a readable copy of an archived object; that it was asked for already is no error."""
        request_thaw(self._calls, key, tier, days=days, version_id=version_id)

    def has_lifecycle(self) -> bool:
        """Whether the bucket has lifecycle rules; True where the credentials may not ask."""
        return self._versions.has_lifecycle()

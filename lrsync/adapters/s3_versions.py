"""Old versions of objects: listing them, and whether the bucket has rules that end them. Deletes nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from botocore.exceptions import ClientError

from lrsync.adapters.s3_client import Answer, S3Calls
from lrsync.adapters.s3_errors import BOTO_ERRORS, code_of, status_of, translate
from lrsync.adapters.s3_proofs import unquote
from lrsync.core.objects import ListedVersion
from lrsync.errors import BucketError, ObjectError

_NO_RULES: Final = frozenset({"NoSuchLifecycleConfiguration"})
_MAY_NOT_ASK: Final = frozenset({"AccessDenied", "NotImplemented", "MethodNotAllowed"})


def version_of(version_id: str | None) -> dict[str, str]:
    """The parameter that names a version; none for the current one: some stores do not know the parameter."""
    return {} if version_id is None else {"VersionId": version_id}


class Versions:
    """The version half of an S3Store."""

    def __init__(self, calls: S3Calls) -> None:
        self._calls = calls

    def list(self, prefix: str) -> Iterator[Sequence[ListedVersion]]:
        """Every version and delete marker below the prefix; those of one key together, the newest first.

        A key that a page ends with is kept for the next one: boto3 tells versions and markers apart, and with that
        loses their order, so those of a key can only be put in order together.
        """
        position: dict[str, str] = {}
        waiting: list[ListedVersion] = []
        while True:
            answer = self._page(prefix, position)
            found = [*waiting, *_versions_in(answer)]
            if not answer["IsTruncated"]:
                yield _in_order(found)
                return
            following = self._following(answer, position)
            last = following["KeyMarker"]
            waiting = [version for version in found if version.key == last]
            yield _in_order(version for version in found if version.key != last)
            position = following

    def _page(self, prefix: str, position: Mapping[str, str]) -> Answer:
        target = self._calls.settings.target
        try:
            answer = self._calls.call("list_object_versions", Prefix=prefix, **position)
        except ObjectError as error:
            message = f"the versions in {target.bucket} cannot be listed: {error.message}"
            raise BucketError(message, hint=error.hint or "run again later") from error
        if "IsTruncated" not in answer:
            raise BucketError(f"what answers at {target.endpoint} is not S3", hint="check that it is an S3 store")
        return answer

    def _following(self, answer: Answer, before: Mapping[str, str]) -> dict[str, str]:
        names = {"KeyMarker": "NextKeyMarker", "VersionIdMarker": "NextVersionIdMarker"}
        following = {name: answer[told] for name, told in names.items() if answer.get(told)}
        if "KeyMarker" not in following or following == before:
            raise BucketError(
                f"the listing of versions in {self._calls.settings.bucket} does not come to an end",
                hint="the store repeats a page; without a whole listing nothing is decided",
            )
        return following

    def has_lifecycle(self) -> bool:
        """Whether the bucket has lifecycle rules; True where the credentials may not ask, or the store has none."""
        method = "get_bucket_lifecycle_configuration"
        try:
            return bool(self._calls.send(method).get("Rules"))
        except ClientError as error:
            if code_of(error) in _NO_RULES:
                return False
            if code_of(error) in _MAY_NOT_ASK or status_of(error) in (403, 404, 405, 501):
                return True
            raise translate(error, method, self._calls.settings.target) from error
        except BOTO_ERRORS as error:
            raise translate(error, method, self._calls.settings.target) from error


def _versions_in(answer: Answer) -> Iterator[ListedVersion]:
    for item in answer.get("Versions", ()):
        yield _version(item, is_marker=False)
    for item in answer.get("DeleteMarkers", ()):
        yield _version(item, is_marker=True)


def _version(item: Mapping[str, Any], *, is_marker: bool) -> ListedVersion:
    modified: datetime | None = item.get("LastModified")
    return ListedVersion(
        key=item["Key"],
        version_id=item.get("VersionId", "null"),
        size=item.get("Size", 0),
        etag=unquote(item.get("ETag")),
        last_modified_ns=0 if modified is None else round(modified.timestamp() * 1000) * 1_000_000,
        is_current=bool(item.get("IsLatest")),
        is_marker=is_marker,
        storage_class=item.get("StorageClass") or "STANDARD",
    )


def _in_order(versions: Iterable[ListedVersion]) -> list[ListedVersion]:
    # Stable: where S3 tells two times as one second, its own order (the newest first) stays.
    return sorted(
        versions, key=lambda v: (v.key.encode("utf-8", "surrogatepass"), not v.is_current, -v.last_modified_ns)
    )

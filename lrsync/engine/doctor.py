"""Examine the bucket's side of a library: who asks, the clocks, what is allowed, how the bucket is set up.

Writes one small object below the prefix, and removes it whatever happens.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from lrsync.core.bucket import Access, BucketAdmin, Feature, FeatureFact, FeatureState, Reached
from lrsync.core.checksums import ChecksumKind
from lrsync.core.doctor import Check, Verdict
from lrsync.core.keys import RESERVED, listing_prefix
from lrsync.core.model import Content
from lrsync.core.objects import Stored
from lrsync.core.ports import ObjectStore
from lrsync.core.scan import Stat
from lrsync.errors import BucketError, LrsyncError, ObjectError

WARN_SKEW_S: Final = 60.0
REFUSED_SKEW_S: Final = 15 * 60.0
"""From here on S3 refuses requests (RequestTimeTooSkewed)."""

_POLICY: Final = "'lrsync iam-policy' prints what the credentials need"
_AFTER_BUCKET: Final = ("list", "write", "read", "delete", "checksums", *(feature.value for feature in Feature))
_MENDS: Final = {
    Feature.VERSIONING: "turn versioning on: then nothing that is replaced or deleted is lost",
    Feature.ENCRYPTION: "turn default encryption on, or set sse in the config file",
    Feature.PUBLIC_ACCESS: "block public access to the bucket",
    Feature.LIFECYCLE: "add a rule that ends unfinished uploads: they cost money and show nowhere",
}


@dataclass(frozen=True, slots=True)
class BucketPorts:
    """What the examination needs. `probe_name` is unlike any other; `deletes`: the library uses --delete."""

    admin: BucketAdmin
    open_store: Callable[[], ObjectStore]
    prefix: str
    probe_name: str
    deletes: bool = False
    is_scheduled: bool = False
    sleeping: tuple[str, ...] = ()
    """The configured storage classes whose objects cannot be copied before they are thawed."""


def examine_bucket(ports: BucketPorts) -> Iterator[Check]:
    """Every check of the bucket's side, in the order in which they build on each other. Never raises for what fails."""
    yield _check_credentials(ports)
    try:
        reached = ports.admin.reach()
    except LrsyncError as error:
        yield _failed("bucket", error)
        yield from _skipped(("clock", "region", *_AFTER_BUCKET))
        return
    yield _check_clock(reached.skew_s)
    yield _check_access(reached)
    yield _region(reached)
    if reached.access is not Access.HERE:
        yield from _skipped(_AFTER_BUCKET)
        return
    yield from _check_objects(ports)
    for feature in Feature:
        check = _check_feature(ports.admin, feature)
        yield check
        if feature is Feature.VERSIONING and ports.sleeping and check.verdict is not Verdict.PASS:
            seen = f"objects in {', '.join(ports.sleeping)} cannot be copied to the trash, and no versions are kept"
            yield Check("archive", Verdict.WARN, seen, "turn versioning on: a file that changes or goes fails else")


def _check_credentials(ports: BucketPorts) -> Check:
    try:
        caller = ports.admin.caller()
    except LrsyncError as error:
        return _failed("credentials", error)
    seen = f"{caller.arn or 'the store does not say whose'}, found by boto3 in: {caller.how}"
    if caller.how == "env" and ports.is_scheduled:
        mend = (
            "put them into AWS's own configuration (aws configure): the nightly run has none of this shell's variables"
        )
        return Check("credentials", Verdict.WARN, seen, mend)
    return Check("credentials", Verdict.PASS, seen)


def _check_clock(skew_s: float | None) -> Check:
    if skew_s is None:
        return Check("clock", Verdict.SKIPPED, "the store does not tell its time")
    seen = f"the store's clock is {abs(skew_s):.0f} s {'ahead' if skew_s > 0 else 'behind'}"
    mend = "let this computer set its clock by the network (NTP): S3 allows 15 minutes"
    if abs(skew_s) >= REFUSED_SKEW_S:
        return Check("clock", Verdict.FAIL, seen, mend)
    if abs(skew_s) >= WARN_SKEW_S:
        return Check("clock", Verdict.WARN, seen, mend)
    return Check("clock", Verdict.PASS, "within a minute of the store's")


def _check_access(reached: Reached) -> Check:
    match reached.access:
        case Access.HERE:
            return Check("bucket", Verdict.PASS, "it is there")
        case Access.MISSING:
            return _bad(
                "bucket", "it does not exist", "check --s3-bucket, or let 'lrsync init --create-bucket' make it"
            )
        case Access.DENIED:
            denied = BucketError("access is denied", hint=_POLICY)
            return _failed("bucket", reached.refusal or denied)
        case Access.ELSEWHERE:
            return _bad("bucket", "it is in another region", f'set region = "{reached.region or "..."}"')


def _region(reached: Reached) -> Check:
    if reached.region is None:
        return Check("region", Verdict.SKIPPED, "the store does not tell one")
    return Check("region", Verdict.PASS, reached.region)


def _check_objects(ports: BucketPorts) -> Iterator[Check]:
    try:
        store = ports.open_store()
        next(iter(store.list(listing_prefix(ports.prefix))), None)
    except (LrsyncError, ObjectError) as error:
        yield _failed("list", error)
        yield from _skipped(("write", "read", "delete", "checksums"))
        return
    yield Check("list", Verdict.PASS, "allowed")
    yield from _check_probe(store, ports)


def _check_probe(store: ObjectStore, ports: BucketPorts) -> Iterator[Check]:
    key = f"{listing_prefix(ports.prefix)}{RESERVED}probe/{ports.probe_name}"
    data = b"lrsync doctor: may be deleted\n"
    digest = hashlib.sha256(data).digest()
    content = Content(Stat(len(data), 0, 0), digest, zlib.crc32(data), data=data)
    found: list[Check] = []
    try:
        stored = store.put(key, content)
        found = [Check("write", Verdict.PASS, "allowed"), _check_read(store, key, data), _checksums(stored)]
    except (LrsyncError, ObjectError) as error:
        found = [_failed("write", error), *_skipped(("read", "checksums"))]
    finally:
        # Also after a PUT that failed, and after Ctrl-C: an answer that got lost may have left the object.
        removed = _remove(store, key, ports.deletes)
    yield from (*found, removed)


def _check_read(store: ObjectStore, key: str, data: bytes) -> Check:
    try:
        with store.get(key) as chunks:
            same = b"".join(chunks) == data
    except (LrsyncError, ObjectError) as error:
        return _failed("read", error)
    if not same:
        return _bad("read", "other bytes came back than were sent", "do not trust this store")
    return Check("read", Verdict.PASS, "the same bytes came back")


def _checksums(stored: Stored) -> Check:
    kind = None if stored.checksum is None else stored.checksum.kind
    if kind is ChecksumKind.SHA256:
        return Check("checksums", Verdict.PASS, "the store keeps the sha256 of an upload, and tells it")
    return Check("checksums", Verdict.PASS, "the store keeps no sha256: uploads are proven by MD5")


def _remove(store: ObjectStore, key: str, needed: bool) -> Check:
    try:
        store.delete(key)
    except (LrsyncError, ObjectError) as error:
        mend = f"{error.hint}; {key} may be left" if error.hint else f"{key} may be left"
        verdict = Verdict.FAIL if needed else Verdict.WARN
        return Check("delete", verdict, error.message, mend, of_bucket=needed)
    try:
        for page in store.list_versions(key) if store.is_versioned() else ():
            for version in page:
                if version.key == key and version.version_id != "null":
                    store.delete_version(key, version.version_id)
    except (LrsyncError, ObjectError):
        return Check("delete", Verdict.PASS, "allowed; a deleted version of 30 bytes stays behind")
    return Check("delete", Verdict.PASS, "allowed")


def _check_feature(admin: BucketAdmin, feature: Feature) -> Check:
    try:
        fact = admin.look(feature)
    except LrsyncError as error:
        return _failed(feature.value, error)
    return _judge(fact)


def _judge(fact: FeatureFact) -> Check:
    name = fact.feature.value
    if fact.danger:
        return _bad(name, fact.danger, "remove that rule now, or limit it to other prefixes")
    match fact.state:
        case FeatureState.ON:
            return Check(name, Verdict.PASS, fact.seen)
        case FeatureState.OFF:
            return Check(name, Verdict.WARN, fact.seen, _MENDS[fact.feature])
        case FeatureState.UNSUPPORTED | FeatureState.DENIED:
            return Check(name, Verdict.SKIPPED, fact.seen)


def _bad(name: str, seen: str, mend: str) -> Check:
    return Check(name, Verdict.FAIL, seen, mend, of_bucket=True)


def _failed(name: str, error: LrsyncError | ObjectError) -> Check:
    return _bad(name, error.message, error.hint or "see the log")


def _skipped(names: tuple[str, ...]) -> Iterator[Check]:
    return (Check(name, Verdict.SKIPPED, "not looked at: see above") for name in names)

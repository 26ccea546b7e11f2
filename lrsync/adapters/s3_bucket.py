"""A bucket as a whole: whose it is, how it is set up, making it. Touches no object but one of its own.

Tolerant by design: compatible stores lack this feature or that, and careful users may ask about none of them.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any, Final

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError, NoCredentialsError

from lrsync.adapters.s3_client import CONNECT_TIMEOUT_S, S3Calls, StoreSettings
from lrsync.adapters.s3_errors import BOTO_ERRORS, code_of, status_of, translate
from lrsync.core.bucket import (
    Access,
    Caller,
    Feature,
    FeatureFact,
    FeatureState,
    Reached,
    describe_rules,
    lifecycle_rules,
)
from lrsync.core.keys import RESERVED, listing_prefix
from lrsync.errors import BucketError, LrsyncError, ObjectError

UPLOADS_DAYS: Final = 14
"""How long an unfinished multipart upload is kept: long enough to go on with one after a holiday."""
_UNSET: Final = frozenset(
    {
        "ServerSideEncryptionConfigurationNotFoundError",
        "NoSuchPublicAccessBlockConfiguration",
        "NoSuchLifecycleConfiguration",
    }
)
_PUBLIC: Final = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
_ACCESS: Final = {404: Access.MISSING, 403: Access.DENIED, 401: Access.DENIED, 301: Access.ELSEWHERE}


class S3Bucket:
    """One bucket. Raises BucketError and UsageError only."""

    def __init__(self, settings: StoreSettings, prefix: str, *, clock_s: Callable[[], float] = time.time) -> None:
        self._clock_s = clock_s
        self._settings = settings
        self._prefix = prefix
        self._calls = S3Calls(settings)

    def close(self) -> None:
        """Close the connections; the bucket is of no use afterwards."""
        self._calls.close()

    def caller(self) -> Caller:
        """Whose credentials boto3 found. Only AWS itself can say whose they are; never tells the key."""
        try:
            session = boto3.session.Session(
                profile_name=self._settings.profile, region_name=self._settings.region or self._calls.region
            )
            found = session.get_credentials()
            if found is None:
                raise NoCredentialsError
            if self._settings.endpoint_url is not None:
                return Caller(found.method)
            sts = session.client("sts", config=Config(connect_timeout=CONNECT_TIMEOUT_S, retries={"mode": "standard"}))
            try:
                return Caller(found.method, sts.get_caller_identity()["Arn"])
            finally:
                sts.close()
        except BOTO_ERRORS as error:
            raise self._translated(error, "get_caller_identity") from error

    def reach(self) -> Reached:
        """HEAD the bucket, and compare the clocks by the answer's Date."""
        before = self._clock_s()
        try:
            answer, access = self._calls.send("head_bucket"), Access.HERE
        except ClientError as error:
            if status_of(error) not in _ACCESS:
                why = self._why_refused() if status_of(error) == HTTPStatus.BAD_REQUEST else None
                raise (why or self._translated(error, "head_bucket")) from error
            answer, access = dict(error.response), _ACCESS[status_of(error)]
        except BOTO_ERRORS as error:
            raise self._translated(error, "head_bucket") from error
        headers = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {})
        skew_s = _skew_s(headers.get("date"), (before + self._clock_s()) / 2)
        why = self._why_refused() if access is Access.DENIED else None
        return Reached(access, headers.get("x-amz-bucket-region"), skew_s, why)

    def _why_refused(self) -> LrsyncError | None:
        """What is wrong with the credentials themselves, or the clock, if that is it; None where they may not.

        A HEAD's answer has no body: a wrong secret looks like a missing permission, until something else is asked.
        """
        try:
            self._calls.send("list_objects_v2", MaxKeys=1)
        except ClientError as error:
            is_policy = code_of(error) in ("AccessDenied", "401", "403")
            return None if is_policy else self._translated(error, "list_objects_v2")
        except BOTO_ERRORS as error:
            return self._translated(error, "list_objects_v2")
        return None

    def create(self) -> None:
        """Make the bucket, in the region of the settings (on AWS: of the profile, where they name none)."""
        region = self._settings.region or (None if self._settings.endpoint_url else self._calls.region)
        # S3 API reference, CreateBucket: us-east-1 is the one region that must not be named.
        place = {} if region in (None, "us-east-1") else {"CreateBucketConfiguration": {"LocationConstraint": region}}
        try:
            self._calls.send("create_bucket", **place)
        except ClientError as error:
            if code_of(error) == "BucketAlreadyOwnedByYou":
                return
            if code_of(error) == "BucketAlreadyExists":
                name = self._settings.bucket
                raise BucketError(
                    f"the name {name} is taken", hint="choose another: the whole world shares them"
                ) from None
            raise self._translated(error, "create_bucket") from error
        except BOTO_ERRORS as error:
            raise self._translated(error, "create_bucket") from error

    def look(self, feature: Feature) -> FeatureFact:
        """How the bucket is set up."""
        try:
            return _LOOKS[feature](self)
        except ClientError as error:
            return self._refused(feature, error)
        except BOTO_ERRORS as error:
            raise self._translated(error, f"look at {feature.value}") from error

    def enable(self, feature: Feature, *, old_versions_days: int) -> FeatureFact:
        """Turn it on, and look: a store may take a setting and forget it."""
        method, parameters = self._enabling(feature, old_versions_days)
        try:
            self._calls.send(method, **parameters)
            code = self._write_fails() if feature is Feature.ENCRYPTION else ""
        except ClientError as error:
            return self._refused(feature, error)
        except BOTO_ERRORS as error:
            raise self._translated(error, method) from error
        if code:
            # SeaweedFS takes the setting without having a key, and from then on refuses every object.
            self._calls.call("delete_bucket_encryption")
            seen = f"turned off again: with it the store takes no object ({code})"
            return FeatureFact(feature, FeatureState.UNSUPPORTED, seen)
        return self.look(feature)

    def _write_fails(self) -> str:
        """S3's code where a new object cannot be written now; '' where it can. The object does not stay."""
        key = f"{listing_prefix(self._prefix)}{RESERVED}probe/{uuid.uuid4()}"
        try:
            version = self._calls.send("put_object", Key=key, Body=b"lrsync").get("VersionId")
        except ClientError as error:
            return code_of(error)
        self._calls.send("delete_object", Key=key, **({"VersionId": version} if version else {}))
        return ""

    def _enabling(self, feature: Feature, old_versions_days: int) -> tuple[str, dict[str, Any]]:
        match feature:
            case Feature.VERSIONING:
                return "put_bucket_versioning", {"VersioningConfiguration": {"Status": "Enabled"}}
            case Feature.ENCRYPTION:
                default = {"ApplyServerSideEncryptionByDefault": self._default_encryption()}
                return "put_bucket_encryption", {"ServerSideEncryptionConfiguration": {"Rules": [default]}}
            case Feature.PUBLIC_ACCESS:
                return "put_public_access_block", {"PublicAccessBlockConfiguration": dict.fromkeys(_PUBLIC, True)}
            case Feature.LIFECYCLE:
                rules = lifecycle_rules(self._prefix, old_versions_days=old_versions_days, uploads_days=UPLOADS_DAYS)
                return "put_bucket_lifecycle_configuration", {"LifecycleConfiguration": {"Rules": rules}}

    def _default_encryption(self) -> dict[str, str]:
        key = {"KMSMasterKeyID": self._settings.sse_kms_key_id} if self._settings.sse_kms_key_id else {}
        return {"SSEAlgorithm": self._settings.sse or "AES256", **key}

    def _refused(self, feature: Feature, error: ClientError) -> FeatureFact:
        code = code_of(error)
        if code in _UNSET:
            return FeatureFact(feature, FeatureState.OFF, "not set up")
        if status_of(error) in (401, 403):
            return FeatureFact(feature, FeatureState.DENIED, "these credentials may not ask")
        return FeatureFact(feature, FeatureState.UNSUPPORTED, f"the store does not have it ({code})")

    def _versioning(self) -> FeatureFact:
        status = self._calls.send("get_bucket_versioning").get("Status")
        state = FeatureState.ON if status == "Enabled" else FeatureState.OFF
        return FeatureFact(Feature.VERSIONING, state, (status or "never turned on").lower())

    def _encryption(self) -> FeatureFact:
        answer = self._calls.send("get_bucket_encryption")
        rules = answer.get("ServerSideEncryptionConfiguration", {}).get("Rules", [])
        kinds = [rule.get("ApplyServerSideEncryptionByDefault", {}).get("SSEAlgorithm", "?") for rule in rules]
        return FeatureFact(
            Feature.ENCRYPTION, FeatureState.ON if kinds else FeatureState.OFF, ", ".join(kinds) or "not set up"
        )

    def _public_access(self) -> FeatureFact:
        blocked = self._calls.send("get_public_access_block").get("PublicAccessBlockConfiguration", {})
        missing = [name for name in _PUBLIC if not blocked.get(name)]
        state = FeatureState.OFF if missing else FeatureState.ON
        seen = f"not blocked: {', '.join(missing)}" if missing else "blocked"
        return FeatureFact(Feature.PUBLIC_ACCESS, state, seen)

    def _lifecycle(self) -> FeatureFact:
        rules = self._calls.send("get_bucket_lifecycle_configuration").get("Rules", [])
        seen, danger = describe_rules(rules, self._prefix)
        state = FeatureState.ON if seen else FeatureState.OFF
        return FeatureFact(Feature.LIFECYCLE, state, seen or "no rule ends unfinished uploads", danger)

    def _translated(self, error: Exception, operation: str) -> LrsyncError:
        found = translate(error, operation, self._settings.target)
        return BucketError(found.message, hint=found.hint) if isinstance(found, ObjectError) else found


_LOOKS: Final[dict[Feature, Callable[[S3Bucket], FeatureFact]]] = {
    Feature.VERSIONING: S3Bucket._versioning,
    Feature.ENCRYPTION: S3Bucket._encryption,
    Feature.PUBLIC_ACCESS: S3Bucket._public_access,
    Feature.LIFECYCLE: S3Bucket._lifecycle,
}


def _skew_s(date: str | None, now_s: float) -> float | None:
    """How far the server's clock is ahead. HTTP's Date has whole seconds: half a second is the best guess."""
    try:
        return None if date is None else parsedate_to_datetime(date).timestamp() + 0.5 - now_s
    except ValueError:
        return None

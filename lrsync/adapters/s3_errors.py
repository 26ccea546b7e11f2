"""What botocore raises, in plain words: ends the run (BucketError, UsageError) or one object (ObjectError).

The one place that knows S3's error codes. Never repeats a secret, a token or a signed URL.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from botocore import exceptions as boto
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from lrsync.errors import (
    BucketError,
    ChecksumMismatchError,
    LrsyncError,
    ObjectArchivedError,
    ObjectChangedError,
    ObjectError,
    ObjectExistsError,
    ObjectMissingError,
    ObjectUnacceptableError,
    UsageError,
)


@dataclass(frozen=True, slots=True)
class Target:
    """Which bucket a request goes to; for messages."""

    bucket: str
    endpoint: str = "AWS"
    profile: str | None = None


Words = tuple[str, str]
"""A message and a hint; `{bucket}`, `{endpoint}` and `{profile}` are filled in."""

_LOGIN: Final = "log in again (aws sso login), or renew the credentials"
_KEYS: Final = "check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, ~/.aws/credentials or --profile"
_REGION: Final = "set --region to the bucket's own region"
_ELSEWHERE: Final = "check --region, and --endpoint-url (http or https?)"
_SPACE: Final = "make room, raise the quota, or use another bucket"

_ENDS_RUN: Final[dict[str, Words]] = {
    "NoSuchBucket": ("the bucket {bucket} does not exist at {endpoint}", "check --s3-bucket, or create the bucket"),
    "AllAccessDisabled": ("all access to the bucket {bucket} is disabled", "ask who owns the bucket"),
    "ExpiredToken": ("the credentials have expired", _LOGIN),
    "ExpiredTokenException": ("the credentials have expired", _LOGIN),
    "TokenRefreshRequired": ("the credentials have expired", _LOGIN),
    "InvalidToken": ("the session token is not valid", _LOGIN),
    "InvalidAccessKeyId": ("{endpoint} does not know the access key", _KEYS),
    "InvalidClientTokenId": ("{endpoint} does not know the access key", _KEYS),
    "UnrecognizedClientException": ("{endpoint} does not know the access key", _KEYS),
    "NotSignedUp": ("the account may not use S3", "sign up for S3, or use another account"),
    "SignatureDoesNotMatch": ("{endpoint} does not accept the secret key", _KEYS),
    "AuthFailure": ("{endpoint} does not accept the credentials", _KEYS),
    "RequestTimeTooSkewed": ("the clock of this computer is wrong", "set the clock: S3 allows 15 minutes"),
    "RequestExpired": ("the clock of this computer is wrong", "set the clock: S3 allows 15 minutes"),
    "PermanentRedirect": ("the bucket {bucket} is in another region", _REGION),
    "AuthorizationHeaderMalformed": ("the bucket {bucket} is in another region", _REGION),
    "IllegalLocationConstraintException": ("the bucket {bucket} is in another region", _REGION),
    "301": ("{endpoint} sends requests elsewhere", _ELSEWHERE),
    "AccountProblem": ("there is a problem with the account", "ask the provider: often it is an unpaid bill"),
    "QuotaExceeded": ("the bucket {bucket} is full (quota)", _SPACE),
    "QuotaExceededException": ("the bucket {bucket} is full (quota)", _SPACE),
    "ServiceQuotaExceededException": ("the bucket {bucket} is full (quota)", _SPACE),
    "InsufficientStorage": ("the storage at {endpoint} is full", _SPACE),
    "StorageFull": ("the storage at {endpoint} is full", _SPACE),
    "XMinioStorageFull": ("the storage at {endpoint} is full", _SPACE),
    "XMinioAdminBucketQuotaExceeded": ("the bucket {bucket} is full (quota)", _SPACE),
    "507": ("the storage at {endpoint} is full", _SPACE),
}
_USAGE: Final[dict[str, Words]] = {
    "InvalidStorageClass": (
        "{endpoint} does not have this storage class",
        "set --storage-class to one it has, such as STANDARD",
    ),
    "InvalidBucketName": ("{bucket} is not a valid bucket name", "check --s3-bucket"),
}
_OBJECT: Final[dict[str, tuple[type[ObjectError], Words]]] = {
    "NoSuchKey": (ObjectMissingError, ("is not in the bucket", "")),
    "NoSuchVersion": (ObjectMissingError, ("is not in the bucket", "")),
    "404": (ObjectMissingError, ("is not in the bucket", "")),
    "NoSuchUpload": (ObjectMissingError, ("its upload is not there any more", "the next run starts it again")),
    "InvalidObjectState": (ObjectArchivedError, ("lies in an archive class", "thaw it first: lrsync restore")),
    "ObjectNotInActiveTierError": (ObjectArchivedError, ("lies in an archive class", "thaw it first: lrsync restore")),
    "GlacierExpeditedRetrievalNotAvailable": (
        ObjectError,
        ("has to wait: there is no capacity for expedited thaws just now", "use --thaw standard, or try it again"),
    ),
    "BadDigest": (ChecksumMismatchError, ("S3 received other bytes than were sent", "the next run sends it again")),
    "InvalidDigest": (ChecksumMismatchError, ("S3 refused the checksum", "the next run sends it again")),
    "XAmzContentChecksumMismatch": (
        ChecksumMismatchError,
        ("S3 received other bytes than were sent", "the next run sends it again"),
    ),
    "XAmzContentSHA256Mismatch": (
        ChecksumMismatchError,
        ("S3 received other bytes than were sent", "the next run sends it again"),
    ),
    "ConditionalRequestConflict": (ObjectExistsError, ("another write to this key is going on", "run again later")),
    "EntityTooLarge": (ObjectUnacceptableError, ("is larger than {endpoint} takes", "exclude it, or split it")),
    "KeyTooLongError": (ObjectUnacceptableError, ("its name is too long for S3", "shorten the folder or file names")),
    "KeyTooLong": (ObjectUnacceptableError, ("its name is too long for S3", "shorten the folder or file names")),
    "SlowDown": (ObjectError, ("{endpoint} asks to slow down", "use fewer --threads")),
    "NotImplemented": (ObjectError, ("{endpoint} cannot do what was asked for", "the store is not fully compatible")),
}
_NEEDS: Final[dict[str, str]] = {
    "put_object": "s3:PutObject",
    "create_multipart_upload": "s3:PutObject",
    "upload_part": "s3:PutObject",
    "complete_multipart_upload": "s3:PutObject",
    "copy_object": "s3:GetObject and s3:PutObject",
    "upload_part_copy": "s3:GetObject and s3:PutObject",
    "list_objects_v2": "s3:ListBucket",
    "list_parts": "s3:ListMultipartUploadParts",
    "list_multipart_uploads": "s3:ListBucketMultipartUploads",
    "abort_multipart_upload": "s3:AbortMultipartUpload",
    "head_object": "s3:GetObject and s3:ListBucket",
    "get_object": "s3:GetObject",
    "delete_object": "s3:DeleteObject",
    "restore_object": "s3:RestoreObject",
    "get_bucket_versioning": "s3:GetBucketVersioning",
    "list_object_versions": "s3:ListBucketVersions",
    "get_bucket_lifecycle_configuration": "s3:GetLifecycleConfiguration",
}
_LIKE_A_SECRET: Final = re.compile(r"[A-Za-z0-9+/=%_]{32,}", re.ASCII)
_WRITES_IF_ABSENT: Final = ("put_object", "complete_multipart_upload")
CREDENTIAL_ERRORS: Final = (
    boto.PartialCredentialsError,
    boto.CredentialRetrievalError,
    boto.TokenRetrievalError,
    boto.NoAuthTokenError,
    boto.UnknownTokenProviderError,
    boto.UnknownCredentialError,
    boto.RefreshWithMFAUnsupportedError,
    boto.MetadataRetrievalError,
    boto.SSOError,
    boto.LoginError,
)


def code_of(error: ClientError) -> str:
    """S3's own code; the HTTP status as text where the answer had no body (HEAD)."""
    told = error.response.get("Error", {}).get("Code", "")
    return told or str(status_of(error))


def status_of(error: ClientError) -> int:
    """The HTTP status of the answer; 0 where it is not known."""
    return error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)


def translate(error: Exception, operation: str, target: Target) -> LrsyncError | ObjectError:
    """The error that the engine and the user understand. `operation` is boto3's method name."""
    match error:
        case ClientError():
            return _from_answer(error, operation, target)
        case boto.NoCredentialsError():
            return BucketError("no AWS credentials were found", hint=_KEYS)
        case boto.ProfileNotFound():
            return BucketError(f"there is no AWS profile {target.profile!r}", hint="check --profile and ~/.aws/config")
        case boto.ConfigParseError() | boto.ConfigNotFound() | boto.InvalidConfigError():
            return BucketError(f"the AWS configuration cannot be read: {_reason(error)}", hint="check ~/.aws/config")
        case _ if isinstance(error, CREDENTIAL_ERRORS):
            return BucketError(f"the AWS credentials cannot be used: {_reason(error)}", hint=_LOGIN)
        case boto.SSLError():
            hint = "check the endpoint's name; for a private CA set AWS_CA_BUNDLE"
            return BucketError(f"no trusted connection to {target.endpoint}: {_reason(error)}", hint=hint)
        case boto.ConnectionError():
            hint = "check the network and --endpoint-url; nothing is lost, the next run goes on"
            return BucketError(f"{target.endpoint} cannot be reached", hint=hint)
        case ResponseParserError():
            # A router's or a hotel's login page, most often.
            hint = "check --endpoint-url, and whether this network wants you to log in first"
            return BucketError(f"what answers at {target.endpoint} is not S3", hint=hint)
        case boto.ParamValidationError() | boto.InvalidRegionError() | ValueError():
            return UsageError(f"S3 cannot be asked like this: {_reason(error)}", hint="check --s3-bucket and --region")
        case _:
            name = type(error).__name__
            hint = "check the network; the next run tries it again"
            return ObjectError(f"the connection failed ({name})", code=name, hint=hint)


def _reason(error: Exception) -> str:
    """The error's own words, in one line, without what may be a secret."""
    return _without_secrets(" ".join(str(error).split()))


def _without_secrets(text: str) -> str:
    """`text` without anything as long and as random as a key, a token or a signature.

    A store may echo the request that it refuses, and a credential process may complain with the credential in hand.
    """
    return _LIKE_A_SECRET.sub("...", text)


def _from_answer(error: ClientError, operation: str, target: Target) -> LrsyncError | ObjectError:
    code, status = code_of(error), status_of(error)
    if code in _ENDS_RUN:
        message, hint = _fill(_ENDS_RUN[code], target)
        return BucketError(message, hint=hint)
    if code in _USAGE:
        message, hint = _fill(_USAGE[code], target)
        return UsageError(message, hint=hint)
    if code in _OBJECT:
        kind, words = _OBJECT[code]
        message, hint = _fill(words, target)
        return kind(message, code=code, hint=hint)
    return _by_kind(error, code, status, operation, target)


def _fill(words: Words, target: Target) -> Words:
    message, hint = (
        text.format(bucket=target.bucket, endpoint=target.endpoint, profile=target.profile) for text in words
    )
    return message, hint


def _by_kind(error: ClientError, code: str, status: int, operation: str, target: Target) -> LrsyncError | ObjectError:
    said = _reason_given(error)
    if 300 <= status < 400:
        return BucketError(f"{target.endpoint} sends requests elsewhere", hint=_ELSEWHERE)
    if code.startswith("KMS."):
        return BucketError(f"the encryption key cannot be used ({code})", hint="check --sse-kms-key-id and its policy")
    if status == 412 or code == "PreconditionFailed":
        if operation in _WRITES_IF_ABSENT:
            return ObjectExistsError("is in the bucket already", code=code)
        return ObjectChangedError("changed in the bucket meanwhile", code=code)
    if status in (401, 403) or code == "AccessDenied":
        return _denied(operation, target, said)
    if status == 400 and operation == "head_object":
        # HEAD has no body to say why: an expired token and a wrong region look the same.
        return BucketError(f"{target.endpoint} refuses the request", hint="check the credentials and --region")
    if code == "InvalidRequest" and "checksum" in said.lower():
        return ChecksumMismatchError(f"S3 refused the checksum: {said}", code=code)
    if status == 404:
        return ObjectMissingError("is not in the bucket", code=code)
    return ObjectError(f"S3 refused the request: {said or code}", code=code, hint="the next run tries it again")


def _denied(operation: str, target: Target, said: str) -> BucketError:
    if operation == "head_object":
        # Without ListBucket S3 answers 403 for an object that is simply not there.
        message = f"an object in {target.bucket} is missing, or access to it is denied"
    else:
        message = f"access to the bucket {target.bucket} is denied" + (f": {said}" if said else "")
    needed = _NEEDS.get(operation, operation)
    return BucketError(message, hint=f"the credentials need {needed} on it; check the bucket policy too")


def _reason_given(error: ClientError) -> str:
    return _without_secrets(" ".join(error.response.get("Error", {}).get("Message", "").split()))[:300]


BOTO_ERRORS: Final = (ClientError, BotoCoreError, ResponseParserError)
"""What a request may raise; `translate` knows all of it."""

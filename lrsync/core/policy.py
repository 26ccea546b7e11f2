"""The least IAM policy that a library's settings need. Pure: asks nobody."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from lrsync.core.keys import RESERVED, listing_prefix

_ARCHIVES: Final = frozenset({"GLACIER", "DEEP_ARCHIVE"})


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyNeeds:
    """What is to be allowed. `bucket` may be an access point's ARN; `kms_key` an id, an alias or an ARN.

    `delete`: `sync --delete` is used; `trash`: so are `trash restore` and `purge`; `doctor`: `doctor` may look at the
    bucket's own settings.
    """

    bucket: str
    prefix: str = ""
    region: str | None = None
    storage_class: str | None = None
    kms_key: str | None = None
    versioned: bool = True
    delete: bool = False
    trash: bool = False
    doctor: bool = False


def least_policy(needs: PolicyNeeds) -> dict[str, Any]:
    """The policy document, ready for JSON."""
    statements = [_bucket(needs), _objects(needs), _own_folder(needs)]
    if needs.kms_key:
        statements.append(_key(needs, needs.kms_key))
    return {"Version": "2012-10-17", "Statement": statements}


def _bucket(needs: PolicyNeeds) -> dict[str, Any]:
    actions = ["s3:ListBucket", "s3:ListBucketMultipartUploads", "s3:GetBucketVersioning"]
    if needs.versioned:
        actions.append("s3:ListBucketVersions")
    if needs.doctor:
        actions += ["s3:GetBucketPublicAccessBlock", "s3:GetEncryptionConfiguration", "s3:GetLifecycleConfiguration"]
    # Without a condition on s3:prefix: a HEAD carries none, and would answer 403 instead of 404 for what is not there.
    return _allow("LrsyncBucket", actions, [_bucket_arn(needs)])


def _objects(needs: PolicyNeeds) -> dict[str, Any]:
    actions = ["s3:PutObject", "s3:GetObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"]
    if needs.versioned:
        actions.append("s3:GetObjectVersion")
    if needs.delete or needs.trash:
        actions.append("s3:DeleteObject")
    if needs.trash and needs.versioned:
        actions.append("s3:DeleteObjectVersion")
    if needs.storage_class in _ARCHIVES:
        actions.append("s3:RestoreObject")
    return _allow("LrsyncPhotos", actions, [_object_arn(needs, "*")])


def _own_folder(needs: PolicyNeeds) -> dict[str, Any]:
    """lrsync clears up after itself, whatever else it may delete: old snapshots, and what `doctor` tried with."""
    actions = ["s3:DeleteObject", *(["s3:DeleteObjectVersion"] if needs.versioned else [])]
    return _allow("LrsyncOwn", actions, [_object_arn(needs, f"{RESERVED}{name}/*") for name in ("manifest", "probe")])


def _key(needs: PolicyNeeds, key: str) -> dict[str, Any]:
    # A multipart upload decrypts its parts to put them together.
    actions = ["kms:GenerateDataKey", "kms:Decrypt"]
    if key.startswith("arn:") and ":alias/" not in key:
        return _allow("LrsyncKey", actions, [key])
    keys = f"arn:{_partition(needs.region)}:kms:{needs.region or '*'}:*:key/"
    alias = key.rpartition(":")[2]
    if not alias.startswith("alias/"):
        return _allow("LrsyncKey", actions, [keys + key])
    # An alias is no resource of its own: IAM knows it only as a condition on the keys.
    condition = {"ForAnyValue:StringEquals": {"kms:ResourceAliases": alias}}
    return _allow("LrsyncKey", actions, [keys + "*"]) | {"Condition": condition}


def _allow(sid: str, actions: list[str], resources: list[str]) -> dict[str, Any]:
    return {"Sid": sid, "Effect": "Allow", "Action": actions, "Resource": resources}


def _bucket_arn(needs: PolicyNeeds) -> str:
    return needs.bucket if needs.bucket.startswith("arn:") else f"arn:{_partition(needs.region)}:s3:::{needs.bucket}"


def _object_arn(needs: PolicyNeeds, path: str) -> str:
    infix = "/object/" if needs.bucket.startswith("arn:") else "/"
    return f"{_bucket_arn(needs)}{infix}{_literal(listing_prefix(needs.prefix))}{path}"


def _literal(prefix: str) -> str:
    """A prefix as IAM takes it for itself: `*`, `?` and `$` are signs of its own (IAM user guide, policy variables)."""
    signs = {"*": "${*}", "?": "${?}", "$": "${$}"}
    return "".join(signs.get(char, char) for char in prefix)


def _partition(region: str | None) -> str:
    for start, partition in (("cn-", "aws-cn"), ("us-gov-", "aws-us-gov")):
        if region and region.startswith(start):
            return partition
    return "aws"

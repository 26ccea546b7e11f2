"""The least policy on a store that enforces policies (moto's IAM): enough for the work, and for nothing else."""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from unittest import mock

import boto3
import pytest
from moto import mock_aws
from moto.core import set_initial_no_auth_action_count

from lrsync.adapters.s3 import S3Store, StoreSettings
from lrsync.core.model import Content
from lrsync.core.policy import PolicyNeeds, least_policy
from lrsync.core.scan import Stat
from lrsync.errors import BucketError
from tests.stores.server import no_aws, without_aws

BUCKET = "photos"
NO_CHECK = 6
"""Requests of the setting-up: bucket, versioning, user, policy, key, and an object outside of the prefix."""


def content(data: bytes) -> Content:
    return Content(Stat(len(data), 1, 1), hashlib.sha256(data).digest(), zlib.crc32(data), data=data)


@contextmanager
def store(**needs: bool) -> Iterator[S3Store]:
    """A store whose user may do what the policy says."""
    policy = json.dumps(least_policy(PolicyNeeds(bucket=BUCKET, prefix="P", **needs)))
    variables = {**without_aws(), **no_aws(), "AWS_DEFAULT_REGION": "us-east-1"}
    with mock.patch.dict("os.environ", variables, clear=True), mock_aws():
        with closing(boto3.client("s3")) as s3, closing(boto3.client("iam")) as iam:
            s3.create_bucket(Bucket=BUCKET)
            s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
            s3.put_object(Bucket=BUCKET, Key="Other/b.jpg", Body=b"b")
            iam.create_user(UserName="lrsync")
            iam.put_user_policy(UserName="lrsync", PolicyName="least", PolicyDocument=policy)
            key = iam.create_access_key(UserName="lrsync")["AccessKey"]
        keys = {"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]}
        with mock.patch.dict("os.environ", keys):
            # This moto answers within the process, to botocore alone.
            opened = S3Store(StoreSettings(bucket=BUCKET, region="us-east-1", max_attempts=1, transport="boto3"))
        with closing(opened):
            yield opened


def enforced(test: Callable[[], None]) -> Callable[[], None]:
    return set_initial_no_auth_action_count(NO_CHECK)(test)  # type: ignore[no-any-return]


@enforced
def test_the_work_of_a_night_is_allowed() -> None:
    with store() as opened:
        stored = opened.put("P/2024/a.jpg", content(b"a"))
        assert opened.head("P/2024/a.jpg").etag == stored.etag
        with opened.get("P/2024/a.jpg", version_id=stored.version_id) as chunks:
            assert b"".join(chunks) == b"a"
        upload = opened.start_multipart("P/big.nef", content(b"b"))
        opened.put_part("P/big.nef", upload, 1, b"b")
        opened.abort_multipart("P/big.nef", upload)
        assert [one.key for page in opened.list("P/") for one in page] == ["P/2024/a.jpg"]
        assert opened.is_versioned()
        opened.put("P/.lrsync/probe/x", content(b"x"))
        opened.delete("P/.lrsync/probe/x")


@enforced
def test_a_photo_cannot_be_deleted() -> None:
    with store(doctor=True) as opened:
        stored = opened.put("P/2024/a.jpg", content(b"a"))
        assert stored.version_id
        with pytest.raises(BucketError):
            opened.delete("P/2024/a.jpg")
        with pytest.raises(BucketError):
            opened.delete_version("P/2024/a.jpg", stored.version_id)


@enforced
def test_with_delete_it_can_but_no_version_goes() -> None:
    with store(delete=True) as opened:
        stored = opened.put("P/2024/a.jpg", content(b"a"))
        opened.delete("P/2024/a.jpg")
        assert stored.version_id
        with pytest.raises(BucketError):
            opened.delete_version("P/2024/a.jpg", stored.version_id)


@enforced
def test_nothing_beside_the_prefix() -> None:
    with store(delete=True, trash=True, doctor=True) as opened:
        for attempt in (
            lambda: opened.put("Other/a.jpg", content(b"a")),
            lambda: opened.head("Other/b.jpg"),
            lambda: opened.delete("Other/b.jpg"),
        ):
            with pytest.raises(BucketError):
                attempt()

"""A bucket as a whole, on real servers: what is missing there is said, and is never an error."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from time import time
from typing import Any
from unittest import mock

import boto3
import pytest
from moto import mock_aws

from lrsync.adapters.s3_bucket import S3Bucket
from lrsync.adapters.s3_client import StoreSettings
from lrsync.core.bucket import Access, Caller, Feature, FeatureState, describe_rules, lifecycle_rules
from lrsync.errors import BucketError
from tests.stores.canned import CannedS3, Reply, error
from tests.stores.server import S3Server, no_aws, without_aws

ALL_ON = dict.fromkeys(Feature, FeatureState.ON)


@contextmanager
def opened(server: S3Server, name: str, **settings: Any) -> Iterator[S3Bucket]:
    with server.signed_in():
        bucket = S3Bucket(server.settings(name, **settings), "Photos")
        with closing(bucket):
            yield bucket


def enable_all(bucket: S3Bucket) -> dict[Feature, FeatureState]:
    return {feature: bucket.enable(feature, old_versions_days=90).state for feature in Feature}


def look_at_all(bucket: S3Bucket) -> dict[Feature, FeatureState]:
    return {feature: bucket.look(feature).state for feature in Feature}


def test_a_new_bucket_gets_everything_on_a_store_that_has_it(moto_s3: S3Server) -> None:
    with opened(moto_s3, f"new-{uuid.uuid4().hex[:12]}") as bucket:
        assert bucket.reach().access is Access.MISSING
        bucket.create()
        assert bucket.reach().access is Access.HERE
        assert look_at_all(bucket)[Feature.VERSIONING] is FeatureState.OFF
        assert enable_all(bucket) == ALL_ON
        assert look_at_all(bucket) == ALL_ON
        seen = bucket.look(Feature.LIFECYCLE)
        assert (seen.seen, seen.danger) == ("unfinished uploads end after 14 d; old versions end after 90 d", "")


@pytest.mark.parametrize("server", ["seaweed", "rclone_s3"])
def test_no_store_makes_it_an_error(server: str, request: pytest.FixtureRequest) -> None:
    store: S3Server = request.getfixturevalue(server)
    name = f"new-{uuid.uuid4().hex[:12]}"
    with opened(store, name) as bucket:
        assert bucket.reach().access is Access.MISSING
        bucket.create()
        reached = bucket.reach()
        assert reached.access is Access.HERE
        assert reached.skew_s is not None and abs(reached.skew_s) < 5
        after = enable_all(bucket)
        now = look_at_all(bucket)
        assert all(now[feature] is state for feature, state in after.items() if state is FeatureState.ON)
        with closing(store.client()) as client:  # and whatever was turned on, the bucket still takes objects
            client.put_object(Bucket=name, Key="Photos/a.jpg", Body=b"a")
            assert "Photos/.lrsync/probe" not in str(client.list_objects_v2(Bucket=name))
        if store.abilities.versioning:
            assert after[Feature.VERSIONING] is FeatureState.ON
        else:
            assert after[Feature.VERSIONING] is not FeatureState.ON


def test_whose_credentials(moto_s3: S3Server, bucket: Callable[..., str]) -> None:
    with opened(moto_s3, bucket(moto_s3)) as here:
        assert here.caller() == Caller("env")


def test_whose_credentials_on_aws() -> None:
    keys = {"AWS_ACCESS_KEY_ID": "k", "AWS_SECRET_ACCESS_KEY": "s"}
    with mock.patch.dict("os.environ", {**without_aws(), **no_aws(), **keys}, clear=True), mock_aws():
        there = S3Bucket(StoreSettings(bucket="b", region="eu-central-1"), "")
        with closing(there):
            who = there.caller()
    assert who.how == "env" and who.arn is not None and who.arn.startswith("arn:aws:")


def test_no_credentials() -> None:
    with mock.patch.dict("os.environ", {**without_aws(), **no_aws()}, clear=True):
        nobody = S3Bucket(StoreSettings(bucket="b", region="us-east-1"), "")
        with closing(nobody):
            for attempt in (nobody.caller, nobody.reach):
                with pytest.raises(BucketError, match="no AWS credentials"):
                    attempt()


def test_a_new_bucket_lies_in_its_region() -> None:
    keys = {"AWS_ACCESS_KEY_ID": "k", "AWS_SECRET_ACCESS_KEY": "s", "AWS_DEFAULT_REGION": "eu-central-1"}
    with mock.patch.dict("os.environ", {**without_aws(), **no_aws(), **keys}, clear=True), mock_aws():
        for region, wanted in ((None, "eu-central-1"), ("eu-west-1", "eu-west-1"), ("us-east-1", None)):
            name = f"b-{region}"
            with closing(S3Bucket(StoreSettings(bucket=name.lower(), region=region), "")) as bucket:
                bucket.create()
                bucket.create()
            with closing(boto3.client("s3")) as client:
                found = client.get_bucket_location(Bucket=name.lower())["LocationConstraint"]
            assert found == wanted


@pytest.mark.parametrize("status", [200, 403, 404])
def test_the_clocks_are_compared_even_where_the_answer_is_no(canned: CannedS3, status: int) -> None:
    canned.answer(Reply(status))
    with canned.server.signed_in():
        bucket = S3Bucket(canned.server.settings("b"), "", clock_s=lambda: time() - 3600)
        with closing(bucket):
            skew_s = bucket.reach().skew_s
    assert skew_s is not None
    assert 3500 < skew_s < 3700


def test_a_wrong_secret_is_no_missing_permission(canned: CannedS3, seaweed: S3Server) -> None:
    """A HEAD's answer cannot tell them apart; whoever sets lrsync up must know which of them it is."""
    with seaweed.signed_in(), mock.patch.dict("os.environ", {"AWS_SECRET_ACCESS_KEY": "mistyped"}):
        bucket = S3Bucket(seaweed.settings("any"), "")
        with closing(bucket):
            reached = bucket.reach()
    assert reached.access is Access.DENIED
    assert reached.refusal is not None and "does not accept the secret key" in reached.refusal.message
    with canned.server.signed_in():
        bucket = S3Bucket(canned.server.settings("b"), "")
        with closing(bucket):
            canned.answer(Reply(403), error(403, "AccessDenied"))
            assert bucket.reach()[:2] == (Access.DENIED, None) and bucket.reach().refusal is None
            canned.answer(Reply(400), error(400, "ExpiredToken"))
            with pytest.raises(BucketError, match="expired"):
                bucket.reach()


@pytest.mark.parametrize("feature", Feature)
@pytest.mark.parametrize(
    ("reply", "state"),
    [
        (error(403, "AccessDenied"), FeatureState.DENIED),
        (error(501, "NotImplemented"), FeatureState.UNSUPPORTED),
        (error(405, "MethodNotAllowed"), FeatureState.UNSUPPORTED),
        (error(400, "InvalidRequest"), FeatureState.UNSUPPORTED),
    ],
)
def test_what_cannot_be_asked_is_said(canned: CannedS3, feature: Feature, reply: Reply, state: FeatureState) -> None:
    canned.answer(reply)
    with opened(canned.server, "b") as bucket:
        assert bucket.look(feature).state is state
        assert bucket.enable(feature, old_versions_days=0).state is state


def test_somebody_elses_name(canned: CannedS3) -> None:
    canned.answer(error(409, "BucketAlreadyExists"))
    with opened(canned.server, "b") as bucket, pytest.raises(BucketError, match="is taken"):
        bucket.create()


# --- lifecycle rules --------------------------------------------------------------------------------------


def test_our_own_rules_are_no_danger() -> None:
    for days, prefix in ((90, "Photos"), (0, "")):
        rules = lifecycle_rules(prefix, old_versions_days=days, uploads_days=14)
        seen, danger = describe_rules(rules, prefix)
        assert danger == ""
        assert ("old versions" in seen) is bool(days)


@pytest.mark.parametrize(
    ("rule", "dangerous"),
    [
        ({"Expiration": {"Days": 30}}, True),
        ({"Expiration": {"Date": "2027-01-01"}, "Prefix": ""}, True),
        ({"Expiration": {"Days": 30}, "Filter": {"Prefix": "Photos/2024/"}}, True),
        ({"Expiration": {"Days": 30}, "Filter": {"Prefix": "Pho"}}, True),
        ({"Expiration": {"Days": 30}, "Filter": {"And": {"Prefix": "Photos/", "ObjectSizeGreaterThan": 1}}}, True),
        ({"Expiration": {"Days": 30}, "Filter": {"Prefix": "Logs/"}}, False),
        ({"Expiration": {"Days": 30}, "Filter": {"Prefix": "Photos2/"}}, False),
        ({"Expiration": {"Days": 30}, "Filter": {"Tag": {"Key": "a", "Value": "b"}}}, False),
        ({"Expiration": {"Days": 30}, "Status": "Disabled"}, False),
        ({"Expiration": {"ExpiredObjectDeleteMarker": True}}, False),
        ({"NoncurrentVersionExpiration": {"NoncurrentDays": 1}}, False),
    ],
)
def test_a_rule_that_deletes_photos_is_a_danger(rule: dict[str, Any], dangerous: bool) -> None:
    _, danger = describe_rules([{"Status": "Enabled", "ID": "r", **rule}], "Photos")
    assert bool(danger) is dangerous

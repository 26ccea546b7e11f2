"""The least policy: what is in it, and above all what is not."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lrsync.core.policy import PolicyNeeds, least_policy

DESTROYS = {"s3:DeleteObject", "s3:DeleteObjectVersion"}


def granted(**needs: Any) -> dict[str, set[str]]:
    """What is allowed on each resource."""
    document = json.loads(json.dumps(least_policy(PolicyNeeds(**{"bucket": "b", "prefix": "P", **needs}))))
    assert set(document) == {"Version", "Statement"} and document["Version"] == "2012-10-17"
    found: dict[str, set[str]] = {}
    for statement in document["Statement"]:
        assert statement["Effect"] == "Allow"
        assert not any("*" in action for action in statement["Action"])
        for resource in statement["Resource"]:
            found.setdefault(resource, set()).update(statement["Action"])
    return found


def test_photos_cannot_be_deleted_unless_asked_for() -> None:
    own = {"arn:aws:s3:::b/P/.lrsync/manifest/*", "arn:aws:s3:::b/P/.lrsync/probe/*"}
    found = granted()
    assert {resource for resource, actions in found.items() if actions & DESTROYS} == own
    assert not granted(doctor=True)["arn:aws:s3:::b/P/*"] & DESTROYS
    assert granted(delete=True)["arn:aws:s3:::b/P/*"] & DESTROYS == {"s3:DeleteObject"}
    assert granted(trash=True)["arn:aws:s3:::b/P/*"] & DESTROYS == DESTROYS
    assert granted(trash=True, versioned=False)["arn:aws:s3:::b/P/*"] & DESTROYS == {"s3:DeleteObject"}


def test_versions_only_where_there_are_some() -> None:
    actions = set().union(*granted(versioned=False, delete=True, trash=True, doctor=True).values())
    assert not any("Version" in action and action != "s3:GetBucketVersioning" for action in actions)
    assert "s3:GetObjectVersion" in granted()["arn:aws:s3:::b/P/*"]
    assert "s3:ListBucketVersions" in granted()["arn:aws:s3:::b"]


def test_nothing_outside_the_prefix() -> None:
    assert all(resource.startswith("arn:aws:s3:::b/P/") for resource in granted() if resource != "arn:aws:s3:::b")
    assert "arn:aws:s3:::b/*" in granted(prefix="")
    assert "arn:aws:s3:::b/a${*}${$}b/*" in granted(prefix="a*$b")


@pytest.mark.parametrize(
    ("key", "resource", "alias"),
    [
        ("arn:aws:kms:eu-central-1:1:key/k", "arn:aws:kms:eu-central-1:1:key/k", None),
        ("k-1", "arn:aws:kms:eu-central-1:*:key/k-1", None),
        ("alias/photos", "arn:aws:kms:eu-central-1:*:key/*", "alias/photos"),
        ("arn:aws:kms:eu-central-1:1:alias/photos", "arn:aws:kms:eu-central-1:*:key/*", "alias/photos"),
    ],
)
def test_a_key_of_ones_own(key: str, resource: str, alias: str | None) -> None:
    assert granted(kms_key=key, region="eu-central-1")[resource] == {"kms:GenerateDataKey", "kms:Decrypt"}
    statement = least_policy(PolicyNeeds(bucket="b", kms_key=key, region="eu-central-1"))["Statement"][-1]
    wanted = None if alias is None else {"ForAnyValue:StringEquals": {"kms:ResourceAliases": alias}}
    assert statement.get("Condition") == wanted


def test_no_key_no_kms() -> None:
    assert not any("kms" in action for actions in granted().values() for action in actions)


def test_archives_can_be_thawed() -> None:
    assert "s3:RestoreObject" in granted(storage_class="DEEP_ARCHIVE")["arn:aws:s3:::b/P/*"]
    assert "s3:RestoreObject" not in granted(storage_class="GLACIER_IR")["arn:aws:s3:::b/P/*"]


def test_other_partitions_and_access_points() -> None:
    assert "arn:aws-cn:s3:::b/P/*" in granted(region="cn-north-1")
    assert "arn:aws-us-gov:s3:::b/P/*" in granted(region="us-gov-west-1")
    point = "arn:aws:s3:eu-central-1:1:accesspoint/ap"
    assert {point, f"{point}/object/P/*"} <= set(granted(bucket=point))

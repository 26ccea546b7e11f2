"""What a bucket is set up to do, as values; and what lrsync needs to look at it and to make it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, NamedTuple, Protocol

from lrsync.core.keys import listing_prefix
from lrsync.errors import LrsyncError


class Feature(Enum):
    """What protects a bucket besides lrsync."""

    VERSIONING = "versioning"
    ENCRYPTION = "encryption"
    PUBLIC_ACCESS = "public access"
    LIFECYCLE = "lifecycle"


class FeatureState(Enum):
    """UNSUPPORTED: the store does not have it; DENIED: these credentials may not ask or change it."""

    ON = "on"
    OFF = "off"
    UNSUPPORTED = "unsupported"
    DENIED = "denied"


@dataclass(frozen=True, slots=True)
class FeatureFact:
    """One feature, and what was seen of it. `danger` says how it threatens the photos ('' for not at all)."""

    feature: Feature
    state: FeatureState
    seen: str
    danger: str = ""


class Caller(NamedTuple):
    """Whose credentials these are. `how`: where boto3 found them; `arn` is None where the store tells nobody."""

    how: str
    arn: str | None = None


class Access(Enum):
    """What a bucket's HEAD says."""

    HERE = "here"
    MISSING = "missing"
    DENIED = "denied"
    ELSEWHERE = "in another region"


class Reached(NamedTuple):
    """The bucket was asked. `skew_s`: how far the store's clock is ahead of this one, in seconds; None where unsaid.

    `refusal`: why access is denied, where it is not for want of a permission.
    """

    access: Access
    region: str | None
    skew_s: float | None
    refusal: LrsyncError | None = None


class BucketAdmin(Protocol):
    """One bucket as a whole. Every method may raise BucketError."""

    def caller(self) -> Caller:
        """Whose credentials are used."""

    def reach(self) -> Reached:
        """Ask whether the bucket is there. Raises BucketError where nobody answers."""

    def create(self) -> None:
        """Make the bucket. One's own that is there already is no error."""

    def look(self, feature: Feature) -> FeatureFact:
        """How the bucket is set up."""

    def enable(self, feature: Feature, *, old_versions_days: int) -> FeatureFact:
        """Turn it on, and say how the bucket is set up then. `old_versions_days` is for the lifecycle; 0: for ever."""


def lifecycle_rules(prefix: str, *, old_versions_days: int, uploads_days: int) -> list[dict[str, Any]]:
    """The rules of a new bucket: unfinished uploads end, and old versions after so many days (0: never)."""
    rule: dict[str, Any] = {
        "ID": "lrsync",
        "Status": "Enabled",
        "Filter": {"Prefix": listing_prefix(prefix)},
        "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": uploads_days},
    }
    if old_versions_days:
        rule["NoncurrentVersionExpiration"] = {"NoncurrentDays": old_versions_days}
    return [rule]


def describe_rules(rules: Iterable[Mapping[str, Any]], prefix: str) -> tuple[str, str]:
    """What lifecycle rules do to the prefix, and how they endanger it ('' for not at all)."""
    seen: list[str] = []
    danger = ""
    for rule in rules:
        if rule.get("Status") != "Enabled" or not _applies(rule, prefix):
            continue
        if "AbortIncompleteMultipartUpload" in rule:
            seen.append(
                f"unfinished uploads end after {rule['AbortIncompleteMultipartUpload']['DaysAfterInitiation']} d"
            )
        old = rule.get("NoncurrentVersionExpiration", {})
        if old:
            seen.append(f"old versions end after {old.get('NoncurrentDays', '?')} d")
        current = rule.get("Expiration", {})
        if "Days" in current or "Date" in current:
            when = f"after {current['Days']} days" if "Days" in current else f"on {current['Date']}"
            danger = f"the rule '{rule.get('ID', '')}' deletes photos themselves {when}"
    return "; ".join(seen), danger


def _applies(rule: Mapping[str, Any], prefix: str) -> bool:
    """Whether a rule touches anything below the prefix. One for tags does not: lrsync's objects have none."""
    found = rule.get("Filter", {})
    both = found.get("And", {})
    if "Tag" in found or both.get("Tags"):
        return False
    own, theirs = listing_prefix(prefix), found.get("Prefix") or both.get("Prefix") or rule.get("Prefix") or ""
    return bool(own.startswith(theirs) or theirs.startswith(own))

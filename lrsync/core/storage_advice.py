"""What a user should know of the storage classes that are configured. Pure: rules and prices in, sentences out."""

from __future__ import annotations

from datetime import date

from lrsync.core.prices import RegionPrices
from lrsync.core.storage import StorageRules, sleeping_of


def storage_warnings(rules: StorageRules, prices: RegionPrices | None, dated: date | None) -> list[str]:
    """A sentence each. Without `prices` nothing is known of what a class bills at least."""
    found = []
    for name in sorted(rules.classes):
        of_class = None if prices is None else prices.classes.get(name)
        if of_class is not None and of_class.least_days and dated is not None:
            found.append(
                f"{name} bills {of_class.least_days} days of each object at least (prices of {dated.isoformat()}): "
                "what is replaced or deleted sooner costs the rest of them"
            )
    if sleeping := sleeping_of(rules):
        found.append(
            f"objects in {' and '.join(sleeping)} cannot be copied to lrsync's trash: in a bucket without versions a "
            "file whose object is to be replaced or deleted fails; turn versioning on"
        )
    return found

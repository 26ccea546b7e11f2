"""Ask S3 to bring an object back from its archive (RestoreObject). Knows no prices and waits for nothing."""

from __future__ import annotations

from typing import Any, Final

from lrsync.adapters.s3_client import S3Calls
from lrsync.adapters.s3_versions import version_of
from lrsync.core.thaw import Tier
from lrsync.errors import ObjectArchivedError, ObjectError

_ASKED_ALREADY: Final = "RestoreAlreadyInProgress"


def request_thaw(calls: S3Calls, key: str, tier: Tier, *, days: int | None, version_id: str | None) -> None:
    """See `core.ports.ObjectStore.thaw`.

    `days` is left out for INTELLIGENT_TIERING: S3 refuses it there (S3 API reference, RestoreObject, "Days").
    """
    request: dict[str, Any] = {"GlacierJobParameters": {"Tier": tier.s3_name}}
    if days is not None:
        request["Days"] = days
    try:
        calls.call("restore_object", Key=key, RestoreRequest=request, **version_of(version_id))
    except ObjectArchivedError as error:
        # InvalidObjectState says here that there is nothing to thaw: on a GET it says the contrary.
        raise ObjectError("lies in no archive that it could be thawed from", code=error.code) from error
    except ObjectError as error:
        if error.code != _ASKED_ALREADY:
            raise

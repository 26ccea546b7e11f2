"""Make the signed requests of one route: what libcurl sends, from a key, a query and headers. Sends nothing itself."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple
from urllib.parse import quote

from lrsync.adapters.s3_handle import Request
from lrsync.adapters.s3_route import Route
from lrsync.adapters.s3_sign import Keys, Signer

_REMOVED: Final = ["Expect:", "Content-Type:", "Accept:"]
"""What libcurl would add by itself: a round trip for each photo, a type that S3 would keep, and nothing of use."""


class Credit(NamedTuple):
    """What requests of one moment are signed with. `stamp` is that moment, as S3 writes it."""

    keys: Keys
    stamp: str


class RequestMaker:
    """Makes requests along one route, from any thread."""

    def __init__(self, route: Route, keys: Callable[[], Keys]) -> None:
        self.route = route
        self._keys = keys
        self._signer = Signer(route.scope)

    def credit(self) -> Credit:
        """The credential as of now. Raises what botocore raises where there is none."""
        return Credit(self._keys(), time.strftime("%Y%m%dT%H%M%SZ", time.gmtime()))

    def make(
        self,
        credit: Credit,
        method: str,
        key: str,
        query: str,
        headers: Mapping[str, str],
        payload_hash: str,
        body: Any = None,
    ) -> Request:
        """The request for a key, '' for the bucket.

        `query` is encoded, its names in order; the names of `headers` are in lower case.
        """
        route, keys = self.route, credit.keys
        lines = {**headers, "host": route.host, "x-amz-date": credit.stamp, "x-amz-content-sha256": payload_hash}
        if keys.token:
            lines["x-amz-security-token"] = keys.token
        name = quote(key, safe="/~")
        path, base = route.path + name, route.base + name
        if not name and route.path != "/":
            # A bucket in the path is asked for without the slash, as by every other client: not all stores mind.
            path, base = path[:-1], base[:-1]
        authorization = self._signer.authorization(
            method, path, query, headers=lines, payload_hash=payload_hash, keys=keys
        )
        del lines["host"]  # libcurl writes it, from the URL
        told = [*_REMOVED, f"authorization: {authorization}", *[f"{name}: {value}" for name, value in lines.items()]]
        return Request(method, f"{base}{'?' if query else ''}{query}", told, body)

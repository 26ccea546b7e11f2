"""Where botocore sends a bucket's uploads and how it signs them, learnt from a request that it is stopped from sending.

So addressing style, region, dual-stack, accelerated and other endpoints are botocore's own business. What this
project's signer would sign otherwise than botocore did is not taken: then botocore goes on sending by itself.
"""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from botocore.exceptions import CredentialRetrievalError
from botocore.httpsession import get_cert_path
from botocore.session import Session
from botocore.utils import get_environ_proxies

from lrsync.adapters.s3_sign import Keys, Scope, Signer

PROBE_KEY: Final = "lrsync-probe"
_AUTHORIZATION: Final = re.compile(
    r"AWS4-HMAC-SHA256 Credential=[^/]+/\d{8}/(?P<region>[^/]*)/(?P<service>[^/]+)/aws4_request, "
    r"SignedHeaders=(?P<signed>[^,]+), Signature=[0-9a-f]{64}"
)


class UnknownRouteError(Exception):
    """Uploads go a way that only botocore knows; the message says which."""


@dataclass(frozen=True, slots=True)
class Route:
    """`base` is the bucket's URL with a slash at its end, `path` its path; both as they are sent."""

    base: str
    path: str
    host: str
    scope: Scope
    user_agent: str
    proxy: str


class Probe:
    """Stops one request of a client before it is sent, and keeps it."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self._own = threading.local()
        client.meta.events.register_first("before-send.s3", self._stop)

    @property
    def is_on(self) -> bool:
        """Whether what this thread's request hooks hear of is never sent."""
        return getattr(self._own, "probing", False)

    def _stop(self, request: Any, **_: Any) -> AWSResponse | None:
        if not self.is_on:
            return None
        self._own.request = request
        return AWSResponse(request.url, 200, HTTPHeaders(), _NoBody())

    def learn(self, bucket: str, keys: Keys) -> Route:
        """Where uploads go now. Raises UnknownRouteError, and boto3's errors."""
        with self._probing():
            self._client.put_object(Bucket=bucket, Key=PROBE_KEY, Body=b"")
            return _route_of(self._own.request, keys)

    @contextmanager
    def _probing(self) -> Iterator[None]:
        self._own.probing = True
        try:
            yield
        finally:
            self._own.__dict__.clear()


class _NoBody:
    """The body of an answer that nobody gave."""

    def stream(self, **_: Any) -> Iterator[bytes]:
        return iter(())


def _route_of(request: Any, keys: Keys) -> Route:
    headers = {name.lower(): _text(value) for name, value in request.headers.items()}
    match = _AUTHORIZATION.fullmatch(headers.get("authorization", ""))
    if match is None:
        raise UnknownRouteError("the requests are not signed with AWS Signature Version 4")
    url = urlsplit(request.url)
    scope = Scope(match["region"], match["service"])
    headers.setdefault("host", url.netloc)
    signed = {name: headers.get(name, "") for name in match["signed"].split(";")}
    own = Signer(scope).authorization(
        "PUT", url.path, url.query, headers=signed, payload_hash=headers["x-amz-content-sha256"], keys=keys
    )
    if own != headers["authorization"] or url.query or not url.path.endswith(f"/{PROBE_KEY}"):
        raise UnknownRouteError("the requests are signed in a way of their own")
    path = url.path.removesuffix(PROBE_KEY)
    base = f"{url.scheme}://{url.netloc}{path}"
    return Route(base, path, headers["host"], scope, headers.get("user-agent", ""), proxy_for(base))


def _text(value: str | bytes) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else value


def proxy_for(url: str) -> str:
    """The proxy that botocore would use, '' for none. Raises UnknownRouteError for one that is no HTTP proxy."""
    proxy: str | None = get_environ_proxies(url).get(urlsplit(url).scheme)
    if not proxy:
        return ""
    # botocore's httpsession does the same with a proxy that is given without a scheme.
    proxy = proxy if "://" in proxy else f"http:{proxy}" if proxy.startswith("//") else f"http://{proxy}"
    if urlsplit(proxy).scheme != "http":
        raise UnknownRouteError("the proxy is not an HTTP proxy")
    return proxy


def ca_bundle(configured: str | None, environ: Mapping[str, str] = os.environ) -> str:
    """The certificates to trust, as botocore finds them: its own setting, then REQUESTS_CA_BUNDLE, then certifi's."""
    return configured or environ.get("REQUESTS_CA_BUNDLE") or str(get_cert_path(True))


def credentials_of(session: Session) -> Any:
    """What boto3's chain finds; None for nothing. Raises boto3's errors."""
    try:
        return session.get_credentials()
    except (OSError, ValueError) as error:
        # A credential_process that is not there, or that says something else than credentials.
        raise CredentialRetrievalError(provider="credential_process", error_msg=str(error)) from error

"""One boto3 client and its requests: settings, counting, the bandwidth limit, errors in lrsync's words.

Never decides what to store, and keeps no credential: boto3's own chain finds them.
"""

from __future__ import annotations

import ipaddress
import threading
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Final, cast
from urllib.parse import urlsplit

import botocore.session
from botocore.config import Config
from urllib3.exceptions import InsecureRequestWarning

from lrsync import __version__
from lrsync.adapters.s3_body import Body, ReadBody
from lrsync.adapters.s3_errors import BOTO_ERRORS, Target, translate
from lrsync.adapters.s3_models import find_models_quickly
from lrsync.adapters.s3_route import credentials_of
from lrsync.adapters.s3_transport import Parcel, Question, Transport, TransportPorts, told_to_wait
from lrsync.adapters.throttle import ThrottledBody, TokenBucket
from lrsync.core.ports import Sendable
from lrsync.core.runs import RequestCounts
from lrsync.core.storage import StorageRules
from lrsync.errors import LrsyncError, ObjectError, UsageError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from lrsync.adapters.s3_handle import Reply

Answer = dict[str, Any]
Failure = LrsyncError | ObjectError
CALL_ERRORS: Final = (*BOTO_ERRORS, ValueError, TypeError, OverflowError, RuntimeError)
"""What boto3's methods raise, whatever a server answers."""

CONNECT_TIMEOUT_S: Final = 10
READ_TIMEOUT_S: Final = 60
EXPECT_FROM_BYTES: Final = 1 << 20
"""From this size on a body waits for the server's consent; below it the extra round trip costs more than it saves."""

LANES: Final = 2
"""Small requests go side by side from one thread, twice as many as there are threads: they wait, and do not work."""

_COUNTED_AS: Final[dict[str, str]] = {
    "PutObject": "put",
    "UploadPart": "put",
    "CreateMultipartUpload": "put",
    "CompleteMultipartUpload": "put",
    "ListObjectsV2": "list",
    "ListObjectVersions": "list",
    "ListParts": "list",
    "ListMultipartUploads": "list",
    "HeadObject": "head",
    "CopyObject": "copy",
    "UploadPartCopy": "copy",
    "DeleteObject": "delete",
    "AbortMultipartUpload": "delete",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreSettings:
    """One bucket and how to write to it. `bwlimit` in bytes a second; `max_attempts` counts the first one too."""

    bucket: str
    endpoint_url: str | None = None
    region: str | None = None
    profile: str | None = None
    threads: int = 8
    storage_class: str | None = None
    """The class of every object, where `storage` does not choose it by what it is."""
    storage: StorageRules | None = None
    sse: str | None = None
    sse_kms_key_id: str | None = None
    bwlimit: int | None = None
    max_attempts: int = 5
    verify_ssl: bool = True
    transport: str | None = None
    """What bodies are sent with, `curl` or `boto3`; None for the best there is."""

    @property
    def target(self) -> Target:
        """How messages name this bucket."""
        return Target(self.bucket, _without_secrets(self.endpoint_url) or "AWS", self.profile)


def _without_secrets(url: str | None) -> str:
    """The endpoint without a user name and password, which some people put there."""
    if not url:
        return ""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()


def needs_path_style(bucket: str, endpoint_url: str | None) -> bool:
    """Whether the bucket must go into the path: no DNS name, or a certificate that cannot match, would serve it.

    >>> needs_path_style("photos", "http://127.0.0.1:9000"), needs_path_style("my.photos", None)
    (True, True)
    >>> needs_path_style("photos", "https://s3.example.org"), needs_path_style("photos", None)
    (False, False)
    """
    if "." in bucket:
        return True
    host = (urlsplit(endpoint_url).hostname or "") if endpoint_url else ""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def make_config(settings: StoreSettings) -> Config:
    """botocore's own settings: retries, time-outs, and no aws-chunked trailers, which many stores refuse."""
    path_style = needs_path_style(settings.bucket, settings.endpoint_url)
    return Config(
        retries={"mode": "standard", "total_max_attempts": settings.max_attempts},
        connect_timeout=CONNECT_TIMEOUT_S,
        read_timeout=READ_TIMEOUT_S,
        # Part workers upload beside the file workers: each needs a connection, or they are made and dropped.
        max_pool_connections=max(10, 2 * settings.threads),
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        tcp_keepalive=True,
        user_agent_extra=f"lrsync/{__version__}",
        s3={"addressing_style": "path"} if path_style else None,
    )


def _always() -> bool:
    return True


class S3Calls:
    """Sends requests about one bucket, from any thread, and counts them. Raises lrsync's errors only."""

    def __init__(self, settings: StoreSettings) -> None:
        self.settings = settings
        self._bucket = TokenBucket(settings.bwlimit) if settings.bwlimit else None
        self._counts: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._client = self._connect()

    def _connect(self) -> S3Client:
        settings = self.settings
        if not settings.verify_ssl:
            # The user is warned in our own words, once; urllib3 would do so at every request.
            warnings.simplefilter("ignore", InsecureRequestWarning)
        try:
            # What boto3's own session is made of; boto3 adds the import of a transfer manager that nobody needs here.
            session = botocore.session.Session(profile=settings.profile)
            find_models_quickly(session)
            credentials = credentials_of(session)
            # None, not True: only then AWS_CA_BUNDLE counts.
            verify = None if settings.verify_ssl else False
            made = session.create_client(
                "s3",
                region_name=settings.region,
                endpoint_url=settings.endpoint_url,
                config=make_config(settings),
                verify=verify,
            )
        except BOTO_ERRORS as error:
            raise translate(error, "connect", settings.target) from error
        except ValueError as error:
            endpoint = settings.target.endpoint
            raise UsageError(f"the endpoint {endpoint} is not a URL", hint="check --endpoint-url") from error
        client = cast("S3Client", made)
        client.meta.events.register("before-send.s3", self._on_send)
        # The stubs know only hooks that answer nothing; this one answers how long to wait.
        client.meta.events.register_first("needs-retry.s3", cast("Callable[..., None]", self._wait_as_told))
        client.meta.events.register_last("before-call.s3", _drop_expect)
        client.meta.events.register_last("before-parameter-build.s3", _never_redirect_twice)
        ports = TransportPorts(
            bucket=settings.bucket,
            client=client,
            credentials=credentials,
            ca_setting=session.get_config_variable("ca_bundle"),
            verify_ssl=settings.verify_ssl,
            attempts=settings.max_attempts,
            connect_timeout_s=CONNECT_TIMEOUT_S,
            stall_timeout_s=READ_TIMEOUT_S,
            count=self._count,
        )
        self._transport = Transport(ports, settings.transport)
        return client

    def _on_send(self, request: Any, event_name: str, **_: Any) -> None:
        """botocore's hook on every HTTP attempt, retries included. Returns None: anything else would be the answer."""
        if not self._transport.is_probing:
            self._count(event_name.rpartition(".")[2], 1)
        if isinstance(request.body, ThrottledBody | ReadBody):
            request.body.start_sending()

    def _count(self, operation: str, requests: int) -> None:
        kind = _COUNTED_AS.get(operation, "other")
        with self._lock:
            self._counts[kind] += requests

    def _wait_as_told(self, response: Any, attempts: int, **_: Any) -> float | None:
        """botocore's hook after every answer: seconds to wait before the next attempt, None to let botocore decide."""
        if response is None or attempts >= self.settings.max_attempts:
            return None
        return told_to_wait(response[0].status_code, response[0].headers.get("Retry-After", ""))

    def hook(self, event: str, handler: Callable[..., None]) -> None:
        """Have botocore call this on an event of its own."""
        self._client.meta.events.register(event, handler)

    @property
    def requests(self) -> RequestCounts:
        """HTTP requests so far, retries included."""
        with self._lock:
            return RequestCounts(**self._counts)

    @property
    def region(self) -> str | None:
        """The region that requests go to: the settings', else the profile's."""
        return self._client.meta.region_name

    def body(self, data: bytes | Sendable) -> Body:
        """`data` as a request body: one that waits where a bandwidth limit is set."""
        if isinstance(data, Sendable):
            return ReadBody(data, self._bucket)
        return data if self._bucket is None else ThrottledBody(data, self._bucket)

    def received(self, count: int) -> None:
        """So many bytes of an answer were taken: wait where a bandwidth limit is set."""
        if self._bucket is not None:
            self._bucket.take(count)

    def send(self, method: str, **params: Any) -> Answer:
        """One request, its retries included, as boto3 answers it. Raises boto3's errors."""
        answer: Answer = getattr(self._client, method)(Bucket=self.settings.bucket, **params)
        return answer

    def call(self, method: str, **params: Any) -> Answer:
        """One request, its retries included. Raises ObjectError, BucketError or UsageError."""
        try:
            return self.send(method, **params)
        except CALL_ERRORS as error:
            raise self._translated(error, method) from error

    def ask(self, question: Question) -> Reply | None:
        """Ask without a body, through libcurl, retries included; None where `call` is to ask.

        Raises ObjectError, BucketError or UsageError.
        """
        try:
            return self._transport.ask(question)
        except BOTO_ERRORS as error:
            raise self._translated(error, question.operation) from error

    @property
    def waiting(self) -> float | None:
        """Which share of the time, 0 to 1, was spent waiting when many were last sent; None where that is not known."""
        return self._transport.waiting

    def transfer(
        self, method: str, parcels: Sequence[Parcel], *, more: Callable[[], bool] = _always
    ) -> Iterator[tuple[int, Answer | Failure]]:
        """Send requests, several at once, retries included: of each its place and boto3's answer, or what it failed of.

        Once `more` says no, no other is begun. Raises BucketError where the credentials cannot be had.
        """
        threads = self.settings.threads
        lanes = LANES * threads if threads > 1 else 1  # who says 1 means one request at a time
        try:
            for index, result in self._transport.send(method, parcels, lanes=lanes, more=more):
                yield index, result if isinstance(result, dict) else self._translated(result, method)
        except BOTO_ERRORS as error:
            raise self._translated(error, method) from error

    def transfer_one(self, method: str, parcel: Parcel) -> Answer:
        """Send one request, retries included. Raises ObjectError, BucketError or UsageError."""
        ((_, result),) = self.transfer(method, [parcel])
        if isinstance(result, dict):
            return result
        try:
            raise result
        finally:
            # Else this frame, which its traceback holds, would hold it as well: a cycle, with the bytes of a photo that
            # its callers were at, until the interpreter looks for cycles.
            del result

    def open(self, method: str, parcel: Parcel) -> Answer:
        """Send one request, retries included, and leave its answer's `Body` to be taken from, and closed.

        Raises ObjectError, BucketError or UsageError.
        """
        try:
            result = self._transport.open(method, parcel)
        except BOTO_ERRORS as error:
            raise self._translated(error, method) from error
        if isinstance(result, dict):
            return result
        raise self._translated(result, method)

    def _translated(self, error: Exception, method: str) -> Failure:
        if isinstance(error, BOTO_ERRORS):
            failure = translate(error, method, self.settings.target)
        else:
            # What botocore's parser says of a size that is no number or is there twice, and of impossible times.
            message = f"what {self.settings.target.endpoint} answers makes no sense"
            failure = ObjectError(message, code="Unreadable", hint="check that the endpoint is an S3 store")
        failure.__cause__ = error
        return failure

    def write_options(self, key: str, size: int) -> Mapping[str, str]:
        """The storage class and encryption that a new object of so many bytes gets."""
        settings = self.settings
        rules = settings.storage
        storage_class = settings.storage_class if rules is None else rules.class_for(key, size)
        return _write_options(storage_class, settings.sse, settings.sse_kms_key_id)

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()
        self._client.close()


@cache
def _write_options(storage_class: str | None, sse: str | None, kms_key: str | None) -> Mapping[str, str]:
    """boto3's parameters. Of a run there are a handful, and each is asked for with every file."""
    options = {"StorageClass": storage_class, "ServerSideEncryption": sse, "SSEKMSKeyId": kms_key}
    return {name: value for name, value in options.items() if value}


def _never_redirect_twice(model: Any, context: Any, **_: Any) -> None:
    """botocore asks where a redirected bucket is by HEAD, and asks again when that is redirected too, without end.

    A proxy that sends http on to https redirects everything.
    """
    if model.name == "HeadBucket":
        context.setdefault("s3_redirect", {})["redirected"] = True


def _drop_expect(params: Any, **_: Any) -> None:
    """Send small bodies at once: botocore makes every PUT wait for a 100 Continue, a round trip for each photo."""
    headers = params.get("headers", {})
    if int(headers.get("Content-Length", _body_length(params.get("body")))) < EXPECT_FROM_BYTES:
        headers.pop("Expect", None)


def _body_length(body: Any) -> int:
    if not hasattr(body, "seek"):
        return len(body or b"")
    position = body.tell()
    end: int = body.seek(0, 2)
    body.seek(position)
    return end

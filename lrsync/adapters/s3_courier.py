"""A few of S3's operations on libcurl: what boto3's methods of that name do, at a fraction of their cost.

Takes boto3's parameters and gives boto3's answers and exceptions, so that whoever asks need not know who sent it.
Signs with the hash that the caller has; never reads or hashes a single PUT's body.
"""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple
from urllib.parse import quote

import pycurl
from botocore import exceptions as boto
from botocore.awsrequest import HeadersDict
from botocore.exceptions import BotoCoreError, ClientError
from botocore.model import Shape
from botocore.parsers import ResponseParserError, create_parser

from lrsync.adapters.s3_answers import answer_of
from lrsync.adapters.s3_body import digest_of
from lrsync.adapters.s3_curl import CutError, Inflow, Wire
from lrsync.adapters.s3_errors import code_of, status_of
from lrsync.adapters.s3_handle import Reply, Request
from lrsync.adapters.s3_request import Credit, RequestMaker
from lrsync.adapters.s3_sign import EMPTY, UNSIGNED
from lrsync.adapters.s3_transport import Answer, Parcel, told_to_wait

MOST_BACKOFF_S: Final = 20.0
"""botocore's own bound ("standard" retries)."""


class Operation(NamedTuple):
    """What S3 calls it, and HTTP's verb."""

    name: str
    verb: str


OPERATIONS: Final = {
    "put_object": Operation("PutObject", "PUT"),
    "upload_part": Operation("UploadPart", "PUT"),
    "get_object": Operation("GetObject", "GET"),
    "head_object": Operation("HeadObject", "HEAD"),
    "list_objects_v2": Operation("ListObjectsV2", "GET"),
}
"""By boto3's name."""

_HEADERS: Final = {
    "StorageClass": "x-amz-storage-class",
    "ServerSideEncryption": "x-amz-server-side-encryption",
    "SSEKMSKeyId": "x-amz-server-side-encryption-aws-kms-key-id",
    "IfNoneMatch": "if-none-match",
    "IfMatch": "if-match",
    "Range": "range",
    "ChecksumMode": "x-amz-checksum-mode",
    "ChecksumSHA256": "x-amz-checksum-sha256",
    "ChecksumCRC32": "x-amz-checksum-crc32",
    "ChecksumAlgorithm": "x-amz-sdk-checksum-algorithm",
    "ContentMD5": "content-md5",
}
_QUERY: Final = {"PartNumber": "partNumber", "UploadId": "uploadId", "VersionId": "versionId"}
"""In the order in which they are signed."""

_ANY_SHAPE: Final = Shape("Answer", {"type": "structure"})
_ERROR_BODY: Final = re.compile(rb"\s*(?:<\?xml[^>]*>)?\s*<Error[\s>]")
_ELSEWHERE_CODES: Final = frozenset(
    {"PermanentRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException", "301"}
)
_TRANSIENT_STATUS: Final = frozenset({429, 500, 502, 503, 504})
_TRANSIENT_CODES: Final = frozenset(
    {
        "RequestTimeout",
        "RequestTimeoutException",
        "PriorRequestNotComplete",
        "SlowDown",
        "Throttling",
        "ThrottlingException",
        "ThrottledException",
        "RequestThrottled",
        "RequestThrottledException",
        "RequestLimitExceeded",
        "TooManyRequestsException",
        "BandwidthLimitExceeded",
        "LimitExceededException",
    }
)
"""What botocore's "standard" retries take for transient or throttling, as far as a store of objects says it."""

_UNREACHABLE: Final = frozenset({pycurl.E_COULDNT_RESOLVE_HOST, pycurl.E_COULDNT_CONNECT})
_NO_TRUST: Final = frozenset(
    {
        pycurl.E_SSL_CONNECT_ERROR,
        pycurl.E_SSL_CERTPROBLEM,
        pycurl.E_SSL_CIPHER,
        pycurl.E_PEER_FAILED_VERIFICATION,
        pycurl.E_SSL_CACERT_BADFILE,
        pycurl.E_SSL_ISSUER_ERROR,
        pycurl.E_SSL_INVALIDCERTSTATUS,
    }
)
_CUT: Final = frozenset(
    {pycurl.E_GOT_NOTHING, pycurl.E_SEND_ERROR, pycurl.E_RECV_ERROR, pycurl.E_PARTIAL_FILE, pycurl.E_SEND_FAIL_REWIND}
)


class ElsewhereError(Exception):
    """The bucket is not where the route leads: botocore knows how to look for it."""


class Courier:
    """Sends parcels along one route, from any thread. `count` hears of every HTTP request."""

    def __init__(self, maker: RequestMaker, wire: Wire, *, count: Callable[[str, int], None], attempts: int) -> None:
        self._maker = maker
        self._base = maker.route.base
        self._wire = wire
        self._count = count
        self._attempts = attempts
        self._hash_parts = False

    @property
    def waiting(self) -> float | None:
        """Which share of the time, 0 to 1, was spent waiting when many were last sent; None where that is not known."""
        return self._wire.waiting

    def open(self, operation: str, parcel: Parcel) -> Answer | Exception:
        """What boto3's method answers, with a `Body` to be taken from and closed; or raises. Else as `send`."""
        attempt = 0
        while True:
            attempt += 1
            self._count(OPERATIONS[operation].name, 1)
            inflow = self._wire.open(self._request(operation, parcel, self._maker.credit()))
            reply = inflow.head()
            result = self._read(operation, reply)
            if isinstance(result, dict):
                return {**result, "Body": _InflowBody(inflow, self._base)}
            inflow.close()
            pause = self._pause(result, reply, attempt, parcel)
            if pause is None:
                return result
            time.sleep(pause)

    def send(
        self, operation: str, parcels: Sequence[Parcel], *, lanes: int, more: Callable[[], bool]
    ) -> Iterator[tuple[int, Answer | Exception]]:
        """Of each parcel its place, and what boto3's method answers or raises, as it comes.

        ElsewhereError where only botocore can send it. Once `more` says no, nothing is begun and nothing tried again.
        """
        waiting = list(range(len(parcels)))
        attempt = 0
        while waiting:
            attempt += 1
            pauses: dict[int, float] = {}
            for place, reply in self._exchange(operation, [parcels[index] for index in waiting], lanes, more):
                index = waiting[place]
                result = self._read(operation, reply)
                pause = None if type(result) is dict else self._pause(result, reply, attempt, parcels[index])
                if pause is None or (attempt > 1 and not more()):
                    yield index, result
                else:
                    pauses[index] = pause
            if pauses:
                time.sleep(max(pauses.values()))
            waiting = list(pauses)

    def close(self) -> None:
        """Close the connections."""
        self._wire.close()

    # --- one attempt --------------------------------------------------------------------------------------

    def _exchange(
        self, operation: str, parcels: Sequence[Parcel], lanes: int, more: Callable[[], bool]
    ) -> Iterator[tuple[int, Reply]]:
        credit = self._maker.credit()
        requests = [self._request(operation, parcel, credit) for parcel in parcels]
        name, begun = OPERATIONS[operation].name, 0

        def begin() -> bool:
            nonlocal begun
            if begun and not more():
                return False
            begun += 1
            self._count(name, 1)
            return True

        return self._wire.exchange(requests, lanes=lanes, begin=begin)

    def _request(self, operation: str, parcel: Parcel, credit: Credit) -> Request:
        params = parcel.params
        headers = {_HEADERS[name]: str(value) for name, value in params.items() if name in _HEADERS}
        for name, value in params.get("Metadata", {}).items():
            headers[f"x-amz-meta-{name}"] = value
        verb, payload_hash = OPERATIONS[operation].verb, self._payload_hash(parcel)
        return self._maker.make(credit, verb, params["Key"], _query_of(params), headers, payload_hash, parcel.body)

    def _payload_hash(self, parcel: Parcel) -> str:
        if parcel.body is None:
            return EMPTY
        if parcel.sha256 is not None:
            return parcel.sha256.hex()
        return digest_of(parcel.body, "sha256").hex() if self._hash_parts else UNSIGNED

    # --- what came of it ----------------------------------------------------------------------------------

    def _read(self, operation: str, reply: Reply) -> Answer | Exception:
        try:
            return self._read_strictly(operation, reply)
        except (ValueError, TypeError, OverflowError) as error:
            return error  # a length that is no number, an impossible time: as boto3 raises it

    def _read_strictly(self, operation: str, reply: Reply) -> Answer | Exception:
        if reply.error is not None:
            return wire_failure(*reply.error, url=self._base)
        status = reply.status
        sends = OPERATIONS[operation].verb == "PUT"
        if sends and is_late_error(reply):
            status = 500
        if 200 <= status < 300:
            answer = answer_of(reply.head)
            return answer if sends else {**answer, "Body": reply.body}
        return refusal(operation, status, reply)

    def _pause(self, result: Answer | Exception, reply: Reply, attempt: int, parcel: Parcel) -> float | None:
        """Seconds to wait before this one is sent again; None where it is over."""
        if isinstance(result, dict | ElsewhereError) or attempt >= self._attempts:
            return None
        if isinstance(result, ClientError) and self._wants_a_hash(result, parcel):
            self._hash_parts = True
            return 0.0
        return pause_before(result, reply, attempt)

    def _wants_a_hash(self, error: ClientError, parcel: Parcel) -> bool:
        """Whether a store may refuse nothing but the unsigned payload, which some take over https only."""
        over_http = self._base.startswith("http:")
        unsigned = parcel.body is not None and parcel.sha256 is None and not self._hash_parts
        return over_http and unsigned and status_of(error) in (400, 403, 501)


class _InflowBody:
    """What boto3's StreamingBody is, as far as it is used."""

    def __init__(self, inflow: Inflow, url: str) -> None:
        self._inflow = inflow
        self._url = url

    def iter_chunks(self, size: int) -> Iterator[bytes]:
        """The bytes, in chunks of at most that size. Raises botocore's exceptions."""
        try:
            for chunk in self._inflow:
                if len(chunk) <= size:
                    yield chunk
                else:
                    yield from (chunk[start : start + size] for start in range(0, len(chunk), size))
        except CutError as error:
            raise wire_failure(error.number, error.words, url=self._url) from error

    def close(self) -> None:
        """Take no more."""
        self._inflow.close()


def is_late_error(reply: Reply) -> bool:
    """Whether a 200 is an error, which S3 may find out late; botocore takes it for a 500."""
    return reply.status == 200 and bool(reply.body) and _ERROR_BODY.match(reply.body) is not None


def pause_before(problem: Exception, reply: Reply, attempt: int) -> float | None:
    """Seconds to wait before the next attempt; None where another one is of no use."""
    if isinstance(problem, ClientError):
        if status_of(problem) not in _TRANSIENT_STATUS and code_of(problem) not in _TRANSIENT_CODES:
            return None
    elif not isinstance(problem, boto.ConnectionError | boto.HTTPClientError):
        return None
    told = told_to_wait(reply.status, reply.header(b"retry-after"))
    # Jitter, not secrecy: clients that failed together shall not come back together.
    return told if told is not None else random.random() * min(2.0 ** (attempt - 1), MOST_BACKOFF_S)


def _query_of(params: Mapping[str, Any]) -> str:
    if not params.keys() & _QUERY.keys():
        return ""
    return "&".join(f"{told}={quote(str(params[name]), safe='~')}" for name, told in _QUERY.items() if name in params)


def refusal(operation: str, status: int, reply: Reply) -> Exception:
    """The exception that boto3 raises for an answer that is no success, parsed by botocore's own parser."""
    headers = {name.decode("latin-1"): value.strip().decode("latin-1") for name, value in reply.headers.items()}
    answer = {"status_code": status, "headers": HeadersDict(headers), "body": reply.body}
    try:
        parsed = create_parser("rest-xml").parse(answer, _ANY_SHAPE)
    except ResponseParserError as error:
        return error
    refused = ClientError(parsed, OPERATIONS[operation].name)
    elsewhere = "x-amz-bucket-region" in headers and status in (301, 302, 307, 400)
    if elsewhere or 300 <= status < 400 or code_of(refused) in _ELSEWHERE_CODES:
        return ElsewhereError(code_of(refused))
    return refused


def wire_failure(number: int, words: str, *, url: str) -> BotoCoreError:
    """botocore's exception for a connection that libcurl could not make or keep."""
    if number in _UNREACHABLE:
        return boto.EndpointConnectionError(endpoint_url=url, error=words)
    if number in (pycurl.E_COULDNT_RESOLVE_PROXY, 97):  # CURLE_PROXY, which pycurl has no name for
        return boto.ProxyConnectionError(proxy_url="", error=words)
    if number in _NO_TRUST:
        return boto.SSLError(endpoint_url=url, error=OSError(words))
    if number == pycurl.E_OPERATION_TIMEDOUT:
        slow = "too slow" in words
        kind = boto.ReadTimeoutError if slow else boto.ConnectTimeoutError
        return kind(endpoint_url=url, error=words)
    if number in _CUT:
        return boto.ConnectionClosedError(endpoint_url=url)
    return boto.HTTPClientError(error=words)

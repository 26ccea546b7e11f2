"""Which way requests go: through libcurl where that can be done, else through boto3.

boto3 stays the judge: it tells the route, the credentials and the certificates, and takes over what libcurl cannot.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from lrsync.adapters.s3_body import Body, ReadBody
from lrsync.adapters.s3_errors import BOTO_ERRORS
from lrsync.adapters.s3_route import Probe, UnknownRouteError, ca_bundle
from lrsync.adapters.s3_sign import Keys
from lrsync.adapters.throttle import ThrottledBody
from lrsync.errors import UsageError

if TYPE_CHECKING:
    from lrsync.adapters.s3_ask import Asker
    from lrsync.adapters.s3_courier import Courier
    from lrsync.adapters.s3_handle import Reply

Answer = dict[str, Any]

CURL: Final = "curl"
BOTO3: Final = "boto3"
MOST_WAIT_S: Final = 60
"""The longest wait that a server may ask for with Retry-After."""
_LOG: Final = logging.getLogger("lrsync")


class Parcel(NamedTuple):
    """One request. `params` are boto3's; `body` None for none; its `sha256` where known, else it goes unsigned."""

    params: Mapping[str, Any]
    body: Body | None = None
    sha256: bytes | None = None


@dataclass(frozen=True, slots=True)
class Question:
    """One request without a body. `operation` is boto3's method; without a `key` it is about the bucket.

    `query` is not encoded yet.
    """

    operation: str
    method: str
    query: Mapping[str, str] = field(default_factory=dict)
    key: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class TransportPorts:
    """What a transport needs of the connection to S3. `count` hears of each HTTP request by its API's name."""

    bucket: str
    client: Any
    credentials: Any
    ca_setting: str | None
    verify_ssl: bool
    attempts: int
    connect_timeout_s: float
    stall_timeout_s: float
    count: Callable[[str, int], None]


class Transport:
    """Sends requests, from any thread."""

    def __init__(self, ports: TransportPorts, transport: str | None) -> None:
        self._ports = ports
        self._lock = threading.Lock()
        self._courier: Courier | None = None
        self._asker: Asker | None = None
        self._probe = Probe(ports.client)
        self._by_curl = self._can_curl(transport)

    @property
    def is_probing(self) -> bool:
        """Whether this thread's request is one that is never sent."""
        return self._probe.is_on

    @staticmethod
    def _can_curl(transport: str | None) -> bool:
        """Whether libcurl is to be used and can be. Raises UsageError where it is asked for and is not there."""
        if transport == BOTO3:
            return False
        try:
            import pycurl  # noqa: F401 - only here: a run that sends nothing need not load it
        except ImportError as error:
            if transport == CURL:
                hint = "pip install pycurl, or leave --transport out"
                raise UsageError("libcurl cannot be used: pycurl is not installed", hint=hint) from error
            _LOG.info("bodies go through boto3: pycurl is not installed")
            return False
        return True

    @property
    def waiting(self) -> float | None:
        """Which share of the time, 0 to 1, was spent waiting when many were last sent; None where that is not known."""
        courier = self._courier
        return None if courier is None else courier.waiting

    def send(
        self, method: str, parcels: Sequence[Parcel], *, lanes: int, more: Callable[[], bool]
    ) -> Iterator[tuple[int, Answer | Exception]]:
        """Of each parcel its place, and what boto3's method answers or raises, as it comes.

        Once `more` says no, no other is begun. Raises boto3's errors of credentials.
        """
        courier = self._find_courier() if self._by_curl else None
        if courier is None:
            for index, parcel in enumerate(parcels):
                if index == 0 or more():
                    yield index, self._by_boto3(method, parcel)
            return
        from lrsync.adapters.s3_courier import ElsewhereError

        for index, result in courier.send(method, parcels, lanes=lanes, more=more):
            if isinstance(result, ElsewhereError):
                # botocore finds a bucket that moved, and remembers where: the next route leads there.
                self._forget(courier)
                yield index, self._by_boto3(method, parcels[index])
            else:
                yield index, result

    def open(self, method: str, parcel: Parcel) -> Answer | Exception:
        """What boto3's method answers or raises. Its `Body` has `iter_chunks`, and is to be closed."""
        courier = self._find_courier() if self._by_curl else None
        if courier is None:
            return self._ask_boto3(method, parcel)
        from lrsync.adapters.s3_courier import ElsewhereError

        result = courier.open(method, parcel)
        if isinstance(result, ElsewhereError):
            self._forget(courier)
            return self._ask_boto3(method, parcel)
        return result

    def ask(self, question: Question) -> Reply | None:
        """The answer to a request without a body; None where botocore is to send it. Raises boto3's errors."""
        courier = self._find_courier() if self._by_curl else None
        asker = self._asker
        if courier is None or asker is None:
            return None
        from lrsync.adapters.s3_courier import ElsewhereError

        try:
            return asker.ask(question)
        except ElsewhereError:
            self._forget(courier)
            return None

    def _by_boto3(self, method: str, parcel: Parcel) -> Answer | Exception:
        """As the courier answers: with all of a body."""
        answer = self._ask_boto3(method, parcel)
        if isinstance(answer, dict) and "Body" in answer:
            try:
                answer["Body"] = answer["Body"].read()
            except BOTO_ERRORS as error:
                return error
        return answer

    def _ask_boto3(self, method: str, parcel: Parcel) -> Answer | Exception:
        body = {} if parcel.body is None else {"Body": parcel.body}
        if isinstance(parcel.body, ThrottledBody | ReadBody):
            parcel.body.seek(0)  # libcurl may have sent some of it before it was told to go elsewhere
        try:
            answer: Answer = getattr(self._ports.client, method)(Bucket=self._ports.bucket, **body, **parcel.params)
        except (*BOTO_ERRORS, ValueError, TypeError, OverflowError, RuntimeError) as error:
            if isinstance(parcel.body, ReadBody) and parcel.body.error is not None:
                raise parcel.body.error from None  # what the file said, not what botocore makes of it
            return error
        return answer

    def _find_courier(self) -> Courier | None:
        with self._lock:
            if self._courier is None and self._by_curl:
                try:
                    self._courier = self._make_courier()
                except UnknownRouteError as reason:
                    _LOG.warning("bodies go through boto3: %s", reason)
                    self._by_curl = False
            return self._courier

    def _make_courier(self) -> Courier:
        from lrsync.adapters.s3_ask import Asker
        from lrsync.adapters.s3_courier import Courier
        from lrsync.adapters.s3_curl import Wire
        from lrsync.adapters.s3_handle import WireSettings
        from lrsync.adapters.s3_request import RequestMaker

        ports = self._ports
        route = self._probe.learn(ports.bucket, self._keys())
        wire = Wire(
            WireSettings(
                user_agent=route.user_agent,
                ca=ca_bundle(ports.ca_setting) if ports.verify_ssl else None,
                proxy=route.proxy,
                connect_timeout_s=ports.connect_timeout_s,
                stall_timeout_s=ports.stall_timeout_s,
            )
        )
        maker = RequestMaker(route, self._keys)
        self._asker = Asker(maker, wire, count=ports.count, attempts=ports.attempts)
        return Courier(maker, wire, count=ports.count, attempts=ports.attempts)

    def _keys(self) -> Keys:
        """The credentials as they are now: boto3 renews those that expire."""
        if self._ports.credentials is None:
            raise UnknownRouteError("there are no credentials")
        frozen = self._ports.credentials.get_frozen_credentials()
        return Keys(frozen.access_key, frozen.secret_key, frozen.token)

    def _forget(self, courier: Courier) -> None:
        with self._lock:
            if self._courier is courier:
                self._close_wire()

    def close(self) -> None:
        """Close libcurl's connections; boto3's are its owner's to close."""
        with self._lock:
            self._close_wire()

    def _close_wire(self) -> None:
        if self._courier is not None:
            self._courier.close()
        self._courier = self._asker = None


def told_to_wait(status: int, retry_after: str) -> float | None:
    """Seconds that a busy server asks for, bounded; None where it says nothing.

    botocore knows only AWS's own x-amz-retry-after: a server that asks for ten seconds with HTTP's Retry-After would
    see every attempt spent within one.
    """
    if status not in (429, 503) or not (retry_after.isascii() and retry_after.isdigit()):
        return None
    return float(min(int(retry_after), MOST_WAIT_S))

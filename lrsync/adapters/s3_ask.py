"""Ask S3 without a body, through libcurl: a page of a listing, or HEAD. boto3's errors, at a tenth of its cost.

botocore takes an answer's XML apart three times: to see whether a 200 is an error after all, for its own parser, and
for us. Here it stays what came. Signs along the route that botocore told, and looks for no other.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from urllib.parse import quote

from lrsync.adapters.s3_courier import OPERATIONS, is_late_error, pause_before, refusal, wire_failure
from lrsync.adapters.s3_curl import Wire
from lrsync.adapters.s3_handle import Reply, Request
from lrsync.adapters.s3_request import RequestMaker
from lrsync.adapters.s3_sign import EMPTY
from lrsync.adapters.s3_transport import Question


class Asker:
    """Asks along one route, from any thread. `count` hears of every request."""

    def __init__(self, maker: RequestMaker, wire: Wire, *, count: Callable[[str, int], None], attempts: int) -> None:
        self._maker = maker
        self._wire = wire
        self._count = count
        self._attempts = attempts

    def ask(self, question: Question) -> Reply:
        """A successful answer, retries included. Raises boto3's errors, and ElsewhereError."""
        attempt = 0
        while True:
            attempt += 1
            self._count(OPERATIONS[question.operation].name, 1)
            reply = self._wire.ask(self._signed(question))
            problem = self._problem(question, reply)
            if problem is None:
                return reply
            pause = pause_before(problem, reply, attempt) if attempt < self._attempts else None
            if pause is None:
                raise problem
            time.sleep(pause)

    def _signed(self, question: Question) -> Request:
        query = "&".join(f"{key}={quote(value, safe='~')}" for key, value in sorted(question.query.items()))
        maker = self._maker
        return maker.make(maker.credit(), question.method, question.key, query, question.headers, EMPTY)

    def _problem(self, question: Question, reply: Reply) -> Exception | None:
        if reply.error is not None:
            return wire_failure(*reply.error, url=self._maker.route.base)
        if is_late_error(reply):
            return refusal(question.operation, 500, reply)
        return None if 200 <= reply.status < 300 else refusal(question.operation, reply.status, reply)

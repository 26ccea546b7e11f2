"""Every fault of the network and of the store: the exit code, the words, the bucket, the manifest, the next night.

Each test ends with `check_recovery`: the next run makes every object equal its file, and the one after asks nothing.
"""

from __future__ import annotations

import random
import re
import socket
from collections.abc import Callable
from dataclasses import replace

import pytest

from lrsync.adapters import s3_client
from lrsync.adapters.manifest import Manifest
from lrsync.adapters.s3_client import LANES
from lrsync.core.amounts import MaxDelete
from lrsync.core.findings import FindingKind
from lrsync.core.model import Drift
from lrsync.core.parts import HELD_BYTES
from lrsync.engine import changes, recorder, transfer, uploads
from lrsync.engine.batch import MOST_BATCHES
from lrsync.errors import BucketError, ExitCode, LrsyncError
from tests.engine.world import PREFIX
from tests.faults import proxy as faults
from tests.faults.night import Night
from tests.faults.proxy import Answer, Fault, reply
from tests.trees import Tree

LIBRARY: Tree = {
    "2024": {f"{number:02}.jpg": f"photo {number} ".encode() * 20 for number in range(1, 9)},
    "2025": {"a.nef": b"raw a" * 500, "a.xmp": b"<x/>"},
}
COUNT = 10
VICTIM = "2024/03.jpg"
LARGE = 33 << 20
PARTS = 3
THREADS = 3


@pytest.fixture(autouse=True)
def _large_from_32_mib(monkeypatch: pytest.MonkeyPatch) -> None:
    """Half of what it is, so that a file of parts is not sent for longer than it takes to see what comes of it."""
    for module in (recorder, transfer, uploads):
        monkeypatch.setattr(module, "SINGLE_PUT_LIMIT", 32 << 20)


def large_file(night: Night, name: str = "clip.mov") -> bytes:
    """A file of three parts."""
    data = random.Random(name).randbytes(LARGE)
    night.make({name: data})
    return data


def sent_twice(night: Night) -> set[str]:
    """The keys of photos whose bytes were sent more than once."""
    keys = [one.key for one in night.proxy.seen if one.operation == "PutObject" and "/.lrsync/" not in one.key]
    return {key for key in keys if keys.count(key) > 1}


# --- faults that pass: nobody notices ---------------------------------------------------------------------

PASSING: dict[str, Fault] = {
    "500": reply(500, "InternalError"),
    "500 of a gateway": reply(502),
    "503": reply(503, "ServiceUnavailable"),
    "slow down": reply(503, "SlowDown"),
    "429": reply(429, "TooManyRequests"),
    "429 of a gateway": reply(429),
    "timeout told by the store": reply(400, "RequestTimeout"),
    "reset before an answer": faults.reset(),
    "reset in the body": faults.reset_in_body(),
    "lost answer": faults.lost_answer(),
    "slow answer": faults.slowly(0.02),
}


@pytest.mark.parametrize("transport", ["curl", "boto3"])
@pytest.mark.parametrize("fault", PASSING.values(), ids=PASSING)
def test_a_passing_fault_of_an_upload_is_tried_again(night: Night, fault: Fault, transport: str) -> None:
    night.transport = transport
    night.make(LIBRARY)
    night.proxy.on("PutObject", fault, key=VICTIM)
    summary = night.sync()
    assert (summary.exit_code, summary.errors) == (ExitCode.OK, [])
    assert summary.actions.uploaded + summary.actions.adopted == COUNT
    night.check_truth()
    assert night.check_recovery().requests.total == 0
    assert sent_twice(night) <= {f"{PREFIX}/{VICTIM}"}


@pytest.mark.parametrize(
    ("fault", "transport"),
    [*((fault, "curl") for fault in PASSING.values()), (faults.reset_in_body(1 << 20), "boto3")],
    ids=[*PASSING, "boto3"],
)
def test_a_passing_fault_of_a_file_that_is_read_as_it_is_sent(night: Night, fault: Fault, transport: str) -> None:
    data = random.Random(5).randbytes(HELD_BYTES + 1)
    night.transport = transport
    night.make({"clip.mov": data})
    night.proxy.on("PutObject", fault, key="clip.mov")
    summary = night.sync()
    assert (summary.exit_code, summary.errors) == (ExitCode.OK, [])
    assert night.objects() == {f"{PREFIX}/clip.mov": data}
    assert night.check_recovery().requests.total == 0


@pytest.mark.parametrize("operation", ["ListObjectsV2", "HeadObject", "CopyObject", "DeleteObject"])
@pytest.mark.parametrize("fault", [reply(503, "SlowDown"), faults.reset()], ids=["slow down", "reset"])
def test_a_passing_fault_of_any_request_is_tried_again(night: Night, operation: str, fault: Fault) -> None:
    night.make(LIBRARY)
    night.sync()
    (night.photos / VICTIM).rename(night.photos / "renamed.jpg")
    night.proxy.on(operation, fault)
    summary = night.sync(full=True, delete=True)
    assert (summary.exit_code, summary.actions.copied, summary.actions.trashed) == (ExitCode.OK, 1, 1)
    night.check_recovery(trash={VICTIM: b"photo 3 " * 20})


@pytest.mark.parametrize(("told", "waited"), [("7", 7.0), ("3600", 60.0)])
@pytest.mark.parametrize("status", [429, 503])
def test_a_server_that_says_when_to_come_back_is_heeded(night: Night, status: int, told: str, waited: float) -> None:
    night.make(LIBRARY)
    night.proxy.on("PutObject", reply(status, "SlowDown", Retry_After=told), key=VICTIM, times=2)
    assert night.sync().exit_code is ExitCode.OK
    assert night.waits == [waited, waited], "its own word, but never longer than a minute"
    night.check_recovery()


def test_without_a_word_the_pauses_grow_but_stay_short(night: Night) -> None:
    night.make({"a.jpg": b"a"})
    night.proxy.on("PutObject", reply(503, "SlowDown", Retry_After="soon"), times=4)
    assert night.sync().exit_code is ExitCode.OK
    assert len(night.waits) == 4
    assert sum(night.waits) < 20
    night.check_recovery()


# --- faults that stay, of one file: the others go on --------------------------------------------------------

STAYING: dict[str, tuple[Fault, str]] = {
    "500": (reply(500, "InternalError"), "as scripted"),
    "503": (reply(503), "Service Unavailable"),
    "slow down": (reply(503, "SlowDown"), "asks to slow down"),
    "429": (reply(429), "Too Many Requests"),
    "400": (reply(400, "InvalidArgument"), "as scripted"),
    "too large": (reply(400, "EntityTooLarge"), "is larger than"),
    "reset": (faults.reset(), "the connection failed"),
    "reset in the body": (faults.reset_in_body(), "the connection failed"),
    "lost answer": (faults.lost_answer(), "the connection failed"),
    "wrong checksum": (
        faults.changed(lambda answer: answer.header("x-amz-checksum-sha256", "A" * 43 + "=")),
        "other bytes than were sent",
    ),
    "refused bytes": (reply(400, "BadDigest"), "other bytes than were sent"),
}


@pytest.mark.parametrize(("fault", "words"), STAYING.values(), ids=STAYING)
def test_a_file_that_cannot_be_sent_is_named_and_the_others_go_on(night: Night, fault: Fault, words: str) -> None:
    night.make(LIBRARY)
    night.proxy.on("PutObject", fault, key=VICTIM, times=None)
    summary = night.sync()
    assert summary.exit_code is ExitCode.INCOMPLETE
    (failed,) = summary.errors
    assert failed.path == VICTIM
    assert words in failed.message
    assert summary.actions.uploaded == COUNT - 1
    assert night.row(VICTIM) is None, "what was not acknowledged is not recorded"
    night.check_truth()
    recovered = night.check_recovery()
    assert recovered.actions.uploaded + recovered.actions.adopted == 1


def test_an_upload_that_landed_unheard_is_adopted_and_not_sent_again(night: Night) -> None:
    night.make(LIBRARY)
    night.proxy.on("PutObject", faults.lost_answer(), key=VICTIM)
    summary = night.sync()
    assert (summary.actions.uploaded, summary.actions.adopted) == (COUNT - 1, 1)
    assert night.trash() == {}, "the same bytes are no other version"
    night.check_recovery()


def test_an_upload_that_lands_after_its_time_is_adopted(night: Night, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(s3_client, "READ_TIMEOUT_S", 2)
    night.transport = "boto3"  # libcurl means the average of some seconds: the same would take three times as long
    night.make(LIBRARY)
    night.proxy.on("PutObject", faults.lands_late(4), key=VICTIM)
    summary = night.sync()
    assert (summary.exit_code, summary.actions.adopted) == (ExitCode.OK, 1)
    night.check_recovery()


def test_a_replacement_that_landed_unheard_keeps_one_old_version(night: Night) -> None:
    night.make(LIBRARY)
    night.sync()
    (night.photos / VICTIM).write_bytes(b"edited")
    night.proxy.on("PutObject", faults.lost_answer(), key=VICTIM)
    assert night.sync().exit_code is ExitCode.OK
    night.check_recovery(trash={VICTIM: b"photo 3 " * 20})


def test_a_replacement_whose_every_answer_is_lost_still_keeps_the_old_version(night: Night) -> None:
    night.make(LIBRARY)
    night.sync()
    (night.photos / VICTIM).write_bytes(b"edited")
    night.proxy.on("PutObject", faults.lost_answer(), key=VICTIM, times=None)
    assert night.sync().exit_code is ExitCode.INCOMPLETE
    assert night.trash() == {VICTIM: b"photo 3 " * 20}
    night.proxy.heal()
    assert night.sync().exit_code is ExitCode.OK
    assert night.objects() == night.files()
    # Each run keeps what it replaces: the first the old version, the second what had landed unheard.
    kept = [night.behind.read(key) for key in night.behind.listed(f"{PREFIX}/.lrsync/trash/")]
    assert kept == [b"photo 3 " * 20, b"edited"]
    assert night.sync().requests.total == 0


def test_a_hanging_server_is_given_up_on(night: Night, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(s3_client, "READ_TIMEOUT_S", 0.3)
    night.attempts = 2
    night.make(LIBRARY)
    rule = night.proxy.on("PutObject", faults.hang(), key=VICTIM, times=None)
    summary = night.sync()
    assert summary.exit_code is ExitCode.INCOMPLETE
    assert [(failed.path, failed.message) for failed in summary.errors] == [
        (VICTIM, "the connection failed (ReadTimeoutError)")
    ]
    assert rule.fired == 2
    night.check_recovery()


def test_an_answer_without_checksum_and_with_a_wrong_etag_is_not_believed(night: Night) -> None:
    def lie(answer: Answer) -> Answer:
        return answer.header("x-amz-checksum-sha256", None).header("ETag", '"' + "0" * 32 + '"')

    night.make(LIBRARY)
    night.proxy.on("PutObject", faults.changed(lie), key=VICTIM, times=None)
    summary = night.sync()
    assert [failed.path for failed in summary.errors] == [VICTIM]
    assert "other bytes" in summary.errors[0].message
    night.check_recovery()


def test_a_wrong_etag_beside_a_right_checksum_is_mended_by_the_next_full_pass(night: Night) -> None:
    night.make(LIBRARY)
    night.proxy.on("PutObject", faults.changed(lambda a: a.header("ETag", '"' + "0" * 32 + '"')), key=VICTIM)
    assert night.sync().exit_code is ExitCode.OK
    summary = night.sync(full=True)
    assert (summary.exit_code, summary.drift.altered, summary.actions.uploaded) == (ExitCode.OK, 0, 0)
    night.check_recovery()


@pytest.mark.parametrize("status", [412, 409])
def test_a_key_that_is_taken_is_looked_at_and_kept(night: Night, status: int) -> None:
    """412 on a conditional write: another program put an object there after the listing."""
    night.make(LIBRARY)
    code = {412: "PreconditionFailed", 409: "ConditionalRequestConflict"}[status]

    def taken(exchange: faults.Exchange) -> None:
        night.behind.write(VICTIM, b"somebody's")
        _ = exchange.body
        exchange.send(faults.s3_error(status, code))

    night.proxy.on("PutObject", taken, key=VICTIM)
    assert night.sync().exit_code is ExitCode.OK
    night.check_recovery(trash={VICTIM: b"somebody's"})


# --- faults that end the run --------------------------------------------------------------------------------

ENDING: dict[str, tuple[Fault, str]] = {
    "expired token": (reply(400, "ExpiredToken"), "the credentials have expired"),
    "invalid token": (reply(400, "InvalidToken"), "the session token is not valid"),
    "access denied": (reply(403, "AccessDenied"), "access to the bucket"),
    "403 of a gateway": (reply(403), "access to the bucket"),
    "unknown key": (reply(403, "InvalidAccessKeyId"), "does not know the access key"),
    "wrong clock": (reply(403, "RequestTimeTooSkewed"), "the clock of this computer is wrong"),
    "no bucket": (reply(404, "NoSuchBucket"), "does not exist"),
    "quota": (reply(403, "QuotaExceeded"), "is full (quota)"),
    "full": (reply(507, "InsufficientStorage"), "is full"),
    "account": (reply(403, "AccountProblem"), "a problem with the account"),
    "redirect": (reply(301, "PermanentRedirect"), "another region"),
}


@pytest.mark.parametrize(("fault", "words"), ENDING.values(), ids=ENDING)
def test_what_no_file_can_get_past_ends_the_run_at_once(night: Night, fault: Fault, words: str) -> None:
    night.make({"many": {f"{number:03}.jpg": f"photo {number}".encode() for number in range(40)}})
    rule = night.proxy.on("*", fault, nth=12, times=None)
    error = night.sync_failing(ExitCode.BUCKET)
    assert words in error.message
    # Once for what was on its way by then, as wide as all batches together: not once for each of the 40 files.
    assert rule.fired <= MOST_BATCHES * LANES * THREADS
    recorded = night.recorded()
    assert 1 <= len(recorded) <= 12, "what was acknowledged before is recorded"
    assert recorded == set(night.objects())
    night.check_truth()
    recovered = night.check_recovery()
    assert recovered.actions.uploaded == 40 - len(recorded)
    assert sent_twice(night).isdisjoint(recorded)


def test_a_bucket_that_is_deleted_in_the_middle_ends_the_run(night: Night) -> None:
    night.make({"many": {f"{number:03}.jpg": f"photo {number}".encode() for number in range(40)}})

    client = night.behind.client

    def delete_bucket() -> None:
        for key in night.behind.listed(""):
            client.delete_object(Bucket=night.behind.bucket, Key=key)
        client.delete_bucket(Bucket=night.behind.bucket)

    night.proxy.on("PutObject", faults.after(delete_bucket), nth=20)
    # One at a time: SeaweedFS makes the bucket anew for a PUT that is on its way.
    night.threads = 1
    error = night.sync_failing(ExitCode.BUCKET, threads=1)
    assert "does not exist" in error.message
    client.create_bucket(Bucket=night.behind.bucket)
    night.proxy.heal()
    # The rows were true when they were written; the full pass finds that the objects are gone.
    summary = night.sync(full=True)
    assert summary.exit_code is ExitCode.OK
    assert summary.drift.missing > 0
    night.check_recovery()


def test_a_store_that_takes_nothing_is_given_up_on(night: Night) -> None:
    night.attempts = 1
    night.make({"few": {f"{number:03}.jpg": f"few {number}".encode() for number in range(10)}})
    night.sync()
    night.make({"many": {f"{number:03}.jpg": f"photo {number}".encode() for number in range(110)}})
    rule = night.proxy.on("PutObject", reply(500, "InternalError"), times=None)
    error = night.sync_failing(ExitCode.BUCKET)
    assert re.match(r"5\d files in a row could not be stored; the last one: .*as scripted", error.message)
    # And what was on its way by then: so many batches, each of them twice as wide as there are threads.
    assert rule.fired <= changes.MAX_FAILED_IN_A_ROW + MOST_BATCHES * LANES * THREADS
    assert len(night.recorded()) == 10
    night.check_truth()
    assert night.check_recovery().actions.uploaded == 110


def test_failures_that_others_succeed_between_end_nothing(night: Night) -> None:
    night.attempts = 1
    night.make({"many": {f"{number:03}.{'tif' if number % 4 else 'jpg'}": b"%d" % number for number in range(80)}})
    night.proxy.on("PutObject", reply(500, "InternalError"), key=".tif", times=None)
    summary = night.sync()
    assert (summary.exit_code, summary.actions.failed, summary.actions.uploaded) == (ExitCode.INCOMPLETE, 60, 20)
    night.check_recovery()


def test_files_that_the_store_will_never_take_end_nothing(night: Night) -> None:
    night.make({"large": {f"{number:03}.mov": b"%d" % number for number in range(60)}, "z.jpg": b"z"})
    night.proxy.on("PutObject", reply(400, "EntityTooLarge"), key=".mov", times=None)
    summary = night.sync()
    assert (summary.exit_code, summary.actions.failed, summary.actions.uploaded) == (ExitCode.INCOMPLETE, 60, 1)
    night.check_recovery()


def test_a_store_that_deletes_nothing_is_given_up_on(night: Night) -> None:
    night.attempts = 1
    night.make({"many": {f"{number:03}.jpg": b"%d" % number for number in range(60)}, "z.jpg": b"z"})
    night.sync()
    for number in range(60):
        (night.photos / f"many/{number:03}.jpg").unlink()
    night.proxy.on("CopyObject", reply(500, "InternalError"), times=None)
    error = night.sync_failing(ExitCode.BUCKET, delete=True, max_delete=MaxDelete(None, 100))
    assert "in a row" in error.message
    assert len(night.objects()) == 61, "without a copy in the trash nothing goes"
    night.proxy.heal()
    assert night.sync(delete=True, max_delete=MaxDelete(None, 100)).actions.trashed == 60
    assert len(night.trash()) == 60


def refuse_connections(monkeypatch: pytest.MonkeyPatch, error: OSError) -> Callable[[], None]:
    """From its call on, nothing can be connected to: as with a network that is gone."""

    def act() -> None:
        def fail(*args: object, **kwargs: object) -> None:
            raise error

        monkeypatch.setattr("urllib3.util.connection.create_connection", fail)

    return act


@pytest.mark.parametrize(
    "error",
    [
        ConnectionRefusedError(111, "Connection refused"),
        socket.gaierror(-2, "Name or service not known"),
        OSError(101, "Network is unreachable"),
    ],
    ids=["refused", "dns", "unreachable"],
)
def test_a_network_that_goes_away_ends_the_run(night: Night, monkeypatch: pytest.MonkeyPatch, error: OSError) -> None:
    night.make({"many": {f"{number:03}.jpg": f"photo {number}".encode() for number in range(40)}})
    with monkeypatch.context() as patch:
        cut = refuse_connections(patch, error)

        def unplug(exchange: faults.Exchange) -> None:
            cut()
            exchange.reset()

        night.proxy.on("*", unplug, nth=12, times=None)
        ended = night.sync_failing(ExitCode.BUCKET)
    assert "cannot be reached" in ended.message
    night.check_truth()
    assert 1 <= len(night.recorded()) <= 12
    night.check_recovery()


# --- listings: half a listing is none -----------------------------------------------------------------------


def listing(*keys: str, truncated: bool, token: str | None = None) -> Answer:
    """A page of a listing."""
    contents = "".join(f"<Contents><Key>{key}</Key><Size>1</Size><ETag>&quot;x&quot;</ETag></Contents>" for key in keys)
    following = f"<NextContinuationToken>{token}</NextContinuationToken>" if token else ""
    flag = f"<IsTruncated>{str(truncated).lower()}</IsTruncated>"
    text = f"<ListBucketResult>{flag}{following}{contents}</ListBucketResult>"
    return Answer(200, (("Content-Type", "application/xml"),), text.encode())


def endless_with_new_tokens() -> Fault:
    """The first page again and again, each time with another token."""
    count = iter(range(10**6))

    def fault(exchange: faults.Exchange) -> None:
        exchange.send(listing(f"{PREFIX}/{VICTIM}", truncated=True, token=f"token-{next(count)}"))

    return fault


LISTINGS: dict[str, tuple[Fault, str]] = {
    "fails": (reply(500, "InternalError"), "cannot be listed"),
    "breaks off": (faults.reset(), "cannot be listed"),
    "is cut off": (faults.truncated(), "cannot be listed|is not S3"),
    "is denied": (reply(403, "AccessDenied"), "access to the bucket"),
    "is no listing": (faults.instead(Answer(200, (), b"<html>Welcome to our hotel</html>")), "is not S3"),
    "is no XML": (faults.instead(Answer(200, (), b"Welcome & please log in")), "is not S3"),
    "is empty": (faults.instead(Answer(200)), "is not S3"),
    "loses its token": (faults.instead(listing(truncated=True)), "does not come to an end"),
    "repeats its token": (faults.instead(listing(truncated=True, token="same")), "does not come to an end"),
    "repeats its page": (endless_with_new_tokens(), "does not come to an end"),
}


@pytest.mark.parametrize(("fault", "words"), LISTINGS.values(), ids=LISTINGS)
def test_a_listing_that_is_not_whole_decides_nothing(night: Night, fault: Fault, words: str) -> None:
    night.make(LIBRARY)
    night.sync()
    night.behind.lose(VICTIM)
    before = night.objects()
    night.proxy.on("ListObjectsV2", fault, times=None)
    error = night.sync_failing(ExitCode.BUCKET, full=True)
    assert re.search(words, error.message)
    with Manifest(night.path, PREFIX) as manifest:
        assert list(manifest.drifted()) == []
    assert night.objects() == before
    night.proxy.heal()
    summary = night.sync(full=True)
    assert (summary.exit_code, summary.drift.missing, summary.drift.repaired) == (ExitCode.OK, 1, 1)
    night.check_recovery()


@pytest.mark.parametrize("fault", [reply(500, "InternalError"), faults.reset()], ids=["fails", "breaks off"])
def test_a_later_page_that_fails_decides_nothing_either(night: Night, fault: Fault) -> None:
    night.make({"many": {f"{number:04}.jpg": b"" for number in range(5)}})
    night.sync()
    pages = [listing(f"{PREFIX}/many/0000.jpg", truncated=True, token="next")]
    night.proxy.on("ListObjectsV2", faults.instead(pages[0]))
    night.proxy.on("ListObjectsV2", fault, nth=2, times=None)
    error = night.sync_failing(ExitCode.BUCKET, full=True)
    assert "cannot be listed" in error.message
    with Manifest(night.path, PREFIX) as manifest:
        assert list(manifest.drifted()) == []
    night.check_recovery()


def test_a_rebuild_from_half_a_listing_leaves_the_old_manifest(night: Night) -> None:
    night.make(LIBRARY)
    night.sync()
    before = night.path.read_bytes()
    night.store = night._open_store()  # type: ignore[assignment]
    night.proxy.on("ListObjectsV2", reply(500, "InternalError"), times=None)
    with pytest.raises(BucketError, match="cannot be listed"):
        night.rebuild()
    assert night.path.read_bytes() == before
    night.proxy.heal()
    assert night.rebuild().actions.adopted == COUNT
    night.check_recovery()


# --- behind our back ----------------------------------------------------------------------------------------


def test_objects_that_were_lost_and_changed_between_two_runs_come_back(night: Night) -> None:
    night.make(LIBRARY)
    night.sync()
    night.behind.lose("2024/01.jpg")
    night.behind.write("2024/02.jpg", b"other bytes")
    night.behind.write("2025/a.nef", b"raw b" * 500)
    summary = night.sync(full=True)
    assert (summary.exit_code, summary.drift.missing, summary.drift.altered) == (ExitCode.OK, 1, 2)
    assert summary.drift.repaired == 3
    night.check_recovery(trash={"2024/02.jpg": b"other bytes", "2025/a.nef": b"raw b" * 500})


def test_an_object_that_only_head_could_clear_counts_as_altered_while_head_fails(night: Night) -> None:
    night.make(LIBRARY)
    night.sync()
    night.behind.write(VICTIM, (night.photos / VICTIM).read_bytes()[::-1])
    night.proxy.on("HeadObject", reply(500), key=VICTIM, times=None)
    summary = night.sync(full=True)
    assert (summary.exit_code, summary.drift.altered) == (ExitCode.INCOMPLETE, 1)
    row = night.row(VICTIM)
    assert row is not None and row.drift is Drift.ALTERED, "it is not called safe"
    assert FindingKind.DRIFT in [finding.kind for finding in summary.findings]
    night.check_recovery(trash={VICTIM: (b"photo 3 " * 20)[::-1]})


# --- copies -------------------------------------------------------------------------------------------------

ERROR_IN_200 = faults.instead(replace(faults.s3_error(500, "InternalError"), status=200))


def test_a_copy_that_fails_with_200_is_not_believed(night: Night) -> None:
    night.make(LIBRARY)
    night.sync()
    (night.photos / VICTIM).rename(night.photos / "renamed.jpg")
    night.proxy.on("CopyObject", ERROR_IN_200, times=None)
    summary = night.sync()
    assert summary.exit_code is ExitCode.INCOMPLETE
    assert [failed.path for failed in summary.errors] == ["renamed.jpg"]
    assert night.row("renamed.jpg") is None
    night.check_recovery(extra=(f"{PREFIX}/{VICTIM}",))


def test_a_trash_copy_that_fails_deletes_nothing(night: Night) -> None:
    night.make(LIBRARY)
    night.sync()
    (night.photos / VICTIM).unlink()
    night.proxy.on("CopyObject", ERROR_IN_200, times=None)
    summary = night.sync(delete=True)
    assert summary.exit_code is ExitCode.INCOMPLETE
    assert f"{PREFIX}/{VICTIM}" in night.objects()
    night.proxy.heal()
    assert night.sync(delete=True).actions.trashed == 1
    night.check_recovery(trash={VICTIM: b"photo 3 " * 20})


def test_a_delete_that_is_denied_ends_the_run_with_everything_there(night: Night) -> None:
    night.make(LIBRARY)
    night.sync()
    (night.photos / VICTIM).unlink()
    night.proxy.on("DeleteObject", reply(403, "AccessDenied"), times=None)
    error = night.sync_failing(ExitCode.BUCKET, delete=True)
    assert "s3:DeleteObject" in error.hint
    assert f"{PREFIX}/{VICTIM}" in night.objects()
    night.proxy.heal()
    assert night.sync(delete=True).exit_code is ExitCode.OK
    assert night.objects() == night.files()
    assert night.sync().requests.total == 0


# --- multipart uploads --------------------------------------------------------------------------------------


def without_etag(answer: Answer) -> Answer:
    """A completion as Ceph answers it."""
    body = re.sub(rb"<ETag>.*?</ETag>", b"<ETag/>", answer.body)
    return replace(answer, body=body).header("Content-Length", str(len(body)))


PASSING_PARTS: dict[str, tuple[str, Fault]] = {
    "no start": ("CreateMultipartUpload", reply(500, "InternalError")),
    "a part's 503": ("UploadPart", reply(503, "SlowDown")),
    "a part's reset": ("UploadPart", faults.reset_in_body(1 << 20)),
    "a part's lost answer": ("UploadPart", faults.lost_answer()),
    "a lost completion": ("CompleteMultipartUpload", faults.lost_answer()),
    "a completion that fails with 200": ("CompleteMultipartUpload", ERROR_IN_200),
    "a completion without an ETag": (
        "CompleteMultipartUpload",
        faults.changed(without_etag),
    ),
}


@pytest.mark.parametrize(("operation", "fault"), PASSING_PARTS.values(), ids=PASSING_PARTS)
def test_a_passing_fault_of_a_large_upload_is_tried_again(night: Night, operation: str, fault: Fault) -> None:
    data = large_file(night)
    night.proxy.on(operation, fault)
    summary = night.sync()
    assert (summary.exit_code, summary.errors) == (ExitCode.OK, [])
    assert night.objects() == {f"{PREFIX}/clip.mov": data}
    row = night.row("clip.mov")
    assert row is not None and row.etag, "an ETag that is not told is asked for"
    assert night.check_recovery().actions.uploaded == 0


def test_a_large_upload_that_broke_off_goes_on_where_it_was(night: Night) -> None:
    large_file(night)
    night.proxy.on("UploadPart", reply(403, "AccessDenied"), nth=3, times=None)
    night.sync_failing(ExitCode.BUCKET)
    assert len(night.behind.uploads()) == 1
    night.proxy.heal()
    before = night.proxy.count("UploadPart")
    night.check_recovery()
    assert night.proxy.count("UploadPart") - before < PARTS
    assert night.proxy.count("CreateMultipartUpload") == 1


@pytest.mark.parametrize("when", ["between", "meanwhile"])
def test_an_upload_that_is_gone_when_it_should_go_on_begins_anew(night: Night, when: str) -> None:
    large_file(night)
    night.proxy.on("UploadPart", reply(403, "AccessDenied"), nth=3, times=None)
    night.sync_failing(ExitCode.BUCKET)
    night.proxy.heal()
    if when == "between":
        night.behind.abort_uploads()
        night.check_recovery()
        return
    night.proxy.on("UploadPart", faults.after(night.behind.abort_uploads))
    summary = night.sync()
    assert summary.exit_code in (ExitCode.OK, ExitCode.INCOMPLETE)
    night.check_recovery()


def test_a_completion_that_is_denied_keeps_the_parts(night: Night) -> None:
    large_file(night)
    night.proxy.on("CompleteMultipartUpload", reply(403, "AccessDenied"), times=None)
    night.sync_failing(ExitCode.BUCKET)
    night.proxy.heal()
    before = night.proxy.count("UploadPart")
    night.check_recovery()
    assert night.proxy.count("UploadPart") == before, "not a byte is sent again"


def test_a_completion_whose_every_answer_is_lost_is_found_done_the_next_night(night: Night) -> None:
    large_file(night)
    night.attempts = 1
    night.proxy.on("CompleteMultipartUpload", faults.lost_answer())
    assert night.sync().exit_code is ExitCode.INCOMPLETE
    before = night.proxy.count("UploadPart")
    summary = night.check_recovery()
    assert night.proxy.count("UploadPart") == before
    assert summary.actions.adopted == 1


def test_a_part_that_the_server_garbled_is_refused(night: Night) -> None:
    large_file(night)
    lie = faults.changed(lambda answer: answer.header("x-amz-checksum-crc32", "AAAAAA=="))
    night.proxy.on("UploadPart", lie, times=None)
    summary = night.sync()
    assert summary.exit_code is ExitCode.INCOMPLETE
    assert "other bytes" in summary.errors[0].message
    assert night.objects() == {}
    night.check_recovery()


def test_every_error_has_a_hint_and_no_traceback(night: Night) -> None:
    """The one line that cron mails: what, and how to get out of it."""
    night.make(LIBRARY)
    night.proxy.on("ListObjectsV2", reply(403, "ExpiredToken"), times=None)
    with pytest.raises(LrsyncError) as caught:
        night.sync()
    assert "\n" not in caught.value.message + caught.value.hint
    assert "log in again" in caught.value.hint

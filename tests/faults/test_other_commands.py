"""Faults that meet the commands beside sync: what they say, what they record, and that nothing good is marked bad."""

from __future__ import annotations

from pathlib import Path

import pytest

from lrsync.adapters.filewriter import FileWriter
from lrsync.adapters.manifest import Manifest
from lrsync.adapters.seals import Seals
from lrsync.adapters.status_query import read_status
from lrsync.core.model import Drift
from lrsync.core.requests import RestoreRequest, VerifyRequest
from lrsync.core.runs import RunSummary
from lrsync.core.status import StatusReport
from lrsync.engine.trash import RestoreTo, TrashPorts, restore_trash
from lrsync.engine.verify import VerifyPorts, run_verify
from lrsync.errors import BucketError, ExitCode
from tests.engine.restoring import restored as restored_into
from tests.engine.world import PREFIX
from tests.faults import proxy as faults
from tests.faults.night import Night
from tests.faults.proxy import Answer, Fault, reply
from tests.faults.test_network import COUNT, LIBRARY, VICTIM

DATA = b"photo 3 " * 20
BROKEN: dict[str, Fault] = {
    "500": reply(500, "InternalError"),
    "slow down": reply(503, "SlowDown"),
    "reset": faults.reset(),
    "truncated": faults.truncated(),
}


@pytest.fixture
def backed_up(night: Night) -> Night:
    night.attempts = 2
    night.make(LIBRARY)
    assert night.sync().exit_code is ExitCode.OK
    return night


def verify(night: Night, request: VerifyRequest) -> RunSummary:
    with Seals(night.path) as seals, Manifest(night.path, PREFIX) as manifest:
        ports = VerifyPorts(
            tree=None,
            seals=seals,
            manifest=manifest,
            open_store=night._open_store,
            stopping=night.stopping,
            clock=night.clock,
            sink=night.events.append,
        )
        return run_verify(ports, request, threads=3)


def restore(night: Night, to: Path) -> RunSummary:
    to.mkdir(exist_ok=True)
    store = night._open_store()
    return restored_into(night, RestoreRequest((), str(to)), open_store=lambda: store)


def status(night: Night) -> StatusReport:
    report = read_status(night.path, night.clock)
    assert report is not None
    return report


def restored(folder: Path) -> dict[str, bytes]:
    """Every file below the folder, by its key."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {f"{PREFIX}/{path.relative_to(folder).as_posix()}": path.read_bytes() for path in files}


@pytest.mark.parametrize("fault", BROKEN.values(), ids=BROKEN)
def test_an_object_that_cannot_be_read_is_not_called_altered(backed_up: Night, fault: Fault) -> None:
    """A broken line is no broken photo: marked, it would be sent again, and called unsafe until then."""
    backed_up.proxy.on("GetObject", fault, key=VICTIM, times=None)
    summary = verify(backed_up, VerifyRequest(download=True))
    assert (summary.exit_code, summary.findings) == (ExitCode.INCOMPLETE, [])
    assert [failed.path for failed in summary.errors] == [VICTIM]
    assert summary.verified is not None and summary.verified.proven == COUNT - 1
    row = backed_up.row(VICTIM)
    assert row is not None and row.drift is None
    backed_up.proxy.heal()
    assert verify(backed_up, VerifyRequest(download=True)).exit_code is ExitCode.OK
    assert backed_up.check_recovery().requests.total == 0


def test_bytes_that_come_wrong_each_time_are_altered(backed_up: Night) -> None:
    def garble(answer: Answer) -> Answer:
        return Answer(answer.status, answer.headers, answer.body[::-1])

    backed_up.proxy.on("GetObject", faults.changed(garble), key=VICTIM, times=None)
    summary = verify(backed_up, VerifyRequest(download=True))
    assert (summary.exit_code, summary.drift.altered) == (ExitCode.NEEDS_PERSON, 1)
    row = backed_up.row(VICTIM)
    assert row is not None and row.drift is Drift.ALTERED
    assert status(backed_up).safe == COUNT - 1
    backed_up.check_recovery(trash={VICTIM: DATA})


@pytest.mark.parametrize("request_", [VerifyRequest(remote=True), VerifyRequest(download=True)], ids=["head", "read"])
def test_a_verification_that_loses_its_rights_ends_and_marks_nothing(backed_up: Night, request_: VerifyRequest) -> None:
    operation = "HeadObject" if request_.remote else "GetObject"
    rule = backed_up.proxy.on(operation, reply(403, "ExpiredToken"), nth=4, times=None)
    with pytest.raises(BucketError):
        verify(backed_up, request_)
    assert rule.fired <= 3 * 3, "once for each worker, not once for each file"
    report = status(backed_up)
    assert (report.safe, report.drifted) == (COUNT, 0)
    assert report.last_run is not None and report.last_run.exit_code == ExitCode.BUCKET


@pytest.mark.parametrize("fault", BROKEN.values(), ids=BROKEN)
def test_a_restore_that_breaks_off_leaves_no_half_a_file(backed_up: Night, tmp_path: Path, fault: Fault) -> None:
    to = tmp_path / "restored"
    backed_up.proxy.on("GetObject", fault, key=VICTIM, times=None)
    summary = restore(backed_up, to)
    assert summary.exit_code is ExitCode.INCOMPLETE
    assert [failed.path for failed in summary.errors] == [VICTIM]
    wanted = backed_up.files()
    assert restored(to) == {key: data for key, data in wanted.items() if key != f"{PREFIX}/{VICTIM}"}
    row = backed_up.row(VICTIM)
    assert row is not None and row.drift is None, "a broken line says nothing of the object"
    backed_up.proxy.heal()
    assert restore(backed_up, to).exit_code is ExitCode.OK
    assert restored(to) == wanted


@pytest.mark.parametrize("fault", BROKEN.values(), ids=BROKEN)
def test_a_file_that_cannot_come_back_from_the_trash_stays_there(backed_up: Night, fault: Fault) -> None:
    (backed_up.photos / VICTIM).unlink()
    assert backed_up.sync(delete=True).actions.trashed == 1
    backed_up.proxy.on("GetObject", fault, key=VICTIM, times=None)
    with Manifest(backed_up.path, PREFIX) as manifest:
        to = RestoreTo(FileWriter(backed_up.photos, stamp="20260101T000000Z"), manifest)
        done = restore_trash(trash_ports(backed_up), to, VICTIM)
        assert ([failed.path for failed in done.errors], done.items) == ([VICTIM], [])
        assert not (backed_up.photos / VICTIM).exists()
        assert backed_up.trash() == {VICTIM: DATA}
        backed_up.proxy.heal()
        assert len(restore_trash(trash_ports(backed_up), to, VICTIM).items) == 1
    assert (backed_up.photos / VICTIM).read_bytes() == DATA
    assert backed_up.sync().exit_code is ExitCode.OK
    assert backed_up.objects() == backed_up.files()


def trash_ports(night: Night) -> TrashPorts:
    return TrashPorts(night._open_store(), PREFIX, night.events.append, night.clock, night.stopping, threads=3)


@pytest.mark.parametrize("code", ["ExpiredToken", "RequestTimeTooSkewed", "QuotaExceeded"])
def test_after_a_run_that_broke_off_status_vouches_only_for_what_was_acknowledged(night: Night, code: str) -> None:
    night.make({"many": {f"{number:03}.jpg": f"photo {number}".encode() for number in range(40)}})
    night.proxy.on("*", reply(403, code), nth=12, times=None)
    night.sync_failing(ExitCode.BUCKET)
    report = status(night)
    assert report.safe == len(night.recorded()) < 40
    assert report.last_run is not None and report.last_run.exit_code == ExitCode.BUCKET
    assert report.last_good_run is None, "a run that broke off is no backup"
    night.check_recovery()
    assert status(night).safe == 40

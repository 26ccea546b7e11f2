"""An examination: each check as a value, the probe gone whatever happens, and nothing green that was not seen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from lrsync.core.bucket import Access, Caller, Feature, FeatureFact, FeatureState, Reached
from lrsync.core.doctor import Check, Verdict, exit_code_of
from lrsync.core.library import LibraryRow, Seen
from lrsync.core.schedule import DailyTime, Installed
from lrsync.engine import doctor_local as local
from lrsync.engine.doctor import BucketPorts, examine_bucket
from lrsync.engine.doctor_local import LockFacts, ManifestFacts, SourceFacts
from lrsync.errors import BucketError, ExitCode, ManifestError, ObjectError, SourceError
from tests.stores.memory import MemoryStore
from tests.ui.stub_app import good_status

PASS, WARN, FAIL, SKIPPED = Verdict.PASS, Verdict.WARN, Verdict.FAIL, Verdict.SKIPPED
OBJECTS = ["list", "write", "read", "delete", "checksums"]

HERE = Reached(Access.HERE, "eu-central-1", 0.2)
ANNA = Caller("shared-credentials-file", "arn:aws:iam::1:user/anna")


@dataclass
class Admin:
    """A bucket that answers what it is told to."""

    reached: Reached = HERE
    who: Caller = ANNA
    facts: dict[Feature, FeatureFact] = field(default_factory=dict)
    trouble: BucketError | None = None

    def caller(self) -> Caller:
        if self.trouble:
            raise self.trouble
        return self.who

    def reach(self) -> Reached:
        if self.trouble:
            raise self.trouble
        return self.reached

    def create(self) -> None:
        raise AssertionError("an examination makes nothing")

    def enable(self, feature: Feature, *, old_versions_days: int) -> FeatureFact:
        raise AssertionError("an examination changes nothing")

    def look(self, feature: Feature) -> FeatureFact:
        return self.facts.get(feature, FeatureFact(feature, FeatureState.ON, "as it should be"))


def examine(store: MemoryStore | None = None, admin: Admin | None = None, **ports: bool) -> dict[str, Check]:
    used = store or MemoryStore()
    checks = list(examine_bucket(BucketPorts(admin or Admin(), lambda: used, "Photos", "probe-1", **ports)))
    found = {check.name: check for check in checks}
    assert len(found) == len(checks)
    assert all(check.mend for check in checks if check.verdict in (WARN, FAIL))
    return found


@pytest.mark.parametrize(
    ("state", "sleeping", "warned"),
    [
        (FeatureState.OFF, ("DEEP_ARCHIVE",), True),
        (FeatureState.DENIED, ("DEEP_ARCHIVE",), True),
        (FeatureState.ON, ("DEEP_ARCHIVE",), False),
        (FeatureState.OFF, (), False),
    ],
)
def test_an_archive_without_versions_is_warned_of(state: FeatureState, sleeping: tuple[str, ...], warned: bool) -> None:
    admin = Admin(facts={Feature.VERSIONING: FeatureFact(Feature.VERSIONING, state, "as it is")})
    found = examine(admin=admin, sleeping=sleeping)  # type: ignore[arg-type]
    assert ("archive" in found) is warned
    if warned:
        assert found["archive"].verdict is WARN and "versioning" in found["archive"].mend


def test_the_configured_classes_are_checked() -> None:
    check = local.check_storage({"STANDARD", "DEEP_ARCHIVE"}, ["it bills 180 days"])
    assert (check.verdict, check.seen) == (WARN, "DEEP_ARCHIVE, STANDARD: it bills 180 days") and check.mend
    assert local.check_storage({"STANDARD"}, []).verdict is PASS


def verdicts(found: dict[str, Check]) -> dict[str, Verdict]:
    return {name: check.verdict for name, check in found.items()}


def refuse(*operations: str) -> Callable[[str, str], None]:
    def fail(operation: str, key: str) -> None:
        if operation in operations:
            raise BucketError(f"{operation} is denied", hint="ask for it")

    return fail


@pytest.mark.parametrize("versioned", [False, True])
def test_all_is_well_and_nothing_stays(versioned: bool) -> None:
    store = MemoryStore(versioned=versioned)
    found = examine(store)
    assert set(verdicts(found).values()) == {PASS}
    assert list(found)[:4] == ["credentials", "clock", "bucket", "region"]
    assert store.keys() == []
    assert not any(store.versions.values())
    assert exit_code_of(found.values()) is ExitCode.OK


@pytest.mark.parametrize(
    ("refused", "wrong"),
    [
        (["list"], "list"),
        (["put"], "write"),
        (["get"], "read"),
    ],
)
def test_what_is_not_allowed_fails_and_the_probe_goes(refused: list[str], wrong: str) -> None:
    store = MemoryStore(fail=refuse(*refused))
    found = examine(store)
    assert found[wrong].verdict is FAIL
    assert found[wrong].mend == "ask for it"
    assert exit_code_of(found.values()) is ExitCode.BUCKET
    assert store.keys() == []


def test_an_answer_that_got_lost_leaves_no_probe() -> None:
    def lost(operation: str, key: str) -> None:
        if operation == "put":
            raise ObjectError("the connection failed", hint="check the network")

    store = MemoryStore(fail_after=lost)
    assert verdicts(examine(store))["write"] is FAIL
    assert store.keys() == []


def test_an_interrupted_examination_leaves_no_probe() -> None:
    def interrupt(operation: str, key: str) -> None:
        if operation == "get":
            raise KeyboardInterrupt

    store = MemoryStore(fail=interrupt)
    with pytest.raises(KeyboardInterrupt):
        examine(store)
    assert store.keys() == []


@pytest.mark.parametrize(("deletes", "verdict"), [(False, WARN), (True, FAIL)])
def test_no_delete_matters_only_to_who_deletes(deletes: bool, verdict: Verdict) -> None:
    found = examine(MemoryStore(fail=refuse("delete")), deletes=deletes)
    assert found["delete"].verdict is verdict
    assert "Photos/.lrsync/probe/probe-1 may be left" in found["delete"].mend
    assert exit_code_of(found.values()) is (ExitCode.BUCKET if deletes else ExitCode.OK)


def test_a_version_that_may_not_be_removed_is_said() -> None:
    found = examine(MemoryStore(versioned=True, fail=refuse("delete_version")))
    assert (found["delete"].verdict, "stays behind" in found["delete"].seen) == (PASS, True)


def test_a_store_that_gives_back_other_bytes() -> None:
    store = MemoryStore()
    put = store.put

    def corrupting(*args: object, **more: object) -> object:
        stored = put(*args, **more)  # type: ignore[arg-type]
        store.corrupt("Photos/.lrsync/probe/probe-1", b"other")
        return stored

    store.put = corrupting  # type: ignore[method-assign,assignment]
    assert examine(store)["read"].verdict is FAIL


def test_a_store_without_checksums_is_said() -> None:
    assert "MD5" in examine(MemoryStore(checksums=False))["checksums"].seen


def test_no_credentials_nothing_else_is_judged() -> None:
    found = examine(admin=Admin(trouble=BucketError("no AWS credentials were found", hint="aws configure")))
    assert (found["credentials"].verdict, found["bucket"].verdict) == (FAIL, FAIL)
    rest = {name: verdict for name, verdict in verdicts(found).items() if name not in ("credentials", "bucket")}
    assert set(rest.values()) == {SKIPPED}
    assert set(OBJECTS) | {feature.value for feature in Feature} <= set(rest)


@pytest.mark.parametrize("access", [Access.MISSING, Access.DENIED, Access.ELSEWHERE])
def test_a_bucket_that_cannot_be_used(access: Access) -> None:
    found = examine(admin=Admin(reached=Reached(access, "eu-west-1", None)))
    assert found["bucket"].verdict is FAIL
    assert all(found[name].verdict is SKIPPED for name in OBJECTS)
    assert exit_code_of(found.values()) is ExitCode.BUCKET


def test_the_credentials_are_named_where_they_are_what_is_wrong() -> None:
    refusal = BucketError("the store does not accept the secret key", hint="check it")
    found = examine(admin=Admin(reached=Reached(Access.DENIED, None, None, refusal)))["bucket"]
    assert (found.verdict, found.seen, found.mend) == (FAIL, refusal.message, refusal.hint)


@pytest.mark.parametrize(
    ("skew_s", "verdict"),
    [(None, SKIPPED), (0.0, PASS), (-59.0, PASS), (61.0, WARN), (-61.0, WARN), (900.0, FAIL), (-4000.0, FAIL)],
)
def test_the_clock(skew_s: float | None, verdict: Verdict) -> None:
    assert examine(admin=Admin(reached=Reached(Access.HERE, None, skew_s)))["clock"].verdict is verdict


def test_credentials_that_the_night_will_not_have() -> None:
    admin = Admin(who=Caller("env"))
    assert examine(admin=admin)["credentials"].verdict is PASS
    assert examine(admin=admin, is_scheduled=True)["credentials"].verdict is WARN


@pytest.mark.parametrize("feature", Feature)
@pytest.mark.parametrize(
    ("state", "verdict"),
    [(FeatureState.OFF, WARN), (FeatureState.UNSUPPORTED, SKIPPED), (FeatureState.DENIED, SKIPPED)],
)
def test_how_the_bucket_is_set_up(feature: Feature, state: FeatureState, verdict: Verdict) -> None:
    found = examine(admin=Admin(facts={feature: FeatureFact(feature, state, "so")}))
    assert found[feature.value].verdict is verdict
    assert exit_code_of(found.values()) is ExitCode.OK


def test_a_rule_that_deletes_photos_fails() -> None:
    fact = FeatureFact(Feature.LIFECYCLE, FeatureState.ON, "so", danger="the rule 'x' deletes photos")
    assert examine(admin=Admin(facts={Feature.LIFECYCLE: fact}))["lifecycle"].verdict is FAIL


# --- this computer ----------------------------------------------------------------------------------------

SOURCE = SourceFacts("/photos", seen=Seen("u"), ignores_case=False)
MANIFEST = ManifestFacts("/m.sqlite", 1_000_000, good_status())


def test_the_source() -> None:
    assert local.check_source(SOURCE).verdict is PASS
    gone = replace(SOURCE, problem=SourceError("does not exist", hint="mount it"))
    assert (local.check_source(gone).verdict, local.check_source(gone).mend) == (FAIL, "mount it")
    assert local.check_marker(gone, MANIFEST).verdict is SKIPPED
    assert local.check_file_system(gone).verdict is SKIPPED


@pytest.mark.parametrize(
    ("marker", "has_marker", "path", "verdict"),
    [
        ("u", True, "/photos", PASS),
        ("u", True, "/moved", PASS),
        ("other", True, "/photos", FAIL),
        (None, True, "/photos", FAIL),
        (None, False, "/photos", WARN),
        (None, False, "/elsewhere", FAIL),
    ],
)
def test_the_marker(marker: str | None, has_marker: bool, path: str, verdict: Verdict) -> None:
    row = LibraryRow("u", "default", "/photos", "", "bucket", "pre", 1, has_marker)
    manifest = replace(MANIFEST, report=good_status(library=row))
    assert local.check_marker(SourceFacts(path, seen=Seen(marker)), manifest).verdict is verdict
    assert local.check_marker(SourceFacts(path, seen=Seen(marker)), ManifestFacts("/m")).verdict is SKIPPED
    damaged = ManifestFacts("/m", problem=ManifestError("the manifest is damaged"))
    found = local.check_marker(SourceFacts(path, seen=Seen(marker)), damaged)
    assert (found.verdict, "nothing is backed up" in found.seen) == (SKIPPED, False)


@pytest.mark.parametrize(
    ("step", "told"),
    [(2 * 10**9, "2 s (as FAT does)"), (10**9, "1 s"), (10**6, "1 ms"), (100, "100 ns"), (1, "1 ns")],
)
def test_how_fine_times_are(step: int, told: str) -> None:
    times = [(8_000_000_001 + number) * step for number in range(local.LEAST_TIMES)]
    assert local.resolution_of(times) == told
    assert local.resolution_of(times[1:]) is None


def test_the_manifest() -> None:
    assert local.check_manifest(MANIFEST).verdict is PASS
    assert local.check_manifest(ManifestFacts("/m")).verdict is WARN
    damaged = ManifestFacts("/m", problem=ManifestError("is damaged", hint="rebuild"))
    assert local.check_manifest(damaged).verdict is FAIL


def test_free_space() -> None:
    assert local.check_free_space(None, MANIFEST).verdict is SKIPPED
    assert local.check_free_space(10**10, MANIFEST).verdict is PASS
    assert local.check_free_space(10**8, MANIFEST).verdict is WARN
    assert local.check_free_space(10**9, replace(MANIFEST, size=4 * 10**8)).verdict is WARN


def test_the_lock() -> None:
    assert local.check_lock(LockFacts()).verdict is PASS
    assert local.check_lock(LockFacts("lrsync sync (process 3)", 3600)).verdict is PASS
    assert local.check_lock(LockFacts("lrsync sync (process 3)", 4 * 86_400)).verdict is WARN


def test_the_schedule() -> None:
    at = DailyTime(2, 30)
    assert local.check_schedule(None).verdict is WARN
    assert local.check_schedule(Installed("systemd", at)).verdict is PASS
    assert local.check_schedule(Installed("systemd", at, exit_code=0)).verdict is PASS
    assert local.check_schedule(Installed("systemd", at, exit_code=5)).verdict is WARN
    assert local.check_schedule(Installed("systemd", at, problem="no login", mend="linger")).mend == "linger"
    assert local.check_schedule(None, "the crontab cannot be read").verdict is SKIPPED


def test_catalogs_that_are_named_must_be_there() -> None:
    assert local.check_catalogs({"/a.lrcat": True}).verdict is PASS
    gone = local.check_catalogs({"/a.lrcat": True, "/b.lrcat": False})
    assert (gone.verdict, gone.seen) == (FAIL, "not there: /b.lrcat")


def test_the_versions() -> None:
    assert local.check_versions({"lrsync": "1"}).verdict is PASS
    assert local.check_versions({"lrsync": "1", "awscrt": "2"}).verdict is WARN


def test_what_the_checks_come_to() -> None:
    here = Check("a", FAIL, "", "")
    bucket = Check("b", FAIL, "", "", of_bucket=True)
    warning = Check("c", WARN, "", "", of_bucket=True)
    assert exit_code_of([warning]) is ExitCode.OK
    assert exit_code_of([warning, here]) is ExitCode.NEEDS_PERSON
    assert exit_code_of([here, bucket]) is ExitCode.BUCKET


def test_the_facts_are_read_without_writing(tmp_path: Path) -> None:
    from lrsync.adapters import machine_facts

    photos = tmp_path / "photos"
    photos.mkdir()
    (photos / "Abc.jpg").write_bytes(b"x")
    (photos / "2024").mkdir()
    before = sorted((path, path.stat().st_mtime_ns) for path in (photos, *photos.rglob("*")))
    case_twin = photos / "aBC.JPG"
    assert machine_facts.ignores_case(photos) is case_twin.exists()
    assert machine_facts.sample_mtimes(photos) == [(photos / "Abc.jpg").stat().st_mtime_ns]
    assert machine_facts.ignores_case(tmp_path / "gone") is None
    assert machine_facts.sample_mtimes(tmp_path / "gone") == []
    assert (machine_facts.free_bytes(tmp_path / "not" / "there") or 0) > 0
    assert {"lrsync", "Python", "boto3"} <= set(machine_facts.versions())
    assert sorted((path, path.stat().st_mtime_ns) for path in (photos, *photos.rglob("*"))) == before
    (photos / "aBC.JPG").write_bytes(b"y")  # where both names are there, they prove nothing by themselves
    (photos / "2024").rmdir()
    assert machine_facts.ignores_case(photos) in (None, case_twin.samefile(photos / "Abc.jpg"))

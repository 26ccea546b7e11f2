"""`lrsync init`: what it asks, what it writes, what it refuses. The bucket is a stand-in here."""

from __future__ import annotations

import io
import json
import sys
import tomllib
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from lrsync.app import init as wired
from lrsync.core.bucket import Access, Feature, FeatureFact, FeatureState, Reached
from lrsync.ui.main import main


class Result(NamedTuple):
    code: int
    out: str
    err: str


class Desk:
    """A user at `lrsync init`. `access` is what the bucket says; `made` what was made of it."""

    def __init__(self, home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self.photos = home / "Pictures"
        self.photos.mkdir()
        (self.photos / "a.jpg").write_bytes(b"12345")
        self.access = Access.HERE
        self.made: list[dict[str, Any]] = []
        self._monkeypatch = monkeypatch
        self._capsys = capsys
        monkeypatch.setattr(wired, "reach_bucket", lambda config: Reached(self.access, None, 0.0))
        monkeypatch.setattr(wired, "make_bucket", self._make)

    def _make(self, config: Any, features: Any, *, old_versions_days: int, tell: Any) -> None:
        self.made.append({"bucket": config.bucket, "region": config.region, "days": old_versions_days})
        for feature in features:
            state = FeatureState.UNSUPPORTED if feature is Feature.LIFECYCLE else FeatureState.ON
            tell(FeatureFact(feature, state, "as told"))

    def types(self, *lines: str) -> None:
        self._monkeypatch.setattr(sys, "stdin", io.StringIO("".join(f"{line}\n" for line in lines)))
        self._monkeypatch.setattr("lrsync.ui.output.is_terminal", lambda stream: stream is sys.stdin)

    def __call__(self, *args: str) -> Result:
        code = main(("init", *args))
        return Result(code, *self._capsys.readouterr())


@pytest.fixture
def desk(home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Desk:
    return Desk(home, monkeypatch, capsys)


def libraries(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = tomllib.loads(path.read_text())["libraries"]
    return found


def test_all_by_flags_and_nobody_there(desk: Desk, config_file: Path) -> None:
    result = desk("--source-path", str(desk.photos), "--s3-bucket", "b", "--region", "eu-central-1")
    assert (result.code, result.err) == (0, "")
    assert libraries(config_file) == {
        "default": {"source_path": str(desk.photos), "s3_bucket": "b", "s3_prefix": "Photos", "region": "eu-central-1"}
    }
    assert desk.made == []
    assert "A first backup sends at most 1 file, 5 B." in result.out
    assert "assuming 2.5 MB a second" in result.out
    assert "USD a month by the list prices of" in result.out
    assert "lrsync schedule install --at 02:30" in result.out
    assert main(("config", "check")) == 0


def test_variables_count_and_become_lines(desk: Desk, config_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(desk.photos.parent)
    for name, value in {
        "SOURCE_PATH": "Pictures",
        "S3_BUCKET": "b",
        "S3_PREFIX": "deep/er",
        "THREADS": "3",
        "DELETE": "yes",
        "EXCLUDE": "*.tmp\nExport, old/",
        "BWLIMIT": "5M",
        "DRY_RUN": "1",
    }.items():
        monkeypatch.setenv(f"LRSYNC_{name}", value)
    assert desk().code == 0
    assert libraries(config_file)["default"] == {
        "source_path": str(desk.photos),
        "s3_bucket": "b",
        "s3_prefix": "deep/er",
        "threads": 3,
        "exclude": ["*.tmp", "Export, old/"],
        "bwlimit": "5M",
        "delete": True,
    }


@pytest.mark.parametrize(
    ("flags", "missing"), [(["--s3-bucket", "b"], "--source-path"), (["--source-path", "/"], "--s3-bucket")]
)
def test_nobody_to_ask(desk: Desk, config_file: Path, flags: list[str], missing: str) -> None:
    result = desk(*flags, "--yes")
    assert result.code == 2
    assert missing in result.err
    assert not config_file.exists()


def test_it_asks_for_what_is_missing(desk: Desk, config_file: Path) -> None:
    desk.access = Access.MISSING
    desk.types("1", "", "eu-west-1", "photos", "my-bucket", "", "y")
    result = desk()
    assert result.code == 0, result
    assert f"1. {desk.photos}" in result.err
    assert libraries(config_file)["default"] == {
        "source_path": str(desk.photos),
        "s3_bucket": "my-bucket",
        "s3_prefix": "Photos",
        "region": "eu-west-1",
        "profile": "photos",
    }
    assert desk.made == [{"bucket": "my-bucket", "region": "eu-west-1", "days": 90}]
    assert "versions of what is replaced or deleted: on" in result.out
    assert "an end for what is left over: NOT on (as told)" in result.out
    assert not any(word in result.err.lower() for word in ("secret", "password", "access key"))


def test_a_store_has_no_region_to_ask_for(desk: Desk, config_file: Path) -> None:
    desk.types(str(desk.photos), "http://127.0.0.1:9000", "", "b", "P")
    assert desk().code == 0
    assert libraries(config_file)["default"]["endpoint_url"] == "http://127.0.0.1:9000"


def test_the_cost_is_told_where_prices_are_known(desk: Desk) -> None:
    place = ("--source-path", str(desk.photos), "--s3-bucket", "b", "--json")
    (desk.photos / "large.nef").touch()
    with (desk.photos / "large.nef").open("r+b") as file:
        file.truncate(100 << 30)  # sparse
    cost = json.loads(desk(*place, "--library", "a", "--region", "us-east-1").out)["first_backup"]["storage_cost"]
    assert 0.5 < cost["a_month"] < 20 and cost["date"] and list(cost["by_class"]) == ["STANDARD"]
    other = desk(*place, "--library", "b", "--endpoint-url", "http://127.0.0.1:9000")
    assert json.loads(other.out)["first_backup"]["storage_cost"] is None


def test_no_bucket_no_file(desk: Desk, config_file: Path) -> None:
    desk.access = Access.MISSING
    place = ("--source-path", str(desk.photos), "--s3-bucket", "b")
    for answer, code in ((("--no-create-bucket",), 5), ((), 2)):
        result = desk(*place, *answer)
        assert result.code == code
        assert not config_file.exists()
        assert desk.made == []
    assert desk(*place, "--create-bucket", "--old-versions-days", "0").code == 0
    assert desk.made[0]["days"] == 0


def test_it_never_overwrites_silently(desk: Desk, config_file: Path) -> None:
    text = '# mine\n[libraries.default]\nsource_path = "/old"\ns3_bucket = "b"\nthreads = 3\n'
    config_file.write_text(text)
    place = ("--source-path", str(desk.photos), "--yes")
    result = desk(*place, "--s3-bucket", "c")
    assert result.code == 2
    assert "--update" in result.err and "--library" in result.err
    assert config_file.read_text() == text
    assert desk(*place, "--update").code == 0
    assert libraries(config_file)["default"] == {
        "source_path": str(desk.photos),
        "s3_bucket": "b",
        "threads": 3,
    }
    assert desk(*place, "--library", "nas", "--s3-bucket", "c").code == 0
    assert list(libraries(config_file)) == ["default", "nas"]
    assert "# mine" in config_file.read_text()


def test_another_file_takes_nothing_from_the_usual_one(desk: Desk, config_file: Path) -> None:
    config_file.write_text('[libraries.default]\nsource_path = "/old"\ns3_bucket = "old"\nthreads = 3\n')
    other = desk.photos.parent / "other.toml"
    result = desk("--config", str(other), "--source-path", str(desk.photos), "--s3-bucket", "b", "--json")
    found = json.loads(result.out)
    assert (found["command"], found["exit_code"], found["config_file"]) == ("init", 0, str(other))
    assert found["first_backup"]["files"] == 1 and found["first_backup"]["rate_is_assumed"]
    assert found["bucket"] == {"name": "b", "created": False, "features": {}}
    assert "threads" not in libraries(other)["default"]


def test_a_folder_that_is_not_there(desk: Desk, config_file: Path) -> None:
    result = desk("--source-path", "/no/such/folder", "--s3-bucket", "b")
    assert result.code == 6
    assert not config_file.exists()

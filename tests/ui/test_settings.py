"""Flags win over variables, which win over the file; what is wrong in each is said."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from lrsync import settings
from lrsync.config import Config
from lrsync.core.amounts import MaxDelete
from lrsync.core.filetypes import FileType
from lrsync.errors import UsageError

NEEDED = {"source_path": "/photos", "s3_bucket": "bucket"}


def load(flags: dict[str, Any] | None = None, environ: dict[str, str] | None = None, **others: Any) -> Config:
    return settings.load(flags if flags is not None else NEEDED, environ or {}, **others)


def write(path: Path, text: str) -> None:
    path.write_text(f'[libraries.default]\nsource_path = "/photos"\ns3_bucket = "bucket"\n{text}', encoding="utf-8")


def test_defaults(home: Path) -> None:
    assert load() == Config(bucket="bucket", source=Path("/photos"))


def test_every_setting_from_the_file(config_file: Path) -> None:
    write(
        config_file,
        """
        s3_prefix = "lightroom/"
        endpoint_url = "http://127.0.0.1:9000"
        region = "eu-central-1"
        profile = "photos"
        threads = 4
        batch_size = 50
        exclude = ["*.tmp", "Export, old/"]
        include = ["keep.tmp"]
        no_default_excludes = true
        storage_class = "STANDARD_IA"
        sse = "aws:kms"
        sse_kms_key_id = "key"
        bwlimit = "5M"
        transport = "boto3"
        delete = true
        max_delete = "5%"
        full_every = "never"
        manifest = "/var/manifest.sqlite"
        log_file = "~/lrsync.log"
        """,
    )
    assert load({}) == Config(
        source=Path("/photos"),
        bucket="bucket",
        prefix="lightroom",
        endpoint_url="http://127.0.0.1:9000",
        region="eu-central-1",
        profile="photos",
        threads=4,
        batch_size=50,
        exclude=("*.tmp", "Export, old/"),
        include=("keep.tmp",),
        default_excludes=False,
        storage_class="STANDARD_IA",
        sse="aws:kms",
        sse_kms_key_id="key",
        bwlimit=5 * 1024 * 1024,
        transport="boto3",
        delete=True,
        max_delete=MaxDelete(None, 5.0),
        full_every_s=math.inf,
        manifest=Path("/var/manifest.sqlite"),
        log_file=Path.home() / "lrsync.log",
    )


STORAGE = """
[libraries.default]
source_path = "/photos"
s3_bucket = "bucket"
storage_class = "STANDARD_IA"
[libraries.default.storage]
"""


def test_storage_by_kind(home: Path, config_file: Path) -> None:
    config_file.write_text(STORAGE + 'original = "deep-archive"\nsidecar = "STANDARD"\nmin_size = "64K"')
    rules = load({}, {}).storage_rules
    assert rules.by_kind == {FileType.ORIGINAL: "DEEP_ARCHIVE", FileType.SIDECAR: "STANDARD"}
    assert (rules.default, rules.min_size) == ("STANDARD_IA", 64 << 10)
    assert rules.classes == {"DEEP_ARCHIVE", "STANDARD", "STANDARD_IA"}
    assert load({}, {}, library=None).storage.default is None
    explained = {one.name: one.value for one in settings.explain({}, {})}
    assert explained["storage.original"] == "deep-archive" and explained["storage.min_size"] == "64K"
    config_file.write_text(STORAGE)
    assert load({}, {}).storage_rules.min_size == 128 << 10
    config_file.write_text(STORAGE.replace("[libraries.default.storage]", ""))
    assert load({}, {}).storage_rules.min_size == 0, "a class for everything is for everything"


@pytest.mark.parametrize(
    ("line", "told", "hint"),
    [
        ('originals = "GLACIER"', "unknown setting 'originals'", "did you mean 'original'?"),
        ('preview = "GLACIER"', "unknown setting 'preview'", "there are: original"),
        ('original = "GLACEIR"', "S3 has no storage class 'GLACEIR'", "did you mean GLACIER"),
        ("original = 5", "'original' must be text in quotes", "DEEP_ARCHIVE"),
        ('original = "cold one"', "original in", "for example"),
        ('catalog = "GLACIER"', "catalogs go into no archive class", "STANDARD"),
        ('catalog = "glacier_ir"', "catalogs go into no archive class", "STANDARD"),
        ('min_size = "much"', "'much' is not a size", "128K"),
        ("min_size = true", "'True' is not a size", "128K"),
        ("min_size = -1", "'-1' is not a size", "128K"),
    ],
)
def test_what_a_storage_table_may_not_hold(home: Path, config_file: Path, line: str, told: str, hint: str) -> None:
    config_file.write_text(STORAGE + line)
    with pytest.raises(UsageError) as refused:
        load({}, {})
    assert told in refused.value.message and hint in refused.value.hint


def test_storage_must_be_a_table(home: Path, config_file: Path) -> None:
    config_file.write_text('[libraries.default]\nsource_path = "/p"\ns3_bucket = "b"\nstorage = "GLACIER"')
    with pytest.raises(UsageError, match="must be a table"):
        load({}, {})


def test_every_setting_has_a_variable(home: Path) -> None:
    values = {
        "source_path": "/photos",
        "s3_bucket": "bucket",
        "s3_prefix": "p",
        "endpoint_url": "http://h",
        "region": "r",
        "profile": "q",
        "threads": "3",
        "batch_size": "5",
        "exclude": "*.tmp\n\nA, b/",
        "include": "a.tmp",
        "no_default_excludes": "1",
        "storage_class": "GLACIER",
        "sse": "aws:kms",
        "sse_kms_key_id": "k",
        "bwlimit": "1M",
        "transport": "curl",
        "delete": "yes",
        "max_delete": "7",
        "full_every": "12h",
        "catalogs": "/a.lrcat\n\n/b, c.LRCAT",
        "keep_catalogs": "5",
        "catalog_wait": "5m",
        "settle": "2m",
        "manifest": "/m",
        "log_file": "/l",
        "prices": "/prices.toml",
        "full": "on",
        "dry_run": "true",
        "accept_mass_change": "1",
        "no_verify_ssl": "1",
        "no_marker": "1",
        "accept_source": "1",
    }
    assert set(values) == {setting.name for setting in settings.SETTINGS}
    config = load({}, {f"LRSYNC_{name.upper()}": value for name, value in values.items()})
    default = Config(bucket="")
    unset = [name for name in Config.__dataclass_fields__ if getattr(config, name) == getattr(default, name)]
    assert unset == ["library", "hooks", "storage"]  # the last two are tables, in the file only
    assert config.exclude == ("*.tmp", "A, b/")
    assert config.catalogs == (Path("/a.lrcat"), Path("/b, c.LRCAT"))
    assert (config.dry_run, config.full, config.delete, config.default_excludes) == (True, True, True, False)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('catalogs = ["My.lrcat"]', "must be an absolute path"),
        ('catalogs = ["/a/My.lrcat-data"]', "is no Lightroom catalog"),
        ('catalogs = "/a/My.lrcat"', "must be a list of texts"),
        ("catalogs = [1]", "must be a list of texts"),
    ],
)
def test_catalogs_that_the_file_cannot_name(config_file: Path, line: str, words: str) -> None:
    write(config_file, line)
    with pytest.raises(UsageError, match=words):
        load({}, {})


def test_catalogs_are_named_absolutely(config_file: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    write(config_file, 'catalogs = ["~/My.lrcat", "/b/Two.lrcat"]')
    monkeypatch.setenv("HOME", "/home/anna")
    assert load({}, {}).catalogs == (Path("/home/anna/My.lrcat"), Path("/b/Two.lrcat"))
    monkeypatch.chdir(tmp_path)
    assert load({"catalogs": ("My.lrcat",)}, {}).catalogs == (tmp_path / "My.lrcat",)
    assert settings.for_file({"catalogs": ("My.lrcat",)}, {}) == {"catalogs": [str(tmp_path / "My.lrcat")]}
    with pytest.raises(UsageError, match=r"--catalog: 'x' is no Lightroom catalog"):
        load({"catalogs": ("x",)}, {})


def test_flags_win_over_variables_over_file(config_file: Path) -> None:
    write(config_file, 'threads = 2\nregion = "file"\nprofile = "file"\nexclude = ["file"]')
    environ = {"LRSYNC_THREADS": "3", "LRSYNC_REGION": "variable", "LRSYNC_EXCLUDE": "variable"}
    config = load({"threads": "4", "exclude": (), "delete": None}, environ)
    assert (config.threads, config.region, config.profile) == (4, "variable", "file")
    assert config.exclude == ("variable",)


def test_a_flag_can_switch_off_what_the_file_switches_on(config_file: Path) -> None:
    write(config_file, "delete = true\nno_default_excludes = true")
    config = load({"delete": False, "no_default_excludes": False})
    assert (config.delete, config.default_excludes) == (False, True)


def test_an_empty_variable_is_none(home: Path) -> None:
    assert load(NEEDED, {"LRSYNC_REGION": "", "LRSYNC_THREADS": ""}).region is None


def test_libraries_by_name(config_file: Path) -> None:
    config_file.write_text('[libraries.nas]\nsource_path = "/nas"\ns3_bucket = "other"\n')
    assert load({}, library="nas").source == Path("/nas")
    with pytest.raises(UsageError, match="no library 'nass'") as caught:
        load({}, library="nass")
    assert caught.value.hint == "did you mean 'nas'?"


def test_a_name_with_everything_by_flags_needs_no_file(home: Path) -> None:
    assert load(NEEDED, library="travel").library == "travel"


def test_notepads_mark_is_no_part_of_the_file(config_file: Path) -> None:
    config_file.write_bytes(b'\xef\xbb\xbf[libraries.default]\nsource_path = "/p"\ns3_bucket = "b"\n')
    assert load({}).bucket == "b"


@pytest.mark.parametrize(
    ("line", "message", "hint"),
    [
        ("thread = 4", "unknown setting 'thread'", "did you mean 'threads'?"),
        ("zzz = 4", "unknown setting 'zzz'", "there are: batch_size, "),
        ("dry_run = true", "'dry_run' is for one run", "--dry-run"),
        ("accept_source = true", "'accept_source' is for one run", "--accept-source"),
        ('threads = "4"', "'threads' must be a whole number", ""),
        ("threads = true", "'threads' must be a whole number", ""),
        ("threads = 300", "threads in .*'300' is not a whole number from 1 to 256", ""),
        ('delete = "yes"', "'delete' must be true or false", ""),
        ('exclude = "*.tmp"', "'exclude' must be a list", ""),
        ("exclude = [1]", "'exclude' must be a list", ""),
        ("region = 1", "'region' must be text", ""),
        ('manifest = "m.sqlite"', "'manifest' must be an absolute path", "start it with / or ~"),
        ('bwlimit = "quick"', "bwlimit in .*: 'quick' is not a speed", "5M"),
        ("= 4", "is not TOML", ""),
    ],
)
def test_wrong_lines_of_the_file(config_file: Path, line: str, message: str, hint: str) -> None:
    write(config_file, line)
    with pytest.raises(UsageError, match=message) as caught:
        load({})
    assert hint in caught.value.hint
    assert str(config_file) in caught.value.message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('s3_bucket = "b"', "unknown name 's3_bucket'"),
        ("[library.default]", "unknown name 'library'"),
        ("libraries = 1", "must hold tables"),
        ("[libraries]\ndefault = 1", "must hold tables"),
        ("\x00", "is not TOML"),
    ],
)
def test_wrong_shapes_of_the_file(config_file: Path, text: str, message: str) -> None:
    config_file.write_text(text)
    with pytest.raises(UsageError, match=message):
        load({})


def test_a_file_that_is_no_text(config_file: Path) -> None:
    config_file.write_bytes(b"\xff\xfe")
    with pytest.raises(UsageError, match="cannot be read"):
        load({})


def test_a_named_file_must_exist(home: Path) -> None:
    with pytest.raises(UsageError, match="there is no config file"):
        load(config_file=home / "none.toml")


@pytest.mark.parametrize("missing", ["source_path", "s3_bucket"])
def test_what_is_needed_must_be_given(home: Path, missing: str) -> None:
    flags = {name: value for name, value in NEEDED.items() if name != missing}
    with pytest.raises(UsageError, match=r"no (source folder|bucket) was given") as caught:
        load(flags)
    assert f"--{missing.replace('_', '-')}" in caught.value.hint
    assert f"LRSYNC_{missing.upper()}" in caught.value.hint


def test_who_gave_a_bad_value_is_said(home: Path) -> None:
    with pytest.raises(UsageError, match=r"^--threads: 'x'"):
        load({**NEEDED, "threads": "x"})
    with pytest.raises(UsageError, match=r"^LRSYNC_THREADS: 'x'"):
        load(NEEDED, {"LRSYNC_THREADS": "x"})
    with pytest.raises(UsageError, match=r"^LRSYNC_DELETE: 'maybe' is neither on nor off"):
        load(NEEDED, {"LRSYNC_DELETE": "maybe"})


def test_whoever_has_no_library_is_sent_to_init(config_file: Path) -> None:
    with pytest.raises(UsageError, match="no source folder was given") as caught:
        load({}, {})
    assert (caught.value.hint or "").startswith("'lrsync init' asks for it; else give --source-path or ")
    config_file.write_text('[libraries.default]\ns3_bucket = "b"\n')
    with pytest.raises(UsageError, match="no source folder was given") as caught:
        load({}, {})
    assert (caught.value.hint or "").startswith("give --source-path or ")

"""What each setting's text may be."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lrsync import config
from lrsync.config import Config, check_together
from lrsync.core.amounts import MaxDelete
from lrsync.errors import ExitCode, UsageError

GOOD: list[tuple[Callable[[str], Any], str, Any]] = [
    (config.parse_bwlimit, "5M", 5 * 1024 * 1024),
    (config.parse_bwlimit, "500K", 500 * 1024),
    (config.parse_bwlimit, "500k", 500 * 1024),
    (config.parse_bwlimit, "1.5M", 1536 * 1024),
    (config.parse_bwlimit, "2MB/s", 2 * 1024 * 1024),
    (config.parse_bwlimit, "1G", 1 << 30),
    (config.parse_bwlimit, "4096", 4096),
    (config.parse_bwlimit, "0", None),
    (config.parse_bwlimit, "off", None),
    (config.parse_max_delete, "50", MaxDelete(50, None)),
    (config.parse_max_delete, "0", MaxDelete(0, None)),
    (config.parse_max_delete, "5%", MaxDelete(None, 5.0)),
    (config.parse_max_delete, "0.5%", MaxDelete(None, 0.5)),
    (config.parse_period, "7d", 7 * 86400.0),
    (config.parse_period, "12h", 12 * 3600.0),
    (config.parse_period, "1.5d", 36 * 3600.0),
    (config.parse_period, "2w", 14 * 86400.0),
    (config.parse_period, "never", math.inf),
    (config.parse_settle, "2m", 120.0),
    (config.parse_settle, "90s", 90.0),
    (config.parse_settle, "0", 0.0),
    (config.parse_settle, "Off", 0.0),
    (config.parse_threads, "1", 1),
    (config.parse_threads, "256", 256),
    (config.parse_batch_size, "10000", 10_000),
    (config.parse_prefix, "backup/photos/", "backup/photos"),
    (config.parse_prefix, "", ""),
    (config.parse_bucket, "my-photos.2024", "my-photos.2024"),
    (config.parse_bucket, "Old_Bucket", "Old_Bucket"),
    (config.parse_bucket, "arn:aws:s3:eu-west-1:1:accesspoint/x", "arn:aws:s3:eu-west-1:1:accesspoint/x"),
    (config.parse_endpoint, "http://127.0.0.1:9000", "http://127.0.0.1:9000"),
    (config.parse_endpoint, "https://[::1]:9000/s3", "https://[::1]:9000/s3"),
    (config.parse_storage_class, "STANDARD_IA", "STANDARD_IA"),
    (config.parse_storage_class, "glacier-ir", "GLACIER_IR"),
    (config.parse_storage_class, "COLD-2", "COLD-2"),
    (config.parse_sse, "aws:kms", "aws:kms"),
    (config.parse_path, "/photos", Path("/photos")),
]

BAD: list[tuple[Callable[[str], Any], str]] = [
    (config.parse_settle, "120"),
    (config.parse_settle, "-2m"),
    (config.parse_settle, ""),
    (config.parse_bwlimit, "fast"),
    (config.parse_bwlimit, "5X"),
    (config.parse_bwlimit, "-5M"),
    (config.parse_bwlimit, "5"),
    (config.parse_bwlimit, ""),
    (config.parse_bwlimit, "1e9"),
    (config.parse_bwlimit, "٥M"),
    (config.parse_max_delete, "many"),
    (config.parse_max_delete, "-1"),
    (config.parse_max_delete, "101%"),
    (config.parse_max_delete, "-1%"),
    (config.parse_max_delete, "nan%"),
    (config.parse_max_delete, "%"),
    (config.parse_max_delete, "1.5"),
    (config.parse_max_delete, "²"),
    (config.parse_period, "7"),
    (config.parse_period, "7 days"),
    (config.parse_period, "-1d"),
    (config.parse_period, ""),
    (config.parse_threads, "0"),
    (config.parse_threads, "257"),
    (config.parse_threads, "eight"),
    (config.parse_threads, "8.0"),
    (config.parse_batch_size, "10001"),
    (config.parse_prefix, "/photos"),
    (config.parse_prefix, "a/../b"),
    (config.parse_prefix, "a//b"),
    (config.parse_prefix, "a\nb"),
    (config.parse_bucket, ""),
    (config.parse_bucket, "s3://bucket"),
    (config.parse_bucket, "bucket/photos"),
    (config.parse_bucket, ".."),
    (config.parse_bucket, "büro"),
    (config.parse_endpoint, "127.0.0.1:9000"),
    (config.parse_endpoint, "ftp://host"),
    (config.parse_endpoint, "http://"),
    (config.parse_endpoint, "http://host:port"),
    (config.parse_endpoint, "http://host name"),
    (config.parse_endpoint, "https://key:secret@host"),
    (config.parse_endpoint, "https://host/?a=b"),
    (config.parse_storage_class, "cheap"),
    (config.parse_storage_class, ""),
    (config.parse_sse, "AES"),
    (config.parse_transport, "crt"),
    (config.parse_name, " "),
    (config.parse_name, "a\nb"),
    (config.parse_path, ""),
    (config.parse_path, "a\0b"),
]


@pytest.mark.parametrize(("parse", "text", "value"), GOOD)
def test_good_text(parse: Callable[[str], Any], text: str, value: Any) -> None:
    assert parse(text) == value


@pytest.mark.parametrize(("parse", "text"), BAD)
def test_bad_text_is_a_usage_error(parse: Callable[[str], Any], text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse(text)
    assert caught.value.exit_code is ExitCode.USAGE
    assert caught.value.message


def test_a_password_in_an_endpoint_is_not_repeated() -> None:
    with pytest.raises(UsageError) as caught:
        config.parse_endpoint("https://key:secret@host")
    assert "secret" not in caught.value.message + caught.value.hint


def test_home_folder_is_expanded(home: Path) -> None:
    assert config.parse_path("~/photos") == home / "photos"


def test_storage_class_must_be_one_of_s3s() -> None:
    with pytest.raises(UsageError, match="no storage class 'STANDRAD'") as caught:
        check_together(Config(bucket="b", storage_class="STANDRAD"))
    assert caught.value.hint == "did you mean STANDARD?"


def test_other_stores_have_storage_classes_of_their_own() -> None:
    other = Config(bucket="b", storage_class="COLD-2", endpoint_url="http://127.0.0.1:9000")
    assert check_together(other) is other


def test_kms_key_needs_kms() -> None:
    with pytest.raises(UsageError, match="goes with --sse aws:kms"):
        check_together(Config(bucket="b", sse="AES256", sse_kms_key_id="k"))
    assert check_together(Config(bucket="b", sse="aws:kms:dsse", sse_kms_key_id="k")).sse_kms_key_id == "k"

"""The settings of one command: a frozen value, and what each setting's text may be.

Reads no file and no environment variable: `settings` gathers the texts, this says what they mean.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from lrsync.core.amounts import BATCH_FILES, MaxDelete, Sample
from lrsync.core.filetypes import is_catalog
from lrsync.core.hooks import HookSettings
from lrsync.core.keys import KeyProblem, normalise_prefix
from lrsync.core.storage import StorageRules
from lrsync.errors import UsageError

MAX_THREADS: Final = 256
MAX_BATCH: Final = 10_000
MAX_KEPT_CATALOGS: Final = 1_000
LEAST_BWLIMIT: Final = 1024
"""Bytes per second. `5` is a forgotten `M` far more often than a wish for five bytes a second."""

STORAGE_CLASSES: Final = (
    "STANDARD",
    "REDUCED_REDUNDANCY",
    "STANDARD_IA",
    "ONEZONE_IA",
    "INTELLIGENT_TIERING",
    "GLACIER",
    "GLACIER_IR",
    "DEEP_ARCHIVE",
    "OUTPOSTS",
    "SNOW",
    "EXPRESS_ONEZONE",
    "FSX_OPENZFS",
    "FSX_ONTAP",
)
"""S3 API reference, PutObject, `x-amz-storage-class`."""

SSE_KINDS: Final = ("AES256", "aws:kms", "aws:kms:dsse")
"""S3 API reference, PutObject, `x-amz-server-side-encryption`: those that a bucket takes from anybody."""

TRANSPORTS: Final = ("curl", "boto3")

_BWLIMIT: Final = re.compile(r"(\d+(?:\.\d+)?)([KMG]?)(?:I?B)?(?:/S)?", re.ASCII)
_UNITS: Final = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30}
_PERIOD: Final = re.compile(r"(\d+(?:\.\d+)?)([hdw])", re.ASCII)
_WAIT: Final = re.compile(r"(\d{1,5}(?:\.\d{1,3})?)([sm])", re.ASCII)
_SECONDS: Final = {"h": 3600.0, "d": 86_400.0, "w": 7 * 86_400.0}
_BUCKET: Final = re.compile(r"[A-Za-z0-9._-]{1,255}", re.ASCII)
_STORE_CLASS: Final = re.compile(r"[A-Z0-9_-]{1,64}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """One library and how to run on it. Sizes in bytes, times in seconds, speeds in bytes per second.

    `full_every_s` is infinite for never. `bucket` is empty only where a command does without (a given manifest).
    """

    library: str = "default"
    source: Path | None = None
    bucket: str
    prefix: str = ""
    endpoint_url: str | None = None
    region: str | None = None
    profile: str | None = None
    threads: int = 8
    batch_size: int = BATCH_FILES
    exclude: tuple[str, ...] = ()
    include: tuple[str, ...] = ()
    default_excludes: bool = True
    storage_class: str | None = None
    sse: str | None = None
    sse_kms_key_id: str | None = None
    bwlimit: int | None = None
    verify_ssl: bool = True
    no_marker: bool = False
    accept_source: bool = False
    transport: str | None = None
    delete: bool = False
    max_delete: MaxDelete = field(default_factory=MaxDelete)
    accept_mass_change: bool = False
    full: bool = False
    full_every_s: float = 7 * 86400.0
    manifest: Path | None = None
    dry_run: bool = False
    catalogs: tuple[Path, ...] = ()
    keep_catalogs: int = 10
    catalog_wait_s: float = 60.0
    settle_s: float = 0.0
    log_file: Path | None = None
    prices: Path | None = None
    hooks: HookSettings = field(default_factory=HookSettings)
    storage: StorageRules = field(default_factory=StorageRules)
    """By the kind of a file, over `storage_class`; see `storage_rules`."""

    @property
    def storage_rules(self) -> StorageRules:
        """Into which class each file goes."""
        return replace(self.storage, default=self.storage_class)


def _is_number(text: str) -> bool:
    """Whether it is a plain whole number, of no more digits than int() takes (4,300) or anybody means."""
    return text.isascii() and text.isdigit() and len(text) <= 18


def parse_bwlimit(text: str) -> int | None:
    """Bytes per second: `5M`, `500K`, `1.5M` (K is 1,024); None for `0` and `off`. Raises UsageError."""
    if text.strip().lower() in ("0", "off"):
        return None
    match = _BWLIMIT.fullmatch(text.strip().upper())
    if match is None:
        raise UsageError(f"'{text}' is not a speed", hint="write it as 5M, 500K or 1.5M (bytes per second), or off")
    # Bounded: a number of 400 digits is an infinite float, and no int.
    speed = int(min(float(match[1]), 1e15) * _UNITS[match[2]])
    if speed < LEAST_BWLIMIT:
        raise UsageError(f"'{text}' is {speed:,} bytes a second, too slow", hint=f"did you mean {text}M, or off?")
    return speed


def parse_max_delete(text: str) -> MaxDelete:
    """How many files one run may delete: `50` or `5%`. Raises UsageError."""
    hint = "write a number of files as 50, or a share of the library as 5%"
    number = text.strip()
    if number.endswith("%"):
        try:
            percent = float(number[:-1])
        except ValueError:
            percent = math.nan
        if not 0 <= percent <= 100:
            raise UsageError(f"'{text}' is not a percentage from 0% to 100%", hint=hint)
        return MaxDelete(count=None, percent=percent)
    if not _is_number(number):
        raise UsageError(f"'{text}' is not a number of files", hint=hint)
    return MaxDelete(count=int(number), percent=None)


def parse_sample(text: str) -> Sample:
    """How many files to look at: `500` or `2%`. Raises UsageError."""
    hint = "write a number of files as 500, or a share of the library as 2%"
    number = text.strip()
    if number.endswith("%"):
        try:
            percent = float(number[:-1])
        except ValueError:
            percent = math.nan
        if not 0 < percent <= 100:
            raise UsageError(f"'{text}' is not a percentage above 0% and up to 100%", hint=hint)
        return Sample(percent=percent)
    if not (_is_number(number) and int(number) > 0):
        raise UsageError(f"'{text}' is not a number of files", hint=hint)
    return Sample(count=int(number))


def parse_period(text: str) -> float:
    """Seconds: `12h`, `7d`, `2w`; infinite for `never`. Raises UsageError."""
    if text.strip().lower() == "never":
        return math.inf
    match = _PERIOD.fullmatch(text.strip().lower())
    if match is None:
        raise UsageError(f"'{text}' is not a period", hint="write it as 12h, 7d or 2w, or never")
    return float(match[1]) * _SECONDS[match[2]]


def parse_wait(text: str) -> float:
    """Seconds: `0s`, `30s`, `5m`. Raises UsageError."""
    match = _WAIT.fullmatch(text.strip().lower())
    if match is None:
        raise UsageError(f"'{text}' is not a time to wait", hint="write it as 30s or 5m")
    return float(match[1]) * {"s": 1.0, "m": 60.0}[match[2]]


def parse_settle(text: str) -> float:
    """Seconds: `90s`, `2m`; 0 for `0` and `off`. Raises UsageError."""
    return 0.0 if text.strip().lower() in ("0", "off") else parse_wait(text)


def parse_threads(text: str) -> int:
    """A number of uploads at once. Raises UsageError."""
    return _parse_count(text, MAX_THREADS)


def parse_keep_catalogs(text: str) -> int:
    """How many snapshots of a catalog to keep by their time. Raises UsageError."""
    return _parse_count(text, MAX_KEPT_CATALOGS)


def parse_batch_size(text: str) -> int:
    """A number of outcomes to one transaction. Raises UsageError."""
    return _parse_count(text, MAX_BATCH)


def _parse_count(text: str, most: int) -> int:
    number = text.strip()
    if not (_is_number(number) and 1 <= int(number) <= most):
        raise UsageError(f"'{text}' is not a whole number from 1 to {most:,}")
    return int(number)


def parse_prefix(text: str) -> str:
    """The prefix as `core.keys` wants it. Raises UsageError."""
    try:
        # Under a C locale the shell's UTF-8 arrives as surrogates: S3's keys are UTF-8 whatever the locale.
        return normalise_prefix(text.encode("utf-8", "surrogateescape").decode())
    except UnicodeError as problem:
        raise UsageError("the prefix is not valid UTF-8", hint="S3 keys are UTF-8; use such characters") from problem
    except KeyProblem as problem:
        raise UsageError(str(problem), hint=problem.hint) from problem


def parse_bucket(text: str) -> str:
    """A bucket's name, or the ARN of an access point. Raises UsageError.

    Looser than S3's own rules (3 to 63 lower-case characters): old buckets and other stores have other names.
    """
    if text.startswith("arn:"):
        return text
    if text.startswith("s3://"):
        raise UsageError(f"'{text}' is an address", hint="give the bucket's name alone, and the folder as --s3-prefix")
    if _BUCKET.fullmatch(text) is None or text in (".", ".."):
        hint = "a bucket's name has letters, digits, dots and hyphens; a folder goes into --s3-prefix"
        if "?" in text or "@" in text:  # a signed URL or a password must not be repeated
            raise UsageError("this is not a bucket's name", hint=hint)
        raise UsageError(f"'{text}' is not a bucket's name", hint=hint)
    return text


def parse_endpoint(text: str) -> str:
    """An endpoint's URL. Raises UsageError, also for one with a password: that would end up in logs."""
    from urllib.parse import urlsplit

    hint = "write it as https://s3.example.com or http://127.0.0.1:9000"
    try:
        url = urlsplit(text)
        proper = url.scheme in ("http", "https") and bool(url.hostname) and url.port != 0
    except ValueError:
        proper = False
    if not proper or any(c.isspace() for c in text):
        raise UsageError("this is not an http:// or https:// address", hint=hint)
    if "@" in url.netloc:
        raise UsageError("the address holds a user name or password", hint="keys come from AWS's own configuration")
    if url.query or url.fragment:
        raise UsageError("the address goes on after its path", hint=hint)
    return text


def parse_name(text: str) -> str:
    """A region, profile or key id: anything but nothing, blanks and control characters. Raises UsageError."""
    if not text.strip() or not text.isprintable():
        raise UsageError("this is empty or has control characters")
    return text.strip()


def parse_storage_class(text: str) -> str:
    """A storage class by its shape (`standard-ia` is taken too); `check_together` knows S3's. Raises UsageError."""
    name = text.strip()
    known = name.upper().replace("-", "_")
    if known in STORAGE_CLASSES:
        return known
    if _STORE_CLASS.fullmatch(name) is None:
        raise UsageError(f"'{text}' is not a storage class", hint="for example STANDARD, STANDARD_IA or GLACIER_IR")
    return name


def parse_sse(text: str) -> str:
    """A kind of server-side encryption. Raises UsageError."""
    if text not in SSE_KINDS:
        raise UsageError(f"'{text}' is not a kind of encryption", hint=f"one of {', '.join(SSE_KINDS)}")
    return text


def parse_transport(text: str) -> str:
    """What bodies are sent with. Raises UsageError."""
    if text not in TRANSPORTS:
        raise UsageError(f"'{text}' is not a transport", hint=f"one of {', '.join(TRANSPORTS)}")
    return text


def parse_path(text: str) -> Path:
    """An absolute path; `~` is the home folder. Raises UsageError."""
    if not text or "\0" in text:
        raise UsageError("this is not a path")
    try:
        return Path(text).expanduser().absolute()
    except (RuntimeError, OSError) as problem:
        raise UsageError(f"'{text}' cannot be made an absolute path: {problem}") from problem


def parse_catalog(text: str) -> Path:
    """The absolute path of a Lightroom catalog. Raises UsageError."""
    path = parse_path(text)
    if not is_catalog(path.name):
        raise UsageError(f"'{text}' is no Lightroom catalog", hint="name the .lrcat file itself")
    return path


def check_together(config: Config) -> Config:
    """The config itself, when its settings go with one another. Raises UsageError."""
    unknown = sorted(config.storage_rules.classes.difference(STORAGE_CLASSES)) if config.endpoint_url is None else []
    if unknown:
        import difflib

        close = difflib.get_close_matches(unknown[0], STORAGE_CLASSES, n=1)
        hint = f"did you mean {close[0]}?" if close else f"one of {', '.join(STORAGE_CLASSES)}"
        raise UsageError(f"S3 has no storage class '{unknown[0]}'", hint=hint)
    if config.sse_kms_key_id and config.sse not in ("aws:kms", "aws:kms:dsse"):
        raise UsageError("--sse-kms-key-id goes with --sse aws:kms", hint="add --sse aws:kms, or leave the key out")
    return config

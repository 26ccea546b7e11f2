"""The errors that end a run: each knows its exit code and how the user gets out of it.

The failure of one file is not here: that is a value (`core.model.Failed`), so that the other files go on.
"""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """What cron sees. When several apply, `worst` says which one wins."""

    OK = 0
    BUG = 1
    USAGE = 2
    INCOMPLETE = 3
    NEEDS_PERSON = 4
    BUCKET = 5
    SOURCE = 6
    LOCKED = 7
    MANIFEST = 8
    INTERRUPTED = 130


class LrsyncError(Exception):
    """Ends the run with one line, a hint and an exit code. Never carries a credential."""

    exit_code: ExitCode = ExitCode.BUG

    def __init__(self, message: str, *, hint: str = "", path: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.path = path


class UsageError(LrsyncError):
    """A flag, a variable or the config file says something that cannot be done."""

    exit_code = ExitCode.USAGE


class BucketError(LrsyncError):
    """The bucket cannot be used at all: credentials, access, missing bucket, network."""

    exit_code = ExitCode.BUCKET


class SourceError(LrsyncError):
    """The source is missing, or is not the library's."""

    exit_code = ExitCode.SOURCE


class LockedError(LrsyncError):
    """Another run holds the library's lock."""

    exit_code = ExitCode.LOCKED


class ManifestError(LrsyncError):
    """The manifest is damaged, of a newer version, or cannot be written."""

    exit_code = ExitCode.MANIFEST


class CatalogError(LrsyncError):
    """A Lightroom catalog cannot be read: it is damaged, no catalog, or written to all the time."""

    exit_code = ExitCode.NEEDS_PERSON


class InterruptedRun(LrsyncError):
    """Ctrl-C or SIGTERM: what was acknowledged is recorded."""

    exit_code = ExitCode.INTERRUPTED


class ObjectError(Exception):
    """One request about one object failed after its retries; the run goes on without that object.

    `code` is S3's own error code ("EntityTooLarge"), or the name of the network error.
    """

    def __init__(self, message: str, *, code: str = "", hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.hint = hint


class ObjectMissingError(ObjectError):
    """The object, the copy's source or the multipart upload is not there (404)."""


class ObjectExistsError(ObjectError):
    """A write that asked for an absent key found one there (412 or 409)."""


class ObjectUnacceptableError(ObjectError):
    """S3 will never take this object as it is: it is too large, or its name is too long."""


class ObjectChangedError(ObjectError):
    """The object is not the one that was asked for: an If-Match failed (412)."""


class ObjectArchivedError(ObjectError):
    """The object lies in an archive class and must be thawed before it can be read or copied."""


class ChecksumMismatchError(ObjectError):
    """S3 refused the bytes, or reported another checksum than was sent."""

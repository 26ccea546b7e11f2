"""What exit codes mean, in words: one place, for the manual and for what tells of past runs."""

from __future__ import annotations

from typing import Final

from lrsync.errors import ExitCode

MEANINGS: Final = {
    ExitCode.OK: "everything is backed up",
    ExitCode.BUG: "an unexpected error: the log has the details",
    ExitCode.USAGE: "wrong usage or configuration",
    ExitCode.INCOMPLETE: "done, but some files could not be backed up; the rest is safe",
    ExitCode.NEEDS_PERSON: "done, but something needs a person",
    ExitCode.BUCKET: "the bucket could not be used; nothing was changed",
    ExitCode.SOURCE: "the source is missing or is not the library's; nothing was changed",
    ExitCode.LOCKED: "another run holds the lock",
    ExitCode.MANIFEST: "the manifest is damaged or of a newer version: rebuild-manifest is the way out",
    ExitCode.INTERRUPTED: "interrupted; everything acknowledged is recorded",
}

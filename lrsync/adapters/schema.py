"""The manifest's tables as SQLAlchemy Core sees them. Holds no SQL and opens nothing.

The tables are made by the migrations; a test compares the two. Times are nanoseconds since the epoch.
"""

from __future__ import annotations

from sqlalchemy import (
    CheckConstraint,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    text,
)

from lrsync.adapters import schema_names as names

metadata = MetaData()

library = Table(
    names.LIBRARY,
    metadata,
    Column("id", Integer, CheckConstraint("id = 1", name="one_library"), primary_key=True),
    Column("uuid", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("endpoint", Text, nullable=False),
    Column("bucket", Text, nullable=False),
    Column("prefix", Text, nullable=False),
    Column("created_at", Integer, nullable=False),
    Column("has_marker", Integer, nullable=False),
    Column("last_full_pass", Integer),
    Column("identity", Text),
)

directories = Table(
    names.DIRECTORIES,
    metadata,
    Column("id", Integer, primary_key=True),
    Column("path", Text, nullable=False, unique=True),
    Column("digest", LargeBinary),
)

# Without a rowid the table is its own index: a directory's rows lie side by side, and no path is stored twice.
files = Table(
    names.FILES,
    metadata,
    Column("dir_id", Integer, ForeignKey(directories.c.id), primary_key=True, nullable=False),
    Column("name", Text, primary_key=True, nullable=False),
    Column("size", Integer, nullable=False),
    Column("mtime_ns", Integer, nullable=False),
    Column("ctime_ns", Integer, nullable=False),
    Column("key", Text),
    Column("sha256", LargeBinary),
    Column("proof", Integer, nullable=False),
    Column("checksum", Text),
    Column("etag", LargeBinary, nullable=False),
    Column("version_id", Text),
    Column("storage_class", Text),
    Column("uploaded_at", Integer, nullable=False),
    Column("verified_at", Integer),
    Column("missing_since", Integer),
    Column("drift", Text),
    Column("settled", Integer, nullable=False),
    Column("image", LargeBinary),
    # Eight bytes tell digests apart as well as 32, in a quarter of the space. Whether the file is missing is part
    # of the index, so that of 10,000 rows with the same bytes the best is the first: no search is ever quadratic.
    Index(
        "files_twin",
        text("substr(sha256, 1, 8)"),
        text("missing_since IS NOT NULL"),
        sqlite_where=text("sha256 IS NOT NULL AND drift IS NULL"),
    ),
    Index("files_missing", "missing_since", sqlite_where=text("missing_since IS NOT NULL")),
    Index("files_drift", "drift", sqlite_where=text("drift IS NOT NULL")),
    sqlite_with_rowid=False,
)

runs = Table(
    names.RUNS,
    metadata,
    Column("id", Integer, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("result", Text, nullable=False),
    Column("exit_code", Integer),
    Column("started_at", Integer, nullable=False),
    Column("finished_at", Integer),
    Column("counts", Text, nullable=False),
)

findings = Table(
    names.FINDINGS,
    metadata,
    Column("kind", Text, primary_key=True, nullable=False),
    Column("path", Text, primary_key=True, nullable=False),
    Column("message", Text, nullable=False),
    Column("hint", Text, nullable=False),
    Column("size", Integer),
    Column("mtime_ns", Integer),
    Column("ctime_ns", Integer),
    Column("sha256", LargeBinary),
    Column("run_id", Integer, ForeignKey(runs.c.id), nullable=False),
    Column("first_seen", Integer, nullable=False),
    sqlite_with_rowid=False,
)

multiparts = Table(
    names.MULTIPARTS,
    metadata,
    Column("key", Text, primary_key=True, nullable=False),
    Column("path", Text, nullable=False),
    Column("upload_id", Text, nullable=False),
    Column("part_size", Integer, nullable=False),
    Column("size", Integer, nullable=False),
    Column("mtime_ns", Integer, nullable=False),
    Column("ctime_ns", Integer, nullable=False),
    Column("sha256", LargeBinary, nullable=False),
    Column("started_at", Integer, nullable=False),
    sqlite_with_rowid=False,
)

# Beside the rows: most libraries verify their disk seldom or never, and 2,000,000 rows need not have room for it.
disk_proofs = Table(
    names.DISK_PROOFS,
    metadata,
    Column("dir_id", Integer, primary_key=True, nullable=False),
    Column("name", Text, primary_key=True, nullable=False),
    Column("proven_at", Integer, nullable=False),
    ForeignKeyConstraint(["dir_id", "name"], [files.c.dir_id, files.c.name], ondelete="CASCADE"),
    sqlite_with_rowid=False,
)

folder_counts = Table(
    names.FOLDER_COUNTS,
    metadata,
    Column("dir_id", Integer, primary_key=True, nullable=False),
    Column("extension", Text, primary_key=True, nullable=False),
    Column("proof", Integer, primary_key=True, nullable=False),
    Column("state", Integer, primary_key=True, nullable=False),
    Column("proven_day", Integer, primary_key=True, nullable=False),
    Column("files", Integer, nullable=False),
    Column("bytes", Integer, nullable=False),
    sqlite_with_rowid=False,
)

uncounted = Table(names.UNCOUNTED, metadata, Column("dir_id", Integer, primary_key=True))

"""The first schema. Sets user_version, as every migration does."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make every table."""
    _create_library()
    _create_directories()
    _create_files()
    _create_runs()
    _create_findings()
    _create_multiparts()
    op.execute("PRAGMA application_id = 1819439993")
    op.execute("PRAGMA user_version = 1")


def _create_library() -> None:
    op.create_table(
        "library",
        sa.Column("id", sa.Integer(), sa.CheckConstraint("id = 1", name="one_library"), primary_key=True),
        sa.Column("uuid", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("endpoint", sa.Text(), nullable=False),
        sa.Column("bucket", sa.Text(), nullable=False),
        sa.Column("prefix", sa.Text(), nullable=False),
        sa.Column("created_at", sa.Integer(), nullable=False),
        sa.Column("has_marker", sa.Integer(), nullable=False),
        sa.Column("last_full_pass", sa.Integer()),
    )


def _create_directories() -> None:
    op.create_table(
        "directories",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("path", sa.Text(), nullable=False, unique=True),
        sa.Column("digest", sa.LargeBinary()),
    )


def _create_files() -> None:
    op.create_table(
        "files",
        sa.Column("dir_id", sa.Integer(), sa.ForeignKey("directories.id"), primary_key=True, nullable=False),
        sa.Column("name", sa.Text(), primary_key=True, nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("mtime_ns", sa.Integer(), nullable=False),
        sa.Column("ctime_ns", sa.Integer(), nullable=False),
        sa.Column("key", sa.Text()),
        sa.Column("sha256", sa.LargeBinary()),
        sa.Column("proof", sa.Integer(), nullable=False),
        sa.Column("checksum", sa.Text()),
        sa.Column("etag", sa.LargeBinary(), nullable=False),
        sa.Column("version_id", sa.Text()),
        sa.Column("storage_class", sa.Text()),
        sa.Column("uploaded_at", sa.Integer(), nullable=False),
        sa.Column("verified_at", sa.Integer()),
        sa.Column("missing_since", sa.Integer()),
        sa.Column("drift", sa.Text()),
        sa.Column("settled", sa.Integer(), nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "files_twin",
        "files",
        [sa.text("substr(sha256, 1, 8)"), sa.text("missing_since IS NOT NULL")],
        sqlite_where=sa.text("sha256 IS NOT NULL AND drift IS NULL"),
    )
    op.create_index("files_missing", "files", ["missing_since"], sqlite_where=sa.text("missing_since IS NOT NULL"))
    op.create_index("files_drift", "files", ["drift"], sqlite_where=sa.text("drift IS NOT NULL"))


def _create_runs() -> None:
    op.create_table(
        "runs",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("result", sa.Text(), nullable=False),
        sa.Column("exit_code", sa.Integer()),
        sa.Column("started_at", sa.Integer(), nullable=False),
        sa.Column("finished_at", sa.Integer()),
        sa.Column("counts", sa.Text(), nullable=False),
    )


def _create_findings() -> None:
    op.create_table(
        "findings",
        sa.Column("kind", sa.Text(), primary_key=True, nullable=False),
        sa.Column("path", sa.Text(), primary_key=True, nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("hint", sa.Text(), nullable=False),
        sa.Column("size", sa.Integer()),
        sa.Column("mtime_ns", sa.Integer()),
        sa.Column("ctime_ns", sa.Integer()),
        sa.Column("sha256", sa.LargeBinary()),
        sa.Column("run_id", sa.Integer(), sa.ForeignKey("runs.id"), nullable=False),
        sa.Column("first_seen", sa.Integer(), nullable=False),
        sqlite_with_rowid=False,
    )


def _create_multiparts() -> None:
    op.create_table(
        "multiparts",
        sa.Column("key", sa.Text(), primary_key=True, nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("upload_id", sa.Text(), nullable=False),
        sa.Column("part_size", sa.Integer(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("mtime_ns", sa.Integer(), nullable=False),
        sa.Column("ctime_ns", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.Column("started_at", sa.Integer(), nullable=False),
        sqlite_with_rowid=False,
    )

"""How many files of each kind every folder has, so that `status` need not count all rows."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables. Every folder is still to be counted: the next run does it, and `status` until then."""
    op.create_table(
        "folder_counts",
        sa.Column("dir_id", sa.Integer(), primary_key=True, nullable=False),
        sa.Column("extension", sa.Text(), primary_key=True, nullable=False),
        sa.Column("proof", sa.Integer(), primary_key=True, nullable=False),
        sa.Column("state", sa.Integer(), primary_key=True, nullable=False),
        sa.Column("proven_day", sa.Integer(), primary_key=True, nullable=False),
        sa.Column("files", sa.Integer(), nullable=False),
        sa.Column("bytes", sa.Integer(), nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table("uncounted", sa.Column("dir_id", sa.Integer(), primary_key=True))
    op.execute("INSERT INTO uncounted SELECT id FROM directories")
    op.execute("PRAGMA user_version = 4")

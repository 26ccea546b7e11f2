"""When a file on the disk was last read and found to have its recorded bytes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "disk_proofs",
        sa.Column("dir_id", sa.Integer(), primary_key=True, nullable=False),
        sa.Column("name", sa.Text(), primary_key=True, nullable=False),
        sa.Column("proven_at", sa.Integer(), nullable=False),
        # A directory's id may be given again: what was proven must go with its file.
        sa.ForeignKeyConstraint(["dir_id", "name"], ["files.dir_id", "files.name"], ondelete="CASCADE"),
        sqlite_with_rowid=False,
    )
    op.execute("PRAGMA user_version = 2")

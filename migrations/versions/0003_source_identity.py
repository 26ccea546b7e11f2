"""What tells the source from another one where it takes no marker."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; libraries that are there have none, and go by their marker as before."""
    op.add_column("library", sa.Column("identity", sa.Text(), nullable=True))
    op.execute("PRAGMA user_version = 3")

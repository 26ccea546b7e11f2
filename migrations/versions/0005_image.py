"""What identifies a photo's image data, whatever is written into its metadata."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; of what is backed up already nothing is known until it is read again."""
    op.add_column("files", sa.Column("image", sa.LargeBinary(), nullable=True))
    op.execute("PRAGMA user_version = 5")

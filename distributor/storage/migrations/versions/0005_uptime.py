"""A worker's sign of life says how long its machine was up.

Revision: 0005; follows: 0004.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Forward."""
    op.add_column("workers", sa.Column("boot", sa.String(64), nullable=False, server_default=""))
    op.add_column("workers", sa.Column("up", sa.BigInteger()))

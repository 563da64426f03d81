"""What waits past its deadline is found without walking what waits.

Revision: 0004; follows: 0003.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_CLAIMABLE = sa.text("state IN ('queued', 'waiting')")


def upgrade() -> None:
    """Forward."""
    op.create_index(
        "ix_deliveries_deadline",
        "deliveries",
        ["deadline"],
        sqlite_where=_CLAIMABLE,
        postgresql_where=_CLAIMABLE,
    )

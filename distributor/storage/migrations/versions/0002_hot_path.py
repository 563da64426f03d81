"""Deliveries as the hot path wants them: fewer indexes, no foreign keys, the calls of an attempt.

Revision: 0002; follows: 0001.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_OPEN = sa.text("state IN ('queued', 'waiting', 'sending', 'unknown', 'case')")
_OLD_ORDER = "uq_deliveries_release_id_revision_action_destination_id"
_NEW_ORDER = "uq_deliveries_release_id_destination_id_revision_action"


def upgrade() -> None:
    """Forward. SQLite copies the two tables; nothing is lost, and a large log takes a while."""
    for name in ("destination_id", "release_id_state", "updated_at"):
        op.drop_index(f"ix_deliveries_{name}", table_name="deliveries")
    with op.batch_alter_table("deliveries") as table:
        table.add_column(sa.Column("calls", sa.Integer(), nullable=False, server_default="1"))
        for name in ("destination_id", "release_id", "rendering_id"):
            table.drop_constraint(f"fk_deliveries_{name}", type_="foreignkey")
        table.drop_constraint(_OLD_ORDER, type_="unique")
        table.create_unique_constraint(_NEW_ORDER, ["release_id", "destination_id", "revision", "action"])
    with op.batch_alter_table("attempts") as table:
        table.drop_constraint("fk_attempts_delivery_id", type_="foreignkey")
    op.create_index("ix_deliveries_open", "deliveries", ["release_id"], sqlite_where=_OPEN, postgresql_where=_OPEN)

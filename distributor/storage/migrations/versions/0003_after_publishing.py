"""Corrections, withdrawals, embargo, emergency: what they need beside what is there.

Revision: 0003; follows: 0002.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from distributor.storage.schema import acknowledgements, alarms, overrides, templates

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Forward."""
    op.add_column("releases", sa.Column("proposed", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("releases", sa.Column("hands", sa.JSON(), nullable=False, server_default="[]"))
    op.add_column("destinations", sa.Column("trusted", sa.Boolean(), nullable=False, server_default=sa.text("false")))
    op.add_column("revisions", sa.Column("audience", sa.JSON()))
    op.add_column("pages", sa.Column("state", sa.String(12), nullable=False, server_default="published"))
    op.add_column("pages", sa.Column("number", sa.BigInteger(), nullable=False, server_default="0"))
    op.create_index("ix_pages_updated_at", "pages", ["updated_at"])
    for table in (alarms, overrides, acknowledgements, templates):
        table.create(op.get_bind())

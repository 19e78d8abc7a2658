"""Create the table of counters, with the row for visits."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table and its first row."""
    counters = op.create_table(
        "counters",
        sa.Column("name", sa.String(), primary_key=True),
        sa.Column("value", sa.Integer(), nullable=False),
    )
    op.bulk_insert(counters, [{"name": "visits", "value": 0}])


def downgrade() -> None:
    """Drop the table, including the number of visits."""
    op.drop_table("counters")

import sqlalchemy as sa
from alembic import op

revision = "3b9d1e60a7f4"
down_revision = None


def upgrade() -> None:
    op.create_table("tags", sa.Column("tag", sa.Text, primary_key=True))


def downgrade() -> None:
    op.drop_table("tags")

import sqlalchemy as sa
from alembic import op

revision = "5f1d7a90b3c2"
down_revision = None


def upgrade() -> None:
    op.create_table("item", sa.Column("id", sa.Integer, primary_key=True), sa.Column("title", sa.String, nullable=False))


def downgrade() -> None:
    op.drop_table("item")

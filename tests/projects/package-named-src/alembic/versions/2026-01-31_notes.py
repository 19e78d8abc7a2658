import sqlalchemy as sa
from alembic import op

revision = "7c2e4f6a9b10"
down_revision = None


def upgrade() -> None:
    op.create_table("note", sa.Column("id", sa.Integer, primary_key=True), sa.Column("text", sa.String))


def downgrade() -> None:
    op.drop_table("note")

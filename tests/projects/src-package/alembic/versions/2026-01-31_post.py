import sqlalchemy as sa
from alembic import op

revision = "a1c05e772d11"
down_revision = None


def upgrade() -> None:
    op.create_table("post", sa.Column("id", sa.Integer, primary_key=True))


def downgrade() -> None:
    op.drop_table("post")

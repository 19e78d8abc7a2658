import sqlalchemy as sa
from alembic import op

revision = "51d8c0a3e7f2"
down_revision = None


def upgrade() -> None:
    tags = op.create_table("tags", sa.Column("tag", sa.Text, primary_key=True))
    op.bulk_insert(tags, [{"tag": "first"}])


def downgrade() -> None:
    op.drop_table("tags")

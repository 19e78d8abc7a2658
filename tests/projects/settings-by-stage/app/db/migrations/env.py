import sys
from pathlib import Path

from alembic import context
from sqlalchemy import create_engine

sys.path.append(str(Path(__file__).resolve().parents[3]))

from app.core.choice import settings_of_stage  # noqa: E402

with create_engine(settings_of_stage().database_url).connect() as connection:
    context.configure(connection=connection, target_metadata=None)
    with context.begin_transaction():
        context.run_migrations()

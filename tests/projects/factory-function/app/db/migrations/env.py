import pathlib
import sys

from alembic import context
from sqlalchemy import create_engine

sys.path.append(str(pathlib.Path(__file__).resolve().parents[3]))

from app.core.config import get_app_settings  # noqa: E402

with create_engine(get_app_settings().database_url).connect() as connection:
    context.configure(connection=connection)
    with context.begin_transaction():
        context.run_migrations()

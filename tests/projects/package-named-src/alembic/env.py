from logging.config import fileConfig

from alembic import context
from sqlalchemy import create_engine

from src.config import settings
from src.database import metadata

fileConfig(context.config.config_file_name)

with create_engine(settings.database_url).connect() as connection:
    context.configure(connection=connection, target_metadata=metadata)
    with context.begin_transaction():
        context.run_migrations()

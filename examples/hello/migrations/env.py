"""Alembic's environment. It reads the database URL from the app's settings, so that the URL is in one place."""

from logging.config import fileConfig

from alembic import context
from sqlalchemy import Engine

from database import Base, database
from settings import Settings


def migrate(engine: Engine) -> None:
    """Run the migrations of the command line: all of them, or none if one fails."""
    sqlite = engine.dialect.name == "sqlite"
    if sqlite:
        write_ahead(engine)
    with engine.begin() as connection:
        if sqlite:
            # Python's sqlite3 begins no transaction for CREATE TABLE: an interruption would leave a partial change.
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        # SQLite can alter little of a table in place. "batch" copies the table instead.
        context.configure(
            connection=connection,
            target_metadata=Base.metadata,
            render_as_batch=True,
            transactional_ddl=sqlite or None,
        )
        context.run_migrations()


def write_ahead(engine: Engine) -> None:
    """Turn on WAL (https://sqlite.org/wal.html), so that readers continue while one worker writes.

    The setting is stored in the database file. Workers that set it at the same time would block each other.
    """
    with engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA journal_mode = WAL")


def print_sql(engine: Engine) -> None:
    """Print the SQL instead of running it (`alembic upgrade head --sql`)."""
    context.configure(dialect_name=engine.dialect.name, target_metadata=Base.metadata, literal_binds=True)
    with context.begin_transaction():
        context.run_migrations()


if context.config.config_file_name:
    fileConfig(context.config.config_file_name)
if context.is_offline_mode():
    print_sql(database(Settings()))
else:
    migrate(database(Settings()))

"""Alembic's environment. It reads the database's address from the app's settings, so that it is in one place."""

from alembic import context

from database import Base, engine

if context.is_offline_mode():
    context.configure(dialect_name=engine().dialect.name, target_metadata=Base.metadata, literal_binds=True)
    with context.begin_transaction():
        context.run_migrations()
else:
    with engine().begin() as connection:
        context.configure(connection=connection, target_metadata=Base.metadata, render_as_batch=True)
        context.run_migrations()

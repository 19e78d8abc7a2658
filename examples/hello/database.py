"""The database: one table of counters, in SQLite unless `DATABASE_URL` names another."""

from typing import Any

from sqlalchemy import URL, Engine, create_engine, event, select, update
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from settings import Settings

BUSY_TIMEOUT_MS = 5000


class Base(DeclarativeBase):
    """The base class of the tables, which Alembic's autogenerate reads."""


class Counter(Base):
    """A named number. The app uses one row, `visits`, which the migration inserts."""

    __tablename__ = "counters"

    name: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[int] = mapped_column(default=0)


def database(settings: Settings) -> Engine:
    """Return the engine for these settings; it connects on first use.

    Raises `sqlalchemy.exc.ArgumentError` when `DATABASE_URL` is not a database URL.
    """
    if settings.database_url:
        engine = create_engine(settings.database_url.get_secret_value(), pool_pre_ping=True)
    else:
        engine = create_engine(URL.create("sqlite", database=str(settings.database_file)))
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", share_file)
    return engine


def share_file(connection: Any, _record: object) -> None:
    """Configure a SQLite connection for several workers: wait for another writer instead of failing at once.

    https://sqlite.org/pragma.html recommends `synchronous = NORMAL` with WAL, which the migrations turn on.
    """
    connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
    connection.execute("PRAGMA synchronous = NORMAL")


def count_visit(engine: Engine) -> int:
    """Add one visit and return the new number of visits.

    Raises `sqlalchemy.exc.SQLAlchemyError` if the database does not answer or has no such table, and its subclass
    `sqlalchemy.exc.NoResultFound` if the row is missing.
    """
    # A single statement, so that two workers never read the same number.
    visit = update(Counter).where(Counter.name == "visits").values(value=Counter.value + 1).returning(Counter.value)
    with engine.begin() as connection:
        return connection.execute(visit).scalar_one()


def visits(engine: Engine) -> int:
    """Return the number of visits so far; raises as `count_visit` does."""
    with engine.connect() as connection:
        return connection.execute(select(Counter.value).where(Counter.name == "visits")).scalar_one()

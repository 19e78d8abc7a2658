"""The tables, and the connections to them: asynchronous in the web process, plain in tasks."""

from datetime import UTC, datetime

from sqlalchemy import CheckConstraint, DateTime, Engine, ForeignKey, String, create_engine
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from settings import settings


class Base(DeclarativeBase):
    """The base class of all tables."""


def now() -> datetime:
    """Return the time, with its zone."""
    return datetime.now(UTC)


class Product(Base):
    """Something to sell. picture: the name of a file in the folder of uploads."""

    __tablename__ = "products"
    __table_args__ = (CheckConstraint("stock >= 0", name="enough_stock"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(100), unique=True)
    cents: Mapped[int]
    stock: Mapped[int]
    picture: Mapped[str | None] = mapped_column(String(100), default=None)


class Order(Base):
    """An order of one product. packed: when a worker has packed it."""

    __tablename__ = "orders"

    id: Mapped[int] = mapped_column(primary_key=True)
    product_id: Mapped[int] = mapped_column(ForeignKey("products.id"))
    quantity: Mapped[int]
    paid: Mapped[bool] = mapped_column(default=False)
    ordered: Mapped[datetime] = mapped_column(DateTime(timezone=True), default=now)
    packed: Mapped[datetime | None] = mapped_column(DateTime(timezone=True), default=None)


class Report(Base):
    """The number of orders at a time. Celery's beat has a task write one each minute."""

    __tablename__ = "reports"

    id: Mapped[int] = mapped_column(primary_key=True)
    written: Mapped[datetime] = mapped_column(DateTime(timezone=True), default=now)
    orders: Mapped[int]
    unpacked: Mapped[int]


def async_engine() -> AsyncEngine:
    """Return the connections of the web process. They are tested before use, since the database may have restarted."""
    return create_async_engine(settings().database_url.get_secret_value(), pool_pre_ping=True, hide_parameters=True)


def engine() -> Engine:
    """Return the connections of a task or a migration."""
    return create_engine(settings().database_url.get_secret_value(), pool_pre_ping=True, hide_parameters=True)

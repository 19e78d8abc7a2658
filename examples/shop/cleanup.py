"""Delete orders that were not paid in time, and give their products back: `python cleanup.py`, once a night."""

from datetime import timedelta

from sqlalchemy import delete, update

from database import Order, Product, engine, now
from settings import settings


def clean_up() -> int:
    """Return how many orders were deleted."""
    limit = now() - timedelta(days=settings().keep_unpaid_days)
    with engine().begin() as connection:
        old = delete(Order).where(Order.paid.is_(False), Order.ordered < limit)
        deleted = connection.execute(old.returning(Order.product_id, Order.quantity)).all()
        for product, quantity in deleted:
            connection.execute(update(Product).where(Product.id == product).values(stock=Product.stock + quantity))
    return len(deleted)


if __name__ == "__main__":
    print(f"deleted {clean_up()} unpaid orders")

"""What the shop does later: Celery's tasks, and when beat has them run."""

from functools import cache

from celery import Celery
from celery.signals import worker_process_init
from sqlalchemy import Engine, func, select, update

from database import Order, Report, engine, now
from settings import settings

app = Celery("shop", broker=settings().broker_url)
app.conf.update(
    task_ignore_result=True,
    # A worker that stops in the middle of a task leaves it to another one. So each task may run twice.
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    # One task in hand: a worker that stops has no others to finish.
    worker_prefetch_multiplier=1,
    broker_connection_retry_on_startup=True,
    beat_schedule={"report": {"task": "tasks.write_report", "schedule": 60.0}},
    # Beat keeps its last times here; the code's folder is read-only.
    beat_schedule_filename=str(settings().app_shared.resolve() / "celerybeat-schedule"),
)


@cache
def database() -> Engine:
    """Return the connections of this process."""
    return engine()


@worker_process_init.connect
def forget_connections(**_: object) -> None:
    """Open new connections in a child process: it must not use those of its parent."""
    database.cache_clear()


@app.task
def pack_order(order_id: int) -> None:
    """Pack a paid order. To run it twice does no harm."""
    with database().begin() as connection:
        wanted = update(Order).where(Order.id == order_id, Order.paid, Order.packed.is_(None))
        connection.execute(wanted.values(packed=now()))


@app.task
def write_report() -> None:
    """Count the orders."""
    with database().begin() as connection:
        orders, packed = connection.execute(select(func.count(), func.count(Order.packed)).select_from(Order)).one()
        connection.execute(Report.__table__.insert().values(written=now(), orders=orders, unpacked=orders - packed))

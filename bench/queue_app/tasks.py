"""Celery tasks that note when they begin and end."""

import os
import time
import uuid

from celery import Celery
from celery.signals import worker_shutting_down

from journal import note

app = Celery("jobs", broker=os.environ["REDIS_URL"].replace("unix://", "redis+socket://").replace("?db=", "?virtual_host="))
app.conf.update(task_ignore_result=True, worker_prefetch_multiplier=1, broker_connection_retry_on_startup=True)


def work(number: int, seconds: float) -> None:
    """Take some time. A run that is killed notes no end."""
    run = uuid.uuid4().hex
    note("begins", number, run, os.getpid())
    time.sleep(seconds)
    note("ends", number, run)


@app.task(acks_late=False)
def early(number: int, seconds: float) -> None:
    """Leave the queue as the task begins: it must not run twice."""
    work(number, seconds)


@app.task(acks_late=True, reject_on_worker_lost=True)
def late(number: int, seconds: float) -> None:
    """Leave the queue when the task has ended: it may run twice."""
    work(number, seconds)


@worker_shutting_down.connect
def stopping(**_: object) -> None:
    """Note that this worker was asked to stop."""
    note("stopping", os.getpid())

"""Count the jobs that are lost, done twice or killed while releases go over an app with workers.

A web process queues jobs, and two Celery workers do them. Each job notes its begin and its end in a file. Meanwhile the app is
deployed, rolled back and restarted, and the server is rebooted.
"""

from __future__ import annotations

import contextlib
import http.client
import shutil
import threading
import time
import urllib.request
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from bench.common import ROOT, Project, Server, contained, deployed, without_containers
from drills import serves

JOBS = 10_000
RELEASES = ["deploy", "rollback", "deploy"]
OPERATIONS = [*RELEASES * 2, "restart", *RELEASES, "reboot", *RELEASES, "restart", *RELEASES]
SHORT, LONG = 0.02, 15.0
"""Seconds that a job takes. Each release meets long ones."""
BATCH = 10
PAUSE = BATCH * 15 * len(OPERATIONS) / JOBS
"""Seconds between two batches: the jobs of one operation are queued in 15 seconds, longer than the operation takes."""
# Threads: at its stop Celery's default pool puts a job back into the queue that has begun in that instant, and so does it twice,
# even with acks_late=False (celery/concurrency/asynpool.py, flush).
TABLES = """
[services]
redis = true

[processes.worker]
command = "celery -A tasks worker --pool threads --concurrency 4 --loglevel WARNING -n worker$PROCESS_NUMBER-$RELEASE@%h"
count = 2
stop_timeout = 60

[processes.scheduler]
command = "python scheduler.py"
overlap = false
stop_timeout = 10
"""


@dataclass
class Queue:
    """Queues jobs in a thread.

    queued: the task and the duration of each job, by number. unsure: those whose request failed. short: how many short ones are
    queued. rebooting: whether requests may fail. failed: how many failed without that.
    """

    server: Server
    queued: dict[int, tuple[str, float]] = field(default_factory=dict)
    unsure: dict[int, tuple[str, float]] = field(default_factory=dict)
    short: int = 0
    rebooting: bool = False
    failed: int = 0
    _number: int = 0

    def add(self, task: str, seconds: float, count: int) -> None:
        """Queue jobs."""
        numbers = range(self._number, self._number + count)
        self._number += count
        place = self.unsure
        with contextlib.suppress(OSError, http.client.HTTPException):
            if post(f"{self.server.url}/queue?task={task}&first={numbers.start}&count={count}&seconds={seconds}"):
                place = self.queued
                self.short += count if seconds == SHORT else 0
        if place is self.unsure and not self.rebooting:
            self.failed += 1
        place.update(dict.fromkeys(numbers, (task, seconds)))

    def run(self, ended: threading.Event) -> None:
        """Queue short jobs of both tasks, and a long one every four seconds."""
        batches, last_long = 0, 0.0
        while not ended.is_set():
            task = ("early", "late")[batches % 2]
            self.add(task, SHORT, BATCH)
            batches += 1
            if time.monotonic() - last_long > 4:
                last_long = time.monotonic()
                self.add(("late", "early")[batches // 2 % 2], LONG, 1)
            time.sleep(PAUSE)


def post(url: str) -> bool:
    """Send a POST request, which nginx does not repeat if it fails. Return whether it succeeded. Raises OSError."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(urllib.request.Request(url, method="POST"), timeout=10) as answer:
        return bool(answer.status == 200)


def change_app(app: Path) -> None:
    """Replace the sample app by the one with a queue."""
    for each in app.iterdir():
        if each.name != ".git":
            shutil.rmtree(each) if each.is_dir() else each.unlink()
    shutil.copytree(ROOT / "bench/queue_app", app, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))


def operate(server: Server, project: Project, queue: Queue) -> None:
    """Do the operations, spread over the jobs."""
    for number, operation in enumerate(OPERATIONS):
        while queue.short < number * JOBS / len(OPERATIONS):
            time.sleep(0.1)
        began = time.monotonic()
        if operation == "deploy":
            project.commit(lambda app, text=f"{number}\n": (app / "version").write_text(text))
        if operation == "reboot":
            queue.rebooting = True
            server.reboot()
            serves(server)
            queue.rebooting = False
        else:
            project.must("-H", server.name, operation)
        print(f"  {operation:<9} {time.monotonic() - began:5.1f} s, {queue.short} jobs queued", flush=True)
    while queue.short < JOBS:
        time.sleep(0.1)


def journal(server: Server) -> list[list[str]]:
    """Return the words of each line."""
    return [line.split() for line in server.run("cat /srv/hello/shared/journal").stdout.splitlines()]


def all_done(server: Server, queue: Queue) -> list[list[str]]:
    """Return the journal when all jobs are done and none runs again, or when nothing has been added for a minute."""
    known, changed = 0, time.monotonic()
    while True:
        lines = journal(server)
        done = {int(line[2]) for line in lines if line[1] == "ends"}
        words = Counter(line[1] for line in lines)
        if len(lines) > known:
            known, changed = len(lines), time.monotonic()
        elif time.monotonic() - changed > (5 if queue.queued.keys() <= done and words["begins"] == words["ends"] else 60):
            return lines
        time.sleep(2)


def limited(name: str, count: int) -> str:
    """Return a count that must be 0."""
    return f"{count} {name} (limit 0: {'met' if count == 0 else 'EXCEEDED'})"


def report(queue: Queue, lines: list[list[str]]) -> None:
    """Print the counts of each task, of the killed jobs and of the schedulers."""
    begins = {line[3]: (int(line[2]), float(line[0]), line[4]) for line in lines if line[1] == "begins"}
    ends = {line[3]: float(line[0]) for line in lines if line[1] == "ends"}
    runs = Counter(number for number, _, _ in begins.values())
    done = {begins[run][0] for run in ends}
    every = queue.queued | queue.unsure
    for task in ("early", "late"):
        own = {number for number, (name, _) in queue.queued.items() if name == task}
        twice = sum(runs[number] > 1 for number, (name, _) in every.items() if name == task)
        again = limited("more than once", twice) if task == "early" else f"{twice} more than once"
        print(f"  acks_late={task == 'late'!s:<5}  {len(own)} queued, {limited('not done', len(own - done))}, {again}")
    failed = limited("other requests failed", queue.failed)
    print(f"  {len(queue.unsure)} may be queued or not, because the server was rebooted; {failed}")
    stops = [(float(line[0]), line[2]) for line in lines if line[1] == "stopping"]
    met = sum(
        any(begin < when < ends.get(run, 0) and stopped == pid for when, stopped in stops)
        for run, (_, begin, pid) in begins.items()
    )
    print(f"  {limited('killed', len(begins.keys() - ends.keys()))}; {met} finished by a worker that had been asked to stop")
    starts = Counter(line[2] for line in lines if line[1] == "scheduler")
    print(f"  overlap = false  {starts.total()} starts, {limited('while another one ran', starts['twice'])}", flush=True)


def measure(server: Server, project: Project, manager: str) -> None:
    """Queue jobs during the operations, and print what became of them."""
    began = time.monotonic()
    queue, ended = Queue(server), threading.Event()
    thread = threading.Thread(target=queue.run, args=(ended,))
    thread.start()
    try:
        operate(server, project, queue)
    finally:
        ended.set()
        thread.join()
    lines = all_done(server, queue)
    counts = ", ".join(f"{count} × {name}" for name, count in Counter(OPERATIONS).items())
    print(f"{queue.short} short jobs and {len(queue.queued) - queue.short} of {LONG:.0f} s under {manager}: {counts}, "
          f"in {time.monotonic() - began:.0f} s")  # fmt: skip
    report(queue, lines)


def main(server: str, manager: str) -> None:
    """Print the results. Arguments: app.server and app.manager of hosts.toml."""
    app = {"workers": 2, "drain": 5, "settle": 1.0, "server": server, "manager": manager}
    first = {"manager": without_containers(manager)}
    with deployed(**app | first) as ((machine,), project):
        project.commit(change_app)
        project.configure(TABLES, migrate=None, **app | first)
        project.must("-H", machine.name, "setup", "deploy")
        contained(machine, project, TABLES, migrate=None, **app)
        measure(machine, project, manager)

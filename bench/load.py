"""Count the requests lost in ten deploys and ten rollbacks under load.

The load: wrk with 16 kept and 16 closed connections, requests of three seconds, and WebSockets. A second round uses an
app that takes three seconds to start. Then jobs.py counts jobs of a queue; `--jobs` does only that.
"""

from __future__ import annotations

import argparse
import contextlib
import signal
import subprocess
import time
from collections.abc import Iterator

from bench import jobs
from bench.common import Project, Server, contained, deployed, without_containers
from drills import at_start, waiting
from traffic import wrk_counts

ROUNDS = 10
SECONDS = 1800
"""The load's time limit, in case the benchmark does not stop it."""
DRAIN = 5
SLOW_START = "import asyncio; await asyncio.sleep(3)"


@contextlib.contextmanager
def wrk(url: str, *headers: str) -> Iterator[list[str]]:
    """Send requests over 16 connections, without pauses, while the block runs. Afterwards the list has wrk's report."""
    options = [word for header in headers for word in ("--header", header)]
    command = ["wrk", "--threads=1", "--connections=16", f"--duration={SECONDS}s", "--timeout=30s", *options, url]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    report: list[str] = []
    try:
        yield report
    finally:
        process.send_signal(signal.SIGINT)
        report.append(process.communicate(timeout=60)[0])


def measure(server: Server, project: Project, title: str) -> None:
    """Deploy and roll back under load; print the numbers of sent and lost requests."""
    began = time.monotonic()
    url = f"{server.url}/health"
    with wrk(url) as kept, wrk(url, "Connection: close") as closed, waiting(server) as clients:
        for number in range(ROUNDS):
            project.commit(f"{title}, round {number}")
            project.must("-H", server.name, "deploy")
            # A rollback within app.drain keeps the release that holds the WebSockets. Each second one comes later.
            time.sleep((DRAIN + 1) * (number % 2))
            project.must("-H", server.name, "rollback")
            print(f"  round {number + 1} of {ROUNDS}", flush=True)
    print(f"{title}: {ROUNDS} deploys and {ROUNDS} rollbacks in {time.monotonic() - began:.0f} s")
    for kind, report in {"kept connections": kept[0], "closed connections": closed[0]}.items():
        sent, failed = wrk_counts(report)
        print(f"  {kind:<22} {sent} requests, {failed} lost (limit 0: {'met' if failed == 0 else 'EXCEEDED'})")
    print(f"  requests of 3 s        {clients.answered} answered, {len(clients.failed)} lost: {sorted(set(clients.failed))}")
    codes = sorted({code for code, _ in clients.closed})
    soonest = min((seconds for _, seconds in clients.closed), default=0.0)
    print(f"  WebSockets             {len(clients.closed)} closed with codes {codes}, the first {soonest:.1f} s after the switch")
    print(f"                         (expected: 1012 or 1001, at least app.drain = {DRAIN} s after the switch)")


def main(*arguments: str) -> None:
    """Print all results. Arguments: --server and --manager, as in [app] of hosts.toml; --jobs."""
    parser = argparse.ArgumentParser(prog="python -m bench load")
    parser.add_argument("--server", default="gunicorn")
    parser.add_argument("--manager", default="supervisor")
    parser.add_argument("--jobs", action="store_true", help="count only the jobs of a queue")
    chosen = vars(parser.parse_args([each for each in arguments if each]))
    only_jobs = chosen.pop("jobs")
    if not only_jobs:
        requests(**chosen)
    jobs.main(**chosen)


def requests(**chosen: str) -> None:
    """Print the lost requests of both apps. chosen: keys of [app]."""
    app = {"workers": 2, "drain": DRAIN, "settle": 1.0, **chosen}
    with deployed(**app | {"manager": without_containers(chosen["manager"])}) as ((server,), project):
        contained(server, project, **app)
        measure(server, project, "the sample app")
        project.commit(at_start(SLOW_START))
        project.must("-H", server.name, "deploy")
        measure(server, project, "an app that takes 3 s to start")

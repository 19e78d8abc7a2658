"""Count the requests lost in ten deploys and ten rollbacks under load, and in those of three servers behind a balancer.

The load: wrk with 16 kept and 16 closed connections, requests of three seconds, and WebSockets. A second round uses an
app that takes three seconds to start. Then jobs.py counts jobs of a queue; `--jobs` does only that. `--balancer` does only the
part with the balancer, which also drains a server in each round.
"""

from __future__ import annotations

import argparse
import contextlib
import signal
import subprocess
import time
from collections.abc import Iterator

from bench import jobs
from bench.common import Project, Server, contained, deployed, prepared, without_containers
from drills import at_start, waiting
from lb_site import Site
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
    show(kept, closed)
    print(f"  requests of 3 s        {clients.answered} answered, {len(clients.failed)} lost: {sorted(set(clients.failed))}")
    codes = sorted({code for code, _ in clients.closed})
    soonest = min((seconds for _, seconds in clients.closed), default=0.0)
    print(f"  WebSockets             {len(clients.closed)} closed with codes {codes}, the first {soonest:.1f} s after the switch")
    print(f"                         (expected: 1012 or 1001, at least app.drain = {DRAIN} s after the switch)")


def show(kept: list[str], closed: list[str]) -> None:
    """Print wrk's numbers of sent and lost requests, over kept and over closed connections."""
    for kind, report in {"kept connections": kept[0], "closed connections": closed[0]}.items():
        sent, failed = wrk_counts(report)
        print(f"  {kind:<22} {sent} requests, {failed} lost (limit 0: {'met' if failed == 0 else 'EXCEEDED'})")


def balanced(**chosen: str) -> None:
    """Print the requests lost by three servers behind a balancer while they get releases and are drained in turn.

    chosen: keys of [app].
    """
    with prepared(["setup", *["deployed"] * 3], workers=2) as ((balancer, *web), project):
        site = Site(balancer, web, project)
        site.configure(workers=2, drain=DRAIN, **chosen)
        site.fab(f"{balancer.name},{site.group}", "deploy", "harden")
        began = time.monotonic()
        with wrk(site.url) as kept, wrk(site.url, "Connection: close") as closed:
            for number in range(ROUNDS):
                project.commit(f"round {number}")
                site.fab("web", "deploy")
                site.fab("web", "rollback")
                for task in ("drain", "undrain"):
                    site.fab(web[number % len(web)].name, task)
                print(f"  round {number + 1} of {ROUNDS}", flush=True)
        print(f"three servers with a balancer: {ROUNDS} deploys, rollbacks and drains in {time.monotonic() - began:.0f} s")
        show(kept, closed)


def main(*arguments: str) -> None:
    """Print all results. Arguments: --server and --manager, as in [app] of hosts.toml; --jobs, --balancer."""
    parser = argparse.ArgumentParser(prog="python -m bench load")
    parser.add_argument("--server", default="gunicorn")
    parser.add_argument("--manager", default="supervisor")
    parser.add_argument("--jobs", action="store_true", help="count only the jobs of a queue")
    parser.add_argument("--balancer", action="store_true", help="count only the requests of several servers with a balancer")
    chosen = vars(parser.parse_args(arguments))
    if chosen["balancer"] and chosen["manager"] == "docker":
        parser.error("--balancer does not install Docker")
    only_jobs, only_balancer = chosen.pop("jobs"), chosen.pop("balancer")
    if not only_jobs and not only_balancer:
        requests(**chosen)
    if only_balancer or not (only_jobs or chosen["manager"] == "docker"):
        balanced(**chosen)
    if not only_balancer:
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
